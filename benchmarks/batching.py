"""What batches by height and by nodes bring, and whether training suffers.

A Tree-LSTM is trained on the treebank for a few epochs, with several seeds, with each
way of making batches, in turn. Levels are run one after another, so fewer of them are
quicker; batches of trees that are alike are less random, which might cost accuracy.
Needs the treebank: see `treefold download sst`.

    python benchmarks/batching.py [--data sst-binary] [--epochs 3] [--seeds 3]

The last line of output is one JSON object.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import torch

from treefold.data import Corpus, Dataset, load_dataset, plan_batches
from treefold.training import Config, train_seed
from treefold.training.trees import TreeTask

WAYS = {
    "plain": {},
    "window 10": {"height_window": 10},
    "all trees": {"height_window": 10_000},
    "nodes": {"batch_size": 10_000},  # and the mean batch's number of nodes
    "nodes, window 10": {"batch_size": 10_000, "height_window": 10},
}


@dataclass(frozen=True)
class Found:
    """What one way of making batches came to.

    Attributes:
        batches: in an epoch.
        levels: in an epoch, over all batches.
        seconds: of an epoch, dev included; median.
        accuracy: of roots on dev, in per cent, after the last epoch; mean over seeds.
        spread: standard deviation over the seeds.
    """

    batches: int
    levels: int
    seconds: float
    accuracy: float
    spread: float


def plan_of(config: Config, corpus: Corpus, epoch: int) -> tuple[int, int]:
    """Return the numbers of batches and of levels in an epoch."""
    height = corpus.height[corpus.roots]
    plan = plan_batches(
        corpus,
        batch_size=config.batch_size,
        max_nodes=config.max_nodes,
        height_window=config.height_window,
        seed=0,
        epoch=epoch,
    )
    return len(plan), sum(int(height[trees].max()) + 1 for trees in plan)


def train_in_turn(
    configs: dict[str, Config], dataset: Dataset, seeds: int
) -> dict[str, list[list[dict]]]:
    """Train each way with each seed; return the histories."""
    histories: dict[str, list[list[dict]]] = {name: [] for name in configs}
    with tempfile.TemporaryDirectory() as folder:
        for seed in range(seeds):
            for name, config in configs.items():
                run = Path(folder) / f"{name}-{seed}"
                histories[name].append(
                    train_seed(TreeTask(config, dataset), seed, run).history
                )
    return histories


def summarised(config: Config, corpus: Corpus, runs: list[list[dict]]) -> Found:
    accuracy = [100 * run[-1]["dev_root_accuracy"] for run in runs]
    return Found(
        *plan_of(config, corpus, epoch=1),
        round(statistics.median(each["seconds"] for run in runs for each in run), 3),
        round(statistics.mean(accuracy), 2),
        round(statistics.stdev(accuracy), 2) if len(accuracy) > 1 else 0.0,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description="Compare ways of making batches.")
    parser.add_argument("--data", default="sst-binary")
    parser.add_argument("--batch-size", type=int, default=25)
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    args = parser.parse_args()

    dataset = load_dataset(args.data)
    base = Config(
        batch_size=args.batch_size,
        epochs=args.epochs,
        patience=None,
        threads=args.threads,
    )
    mean = args.batch_size * dataset.train.num_nodes // len(dataset.train)
    configs = {
        name: replace(base, **how, max_nodes=mean if "nodes" in name else None)
        for name, how in WAYS.items()
    }
    histories = train_in_turn(configs, dataset, args.seeds)
    found = {
        name: summarised(configs[name], dataset.train, runs)
        for name, runs in histories.items()
    }

    print(
        f"{args.data}, {len(dataset.train):,} trees, batches of {args.batch_size} or "
        f"{mean} nodes, {args.epochs} epochs, {args.seeds} seeds, "
        f"{args.threads} threads"
    )
    print(
        f"{'':20}{'batches':>9}{'levels':>9}{'s/epoch':>9}{'quicker':>9}{'dev %':>14}"
    )
    plain = found["plain"]
    for name, each in found.items():
        print(
            f"{name:20}{each.batches:9,}{each.levels:9,}{each.seconds:9.2f}"
            f"{plain.seconds / each.seconds:9.2f}{each.accuracy:9.2f}"
            f"{each.spread:9.2f}"
        )
    print(
        json.dumps(
            {
                "benchmark": "batching",
                **vars(args),
                "nodes": mean,
                "torch": torch.__version__,
                "ways": {name: asdict(each) for name, each in found.items()},
                "ratios": {
                    name: round(plain.seconds / each.seconds, 3)
                    for name, each in found.items()
                },
            }
        )
    )


if __name__ == "__main__":
    main()
