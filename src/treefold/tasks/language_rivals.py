"""What a language model is compared with, and what it comes to together with it."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from treefold.models.mixture import best_weights, cache_log_probability, mixed
from treefold.models.ngram import NGram

Float = NDArray[np.float64]
Streams = Mapping[str, NDArray[np.int64]]
ORDERS = {"word": (5,), "character": (5, 8), "byte": (5, 8)}
FLATNESS = (0.05, 0.1, 0.2, 0.4)  # of a cache


def figures(nats: float) -> dict[str, float]:
    """Return the metrics of a mean surprise."""
    return {"perplexity": math.exp(min(nats, 700.0)), "nats": nats}


def baselines(streams: Streams, unit: str, num_symbols: int) -> dict[str, Any]:
    """Measure n-grams of one symbol, and of several with Kneser-Ney smoothing."""
    orders = {"unigram": 1, **{f"Kneser-Ney {n}-gram": n for n in ORDERS[unit]}}
    found = {}
    for name, order in orders.items():
        begun = time.perf_counter()
        log_p = _ngram(streams, order, num_symbols)
        found[name] = {
            split: figures(-float(each.mean())) for split, each in log_p.items()
        }
        found[name]["seconds"] = round(time.perf_counter() - begun, 1)
    return found


def mixtures(
    streams: Streams,
    unit: str,
    num_symbols: int,
    nats: Mapping[str, Float],
    states: Mapping[str, Float],
    cache: int,
) -> dict[str, float]:
    """Mix a model with what knows other things: the longest n-gram, and a cache.

    Args:
        streams: the symbols of train, dev and test.
        unit: what they are.
        num_symbols: how many there are.
        nats: of dev and test by the model, (N,).
        states: h before each of their symbols, (N, H), for the cache.
        cache: symbols that it remembers; 0: there is none.

    Returns:
        Test perplexities by name. Weights, and the cache's flatness, are the best on
        dev.
    """
    order = ORDERS[unit][-1]
    ngram = _ngram(streams, order, num_symbols)
    parts = {split: [-each, ngram[split]] for split, each in nats.items()}
    name = f"mixed with the Kneser-Ney {order}-gram"
    found = {name: _mixture(parts)}
    if cache:
        more = []
        for flatness in FLATNESS:
            cached = {
                split: cache_log_probability(
                    torch.from_numpy(h).float(),
                    torch.from_numpy(streams[split]),
                    size=cache,
                    flatness=flatness,
                ).numpy()
                for split, h in states.items()
            }
            more.append(_mixture({s: [*parts[s], cached[s]] for s in parts}))
        found[f"{name} and a cache of {cache:,} {unit}s"] = min(more)
    return {name: test for name, (_, test) in found.items()}


def _ngram(streams: Streams, order: int, num_symbols: int) -> dict[str, Any]:
    """Return ln p of each symbol of dev and test by an n-gram.

    It sees beyond the ends of lines, as the model does.
    """
    train = streams["train"]
    model = NGram(order, num_symbols).fit(train, [0, len(train)])
    return {
        split: model.log_probability(streams[split], [0, len(streams[split])])
        for split in ("dev", "test")
    }


def _mixture(parts: Mapping[str, list[NDArray]]) -> tuple[float, float]:
    """Mix with the weights that are best on dev; return dev and test perplexity."""
    log_p = {split: np.stack(each) for split, each in parts.items()}
    weights = best_weights(log_p["dev"])
    dev, test = (-mixed(log_p[s], weights).mean() for s in ("dev", "test"))
    return figures(float(dev))["perplexity"], figures(float(test))["perplexity"]
