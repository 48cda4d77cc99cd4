"""Why a triple is taken to hold: its words, its rivals, and the facts most like it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, final

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from treefold.data.relation_batches import keys_of
from treefold.data.relations import Row
from treefold.tasks.relate_scores import Known, entity_vectors
from treefold.training.errors import RunError

if TYPE_CHECKING:
    from treefold.models.relation import RelationModel
    from treefold.tasks.relate import RelateTask

SHOWN = 5  # tails and facts that are told


@final
class Explainer:
    """Tell of triples whether they hold and why.

    Args:
        task: with the facts and the decision of a run.
        model: trained.
    """

    def __init__(self, task: RelateTask, model: RelationModel):
        if task.facts is None:
            raise RunError(f"{task.name} has no training triples to explain by.")
        self.task, self.model, self.facts = task, model.eval(), task.facts
        self.decision = task.decide(model)
        self.number = {name: e for e, name in enumerate(task.entities)}
        self.vectors = entity_vectors(
            model, task.names.word, task.names.offset, task.config.device
        )
        self.unit = F.normalize(self.vectors, dim=1)
        self.own = model.own()
        self.known = Known([self.facts])

    @torch.no_grad()
    def explain(self, row: Row) -> dict[str, Any]:
        """Return what is said of a triple, as plain values for JSON."""
        r = self.task.relations.index(row.relation)
        head, tail = self._end(row.head), self._end(row.tail)
        score = self._score(r, self._mean(head), self._mean(tail))
        margin = score - float(self.decision.threshold[r])
        h, t = self.number.get(row.head), self.number.get(row.tail)
        tails = [] if h is None else self.known.tails.get((h, r), [])
        return {
            "head": row.head,
            "relation": row.relation,
            "tail": row.tail,
            "holds": margin >= 0,
            "probability": _short(self.decision.chance(margin)),
            "score": _short(score),
            "threshold": _short(float(self.decision.threshold[r])),
            "in_training": t is not None and t in tails,
            "words": self._words(r, head, tail, score),
            "likeliest_tails": self._tails(r, self._mean(head), tails),
            "support": self._support(r, self._mean(head), self._mean(tail), (h, t)),
        }

    def _end(self, entity: str) -> dict[str, Tensor]:
        """Return the vectors of an entity's words, of those that are known."""
        keys = keys_of(entity, self.task.config.names)
        weight = self.model.embedding.weight
        index = self.task.vocabulary.index
        return {key: weight[index[key]] for key in keys if key in index}

    def _mean(self, words: dict[str, Tensor]) -> Tensor:
        """Return the vector of an entity of these words, (1, d); zeros of none."""
        if not words:
            return self.vectors.new_zeros(1, self.vectors.shape[1])
        return torch.stack(list(words.values())).mean(0, keepdim=True)

    def _score(self, r: int, head: Tensor, tail: Tensor) -> float:
        return float(self.model.pairs(self.own[r], head, tail))

    def _words(
        self, r: int, head: dict[str, Tensor], tail: dict[str, Tensor], score: float
    ) -> dict[str, dict[str, float]]:
        """Return by how much the score is less without each word of both ends."""

        def without(words: dict[str, Tensor], word: str) -> Tensor:
            return self._mean({w: v for w, v in words.items() if w != word})

        return {
            "head": {
                w: _short(score - self._score(r, without(head, w), self._mean(tail)))
                for w in head
            },
            "tail": {
                w: _short(score - self._score(r, self._mean(head), without(tail, w)))
                for w in tail
            },
        }

    def _tails(self, r: int, head: Tensor, known: list[int]) -> list[dict[str, Any]]:
        """Return the best of the tails that the relation has in training."""
        slot = np.unique(self.facts.tail[self.facts.relation == r])
        score = self.model.table(self.own[r], head, self.vectors[slot])[0]
        best, where = score.topk(min(SHOWN, len(slot)))
        return [
            {
                "tail": self.task.entities[slot[k]],
                "score": _short(s),
                "in_training": int(slot[k]) in known,
            }
            for s, k in zip(best.tolist(), where.tolist(), strict=True)
        ]

    def _support(
        self, r: int, head: Tensor, tail: Tensor, ends: tuple[int | None, int | None]
    ) -> list[dict[str, Any]]:
        """Return the training triples of the relation that are most like this one."""
        facts = self.facts.select(self.facts.relation == r)
        like = self.unit @ F.normalize(head, dim=1)[0]
        like_tail = self.unit @ F.normalize(tail, dim=1)[0]
        alike = (like[facts.head] + like_tail[facts.tail]) / 2
        itself = (facts.head == ends[0]) & (facts.tail == ends[1])
        alike[torch.from_numpy(itself)] = -torch.inf
        best, where = alike.topk(min(SHOWN, len(facts)))
        return [
            {
                "head": self.task.entities[facts.head[k]],
                "tail": self.task.entities[facts.tail[k]],
                "likeness": _short(likeness),
            }
            for likeness, k in zip(best.tolist(), where.tolist(), strict=True)
            if likeness > -np.inf
        ]


def _short(value: float) -> float:
    return float(f"{value:.4g}")
