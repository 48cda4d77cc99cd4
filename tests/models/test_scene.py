"""The parser of scenes: against one piece after another; what is right in a tree."""

import importlib
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.testing import assert_close

from treefold import Forest, fold, merge
from treefold.models.scene import FORBIDDEN, SceneBatch, SceneMerge, SceneParser
from treefold.models.scene_rivals import AlikeMerge, RandomMerge

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture
def twins(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.syspath_prepend(BENCHMARKS)
    return importlib.import_module("twins.scene")


def a_row(region: list[int], features: int = 3) -> SceneBatch:
    """One image of segments in a row, with the regions they are of."""
    N, at = len(region), torch.arange(len(region))
    pixels = torch.nn.functional.one_hot(torch.tensor(region)).double() * 5
    return SceneBatch(
        torch.randn(N, features),
        torch.zeros(N, dtype=torch.int64),
        torch.stack([at[:-1], at[1:]]),
        pixels,
        torch.tensor(region),
    )


@pytest.mark.parametrize("context", [True, False])
@pytest.mark.parametrize("inner", [0, 5])
def test_loss_and_gradients_are_those_of_one_piece_after_another(twins, context, inner):
    parser = SceneParser(
        3, 4, hidden_size=6, inner_size=inner, context=context, kappa=0.3
    )
    batch = twins.some_images(3, 3, 4, 3)
    ours, theirs = parser.loss(batch), twins.loss_by_piece(parser, batch)
    parameters = [p for p in parser.parameters() if p.requires_grad]
    gradients = [
        torch.autograd.grad(loss, parameters, retain_graph=True)
        for loss in (ours, theirs)
    ]
    assert_close(ours, theirs)
    assert_close(gradients[0], gradients[1])
    assert ours.item() > 0


def test_a_piece_is_right_within_a_region_or_of_whole_ones():
    batch = a_row([0, 0, 1, 2, 2])
    state = batch.start(torch.zeros(5, 1))

    def right(*segments: int) -> bool:
        state_of = type(state)(*(field[segments[0], None] for field in state))
        for k in segments[1:]:
            other = type(state)(*(field[k, None] for field in state))
            state_of = state_of.joined(other, state_of.h)
        return bool(state_of.right)

    assert right(0)
    assert right(0, 1)
    assert right(3, 4)
    assert right(0, 1, 2)
    assert right(2, 3, 4)
    assert right(0, 1, 2, 3, 4)
    assert not right(1, 2)
    assert not right(2, 3)
    assert not right(0, 1, 2, 3)


@pytest.mark.parametrize("width", [1, 3])
@pytest.mark.parametrize("cell", ["recursive", "gated"])
def test_a_search_for_right_trees_finds_only_right_merges(twins, width, cell):
    parser = SceneParser(3, 4, hidden_size=6, cell=cell, width=width)
    batch = twins.some_images(4, 4, 4, 3)
    vectors = parser.encode(batch.features)
    found = parser.find(batch, vectors, FORBIDDEN)
    assert found.state.right.all()
    assert found.score.min() > FORBIDDEN / 2
    free = parser.find(batch, vectors)
    assert not free.state.right.all()
    # What the search carries along is what a fold over its forest makes.
    h = fold(parser.cell, found.forest, vectors, found.forest.leaves).h
    assert_close(found.state.h, h)


def test_the_loss_vanishes_where_right_merges_lead_by_the_margin():
    batch = a_row([0, 0, 1, 1])
    parser = SceneParser(3, 2, hidden_size=4, kappa=0.5)
    with torch.no_grad():
        for p in parser.parameters():
            p.zero_()
        parser.score.weight += 1
    # All scores are equal, and the first wrong merge gains the margin; as many wrong
    # merges as there are behind it may gain it too.
    lost = parser.loss(batch).item() - np.log(2)
    assert lost > 0
    assert lost == pytest.approx(0.5 * round(lost / 0.5))
    parser.kappa = 0.0
    assert parser.loss(batch).item() == pytest.approx(np.log(2))


def test_mixed_pieces_have_no_class_to_learn(twins):
    parser = SceneParser(3, 4, hidden_size=6, margin_weight=0.0, pure=1.0)
    batch = a_row([0, 1, 2])
    logits = []
    hook = parser.output.register_forward_hook(lambda m, x, y: logits.append(y))
    loss = parser.loss(batch)
    hook.remove()
    (all_logits,) = logits
    some = torch.cat([all_logits[:3], all_logits[5:8]])  # the segments of two trees
    wanted = torch.tensor([0, 1, 2, 0, 1, 2])
    assert_close(loss, torch.nn.functional.cross_entropy(some, wanted))


def test_a_batch_is_its_images_one_by_one(twins):
    parser = SceneParser(3, 4, hidden_size=6).eval()
    batch, n = twins.some_images(3, 3, 4, 3), 9
    whole = parser.parse(batch)
    for b in range(3):
        here = batch.structure == b
        edges = batch.edges[:, here[batch.edges[0]]] - b * n
        zero = torch.zeros(n, dtype=torch.int64)
        one = SceneBatch(
            batch.features[here], zero, edges, batch.pixels[here], batch.region[here]
        )
        found = parser.parse(one)
        nodes = (whole.forest.tree == b).nonzero().flatten()
        assert_close(whole.probability[nodes], found.probability)
        assert_close(whole.score[nodes], found.score)
        assert torch.equal(whole.right[nodes], found.right)


def test_probabilities_sum_to_one_and_pixels_add_up(twins):
    parser = SceneParser(3, 4, hidden_size=6, dropout=0.5)
    batch = twins.some_images(2, 3, 4, 3)
    found = parser.parse(batch)
    assert parser.training
    assert_close(found.probability.sum(dim=1), torch.ones(34))
    roots = found.forest.roots
    assert_close(found.pixels[roots].sum(dim=0), batch.pixels.sum(dim=0))


def test_an_image_of_one_segment_is_a_tree_of_one_node():
    parser = SceneParser(3, 2, hidden_size=4)
    batch = SceneBatch(
        torch.randn(1, 3),
        torch.zeros(1, dtype=torch.int64),
        torch.empty(2, 0, dtype=torch.int64),
        torch.tensor([[3.0, 1.0]]),
        torch.zeros(1, dtype=torch.int64),
    )
    assert parser.parse(batch).forest.num_nodes == 1
    assert parser.loss(batch).isfinite()


def test_pixels_of_unknown_class_teach_no_class():
    parser = SceneParser(3, 2, hidden_size=4, margin_weight=0.0)
    batch = a_row([0, 0])
    unknown = SceneBatch(
        batch.features,
        batch.structure,
        batch.edges,
        torch.zeros(2, 2),
        batch.region,
    )
    assert parser.loss(unknown).item() == 0


def test_another_cell_is_refused():
    with pytest.raises(ValueError, match='cell must be "recursive" or "gated"'):
        SceneParser(3, 2, cell="lstm")  # type: ignore[arg-type]


def test_training_finds_the_regions_of_a_pattern():
    def images(seed: int) -> SceneBatch:
        random = np.random.default_rng(seed)
        parts = []
        for b in range(12):
            cut = random.integers(2, 7)
            parts.append((b, [0] * cut + [1] * (8 - cut)))
        region = torch.tensor([r for _, row in parts for r in row])
        structure = torch.tensor([b for b, row in parts for _ in row])
        first = torch.arange(12)[:, None] * 8 + torch.arange(7)
        features = torch.nn.functional.one_hot(region, 2) + 0.3 * torch.randn(96, 2)
        edges = torch.stack([first.flatten(), first.flatten() + 1])
        pixels = torch.nn.functional.one_hot(region, 2).double()
        return SceneBatch(features, structure, edges, pixels, region)

    parser = SceneParser(2, 2, hidden_size=16)
    optimizer = torch.optim.Adam(parser.parameters(), lr=0.01)
    train, test = images(0), images(1)
    before = parser.parse(test).right[96:].double().mean()
    for _ in range(40):
        optimizer.zero_grad()
        parser.loss(train).backward()
        optimizer.step()
    found = parser.parse(test)
    assert found.right[96:].double().mean() > max(0.95, before)
    assert (found.probability[:96].argmax(dim=1) == test.region).double().mean() > 0.95


def test_alike_pieces_are_merged_first_as_ward_does():
    batch = a_row([0, 0, 0, 0])
    colour = torch.tensor([0.0, 3.0, 3.5, 9.0])[:, None].expand(4, 3)
    h = torch.cat([colour, torch.ones(4, 1)], dim=1)
    found = merge(AlikeMerge(), batch.start(h), edges=batch.edges)
    assert found.forest.child.tolist() == [1, 2, 0, 4, 5, 3]
    # 3 · 1/2 · (1/2)²: what the first merge adds to the squared distances.
    assert found.score[4].item() == pytest.approx(-3 * 0.5 * 0.25)


def test_random_merges_make_a_tree():
    batch = a_row([0, 1, 0])
    found = merge(RandomMerge(), batch.start(torch.zeros(3, 1)), edges=batch.edges)
    assert isinstance(found.forest, Forest)
    assert found.forest.num_nodes == 5


def test_a_wrong_merge_is_scored_apart(twins):
    parser = SceneParser(3, 4, hidden_size=6)
    batch = a_row([0, 0, 1])
    state = batch.start(torch.randn(3, 6))
    left, right = (type(state)(*(f[i] for f in state)) for i in ([0, 1], [1, 2]))
    _, plain = SceneMerge(parser)(left, right)
    _, bonus = SceneMerge(parser, 2.0)(left, right)
    assert_close(bonus - plain, torch.tensor([0.0, 2.0]))
