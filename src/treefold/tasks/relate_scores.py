"""From scores of triples to what is said of them: thresholds, chances, ranks."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self, final

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from treefold.data.relations import Triples

if TYPE_CHECKING:
    from treefold.models.relation import RelationModel
    from treefold.tasks.relate import RelateTask

Float = NDArray[np.float64]
AT_ONCE = 16  # rows of the table of an end with all entities


@final
@dataclass(frozen=True)
class Decision:
    """When a triple holds: its score reaches the threshold of its relation.

    Attributes:
        threshold: (R,); of a relation that dev does not have it is the mean.
        slope: by which a margin, score less threshold, is the log-odds that the triple
            holds.
    """

    threshold: Float
    slope: float

    @classmethod
    def chosen(cls, score: Float, triples: Triples, num_relations: int) -> Self:
        """Choose thresholds by which most of N labelled triples are told right."""
        threshold = np.full(num_relations, np.nan)
        for r in np.unique(triples.relation):
            here = triples.relation == r
            threshold[r] = best_threshold(score[here], triples.label[here] > 0)
        threshold[np.isnan(threshold)] = np.nanmean(threshold)
        margin = score - threshold[triples.relation]
        return cls(threshold, _slope(margin, triples.label > 0))

    def holds(self, score: Float, relation: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Say which triples hold, (N,)."""
        return score >= self.threshold[relation]

    def chance(self, margin: float) -> float:
        """Return a probability that a triple of this margin holds."""
        return float(1 / (1 + np.exp(-np.clip(self.slope * margin, -50, 50))))

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain values for JSON."""
        return {"threshold": self.threshold.tolist(), "slope": self.slope}

    @classmethod
    def of_dict(cls, values: dict[str, Any]) -> Self:
        """Make it of plain values."""
        return cls(np.array(values["threshold"]), float(values["slope"]))


def best_threshold(score: Float, holds: NDArray[np.bool_]) -> float:
    """Return the threshold at which most scores are on the right side.

    It lies half way between two scores, or beyond all; of equals the highest.
    """
    order = np.argsort(-score, kind="stable")
    score, gain = score[order], np.where(holds[order], 1, -1)
    right = np.append(0, np.cumsum(gain))
    # Between equal scores there is no threshold.
    right[1:-1][score[1:] == score[:-1]] = right.min() - 1
    k = int(right.argmax())
    if k == 0:
        return float(score[0] + 1)
    if k == len(score):
        return float(score[-1] - 1)
    return float((score[k - 1] + score[k]) / 2)


def _slope(margin: Float, holds: NDArray[np.bool_]) -> float:
    if holds.all() or not holds.any():
        return 1.0
    fitted = LogisticRegression(fit_intercept=False).fit(margin[:, None], holds)
    return float(fitted.coef_[0, 0])


@final
class Known:
    """Triples known to hold, and who stands at the other end of an end."""

    def __init__(self, parts: Iterable[Triples]):
        self.tails: dict[tuple[int, int], list[int]] = {}
        self.heads: dict[tuple[int, int], list[int]] = {}
        for part in parts:
            for h, r, t in part:
                self.tails.setdefault((h, r), []).append(t)
                self.heads.setdefault((t, r), []).append(h)


@torch.no_grad()
def ranks(task: RelateTask, model: RelationModel, count: int) -> dict[str, float]:
    """Rank both ends of `count` true test triples, drawn by a fixed seed.

    The true entity's rank is among all entities but those that are known to make a
    triple that holds (Bordes et al., 2013: filtered); equals share the middle rank.
    """
    true = task.split("test").holding()
    drawn = np.random.default_rng(0).permutation(len(true))[:count]
    true, known = true.select(np.sort(drawn)), task.known()
    names, device = task.names, task.config.device
    vectors = entity_vectors(model, names.word, names.offset, device)
    found = []
    for r, own in enumerate(model.own()):
        here = np.flatnonzero(true.relation == r)
        for rows in np.array_split(here, -(-len(here) // AT_ONCE)) if len(here) else ():
            head, tail = true.head[rows], true.tail[rows]
            by_tail = model.table(own, vectors[head], vectors)
            by_head = model.table(own, vectors, vectors[tail]).T
            found += _ranks(by_tail, head, tail, r, known.tails)
            found += _ranks(by_head, tail, head, r, known.heads)
    rank = np.array(found)
    return {"mean_rank": float(rank.mean()), "hits_10": float((rank <= 10).mean())}


def entity_vectors(
    model: RelationModel, word: NDArray, offset: NDArray, device: str
) -> torch.Tensor:
    """Return the vectors of all entities of a list of names, (D, d)."""
    return torch.nn.functional.embedding_bag(
        torch.from_numpy(word).to(device),
        model.embedding.weight.detach(),
        torch.from_numpy(offset[:-1].copy()).to(device),
        mode="mean",
    )


def _ranks(
    score: torch.Tensor,
    given: NDArray,
    wanted: NDArray,
    r: int,
    known: dict[tuple[int, int], list[int]],
) -> list[float]:
    found = []
    for row, e, w in zip(score, given.tolist(), wanted.tolist(), strict=True):
        true = row[w].item()
        row[known.get((e, r), [])] = -torch.inf  # among them the true one
        found.append(1 + (row > true).sum().item() + (row == true).sum().item() / 2)
    return found
