"""Which triples (head, relation, tail) hold, by vectors of the words of their names."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self, final

import numpy as np
import torch
from numpy.typing import NDArray

from treefold.data.errors import DataError
from treefold.data.glove import load_vectors
from treefold.data.relation_batches import (
    Names,
    Naming,
    Slots,
    TripleBatches,
    batch_of,
    vocabulary_of,
)
from treefold.data.relations import (
    NAMED,
    RelationSet,
    Row,
    Triples,
    load_more,
    load_relations,
    read_triples,
)
from treefold.models.relation import NeuralTensorNetwork, RelationModel
from treefold.models.relation_kin import (
    BilinearModel,
    DistanceModel,
    HadamardModel,
    SingleLayerModel,
)
from treefold.tasks.base import DataTask, Findings, Metric
from treefold.tasks.relate_scores import Decision, Known, ranks
from treefold.training.errors import RunError
from treefold.training.files import read_json, read_tensors, write_json, write_tensors
from treefold.training.settings import Settings

if TYPE_CHECKING:
    from treefold.training.run import DataSpec
    from treefold.training.task import Batches, Split

FACTS, DECISION = "facts.safetensors", "decision.json"
AT_ONCE = 20_000  # triples that are scored together
TITLES = {
    "ntn": "neural tensor network",
    "bilinear": "bilinear model",
    "single-layer": "single layer model",
    "hadamard": "Hadamard model",
    "distance": "distance model",
}


@final
@dataclass(frozen=True, kw_only=True)
class RelateConfig(Settings):
    """Settings of a model of relations.

    Attributes:
        model: the neural tensor network, or one of those that it contains or that it
            was compared with.
        hidden_size: features of an entity's vector.
        slices: of each relation's tensor, and hidden units of the single layer model.
        names: what an entity's vector is the mean of: the vectors of the words of its
            name, a vector of its own, or both.
        vectors: file of pretrained word vectors (GloVe's text format) to begin with.
        embedding_std: standard deviation of the vectors at the start.
        corrupt: what takes an end's place in false triples: an entity that stands in
            that place of that relation somewhere in training, or any.
        corruptions: how many take each end's place in each batch and relation; every
            triple of the relation meets all of them.
        ranked: test triples of which each end is ranked among all entities; 0: none.
    """

    model: Literal["ntn", "bilinear", "single-layer", "hadamard", "distance"] = "ntn"
    hidden_size: int = 100
    slices: int = 4
    names: Naming = "words"
    vectors: str | None = None
    embedding_std: float = 0.1
    corrupt: Literal["slot", "any"] = "slot"
    corruptions: int = 32
    ranked: int = 200
    batch_size: int = 2000
    epochs: int = 10

    def __post_init__(self) -> None:
        super().__post_init__()
        sizes = ("hidden_size", "slices", "corruptions")
        self.check("at least 1", lambda value: value >= 1, *sizes)
        self.check("0 or more", lambda value: value >= 0, "ranked", "embedding_std")


@final
class RelateTask(DataTask):
    """Tell which triples hold; see `RelateConfig`.

    The assets are the names of `entities` and of `relations`. A run also keeps the
    triples it was trained on, which explanations cite, and the thresholds chosen on
    dev.

    Attributes:
        facts: the training triples, where they are at hand.
        decision: thresholds, where they are at hand.
    """

    kind = "relate"
    Config = RelateConfig
    metrics = (
        Metric("accuracy", "accuracy", percent=True),
        Metric("hits_10", "hits at 10", percent=True),
        Metric("mean_rank", "mean rank", lower_is_better=True, digits=0),
    )
    datasets = tuple(NAMED)
    formats = "lines head<TAB>relation<TAB>tail"

    config: RelateConfig
    data: RelationSet | None

    def __init__(self, *args: Any, **named: Any):
        super().__init__(*args, **named)
        self.facts: Triples | None = None
        self.decision: Decision | None = None
        if self.data is not None and "train" in self.data.splits:
            self.facts = self.data.splits["train"]
        self.entities: tuple[str, ...] = tuple(self.assets["entities"])
        self.relations: tuple[str, ...] = tuple(self.assets["relations"])
        self.vocabulary = vocabulary_of(self.entities, self.config.names)
        self._names: Names | None = None

    @classmethod
    def load(cls, config: RelateConfig, spec: DataSpec, progress: bool = False) -> Self:
        data = load_relations(
            spec.data,
            train=spec.train,
            dev=spec.dev,
            test=spec.test,
            seed=spec.split_seed,
            skip_bad=spec.skip_bad,
        )
        assets = {"entities": data.entities, "relations": data.relations}
        return cls(config, assets, data, spec)

    def with_data(self, spec: DataSpec, progress: bool = False) -> RelateTask:
        if spec.data == self.spec.data:
            return super().with_data(spec, progress)
        files = {"dev": spec.dev, "test": spec.test}
        data = load_more(
            {split: file for split, file in files.items() if file},
            self.entities,
            self.relations,
            self.facts,
            seed=spec.split_seed,
            skip_bad=spec.skip_bad,
        )
        task = RelateTask(self.config, self.assets, data, spec)
        task.facts, task.decision = self.facts, self.decision
        return task

    @property
    def headline(self) -> str:
        return TITLES[self.config.model]

    def describe(self) -> str:
        assert self.data is not None
        counts = ", ".join(f"{len(t):,} {s}" for s, t in self.data.splits.items())
        return (
            f"{self.name}: triples {counts}; {len(self.data.entities):,} entities, "
            f"{len(self.relations)} relations, {len(self.vocabulary):,} vectors"
        )

    def new_model(self) -> RelationModel:
        config = self.config
        sizes = (len(self.vocabulary), len(self.relations), config.hidden_size)
        std = config.embedding_std
        if config.model == "ntn":
            model = NeuralTensorNetwork(*sizes, config.slices, std=std)
        elif config.model == "single-layer":
            model = SingleLayerModel(*sizes, config.slices, std=std)
        elif config.model == "bilinear":
            model = BilinearModel(*sizes, std=std)
        elif config.model == "hadamard":
            model = HadamardModel(*sizes, std=std)
        else:
            model = DistanceModel(*sizes, std=std)
        if config.vectors is not None and self.data is not None:
            self._begin_with(model, config.vectors)
        return model

    def _begin_with(self, model: RelationModel, file: str) -> None:
        """Give the first features of known words their pretrained vectors."""
        vectors, found = load_vectors(file, self.vocabulary)
        columns = vectors.shape[1]
        if columns > self.config.hidden_size:
            raise RunError(
                f"{file} has vectors of {columns} features, more than the model's "
                f"{self.config.hidden_size}; set hidden_size={columns}."
            )
        rows = torch.from_numpy(found.nonzero()[0])
        scaled = vectors[found] * (self.config.embedding_std / vectors[found].std())
        with torch.no_grad():
            weight = model.embedding.weight
            weight[rows, :columns] = torch.from_numpy(scaled).to(weight)

    @property
    def names(self) -> Names:
        """The words of the entities of the data; without data, of training."""
        if self._names is None:
            entities = self.entities if self.data is None else self.data.entities
            self._names = Names.of(entities, self.vocabulary, self.config.names)
        return self._names

    def batches(self, seed: int, epoch: int) -> Batches:
        train = self.split("train")
        config = self.config
        return TripleBatches(
            self.names,
            train,
            Slots(train, len(self.entities), config.corrupt),
            size=config.batch_size,
            corruptions=config.corruptions,
            seed=seed,
            epoch=epoch,
        )

    def split(self, split: str) -> Triples:
        """Return the triples of a split."""
        if self.data is None or split not in self.data.splits:
            raise RunError(f"{self.name} has no {split} data.")
        return self.data.splits[split]

    @torch.no_grad()
    def scores(self, model: RelationModel, triples: Triples) -> NDArray[np.float64]:
        """Score triples, (N,)."""
        model.eval()
        found = np.empty(len(triples))
        for start in range(0, len(triples), AT_ONCE):
            part = np.arange(start, min(start + AT_ONCE, len(triples)))
            batch, order = batch_of(self.names, triples.select(part))
            said = model(batch.to(self.config.device))
            found[part[order]] = said.double().cpu().numpy()
        return found

    def decide(self, model: RelationModel) -> Decision:
        """Return the thresholds of the run, or choose them on dev."""
        if self.decision is not None:
            return self.decision
        dev = self.split("dev")
        return Decision.chosen(self.scores(model, dev), dev, len(self.relations))

    def evaluate(self, model: RelationModel, split: Split) -> dict[str, float]:
        triples = self.split(split)
        decision = self.decide(model)
        score = self.scores(model, triples)
        found = self.compare(split, decision.holds(score, triples.relation))
        if split == "test" and self.config.ranked:
            found |= ranks(self, model, self.config.ranked)
        return found

    def compare(self, split: str, holds: NDArray[np.bool_]) -> dict[str, float]:
        """Measure what is said of the triples of a split, (N,)."""
        return {"accuracy": float((holds == (self.split(split).label > 0)).mean())}

    def measure(self, model: RelationModel) -> dict[str, Any]:
        triples = self.split("test")
        said = self.decide(model).holds(self.scores(model, triples), triples.relation)
        right = said == (triples.label > 0)
        groups = {
            self.relations[r]: float(right[triples.relation == r].mean())
            for r in np.unique(triples.relation)
        }
        return {**super().measure(model), "groups": groups}

    def known(self) -> Known:
        """Return all triples that are known to hold, of all splits at hand."""
        splits = {} if self.data is None else self.data.splits
        parts = [each.holding() for each in splits.values()]
        if self.facts is not None and "train" not in splits:
            parts.append(self.facts)
        return Known(parts)

    def baselines(self, progress: bool) -> dict[str, dict[str, Any]]:
        from treefold.tasks.relate_rivals import measure

        return measure(self)

    def write_manifest(self, out: Path, command: str) -> None:
        train = self.split("train")
        columns = ("head", "relation", "tail")
        facts = {name: torch.from_numpy(getattr(train, name)).int() for name in columns}
        write_tensors(out / FACTS, facts)
        super().write_manifest(out, command)

    @classmethod
    def of_folder(cls, folder: Path, **changes: Any) -> Self:
        task = super().of_folder(folder, **changes)
        tensors, _ = read_tensors(folder / FACTS)
        head, relation, tail = (
            tensors[name].long().numpy() for name in ("head", "relation", "tail")
        )
        task.facts = Triples(head, relation, tail, np.ones_like(head))
        if (folder / DECISION).exists():  # a run that is finished
            task.decision = Decision.of_dict(read_json(folder / DECISION))
        return task

    def write_summary(self, out: Path, result: dict[str, Any]) -> None:
        from treefold.tasks.base import TaskRun

        model: Any = TaskRun.open(self, out).model
        decision = self.decide(model)
        write_json(out / DECISION, decision.to_dict())
        super().write_summary(out, result)

    def read(self, file: str) -> Iterator[Row]:
        for row in read_triples(file):
            if row.relation not in self.relations:
                raise DataError(
                    f"{row.where}: the relation {row.relation!r} was not in training; "
                    f"the relations are {', '.join(self.relations)}"
                )
            yield row

    def predict(
        self, model: RelationModel, items: Iterable[Row]
    ) -> Iterator[dict[str, Any]]:
        from treefold.tasks.relate_explain import Explainer

        explainer = Explainer(self, model)
        return (explainer.explain(item) for item in items)

    def findings(self, model: RelationModel, result: dict[str, Any]) -> Findings:
        from treefold.tasks.relate_findings import findings

        return findings(self, model, result)
