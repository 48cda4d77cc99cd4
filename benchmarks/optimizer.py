"""Time of an optimizer's step on word vectors and the other weights of a Tree-LSTM.

The vectors of SST's words, of which a batch touches few, and the 0.4 million other
weights at 300 features and 150 hidden units. Ours steps on the touched rows in one
pass; beside it torch's optimizers with sparse gradients, and with dense ones, which
step on the whole vocabulary. Needs the treebank: see `treefold download sst`.

    python benchmarks/optimizer.py [--rounds 30] [--threads 1]

The last line of output is one JSON object.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from treefold.data import Dataset, batches, load_dataset
from treefold.training import Config
from treefold.training.optim import Optimizer
from treefold.training.trees import TreeTask

OPTIMIZERS = {
    "adagrad": (torch.optim.Adagrad, torch.optim.Adagrad),
    "adam": (torch.optim.SparseAdam, torch.optim.Adam),
    "sgd": (torch.optim.SGD, torch.optim.SGD),
}
Step = Callable[[], object]
RATE = 1e-6  # small: the same gradient is followed over and over


def steps(dataset: Dataset, name: str, batch_size: int) -> dict[str, Step]:
    """Return the step of each rival, after one backward through the same batch."""
    batch = next(iter(batches(dataset.train, batch_size=batch_size, seed=0)))
    config = Config(optimizer=name, learning_rate=RATE, l2=0.0)
    sparse, dense = OPTIMIZERS[name]
    rest_of = torch.optim.Adam if name == "adam" else dense

    def trained() -> tuple[Tensor, Sequence[Tensor], Optimizer]:
        torch.manual_seed(0)
        model = TreeTask(config, dataset).new_model()
        model.loss(batch).backward()
        table = model.embedding.weight
        rest = [p for p in model.parameters() if p is not table]
        return table, rest, Optimizer(model, config)

    *_, ours = trained()
    table, rest, _ = trained()
    assert table.grad is not None
    found = table.grad
    parts = sparse([table], RATE), rest_of(rest, RATE)

    def sparsely() -> None:
        # As backward leaves it, so that the step must see to distinct rows itself.
        table.grad = torch.sparse_coo_tensor(
            found._indices(), found._values(), found.shape, check_invariants=False
        )
        with torch.sparse.check_sparse_tensor_invariants(False):
            for part in parts:
                part.step()

    whole_table, whole_rest, _ = trained()
    assert whole_table.grad is not None
    whole_table.grad = whole_table.grad.to_dense()
    whole = dense([whole_table, *whole_rest], RATE)
    return {
        "rows": lambda: ours.step(0.0),
        "sparse": sparsely,
        "dense": whole.step,
    }


def medians(rivals: dict[str, Step], rounds: int) -> dict[str, float]:
    """Return the median milliseconds of each, run in turn."""
    seconds: dict[str, list[float]] = {name: [] for name in rivals}
    for measured in range(-2, rounds):  # two to warm up
        for name, step in rivals.items():
            begin = time.perf_counter()
            step()
            if measured >= 0:
                seconds[name].append(time.perf_counter() - begin)
    return {name: 1000 * statistics.median(times) for name, times in seconds.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description="Time steps of optimizers.")
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    dataset = load_dataset("sst")
    print(f"milliseconds of a step, medians of {args.rounds}, {args.threads} threads")
    print(f"{'':20}{'rows':>9}{'sparse':>9}{'dense':>9}")
    found = {}
    for batch_size in (25, 256):
        for name in OPTIMIZERS:
            each = medians(steps(dataset, name, batch_size), args.rounds)
            found[f"{name}_{batch_size}"] = each
            row = "".join(f"{value:9.3f}" for value in each.values())
            print(f"{name:12}{batch_size:8}{row}")
    print(
        json.dumps(
            {
                "benchmark": "optimizer",
                **vars(args),
                "torch": torch.__version__,
                "milliseconds": {
                    case: {name: round(value, 4) for name, value in each.items()}
                    for case, each in found.items()
                },
                "ratios": {
                    f"{rival}/rows_{case}": round(each[rival] / each["rows"], 2)
                    for case, each in found.items()
                    for rival in ("sparse", "dense")
                },
            }
        )
    )


if __name__ == "__main__":
    main()
