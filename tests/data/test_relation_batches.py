"""Batches of triples."""

import numpy as np
import pytest
import torch

from treefold.data.errors import DataError
from treefold.data.relation_batches import (
    Names,
    Slots,
    TripleBatches,
    batch_of,
    vocabulary_of,
)
from treefold.data.relations import Triples

ENTITIES = ("red_lion", "lion", "old_red_oak", "oak")


@pytest.fixture
def triples() -> Triples:
    columns = [[0, 2, 0, 3], [1, 0, 0, 1], [1, 3, 1, 2], [1, 1, 1, 1]]
    return Triples(*np.array(columns))


@pytest.mark.parametrize(
    ("naming", "words"),
    [
        ("words", [["red", "lion"], ["lion"]]),
        ("entities", [["#red_lion"], ["#lion"]]),
        ("both", [["red", "lion", "#red_lion"], ["lion", "#lion"]]),
    ],
)
def test_an_entity_is_its_words_or_itself_or_both(naming, words):
    vocabulary = vocabulary_of(ENTITIES, naming)
    names = Names.of(ENTITIES, vocabulary, naming)
    word, offset = names.gather(np.array([0, 1]))
    said = [vocabulary.words[w] for w in word]
    assert np.split(said, offset[1:])[0].tolist() == words[0]
    assert np.split(said, offset[1:])[1].tolist() == words[1]


def test_unknown_words_are_left_out_of_a_name():
    vocabulary = vocabulary_of(ENTITIES, "words")
    names = Names.of(["blue_lion", "blue"], vocabulary, "words")
    assert names.word.tolist() == [vocabulary.index["lion"], 0]
    assert names.offset.tolist() == [0, 1, 2]


def test_a_batch_says_the_same_triples_by_relation(triples: Triples):
    names = Names.of(ENTITIES, vocabulary_of(ENTITIES, "words"), "words")
    drawn = np.array([[[0, 3], [1, 1]], [[2, 2], [3, 0]]])
    batch, order = batch_of(names, triples, drawn)
    assert batch.relations == ((0, 2), (1, 2))
    assert order.tolist() == [1, 2, 0, 3]
    words = [batch.words[w].tolist() for w in batch.name.tensor_split(batch.offset[1:])]

    def wanted(entities) -> list[list[int]]:
        ends = [names.gather(np.array([e]))[0].tolist() for e in entities]
        return ends

    assert [words[e] for e in batch.head] == wanted(triples.head[order])
    assert [words[e] for e in batch.tail] == wanted(triples.tail[order])
    assert batch.heads is not None
    assert batch.tails is not None
    assert [words[e] for e in batch.heads.ravel()] == wanted(drawn[:, 0].ravel())
    assert [words[e] for e in batch.tails.ravel()] == wanted(drawn[:, 1].ravel())


def test_a_batch_can_be_moved(triples: Triples):
    names = Names.of(ENTITIES, vocabulary_of(ENTITIES, "words"), "words")
    batch, _ = batch_of(names, triples)
    moved = batch.to("meta")
    assert moved.head.device == torch.device("meta")
    assert moved.heads is None
    assert len(moved) == 4


def test_what_takes_a_place_is_what_stood_there(triples: Triples):
    random = np.random.default_rng(0)
    slots = Slots(triples, 4, "slot")
    heads, tails = slots.draw(0, 50, random)
    assert (set(heads.tolist()), set(tails.tolist())) == ({0, 2}, {1, 3})
    heads, tails = Slots(triples, 4, "any").draw(0, 100, random)
    assert set(heads.tolist()) == set(tails.tolist()) == {0, 1, 2, 3}


def test_an_epoch_has_every_triple_once_in_an_order_of_its_own(triples: Triples):
    names = Names.of(ENTITIES, vocabulary_of(ENTITIES, "words"), "words")

    def epoch(number: int) -> list[list[int]]:
        batches = TripleBatches(
            names,
            triples.select(np.repeat(np.arange(4), 5)),
            Slots(triples, 4, "slot"),
            size=6,
            corruptions=3,
            seed=0,
            epoch=number,
        )
        found = list(batches)
        assert len(found) == len(batches) == 4
        assert sum(map(len, found)) == 20
        return [torch.stack([b.head, b.tail]).tolist() for b in found]

    assert epoch(1) == epoch(1)
    assert epoch(1) != epoch(2)


def test_a_batch_of_nothing_is_told(triples: Triples):
    names = Names.of(ENTITIES, vocabulary_of(ENTITIES, "words"), "words")
    with pytest.raises(DataError, match="at least one triple, got none"):
        batch_of(names, triples.select(np.array([], np.int64)))
