"""What documents look like: figures of each split, what is to be told, the schema."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jsonargparse import Namespace

from treefold.cli.output import on_terminal, tell

if TYPE_CHECKING:
    from treefold.data.documents import Documents, Goal

MOST_FIELDS = 40  # of the schema, on the screen
MOST_CLASSES = 12
MOST_TOLD = 5  # messages on what was left out
REPEATED = ("target", "goal", "format", "column", "group", "ordered", "strict")


def describe_documents(args: Namespace, settings: Mapping[str, Any]) -> None:
    """Print what documents look like; write their schema, if asked."""
    from treefold.data.document_parts import NoTarget
    from treefold.data.document_sets import load_documents, load_unlabelled
    from treefold.report.table import text_table
    from treefold.tasks.documents import schema_of
    from treefold.tasks.documents_config import DocumentsConfig
    from treefold.training.files import write_json

    config = DocumentsConfig(**settings)
    options: dict[str, Any] = config.reading | {
        "strict": config.strict and not args.skip_bad,
        "progress": on_terminal(),
    }
    splits = {split: args[split] for split in ("train", "dev", "test") if args[split]}
    try:
        found = load_documents(args.data, splits, **options, seed=args.split_seed)
    except NoTarget as error:
        part, skipped = load_unlabelled(splits.get("train", args.data), **options)
        parts, note, said = {"all": part}, str(error), []
        goal: Goal = "classify" if config.goal == "auto" else config.goal
    else:
        parts, note, skipped = found.splits, found.note, found.skipped
        said, goal = _targets(found.train, parts, found.goal), found.goal
    schema = schema_of(config, next(iter(parts.values())), goal)

    for message in skipped[:MOST_TOLD]:
        tell(f"left out: {message}")
    tell(note)
    print(text_table([*_figures(parts), *said], ["", *parts]))
    print()
    rows = [list(row) for row in schema.table()]
    more = len(rows) - MOST_FIELDS
    print(
        text_table(rows[:MOST_FIELDS], ["role", "kind", "nodes", "seen as", "example"])
    )
    if more > 0:
        print(f"... and {more:,} fields more, which are rarer")
    print(f"\n{schema.num_features:,} features of a node")
    written = "Wrote nothing. "
    if args.out:
        write_json(Path(args.out), schema.to_json())
        written = f"Wrote {args.out}: edit it and train with --schema {args.out}. "
    again: dict[str, Any] = splits | {name: settings.get(name) for name in REPEATED}
    if config.target is None and "all" in parts:
        again["target"] = "FIELD"
    flags = [
        f"--{name}{'' if value is True else f' {shlex.quote(str(value))}'}"
        for name, value in again.items()
        if value not in (None, False, "auto")
    ]
    command = " ".join(["treefold train", shlex.quote(args.data), *flags])
    tell(f"{written}Next: {command}")


def _figures(parts: Mapping[str, Documents]) -> list[list[str]]:
    """Return rows on sizes and shapes, a column for each split."""
    import numpy as np

    rows: dict[str, list[str]] = {}

    def add(name: str, value: str) -> None:
        rows.setdefault(name, []).append(value)

    for documents in parts.values():
        corpus = documents.corpus
        depth = corpus.height[corpus.roots] + 1
        size = np.diff(corpus.tree_offset)
        arity = np.diff(corpus.child_offset)
        add("documents", f"{len(documents):,}")
        add("nodes", f"{corpus.num_nodes:,}")
        add("nodes of one, median", f"{np.median(size):,.0f}")
        add("nodes of one, most", f"{size.max():,}")
        add("levels, mean", f"{depth.mean():.1f}")
        add("levels, most", f"{depth.max():,}")
        add("children, mean", f"{arity[arity > 0].mean() if arity.any() else 0:.2f}")
        add("children, most", f"{arity.max():,}")
    return [[name, *cells] for name, cells in rows.items()]


def _targets(
    train: Documents, parts: Mapping[str, Documents], goal: str
) -> list[list[str]]:
    """Return rows on what is to be told, a column for each split."""
    import numpy as np

    if goal == "regress":
        values = [np.array(part.targets, float) for part in parts.values()]
        shown = {"mean": np.mean, "deviation": np.std, "least": np.min, "most": np.max}
        return [
            [f"target, {name}", *(f"{of(each):.4g}" for each in values)]
            for name, of in shown.items()
        ]

    def count(documents: Documents) -> Counter[str]:
        corpus = documents.corpus
        if goal == "nodes":
            return Counter(corpus.labels[k] for k in corpus.label if k >= 0)
        return Counter(documents.targets)

    counts = [count(part) for part in parts.values()]
    what = "nodes of" if goal == "nodes" else "of"
    known = count(train).most_common()
    rows = [
        [
            f"{what} {name} %",
            *(f"{100 * c[name] / max(c.total(), 1):.1f}" for c in counts),
        ]
        for name, _ in known[:MOST_CLASSES]
    ]
    if len(known) > MOST_CLASSES:
        rest = [name for name, _ in known[MOST_CLASSES:]]
        shares = [sum(c[n] for n in rest) / max(c.total(), 1) for c in counts]
        rows.append(
            [f"{what} {len(rest)} others %", *(f"{100 * each:.1f}" for each in shares)]
        )
    return rows
