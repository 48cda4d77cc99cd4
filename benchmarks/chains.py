"""Sequences beside torch.nn's LSTM and GRU, and forests of other extreme shapes.

    python benchmarks/chains.py [--quick] [--threads 2] [--rounds 5]
        [--parts equal unequal one comb threads bfloat16]

equal: 25 and 256 chains of 64 steps, against ``nn.LSTM`` and ``nn.GRU`` of the same
weights on (T, B, I). unequal: 64 chains of 1 to 400 steps, against the layer on the
padded batch and on a PackedSequence; ours makes its forest of the lengths each time.
one: a single tree of 37 nodes, forward. comb: a tree of 10,000 levels, forward and
backward. threads: random trees on 1, 2 and 4 threads. bfloat16: autocast.

Outputs and gradients are compared before anything is timed. Inputs have 300 features;
"train" is forward and backward, to weights and inputs. Ratios above 1 say that we are
the faster. The last line of output is one JSON object.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence, pad_packed_sequence

from common import OUT, draw_bars, machine, write_lines
from recurrent import CELLS, INPUT, check, check_gradients, pair
from shapes import lengths
from timing import Step, medians
from treefold import Forest, fold
from unlike import bfloat16, comb, one_tree, threads_compared

STEPS = 64
MOST = 400  # steps of the longest of the unequal chains
UNEQUAL = 64  # how many of these
HIDDEN = (150, 512)
BATCHES = (25, 256)
Rows = list[dict[str, Any]]


def equal(rounds: int, quick: bool) -> Rows:
    """Chains of one length."""
    rows = []
    for kind in list(CELLS)[: 2 if quick else None]:
        for hidden in HIDDEN:
            for batch in BATCHES:
                packed = pack_padded_sequence(
                    torch.randn(STEPS, batch, INPUT), torch.full((batch,), STEPS)
                )
                forest = Forest.from_packed_sequence(packed)
                x = packed.data.view(STEPS, batch, INPUT)
                found = compared(
                    *(kind, hidden, f"{batch} chains of {STEPS}", rounds),
                    lambda forest=forest: forest,
                    {"nn": (x, lambda layer, x: layer(x)[0].flatten(0, 1))},
                    packed.data,
                )
                for row in found:
                    row["key"] = f"{kind}_{hidden}_{batch}_{row['run']}"
                rows += found
    return rows


def unequal(rounds: int, quick: bool) -> Rows:
    """Chains of very unequal lengths."""
    size = torch.from_numpy(lengths(UNEQUAL, MOST))
    padded = torch.randn(MOST, UNEQUAL, INPUT)
    packed = pack_padded_sequence(padded, size, enforce_sorted=False)

    def on_packed(layer: torch.nn.RNNBase, data: Tensor) -> Tensor:
        return layer(PackedSequence(data, *packed[1:]))[0].data

    order, filled = packed.sorted_indices, []
    assert order is not None
    for step, count in enumerate(packed.batch_sizes.tolist()):
        filled.append(step * UNEQUAL + order[:count])
    steps = torch.cat(filled)  # of the padded batch that the packed one has

    def on_padded(layer: torch.nn.RNNBase, x: Tensor) -> Tensor:
        return layer(x)[0].flatten(0, 1).index_select(0, steps)

    blank = pad_packed_sequence(packed)[0]
    rows = []
    for kind in ("lstm", "gru"):
        for hidden in HIDDEN[: 1 if quick else None]:
            found = compared(
                *(kind, hidden, f"{UNEQUAL} chains of 1 to {MOST}", rounds),
                lambda: Forest.from_packed_sequence(packed),
                {"padded": (blank, on_padded), "packed": (packed.data, on_packed)},
                packed.data,
            )
            for row in found:
                row["key"] = f"unequal_{row['rival']}_{kind}_{hidden}_{row['run']}"
            rows += found
    return rows


def compared(
    kind: str,
    hidden: int,
    what: str,
    rounds: int,
    forest: Callable[[], Forest],
    rivals: dict[str, tuple[Tensor, Callable[..., Tensor]]],
    data: Tensor,
) -> Rows:
    """Compare our cell with torch's layer in values and gradients, then in time.

    Args:
        kind: of the cell.
        hidden: H.
        what: the batch, in words.
        rounds: of timing.
        forest: makes it.
        rivals: name -> input of torch's layer, and what returns its output with a row
            for each row of `data`.
        data: (V, I) our input.
    """
    layer, cell = pair(kind, hidden)
    to_h = torch.randn(len(data), hidden)

    def ours(x: Tensor) -> Tensor:
        return fold(cell, forest(), x).h

    ways = {"ours": (data, ours)}
    for name, (x, run) in rivals.items():
        ways[name] = (x, lambda x, run=run: run(layer, x))
    weights = [*layer.parameters(), *cell.parameters()]
    expected = ours(data).detach()
    ours(data).backward(to_h)
    for name, (x, run) in list(ways.items())[1:]:
        label = f"{kind} {hidden}, {what}, {name}"
        output = run(x)
        check(expected, output.detach(), label)
        output.backward(to_h)
        check_gradients(kind, layer, cell, label)
        for p in layer.parameters():
            p.grad = None

    rows = []
    for mode in ("forward", "train"):
        steps = {
            name: stepping(run, x, to_h, weights, mode)
            for name, (x, run) in ways.items()
        }
        seconds = medians(steps, rounds)
        for name in rivals:
            rows.append(
                {
                    "what": f"{kind:9}{hidden:4}, {what}",
                    "run": mode,
                    "rival": name,
                    "steps": len(data),
                    "ours_seconds": seconds["ours"],
                    "their_seconds": seconds[name],
                }
            )
    return rows


def stepping(
    run: Callable[[Tensor], Tensor],
    x: Tensor,
    to_h: Tensor,
    weights: list[Any],
    mode: str,
) -> Step:
    """Return what is timed: a forward, or a forward and a backward."""
    x = x.detach().clone().requires_grad_(mode == "train")

    def forward() -> None:
        with torch.no_grad():
            run(x)

    def train() -> None:
        run(x).backward(to_h)
        for tensor in (x, *weights):
            tensor.grad = None

    return forward if mode == "forward" else train


def print_rows(rows: Rows) -> dict[str, float]:
    """Print steps per second, ours and torch's; return the ratios."""
    head = f"{'steps/s':46}{'rival':>8}{'run':>9}{'theirs':>11}{'ours':>11}{'ratio':>7}"
    print(f"\n{head}")
    ratios = {}
    for row in rows:
        theirs, ours = (
            row["steps"] / row[f"{who}_seconds"] for who in ("their", "ours")
        )
        ratios[row["key"]] = round(ours / theirs, 3)
        print(
            f"{row['what']:46}{row['rival']:>8}{row['run']:>9}{theirs:11,.0f}"
            f"{ours:11,.0f}{ours / theirs:7.2f}"
        )
    return ratios


