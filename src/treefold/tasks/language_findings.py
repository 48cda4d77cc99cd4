"""What there is to tell of a language model: curves, samples, and what surprised it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from treefold.report.text import against_time, surprise
from treefold.tasks.base import Findings, Picture

if TYPE_CHECKING:
    from treefold.models.language_model import LanguageModel
    from treefold.tasks.language import LanguageTask

# By data set and unit; as perplexity or as nats.
PUBLISHED: Mapping[tuple[str, str], Mapping[str, Mapping[str, float]]] = {
    ("ptb", "word"): {
        "Kneser-Ney 5-gram (Mikolov & Zweig, 2012)": {"perplexity": 141.2},
        "RNN (Mikolov & Zweig, 2012)": {"perplexity": 124.7},
        "LSTM without dropout (Zaremba et al., 2014)": {"perplexity": 114.5},
        "medium LSTM (Zaremba et al., 2014)": {"perplexity": 82.7},
    },
    ("tinyshakespeare", "character"): {
        "Transformer, on the last 10 % (nanoGPT)": {"nats": 1.4697},
    },
}
WRITTEN = {"word": 100, "character": 500, "byte": 500}
DRAWN = {"word": 60, "character": 400, "byte": 400}
MANNERS = ((0.5, None), (0.8, None), (1.0, None), (1.0, 0.9))  # temperature, top_p


def findings(
    task: LanguageTask,
    model: LanguageModel,
    result: Mapping[str, Any],
    history: Sequence[Mapping[str, Any]],
) -> Findings:
    """Tell of a trained model: how it learned, what it writes, what surprises it."""
    unit = task.config.unit
    of_test = {name: each["mean"] for name, each in result["test"].items()}
    rivals = result["baselines"]
    ngram = min(rivals, key=lambda name: rivals[name]["dev"]["nats"])
    mixed = {name: each["mean"] for name, each in result.get("groups", {}).items()}
    # Both count, whichever the literature prints.
    published = {
        name: {"nats": math.log(each["perplexity"]), **each}
        if "perplexity" in each
        else {**each, "perplexity": math.exp(each["nats"])}
        for name, each in PUBLISHED.get((task.name, unit), {}).items()
    }
    minutes = result["seconds"] / len(result["seconds_per_seed"]) / 60
    return Findings(
        summary=(
            f"A language model of {unit}s ({task.headline.upper()}, "
            f"{task.config.num_layers} × {task.config.hidden_size}) after "
            f"{minutes:.0f} minutes of training: test perplexity "
            f"{of_test['perplexity']:.2f}, {of_test['nats']:.4f} nats per {unit}; the "
            f"{ngram} has {rivals[ngram]['test']['perplexity']:.2f}. {_mixture(mixed)}"
            f"{task.note}"
        ),
        not_this=(
            "Text that it writes has the look of its training text, and no more: what "
            "it says is neither true nor meant."
        ),
        published=published,
        pictures=[
            *_curve(unit, history, rivals, published),
            _surprises(task, model),
        ],
        samples=[
            (_heading(*manner), _sample(task, model, *manner)) for manner in MANNERS
        ],
        data={
            **{f"{unit}s to {split}": f"{n:,}" for split, n in task.sizes().items()},
            f"different {unit}s": f"{len(task.coding):,}",
        },
        limits=(
            f"It knows the {len(task.coding) - 1:,} {unit}s of its training text only.",
        ),
    )


def _mixture(mixed: Mapping[str, float]) -> str:
    """Tell of the test perplexity of mixtures, with weights that are best on dev."""
    return "".join(f"It has {value:.2f} {name}. " for name, value in mixed.items())


def _curve(
    unit: str,
    history: Sequence[Mapping[str, Any]],
    rivals: Mapping[str, Any],
    published: Mapping[str, Mapping[str, float]],
) -> list[Picture]:
    """Draw dev against time, the rivals and what others published."""
    if not history:
        return []
    metric = "perplexity" if unit == "word" else "nats"
    levels = {
        f"{name}, dev": each["dev"][metric]
        for name, each in rivals.items()
        if name != "unigram"
    }
    levels |= {name: each[metric] for name, each in published.items()}
    title = f"{'Perplexity' if unit == 'word' else 'Nats per symbol'} on dev"
    return [
        Picture(
            against_time(history, levels, metric=f"dev_{metric}", title=title),
            "Each point is an epoch of the best seed. Lines are the n-grams of this "
            "run, on dev"
            + (", and published figures, which are on test." if published else "."),
            "Against time",
        )
    ]


def _surprises(task: LanguageTask, model: LanguageModel) -> Picture:
    """Draw the beginning of the test text with the surprise at each symbol."""
    unit = task.config.unit
    stream = task.stream("test")[: DRAWN[unit]]
    (nats,) = task.surprise(model, [stream])
    return Picture(
        surprise(
            [task.coding.decode([number]) for number in stream.tolist()],
            nats,
            f"Surprise at each {unit}",
        ),
        f"The beginning of the test text. The darker a {unit} and the higher its bar, "
        "the less it was expected after what stands before it; a full bar is 8 nats, "
        f"p = {math.exp(-8):.4f}. The mean here is {np.mean(nats):.2f} nats.",
        "What surprised it",
    )


def _heading(temperature: float, top_p: float | None) -> str:
    nucleus = "" if top_p is None else f", from the likeliest {top_p:.0%}"
    return f"Written at temperature {temperature}{nucleus}"


def _sample(
    task: LanguageTask, model: LanguageModel, temperature: float, top_p: float | None
) -> str:
    length = WRITTEN[task.config.unit]
    text = task.write(model, length=length, temperature=temperature, top_p=top_p)
    return text.strip("\n")
