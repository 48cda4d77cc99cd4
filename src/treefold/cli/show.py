"""Draw trees, coloured by their labels or by what a model reads in them.

show FILE draws bracket trees with their labels, or documents; show RUN FILE colours
trees by the run's reading of every node, draws documents with what counts for the run's
prediction, or what a run on scenes finds in images; show RUN tells the path of the
run's report. A file name that ends in .svg gives the picture of a single tree, any
other a page that holds all.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from jsonargparse import ArgumentParser, Namespace

from treefold.cli.flags import add_skip_bad
from treefold.cli.kinds import kind_of_data
from treefold.cli.output import on_terminal, tell
from treefold.tasks import kind_of, task_of
from treefold.tasks.kinds import DOCUMENTS, TREES

if TYPE_CHECKING:
    from treefold.data.corpus import Corpus
    from treefold.report.content import TreePicture
    from treefold.report.trees import Reading
    from treefold.training.run import Run

SUMMARY = "draw trees, or what a model reads in them"
USAGE = "FILE | RUN | RUN FILE [--out FILE.html|FILE.svg] [--trees N]"


def add_arguments(parser: ArgumentParser) -> None:
    """Add the command's flags."""
    parser.add_argument(
        "what",
        type=str,
        help="a file of bracket trees or documents, or a run folder",
        metavar="WHAT",
    )
    parser.add_argument(
        "file",
        type=str | None,
        nargs="?",
        help="after a run: the trees to read",
        metavar="FILE",
    )
    parser.add_argument(
        "--out",
        type=str | None,
        help="the page (.html) or picture (.svg) to write",
        metavar="FILE",
    )
    parser.add_argument(
        "--trees", type=int, default=20, help="the most trees to draw", metavar="N"
    )
    parser.add_argument(
        "--near",
        type=int,
        default=3,
        help="of documents: so many of training that are near are named; these are "
        "read again for it, unless it is 0",
        metavar="N",
    )
    add_skip_bad(parser)


def run(args: Namespace) -> None:
    """Run the command."""
    what = Path(args.what)
    if args.file is None and what.is_dir():
        _tell_report(what)
        return
    if args.trees < 1:
        raise ValueError(f"--trees must be at least 1, got {args.trees}")
    if what.is_dir() and kind_of(what) != TREES:
        _draw_found(what, args)
        return
    if args.file is None and kind_of_data(args.what) == DOCUMENTS:
        _draw_documents(Path(args.what), args)
        return
    from treefold.data.readers.brackets import read_brackets

    file = args.what if args.file is None else args.file
    name = "trees" if file == "-" else Path(file).name.removesuffix(".gz")
    out = Path(args.out or f"{name.removesuffix('.txt')}.html")
    if args.file is not None:
        from treefold.cli.stream import read_for
        from treefold.data.corpus import Corpus
        from treefold.training.run import load

        model = load(what)
        corpus = Corpus.cat(list(read_for(model, file, skip_bad=args.skip_bad)))
        pictures, reading = _read(model, corpus[: args.trees])
        title = f"{name}, read by {what}"
    else:
        corpus = read_brackets(file, skip_bad=args.skip_bad)
        pictures, reading = _labels(corpus[: args.trees])
        title = name
    _write(out, title, pictures, reading.legend, len(corpus))
    following = f"predict {what} {file}" if args.file else f"data {file}"
    tell(f"Wrote {out}: open it in a browser. Next: treefold {following}")


def _draw_found(folder: Path, args: Namespace) -> None:
    """Draw what a run of another kind finds in a file, if it can be drawn."""
    from treefold.models.document import DocumentModel
    from treefold.report.content import TreePicture
    from treefold.tasks.base import TaskRun
    from treefold.tasks.documents import DocumentsTask

    task = task_of(folder)
    run = TaskRun.open(task, folder)
    items = list(task.read(args.file))
    some = items[: args.trees]
    if isinstance(task, DocumentsTask):
        assert isinstance(run.model, DocumentModel)
        drawn = task.draw(run.model, some, near=args.near)
    else:
        drawn = task.draw(run.model, some)
    pictures = [TreePicture(each.image, each.caption) for each in drawn]
    name = "input" if args.file == "-" else Path(args.file).name
    out = Path(args.out or f"{name}.html")
    noun = "document" if isinstance(task, DocumentsTask) else "tree"
    _write(out, f"{name}, read by {folder}", pictures, [], len(items), noun)
    tell(
        f"Wrote {out}: open it in a browser. Next: treefold predict {folder} "
        f"{args.file}"
    )