PARTS = {
    "one": one_tree,
    "comb": comb,
    "threads": threads_compared,
    "bfloat16": bfloat16,
}


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description="Chains beside torch.nn, and forests of other extreme shapes."
    )
    add = parser.add_argument
    names = ("equal", "unequal", *PARTS)
    add("--quick", action="store_true", help="fewer cells and rounds, in a minute")
    add("--rounds", type=int, help="5 by default, 3 with --quick")
    add("--threads", type=int, default=2)
    add("--parts", nargs="*", choices=names, default=names, help="all by default")
    add("--json", type=Path, nargs="?", const=OUT / "chains.jsonl")
    add("--picture", type=Path, nargs="?", const=OUT / "chains.svg")
    args = parser.parse_args(arguments)
    rounds = args.rounds or (3 if args.quick else 5)
    torch.set_num_threads(args.threads)

    facts = machine(args.threads)
    print(f"{facts['processor']}, {facts['cores']} cores, {args.threads} threads")
    print(", ".join(f"{name} {found}" for name, found in facts["versions"].items()))
    rows: Rows = []
    found: dict[str, float] = {}
    for name, part in (("equal", equal), ("unequal", unequal)):
        if name in args.parts:
            rows += part(rounds, args.quick)
            print(f"{name}: done", file=sys.stderr)
    if rows:
        found |= print_rows(rows)
    for name, part in PARTS.items():
        if name in args.parts:
            found |= part(rounds, args.quick)
    if args.json:
        write_lines(args.json, [facts, *rows, found])
        print(f"wrote {args.json}")
    if args.picture and rows:
        panels = {
            mode: {
                row["key"].removesuffix(f"_{mode}"): found[row["key"]]
                for row in rows
                if row["run"] == mode
            }
            for mode in ("forward", "train")
        }
        draw_bars(
            args.picture,
            panels,
            dict.fromkeys(panels, 1.0),
            unit="our pace over torch.nn's",
            title=f"Chains beside torch.nn, {args.threads} threads; dashed: as fast",
        )
        print(f"wrote {args.picture}")
    print(json.dumps({"benchmark": "chains", **found}))


if __name__ == "__main__":
    main()
