"""The auto-encoder of trees agrees with itself taken apart node by node."""

import numpy as np
import pytest
import torch
from torch.nn import functional as F
from torch.testing import assert_close

from treefold.data.readers.nested import read_nested
from treefold.data.symbols import Symbols
from treefold.models.auto_encoder import AutoEncoder
from treefold.models.binding import BindingCell

TREES = [
    "(S (NP the cat) (VP sat))",
    "(S a b c)",
    "(_ a (_ b (_ c (A b))))",
    "(A b)",
    "(NP (NP a a) (S c))",
]


@pytest.fixture
def symbols():
    return Symbols.build(read_nested(TREES))


@pytest.fixture
def model(symbols):
    model = AutoEncoder(
        len(symbols.words),
        len(symbols.labels),
        symbols.arity,
        code_size=12,
        embedding_size=5,
        inner_size=7,
        reader_size=9,
    )
    for cell in (model.encoder, model.decoder):  # which begin without
        torch.nn.init.normal_(cell.bias)
        torch.nn.init.normal_(cell.norm.bias)
    return model


def batch(symbols, texts=TREES):
    return symbols.code(read_nested(texts)).batch(slice(None))


def joined(cell, x, below):
    """One node of a BindingCell, by its equations; `below` holds (slot, state)."""
    H = cell.hidden_size
    total = cell.bias.clone()
    for k, h in below:
        total = total + cell.weight_hh[:, k * H : (k + 1) * H] @ h
    s, a = total[:H], total[H:]
    if x is not None:
        s = s + cell.weight_ih @ x
    h = s + cell.inner @ F.gelu(a)
    centred = h - h.mean()
    scale = (centred.square().mean() + cell.norm.eps).sqrt()
    return centred / scale * cell.norm.weight + cell.norm.bias


def nats_node_by_node(model, tree):
    """-ln p of a tree of (symbol, children) given its code, in plain recursion."""

    def up(node):
        symbol, below = node
        states = [(k, up(child)) for k, child in enumerate(below)]
        return joined(model.encoder, model.embedding.weight[symbol], states)

    def down(node, h):
        symbol, below = node
        features = F.gelu(model.reader(h))
        stop, n, W = model.stop(features), len(below), model.num_words
        if not n:
            nats = -F.logsigmoid(-stop[0])
            return nats - model.word(features).log_softmax(0)[symbol]
        nats = -F.logsigmoid(stop[0])
        nats = nats - model.label(features).log_softmax(0)[symbol - W]
        for one in range(1, n):
            nats = nats - F.logsigmoid(stop[one])
        if n < model.arity:
            nats = nats - F.logsigmoid(-stop[n])
        for k, child in enumerate(below):
            nats = nats + down(child, joined(model.decoder, None, [(k, h)]))
        return nats

    return down(tree, up(tree))


def nested(batch, tree):
    """A tree of a batch as (symbol, children)."""
    forest, symbol = batch.forest, batch.token.tolist()
    offset, child = forest.offset.tolist(), forest.child.tolist()

    def of(v):
        return symbol[v], [of(c) for c in child[offset[v] : offset[v + 1]]]

    return of(int(forest.roots[tree]))


def test_values_and_gradients_agree_with_the_recursion(model, symbols):
    found = batch(symbols)
    assert symbols.arity == 3
    parameters = list(model.parameters())
    loss = model.loss(found)
    each = [nats_node_by_node(model, nested(found, b)) for b in range(len(found))]
    expected = torch.stack(each).mean()
    assert_close(loss, expected)
    assert_close(
        torch.autograd.grad(loss, parameters), torch.autograd.grad(expected, parameters)
    )


def test_a_tree_that_comes_back_has_the_probability_that_was_learned(model, symbols):
    found = batch(symbols)
    learn(model, found, 150)
    codes = model.encode(found)
    grown = model.decode(codes, max_depth=6, max_nodes=20)
    each = model.nats(found)
    total = each.new_zeros(len(found)).index_add(0, found.forest.tree, each)
    assert grown.complete.all()
    assert_close(-grown.score, total)


def test_trees_of_any_arity_come_back_once_they_are_learned(model, symbols):
    found = batch(symbols)
    learn(model, found, 150)
    grown = model.decode(model.encode(found), max_depth=6, max_nodes=20)
    sizes = torch.bincount(grown.forest.tree).tolist()
    assert sizes == torch.bincount(found.forest.tree).tolist()
    for b in range(len(found)):
        root = int(grown.forest.roots[b])
        assert spelled(grown, root) == nested(found, b)


def spelled(grown, v):
    offset, child = grown.forest.offset.tolist(), grown.forest.child.tolist()
    below = [spelled(grown, c) for c in child[offset[v] : offset[v + 1]]]
    return int(grown.labels[v]), below


def learn(model, found, steps):
    optimizer = torch.optim.Adam(model.parameters(), lr=0.02)
    for _ in range(steps):
        optimizer.zero_grad()
        model.loss(found).backward()
        optimizer.step()


def test_a_decoded_tree_is_one_even_of_an_untrained_model(model, symbols):
    grown = model.decode(torch.randn(40, 12), max_depth=5, max_nodes=30)
    arity, word = grown.forest.arities, grown.labels < model.num_words
    whole = grown.complete[grown.forest.tree]
    assert (word == (arity == 0))[whole].all()
    offset, slot = grown.forest.offset.tolist(), grown.forest.slot.tolist()
    for v in range(grown.forest.num_nodes):  # no gap among the children
        slots = slot[offset[v] : offset[v + 1]]
        assert slots == list(range(len(slots)))


def test_limits_cut_and_tell(model):
    grown = model.decode(torch.randn(40, 12), max_depth=2, max_nodes=3)
    assert len(grown.forest.levels) <= 2
    assert not grown.complete.all()


def test_every_subtree_has_the_code_it_has_alone(model, symbols):
    found = batch(symbols)
    alone = batch(symbols, ["(NP the cat)"])
    states = model.states(found)
    same = [
        v
        for v in range(found.forest.num_nodes)
        if torch.allclose(states[v], model.encode(alone)[0])
    ]
    assert len(same) == 1


def test_a_slot_of_the_decoder_begins_as_the_turn_back_of_the_encoder():
    model = AutoEncoder(4, 1, 2, code_size=8)
    for k in range(2):
        turn = model.encoder.slot(k)[:8]
        assert_close(model.decoder.slot(k)[:8] @ turn, torch.eye(8))


def test_the_cell_is_the_same_with_and_without_known_arity():
    from treefold import Forest, fold

    cell = BindingCell(3, 6, arity=3, inner_size=4)
    torch.nn.init.normal_(cell.bias)
    regular = Forest([[], [], [], [0, 1, 2]])
    mixed = Forest([[], [], [], [0, 1, 2], [], [4]])
    x = torch.randn(6, 3)
    both = fold(cell, mixed, x).h
    assert_close(fold(cell, regular, x[:4]).h, both[:4])
    assert_close(both[5], joined(cell, x[5], [(0, both[4])]))


def test_symbols_outside_are_not_read_as_known(symbols):
    coded = symbols.code(read_nested(["(S dog a)"]))
    assert 0 in coded.token.tolist()
    assert symbols.texts(coded) == ["(S <unk> a)"]


def test_codes_do_not_depend_on_the_neighbours(model, symbols):
    together = model.encode(batch(symbols))
    alone = torch.cat([model.encode(batch(symbols, [text])) for text in TREES])
    assert_close(together, alone)
    assert np.isfinite(together.detach().numpy()).all()
