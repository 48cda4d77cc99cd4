"""The plain recursive cell, against numbers worked out by hand."""

import pytest
import torch
from torch.testing import assert_close

from treefold import Children, Forest, State, fold
from treefold.cells import RecursiveCell, RNTNCell

# Nodes 0 to 3 are leaves; 4 is over 0 and 1, 5 over 2 and 3, 6 over 4 and 5.
PAIRS = Forest([[], [], [], [], [0, 1], [2, 3], [4, 5]])


def test_two_steps_worked_out_by_hand():
    # Scalars, W = [2, 3], b = 1, f the identity, leaves 1 2 3 4:
    #   h4 = 2·1 + 3·2 + 1 = 9,   h5 = 2·3 + 3·4 + 1 = 19,   h6 = 2·9 + 3·19 + 1 = 76.
    # For the output h6, δ6 = 1, δ4 = 2, δ5 = 3 (W times δ6), hence
    #   dW = δ4·[1, 2] + δ5·[3, 4] + δ6·[9, 19] = [2+9+9, 4+12+19] = [20, 35],
    #   db = 2 + 3 + 1 = 6,   dx = [2·δ4, 3·δ4, 2·δ5, 3·δ5] = [4, 6, 6, 9].
    cell = RecursiveCell(1, 1, activation="identity")
    with torch.no_grad():
        cell.weight_hh.copy_(torch.tensor([[2.0, 3.0]]))
        cell.bias.fill_(1.0)
    x = torch.tensor([[1.0], [2.0], [3.0], [4.0]], requires_grad=True)
    h = fold(cell, PAIRS, x, nodes=PAIRS.leaves).h
    assert h.flatten().tolist() == [1, 2, 3, 4, 9, 19, 76]
    h[6].sum().backward()
    assert x.grad is not None
    assert cell.weight_hh.grad is not None
    assert cell.bias.grad is not None
    assert cell.weight_hh.grad.tolist() == [[20.0, 35.0]]
    assert cell.bias.grad.tolist() == [6.0]
    assert x.grad.flatten().tolist() == [4.0, 6.0, 6.0, 9.0]


def test_the_recursive_layer_of_two_steps_matches_finite_differences():
    # Children (1, 2) and (3, 4), then (5, 6): the output summed, f the identity.
    cell = RecursiveCell(3, 3, activation="identity")
    leaves = torch.randn(4, 3)

    def loss():
        return fold(cell, PAIRS, leaves, nodes=PAIRS.leaves).h[6].sum()

    loss().backward()
    step = 1e-4
    for parameter in cell.parameters():
        assert parameter.grad is not None
        flat, grad = parameter.data.view(-1), parameter.grad.flatten()
        for i in range(len(flat)):
            kept = flat[i].item()
            flat[i] = kept + step
            above = loss().item()
            flat[i] = kept - step
            below = loss().item()
            flat[i] = kept
            assert abs((above - below) / (2 * step) - grad[i].item()) < 1e-6


@pytest.mark.parametrize("activation", ["tanh", "relu", "identity"])
@pytest.mark.parametrize("arity", [None, 2, 3])
@pytest.mark.parametrize("kind", ["state", "affine"])
def test_it_is_the_papers_equation(kind, arity, activation):
    H, W_x = 3, None
    cell = RecursiveCell(H, H, arity=arity, activation=activation, input=kind)
    f = {"tanh": torch.tanh, "relu": torch.relu, "identity": lambda v: v}[activation]
    x, h = torch.randn(2, H), torch.randn(2, H)
    W, b, W_x = cell.weight_hh, torch.nn.init.normal_(cell.bias), cell.weight_ih
    children = Children(State(h), torch.tensor([0, 0]), torch.tensor([0, 1]), 2)
    got = cell(cell.project(x), children).h
    own = [torch.zeros(H)] * 2 if W_x is None else [W_x @ x[0], W_x @ x[1]]
    if arity is None:
        parent = f(W @ (h[0] + h[1]) + own[0] + b)
    else:
        parent = f(W[:, :H] @ h[0] + W[:, H : 2 * H] @ h[1] + own[0] + b)
    leaf = x[1] if W_x is None else f(own[1] + b)
    assert_close(got, torch.stack([parent, leaf]))


@pytest.mark.parametrize("kind", ["state", "affine"])
@pytest.mark.parametrize("slot", [0, 1, 2])
def test_one_child_meets_the_weights_of_its_slot(kind, slot):
    many = RecursiveCell(4, 4, arity=3, input=kind)
    torch.nn.init.normal_(many.weight_hh)
    one = RecursiveCell(4, 4, arity=1, input=kind)
    one.load_state_dict(
        many.state_dict() | {"weight_hh": many.weight_hh[:, 4 * slot : 4 * slot + 4]}
    )
    forest = Forest.from_csr([0, 0, 1], [0], slot=[slot])
    nodes = forest.leaves if kind == "state" else None
    x = torch.randn(1 if kind == "state" else 2, 4)
    wanted = fold(one, Forest([[], [0]]), x, nodes).h
    assert_close(fold(many, forest, x, nodes).h, wanted)


@pytest.mark.parametrize("kind", ["state", "affine"])
def test_an_rntn_without_its_tensor_is_the_plain_net(kind):
    plain, rntn = RecursiveCell(4, 4, input=kind), RNTNCell(4, 4, input=kind)
    torch.nn.init.normal_(plain.bias)
    state = plain.state_dict() | {"tensor": torch.zeros_like(rntn.tensor)}
    rntn.load_state_dict(state)
    nodes = PAIRS.leaves if kind == "state" else None
    x = torch.randn(4 if kind == "state" else 7, 4, requires_grad=True)
    one, other = (fold(cell, PAIRS, x, nodes).h for cell in (plain, rntn))
    assert_close(one, other)
    for name, parameter in plain.named_parameters():
        assert_close(
            torch.autograd.grad(one.sin().sum(), parameter, retain_graph=True),
            torch.autograd.grad(
                other.sin().sum(), rntn.get_parameter(name), retain_graph=True
            ),
        )


def test_what_it_cannot_be_is_told():
    with pytest.raises(ValueError, match="one of tanh, relu, identity, got 'sine'"):
        RecursiveCell(3, 3, activation="sine")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match='"state" or "affine", got \'both\''):
        RecursiveCell(3, 3, input="both")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"input_size \(3\) must equal hidden_size"):
        RecursiveCell(3, 4)
