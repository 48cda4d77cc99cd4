"""2013: a neural tensor network learns who is whose, and concludes what is not told."""

from __future__ import annotations

import itertools
from typing import NamedTuple

import numpy as np
import torch

from museum import Exhibit
from treefold import Forest
from treefold.models.relation import NeuralTensorNetwork, TripleBatch
from treefold.svg import tree_svg

RELATIONS = ("parent", "child", "spouse", "sibling", "grandparent", "grandchild")
NUM_FAMILIES, HELD_OUT, CORRUPTED = 12, 0.2, 20
STEPS = 250
NAMES = ("Ada", "Ben", "Cleo", "Dan", "Eva", "Finn", "Gina", "Hal", "Ida", "Jon")

Fact = tuple[int, int, int]  # head, relation, tail


class Family(NamedTuple):
    """A couple, their two children with spouses, and four grandchildren."""

    first: int  # number of its first person; ten belong to it

    def facts(self) -> list[Fact]:
        """Return who is whose: (a, parent, b) says that b is a parent of a."""
        a, b, c, d, e, f, *young = range(self.first, self.first + 10)
        couples = [(a, b), (c, d), (e, f)]  # c and e are children of a and b
        below = [(c, a), (c, b), (e, a), (e, b)]
        below += [(y, p) for y in young[:2] for p in (c, d)]
        below += [(y, p) for y in young[2:] for p in (e, f)]
        above = set(below)
        grand = [(x, z) for x, y in below for y2, z in above if y == y2]
        siblings = [(c, e), (young[0], young[1]), (young[2], young[3])]
        pairs = {
            "parent": below,
            "child": [(y, x) for x, y in below],
            "spouse": [*couples, *((y, x) for x, y in couples)],
            "sibling": [*siblings, *((y, x) for x, y in siblings)],
            "grandparent": grand,
            "grandchild": [(y, x) for x, y in grand],
        }
        return [(x, RELATIONS.index(r), y) for r in pairs for x, y in pairs[r]]


def batch(facts: list[Fact], corruptions: np.ndarray | None = None) -> TripleBatch:
    """Put facts in the order of their relations; a person is a word of its own."""
    facts = sorted(facts, key=lambda fact: fact[1])
    head, relation, tail = torch.tensor(facts).T
    people = torch.arange(10 * NUM_FAMILIES)
    kinds, counts = relation.unique_consecutive(return_counts=True)
    wrong = None
    if corruptions is not None:
        wrong = torch.from_numpy(corruptions[:, : len(kinds)])
    return TripleBatch(
        people,
        people,
        people,
        head,
        tail,
        tuple(zip(kinds.tolist(), counts.tolist(), strict=True)),
        *(None, None) if wrong is None else wrong,
    )


def learn(train: list[Fact]) -> NeuralTensorNetwork:
    """Train on facts against random others."""
    model = NeuralTensorNetwork(10 * NUM_FAMILIES, len(RELATIONS), size=24, slices=3)
    model.embedding.sparse = False
    optimizer = torch.optim.Adam(model.parameters(), lr=0.02, weight_decay=1e-4)
    rng = np.random.default_rng(0)
    for _ in range(STEPS):
        wrong = rng.integers(0, 10 * NUM_FAMILIES, (2, len(RELATIONS), CORRUPTED))
        optimizer.zero_grad()
        model.loss(batch(train, wrong)).backward()
        optimizer.step()
    return model


@torch.no_grad()
def scores(model: NeuralTensorNetwork, facts: list[Fact]) -> np.ndarray:
    """Score facts, in the order of their relations."""
    return model(batch(facts)).numpy()


def exhibit() -> Exhibit:
    """Hold a fifth of the grandparents and siblings out, and ask for them."""
    torch.manual_seed(0)
    families = [Family(10 * number) for number in range(NUM_FAMILIES)]
    facts = list(itertools.chain.from_iterable(f.facts() for f in families))
    asked = {RELATIONS.index("grandparent"), RELATIONS.index("sibling")}
    rng = np.random.default_rng(1)
    held = [fact for fact in facts if fact[1] in asked and rng.random() < HELD_OUT]
    train = [fact for fact in facts if fact not in set(held)]
    model = learn(train)

    true = sorted(held, key=lambda fact: fact[1])
    false = [_wrong(fact, set(facts), rng) for fact in true]
    better = float((scores(model, true) > scores(model, false)).mean())
    ranks = [_rank(model, fact, set(facts)) for fact in true]
    found = (
        f"{len(train)} facts about {10 * NUM_FAMILIES} people learned; of "
        f"{len(held)} others {better:.0%} score above a wrong one of the same kind, "
        f"and {np.mean(np.array(ranks) == 1):.0%} name the right person first of all."
    )
    return Exhibit(
        2013,
        "Neural tensor network",
        "Socher, Chen, Manning & Ng, NIPS 2013",
        "Two vectors meet in a bilinear form for every slice of a tensor.",
        found,
        _picture(families[0]),
        "One of the families. Only parents, children, spouses and most of the other "
        "relations are told.",
    )


def _wrong(fact: Fact, known: set[Fact], rng: np.random.Generator) -> Fact:
    """Replace the tail so that the fact does not hold."""
    while True:
        head, relation, _ = fact
        other = (head, relation, int(rng.integers(10 * NUM_FAMILIES)))
        if other not in known:
            return other


@torch.no_grad()
def _rank(model: NeuralTensorNetwork, fact: Fact, known: set[Fact]) -> int:
    """Return the place of the tail among all people for whom the fact would be new."""
    head, relation, tail = fact
    people = model.embedding.weight
    score = model.table(model.own()[relation], people[head, None], people)[0]
    rivals = [p for p in range(len(people)) if (head, relation, p) not in known]
    return 1 + int((score[rivals] > score[tail]).sum())


def _picture(family: Family) -> str:
    edges = [(2, 0), (2, 1), (4, 0), (4, 1)]
    edges += [(y, p) for y in (6, 7) for p in (2, 3)]
    edges += [(y, p) for y in (8, 9) for p in (4, 5)]
    forest = Forest.from_edges(edges, 10)
    return tree_svg(
        forest.offset,
        forest.child,
        forest.roots,
        text=NAMES,
        title="A family of three generations, from each person to his or her parents",
    )
