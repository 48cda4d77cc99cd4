"""Tell what a data set looks like, in figures and in plain words.

DATA is a data set's name or a path, as for treefold train. Of trees and documents the
figures of each split are shown, and of documents the schema: what their nodes carry,
and how a model sees it. --out writes that, to be edited and given to treefold train
--schema. Of other data, which a file needs --task for, there is a line on what there is
to learn. Without DATA the data sets are listed.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

from jsonargparse import ArgumentParser, Namespace

from treefold.cli.data_documents import describe_documents
from treefold.cli.flags import add_settings, add_splits
from treefold.cli.kinds import kind_of_data
from treefold.cli.output import on_terminal, tell
from treefold.tasks.documents_config import DocumentsConfig
from treefold.tasks.kinds import DATASETS, DOCUMENTS, KINDS, TREES

SUMMARY = "tell what a data set looks like, before training on it"
USAGE = "[DATA] [--target FIELD] [--task KIND] [--train FILE] ... [--out FILE]"
FLAGS = ("target", "goal", "format", "column", "group", "ordered", "strict", "buckets")


def add_arguments(parser: ArgumentParser) -> None:
    """Add the command's flags."""
    parser.add_argument(
        "data", type=str | None, nargs="?", help="a name or a path", metavar="DATA"
    )
    parser.add_argument(
        "--task",
        type=str | None,
        help=f"what the data are for: {', '.join([TREES, *KINDS])}",
        metavar="KIND",
    )
    add_splits(parser)
    parser.add_argument(
        "--lower", action="store_true", help="lower-case the words before counting"
    )
    parser.add_argument(
        "--min-count",
        type=int,
        default=1,
        help="words that occur less often in training are unknown",
        metavar="N",
    )
    parser.add_argument(
        "--out",
        type=str | None,
        help="write the figures, or the schema of documents, as JSON here",
        metavar="FILE",
    )
    add_settings(parser, DocumentsConfig, FLAGS)


def run(args: Namespace) -> None:
    """Run the command."""
    asked = any(args[name] != getattr(DocumentsConfig, name) for name in FLAGS)
    kind = args.task or kind_of_data(args.data, asked)
    if args.data is None:
        _list()
    elif kind == TREES:
        _describe_trees(args)
    elif kind == DOCUMENTS:
        describe_documents(args, {name: args[name] for name in FLAGS})
    else:
        _describe_other(args, kind)


def _list() -> None:
    """Print the data sets, by the kind of task that they are for."""
    from treefold.data.datasets import NAMED
    from treefold.report.table import text_table

    names = {TREES: list(NAMED), **{kind: list[str]() for kind in KINDS}}
    for name, kind in DATASETS.items():
        names[kind].append(name)
    print(text_table([[kind, ", ".join(found)] for kind, found in names.items()]))
    tell("Next: treefold data NAME, or treefold train NAME")


def _describe_other(args: Namespace, kind: str) -> None:
    """Say in a line what there is to learn from data of any other kind."""
    from treefold.tasks import task_class
    from treefold.training.run import DataSpec

    if args.out:
        raise ValueError("--out is for trees; of other data there is one line to read")
    task = task_class(kind)
    spec = DataSpec(
        args.data,
        args.train,
        args.dev,
        args.test,
        split_seed=args.split_seed,
        skip_bad=args.skip_bad,
    )
    print(task.load(task.Config(), spec, on_terminal()).describe())
    how = "" if args.data in DATASETS else f" --task {kind}"
    tell(f"Wrote nothing. Next: treefold train {args.data}{how}")


def _describe_trees(args: Namespace) -> None:
    """Print the figures of each split of trees."""
    from treefold.data.datasets import load_dataset
    from treefold.data.statistics import describe, duplicates, verdicts
    from treefold.report.table import text_table

    dataset = load_dataset(
        args.data,
        train=args.train,
        dev=args.dev,
        test=args.test,
        lower=args.lower,
        min_count=args.min_count,
        seed=args.split_seed,
        skip_bad=args.skip_bad,
        progress=on_terminal(),
    )
    corpora = {"train": dataset.train, "dev": dataset.dev, "test": dataset.test}
    figures = {split: describe(corpus) for split, corpus in corpora.items()}
    twins = duplicates(dataset)
    said = verdicts(dataset, figures, twins)

    each = list(figures.values())
    rows: list[list[str]] = [
        ["trees", *(f"{s.trees:,}" for s in each)],
        ["nodes", *(f"{s.nodes:,}" for s in each)],
        ["leaves", *(f"{s.leaves:,}" for s in each)],
        ["depth, mean", *(f"{s.depth_mean:.1f}" for s in each)],
        ["depth, largest", *(f"{s.depth_max:,}" for s in each)],
        ["children, mean", *(f"{s.arity_mean:.2f}" for s in each)],
        ["children, most", *(f"{s.arity_max:,}" for s in each)],
        ["balance (1 bushy, 0 a chain)", *(f"{s.balance:.2f}" for s in each)],
        ["unknown words %", *(f"{100 * s.unknown:.1f}" for s in each)],
    ]
    for what, counts in (("roots", "roots"), ("nodes", "labelled")):
        for name in dataset.classes:
            shares = [(getattr(s, counts), s) for s in each]
            cells = [
                f"{100 * count[name] / max(sum(count.values()), 1):.1f}"
                for count, _ in shares
            ]
            rows.append([f"{what} of {name} %", *cells])
    rows.append(["nodes without a label", *(f"{s.bare:,}" for s in each)])
    print(f"{dataset.name}: {len(dataset.vocabulary) - 1:,} words in train")
    print(text_table(rows, ["", *figures]))
    print("\n" + "\n".join(f"- {line}" for line in said))
    written = "Wrote nothing. "
    if args.out:
        found = {split: asdict(s) for split, s in figures.items()}
        twice = {f"{a} in {b}": len(trees) for (a, b), trees in twins.items()}
        content = {"data": args.data, **found, "duplicates": twice, "verdicts": said}
        Path(args.out).write_text(json.dumps(content, indent=2) + "\n", "utf-8")
        written = f"Wrote {args.out}. "
    tell(f"{written}Next: treefold train {args.data} --model tree-lstm")
