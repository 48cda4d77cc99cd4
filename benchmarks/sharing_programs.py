"""What folding equal subtrees once saves in training on programs.

    python benchmarks/sharing_programs.py [--quick] [--rounds 5] [--sets poj104 python]

poj104: programs in C and C++ that solve one of 104 problems. python: the files of
Python's standard library, without its tests. Both as their readers make documents of
them, with the model of `treefold train`: a child-sum Tree-LSTM of 100 features, all
states read. A step makes the batch of 256 documents, finds the equal subtrees where
they are shared, folds, and goes backward; the optimizer's part is left out. Loss and
gradients with and without sharing must agree in float64.

Seconds are of the processor, on one thread, so that what else runs on the machine
counts for little; medians over rounds in which both ways take turns. A ratio above 1
says that sharing is the faster. The last line of output is one JSON object.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from collections.abc import Iterator

import numpy as np
import torch

from common import machine
from treefold.data import DataError, programs
from treefold.data.document_batches import CodedDocuments
from treefold.data.documents import Document, Documents
from treefold.data.generators.python_swaps import standard_library
from treefold.data.parallel import parse_files
from treefold.data.readers import python_source
from treefold.data.schema import Schema
from treefold.models.document import DocumentModel
from treefold.tasks.documents_config import DocumentsConfig
from treefold.training.document_build import document_model

SETS = {"poj104": "programs in C and C++", "python": "files of the standard library"}
BATCH = 256
HIDDEN = 100
CLASSES = 104
CHECKED = 16  # documents whose gradients are compared
TOLERANCE = 1e-9
SAMPLE = 2000  # documents that the schema is learned from


def load(name: str) -> Documents:
    """Return documents of a set, in random order."""
    if name == "poj104":
        train = programs.load(progress=True).train
    else:
        train = Documents.of(_files())
    return train[np.random.default_rng(0).permutation(len(train))[:SAMPLE]]


def _files() -> Iterator[Document]:
    files, _ = standard_library()
    for _, found in parse_files(files.values(), python_source.read, progress=True):
        yield from (each for each in found if isinstance(each, Document))


def new_model(schema: Schema, *, share: bool) -> DocumentModel:
    torch.manual_seed(0)
    config = DocumentsConfig(hidden_size=HIDDEN, input_size=HIDDEN, share=share)
    return document_model(config, schema, "classify", [CLASSES])


def step(model: DocumentModel, coded: CodedDocuments, chosen: np.ndarray) -> list:
    """Make a batch, go forward and backward; return the loss and the gradients."""
    loss = model.loss(coded.batch(chosen))
    loss.backward()
    found = [loss.detach()]
    for parameter in model.parameters():
        assert parameter.grad is not None
        found.append(parameter.grad)
        parameter.grad = None
    return found


def measure(name: str, rounds: int, batch: int) -> dict[str, float]:
    documents = load(name)
    schema = Schema.learn(documents)
    target = np.arange(len(documents)) % CLASSES  # any will do
    coded = CodedDocuments.of(documents, schema, target)
    chosen = np.arange(min(batch, len(documents)))
    ways = {"plain": False, "shared": True}
    models = {way: new_model(schema, share=share) for way, share in ways.items()}

    some = chosen[:CHECKED]
    plain, shared = (step(model.double(), coded, some) for model in models.values())
    worst = max(map(_difference, plain, shared))
    if not worst < TOLERANCE:
        sys.exit(f"sharing changes the loss or its gradients by {worst:.1e}")
    trees = coded.batch(chosen).batch
    nodes, left = trees.forest.num_nodes, trees.shared()[0].forest.num_nodes
    print(f"\n{SETS[name]}: a batch of {len(chosen)} documents, {nodes:,} nodes,")
    print(f"{left / nodes:.0%} of them distinct subtrees")
    print(f"loss and gradients, float64: differ by {worst:.1e}")

    for model in models.values():
        model.float()
    taken: dict[str, list[float]] = {way: [] for way in ways}
    for number in range(rounds + 1):
        for way, model in models.items():
            begin = time.process_time()
            step(model, coded, chosen)
            if number:  # the first round compiles, or reads what has been compiled
                taken[way].append(time.process_time() - begin)
    seconds = {way: statistics.median(found) for way, found in taken.items()}
    for way, each in seconds.items():
        print(f"{way:10}{1e3 * each:10,.0f} ms{len(chosen) / each:12,.0f} documents/s")
    return {
        f"{name}_ratio": round(seconds["plain"] / seconds["shared"], 3),
        f"{name}_plain_ms": round(1e3 * seconds["plain"], 1),
        f"{name}_shared_ms": round(1e3 * seconds["shared"], 1),
        f"{name}_distinct": round(left / nodes, 3),
    }


def _difference(one: torch.Tensor, other: torch.Tensor) -> float:
    if one.is_sparse:
        one, other = one.to_dense(), other.to_dense()
    return float((one - other).abs().max() / one.abs().max().clamp(min=1e-30))


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description="What sharing saves on programs.")
    parser.add_argument("--quick", action="store_true", help="one round, 64 a batch")
    parser.add_argument("--rounds", type=int, help="5 by default, 1 with --quick")
    parser.add_argument("--sets", nargs="*", choices=SETS, help="all by default")
    args = parser.parse_args(arguments)
    torch.set_num_threads(1)
    facts = machine(1)
    print(f"{facts['processor']}, one thread")
    rounds = args.rounds or (1 if args.quick else 5)
    found: dict[str, float] = {}
    for name in args.sets or SETS:
        try:
            found |= measure(name, rounds, 64 if args.quick else BATCH)
        except DataError as error:
            sys.exit(str(error))
    print(json.dumps({"benchmark": "sharing_programs", **found}))


if __name__ == "__main__":
    main()