def _draw_documents(path: Path, args: Namespace) -> None:
    """Draw documents as they were read, of whatever format they are."""
    from treefold.data.document_files import Way
    from treefold.data.document_sets import read_documents
    from treefold.data.documents import Document
    from treefold.report.content import TreePicture
    from treefold.tasks.documents_draw import as_read

    total, pictures = 0, list[TreePicture]()
    found = read_documents(str(path), Way(), strict=not args.skip_bad)
    for document in found:
        if not isinstance(document, Document):
            continue
        total += 1
        if total <= args.trees:
            drawn = as_read(document)
            pictures.append(TreePicture(drawn.image, drawn.caption))
    out = Path(args.out or f"{path.name}.html")
    _write(out, path.name, pictures, [], total, "document")
    tell(f"Wrote {out}: open it in a browser. Next: treefold data {path}")


def _tell_report(folder: Path) -> None:
    """Tell where a run's report is, after writing it again if it is gone."""
    from treefold.training.errors import RunError
    from treefold.training.run import REPORT, RESULT

    kind = kind_of(folder)
    report = folder / REPORT
    if not report.exists() and (folder / RESULT).exists():
        tell(f"{report} is missing; writing it again.")
        _write_again(folder, kind)
    if not report.exists():
        raise RunError(
            f"{folder} has no report yet; finish it with: "
            f"treefold train --resume {folder}"
        )
    print(report)
    following = f"show {folder} FILE" if kind == TREES else f"predict {folder} FILE"
    tell(f"The report is {report}: open it in a browser. Next: treefold {following}")


def _write_again(folder: Path, kind: str) -> None:
    """Write the report of a finished run again."""
    if kind == TREES:
        from treefold.training import runner

        runner.write_again(folder, progress=on_terminal())
        return
    from treefold.training.files import read_json
    from treefold.training.run import RESULT

    known = task_of(folder)
    task = known.with_data(known.spec, on_terminal())
    task.write_summary(folder, read_json(folder / RESULT))


def _read(model: Run, corpus: Corpus) -> tuple[list[TreePicture], Reading]:
    """Draw trees by what a model reads."""
    from treefold.data.datasets import POLARITY, TWO_CLASSES
    from treefold.report.trees import corpus_picture
    from treefold.training.summary import reading_of

    reading = reading_of(model.classes)
    rename = POLARITY if model.classes == TWO_CLASSES else None
    labelled = corpus.recode(classes=model.classes, rename=rename)
    said = model.predict(corpus)
    pictures = [
        corpus_picture(labelled, tree, reading, prediction.node_probabilities)
        for tree, prediction in enumerate(said)
    ]
    return pictures, reading


def _labels(corpus: Corpus) -> tuple[list[TreePicture], Reading]:
    """Draw trees with the labels that they have."""
    from treefold.report.trees import corpus_picture
    from treefold.training.summary import reading_of

    labels = corpus.labels
    if all(name.lstrip("+-").isdigit() for name in labels):
        labels = tuple(sorted(labels, key=int))
        if len(labels) > 2 and set(labels) <= set("01234"):
            labels = tuple("01234")
    corpus = corpus.recode(classes=labels)
    reading = reading_of(labels)
    return [corpus_picture(corpus, k, reading) for k in range(len(corpus))], reading


def _write(
    out: Path,
    title: str,
    pictures: list[TreePicture],
    legend: list[Any],
    total: int,
    noun: str = "tree",
) -> None:
    """Write a picture or a page."""
    from treefold.report.page import write_text, write_trees_page

    if out.suffix == ".svg":
        if len(pictures) > 1:
            raise ValueError(
                f"{out}: an .svg file holds one {noun}, and there are {total:,}: write "
                ".html, or give --trees 1"
            )
        write_text(out, pictures[0].svg)
    else:
        some = f"The first {len(pictures)} of " if len(pictures) < total else ""
        summary = f"{some}{total:,} {noun}{'s' * (total != 1)}."
        write_trees_page(out, title, pictures, summary=summary, legend=legend)
    print(out)
