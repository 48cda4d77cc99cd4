"""How near answers are to their references: equality and, by sacrebleu, BLEU."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec


def has_bleu() -> bool:
    """Return whether sacrebleu is installed: the extra ``translate``."""
    return find_spec("sacrebleu") is not None


def compare(answers: Sequence[str], references: Sequence[str]) -> dict[str, float]:
    """Return the share of answers that are their reference, and BLEU from 0 to 100.

    BLEU (Papineni et al., 2002) is that of sacrebleu (Post, 2018) with its defaults, on
    plain text: cased, with punctuation, of a whole set of answers. Without sacrebleu it
    is left out.
    """
    same = sum(a == b for a, b in zip(answers, references, strict=True))
    figures = {"exact": same / max(len(answers), 1)}
    if has_bleu() and answers:
        figures["bleu"] = bleu(answers, references)[0]
    return figures


def bleu(answers: Sequence[str], references: Sequence[str]) -> tuple[float, str]:
    """Return sacrebleu's BLEU of answers, and the signature that says how."""
    from sacrebleu.metrics.bleu import BLEU  # pyright: ignore[reportMissingImports]

    metric = BLEU()
    score = metric.corpus_score(list(answers), [list(references)]).score
    return score, str(metric.get_signature())
