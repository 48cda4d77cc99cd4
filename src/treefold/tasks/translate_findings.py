"""What there is to tell of a translator: attention, samples, BLEU by length."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import matplotlib as mpl
import numpy as np
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from numpy.typing import NDArray

from treefold.data.pair_batches import collate_pairs
from treefold.data.readers.pairs import TextPairs
from treefold.data.subwords import SPACE, Tokenizer
from treefold.models.seq2seq import Seq2Seq
from treefold.report.figure import BLUE, STYLE, as_svg, layout
from treefold.svg import sequential
from treefold.tasks.base import Findings, Picture
from treefold.tasks.translate_scores import bleu, compare, has_bleu

if TYPE_CHECKING:
    from treefold.tasks.translate import TranslateTask

PICTURES = 3  # sentences whose attention is drawn
SAMPLES = 12  # sentences that are shown as texts
LONGEST = 18  # pieces of a sentence whose attention is drawn
LENGTHS = (1, 6, 9, 12, 15, 19, 26)  # words at which a group of sentences begins


def findings(task: TranslateTask, model: Seq2Seq, result: dict[str, Any]) -> Findings:
    """Tell of a trained model."""
    assert task.data is not None
    pairs = task.data.test
    answers = [answer.text for answer in task.answer(model, pairs.sources)]
    figures = compare(answers, pairs.targets)
    rivals = {name: each["test"] for name, each in result["baselines"].items()}
    seconds = sum(result["seconds_per_seed"]) / len(result["seconds_per_seed"])
    name = "bleu" if has_bleu() else "exact"
    return Findings(
        summary=_summary(task, figures, rivals, name, seconds)
        + (_signature(answers, pairs.targets) if has_bleu() else ""),
        not_this="A model of the texts it was trained on, in their style: not a "
        "translator, nor a partner to talk to, for texts of any other kind.",
        pictures=[
            *_attention_pictures(task, model, pairs, answers),
            Picture(
                _by_length(pairs, answers, name),
                f"{_TITLES[name]} of test texts by the length of their sources. BLEU "
                "is that of each group as a whole.",
                "Short and long",
            ),
        ],
        samples=[("Samples of the test data", _samples(pairs, answers))],
        data={
            "pairs to train": len(task.data.train),
            "pairs to choose by": len(task.data.dev),
            "pairs to test": len(pairs),
            "source tokens": len(task.source),
            "target tokens": len(task.target),
            "note": task.data.note,
        },
        limits=(
            "What never occurred in training is spelled in pieces, or left out where "
            "a letter is unknown.",
            "BLEU counts n-grams shared with one reference; it does not know whether "
            "an answer is right.",
        ),
    )


_TITLES = {"bleu": "BLEU", "exact": "Share of answers equal to the reference"}


def _summary(
    task: TranslateTask,
    figures: dict[str, float],
    rivals: dict[str, dict[str, float]],
    name: str,
    seconds: float,
) -> str:
    assert task.data is not None
    show = "{:.1f} BLEU" if name == "bleu" else "{:.1%} right"
    best = max(rivals, key=lambda rival: rivals[rival][name])
    return (
        f"An LSTM reads the source in both directions; another, with attention, writes "
        f"the target. Trained on {len(task.data.train):,} pairs for "
        f"{seconds / 60:.1f} minutes, with a beam of {task.config.beam} it reaches "
        f"{show.format(figures[name])} on {len(task.data.test):,} test pairs; the best "
        f"simple rival, {best}, {show.format(rivals[best][name])}."
    )


def _signature(answers: Sequence[str], targets: Sequence[str]) -> str:
    return f" BLEU is sacrebleu's: {bleu(answers, targets)[1]}."


def attention(
    task: TranslateTask, model: Seq2Seq, source: str, target: str
) -> tuple[list[str], list[str], NDArray[np.float64]]:
    """Return the pieces of a source (S) and of a target (T), and weights (T, S)."""
    coded = task.code(TextPairs([source], [target]))
    batch = collate_pairs(*coded, np.zeros(1, np.int64)).to(task.config.device)
    weights = model.attention(batch)[0].double().cpu().numpy()
    return (
        _shown(task.source, coded.sources[0]),
        _shown(task.target, coded.targets[0]),
        weights,
    )


def _shown(tokenizer: Tokenizer, numbers: NDArray[np.int64]) -> list[str]:
    """Pieces as a picture shows them: a dot before those that go on a word."""
    pieces = tokenizer.pieces(numbers.tolist())
    return [
        piece.removeprefix(SPACE)
        if piece.startswith(SPACE) or not piece[0].isalnum()
        else f"·{piece}"
        for piece in pieces
    ]


def _attention_pictures(
    task: TranslateTask, model: Seq2Seq, pairs: TextPairs, answers: Sequence[str]
) -> list[Picture]:
    """Draw the attention of the first answers that are neither short nor long."""
    pictures = []
    for source, answer in zip(pairs.sources, answers, strict=True):
        across, down, weights = attention(task, model, source, answer)
        if not 2 < len(across) <= LONGEST or not 2 < len(down) <= LONGEST:
            continue
        pictures.append(
            Picture(
                draw_attention(across, down, weights, f"attention-{len(pictures)}"),
                f"{source} → {answer}. Each row is a piece that was written, and its "
                "shades say where the model looked while writing it.",
                "" if pictures else "Where it looks",
            )
        )
        if len(pictures) == PICTURES:
            break
    return pictures


def draw_attention(
    across: Sequence[str],
    down: Sequence[str],
    weights: NDArray[np.float64],
    prefix: str = "attention",
) -> str:
    """Draw weights (T, S) as shades: sources across, targets down.

    Args:
        across: S pieces of the source.
        down: T pieces of the target.
        weights: (T, S), each row adds up to 1.
        prefix: makes the picture's ids its own in a page.

    Returns:
        An ``<svg>`` element.
    """
    T, S = weights.shape
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(1.6 + 0.38 * S, 1.2 + 0.3 * T), layout=layout())
        axes = figure.subplots()
        shades = [sequential(i / 16) for i in range(17)]
        colours = LinearSegmentedColormap.from_list("weights", shades)
        # Cells are shapes, not an image: an image would be inlined as a PNG.
        axes.pcolormesh(weights, cmap=colours, vmin=0, vmax=1, edgecolors="w", lw=1)
        axes.set_xticks(np.arange(S) + 0.5, [_plain(p) for p in across], rotation=60)
        axes.set_yticks(np.arange(T) + 0.5, [_plain(p) for p in down])
        axes.set(ylim=(T, 0))
        axes.xaxis.tick_top()
        axes.tick_params(length=0)
        axes.spines[:].set_visible(False)
        title = f"Attention: {len(down)} pieces written from {len(across)} read"
        peaks = ", ".join(
            f"{piece} from {across[k]}"
            for piece, k in zip(down, weights.argmax(axis=1), strict=True)
        )
        return as_svg(figure, prefix, title, peaks)


def _plain(piece: str) -> str:
    return piece.replace("$", r"\$")  # which would begin a formula


def _by_length(pairs: TextPairs, answers: Sequence[str], name: str) -> str:
    """Draw a figure by the number of words in the source."""
    words = np.array([len(source.split()) for source in pairs.sources])
    group = np.searchsorted(LENGTHS, words, side="right") - 1
    labels, heights, counts = [], [], []
    for k, least in enumerate(LENGTHS):
        numbers = np.flatnonzero(group == k).tolist()
        if not numbers:
            continue
        chosen = pairs.select(numbers)
        figures = compare([answers[n] for n in numbers], chosen.targets)
        last = k + 1 == len(LENGTHS)
        labels.append(f"{least}+" if last else f"{least}–{LENGTHS[k + 1] - 1}")
        heights.append(figures[name] * (1 if name == "bleu" else 100))
        counts.append(len(numbers))
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(7.0, 3.2), layout=layout())
        axes = figure.subplots()
        shown = [f"{a}\n({n:,})" for a, n in zip(labels, counts, strict=True)]
        bars = axes.bar(shown, heights, color=BLUE, width=0.7)
        axes.bar_label(bars, [f"{h:.1f}" for h in heights], padding=2)
        axes.set(
            xlabel="words in the source (texts of that length)", ylabel=_TITLES[name]
        )
        axes.margins(y=0.15)
        axes.spines[["top", "right"]].set_visible(False)
        facts = zip(labels, heights, counts, strict=True)
        text = "; ".join(f"{a} words: {h:.1f} of {n}" for a, h, n in facts)
        return as_svg(figure, "by-length", f"{_TITLES[name]} by length", text)


def _samples(pairs: TextPairs, answers: Sequence[str]) -> str:
    """Write sources, references and answers, spread over the data."""
    step = max(1, len(pairs) // SAMPLES)
    numbers = range(0, len(pairs), step)[:SAMPLES]
    return "\n\n".join(
        f"source     {pairs.sources[n]}\n"
        f"reference  {pairs.targets[n]}\n"
        f"ours       {answers[n]}"
        for n in numbers
    )
