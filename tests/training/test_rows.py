"""Steps on few rows against torch's dense ones."""

import pytest
import torch
from torch.testing import assert_close

from treefold.training import rows as by_row
from treefold.training.rows import RowAdagrad, RowAdam, RowOptimizer, RowSGD, distinct

RATE = 0.1
MOMENTS = ("mean", "square")


@pytest.fixture(params=["compiled", "gathered"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param == "gathered":  # as on devices other than the CPU
        monkeypatch.setattr(by_row, "compiled", lambda table: False)


def gradients(touched: list[list[int]]) -> list[tuple[torch.Tensor, torch.Tensor]]:
    return [(torch.tensor(rows), torch.randn(len(rows), 3)) for rows in touched]


def dense_steps(optimizer: torch.optim.Optimizer, table: torch.Tensor, found) -> None:
    for rows, gradient in found:
        table.grad = torch.zeros_like(table).index_add_(0, rows, gradient)
        optimizer.step()


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize(
    ("ours", "theirs"),
    [(RowSGD, torch.optim.SGD), (RowAdagrad, torch.optim.Adagrad)],
)
def test_steps_on_rows_are_the_dense_ones(ours, theirs, dtype) -> None:
    torch.set_default_dtype(dtype)
    table = torch.randn(6, 3)
    dense = table.clone().requires_grad_()
    found = gradients([[0, 3], [3, 5], [1], [0, 2, 3]])
    optimizer = ours(table)
    for rows, gradient in found:
        optimizer.step(rows, gradient, RATE)
    dense_steps(theirs([dense], RATE), dense, found)
    assert_close(table, dense.detach())
    assert table.dtype == dtype


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_adam_on_all_rows_is_the_dense_one(dtype) -> None:
    torch.set_default_dtype(dtype)
    table = torch.randn(2, 3)
    dense = table.clone().requires_grad_()
    found = gradients([[0, 1]] * 5)
    optimizer = RowAdam(table)
    for rows, gradient in found:
        optimizer.step(rows, gradient, RATE)
    dense_steps(torch.optim.Adam([dense], RATE), dense, found)
    assert_close(table, dense.detach())


@pytest.mark.usefixtures("way")
def test_moments_rest_while_a_row_is_not_touched() -> None:
    table = torch.randn(3, 3)
    optimizer = RowAdam(table)
    (a, b, c) = gradients([[0, 1], [1], [0, 1]])
    optimizer.step(*a, RATE)
    before = [table[0].clone(), *(optimizer.memory[k][0].clone() for k in MOMENTS)]
    optimizer.step(*b, RATE)
    after = [table[0], *(optimizer.memory[k][0] for k in MOMENTS)]
    assert_close(after, before, rtol=0, atol=0)
    optimizer.step(*c, RATE)
    mean = 0.9 * before[1] + 0.1 * c[1][0]
    assert_close(optimizer.memory["mean"][0], mean)
    assert int(optimizer.memory["steps"]) == 3


@pytest.mark.parametrize("kind", [RowSGD, RowAdagrad, RowAdam])
def test_both_ways_remember_and_move_alike(
    kind: type[RowOptimizer], monkeypatch: pytest.MonkeyPatch
) -> None:
    start = torch.randn(40, 3)
    found = gradients([[0, 7, 39], [2, 7], []])
    ways = []
    for compiled in (True, False):
        monkeypatch.setattr(by_row, "compiled", lambda table, way=compiled: way)
        optimizer = kind(start.clone())
        for rows, gradient in found:
            optimizer.step(rows.long(), gradient, RATE)
        ways.append({"table": optimizer.table, **optimizer.memory})
    assert_close(ways[0], ways[1])


def test_gradients_of_several_batches_are_added_by_row() -> None:
    table = torch.nn.Embedding(5, 3, sparse=True)
    one = torch.tensor([1, 4])
    table(one).sum().backward()
    gradient = table.weight.grad
    assert gradient is not None
    rows, values = distinct(gradient)
    assert rows.tolist() == [1, 4]
    assert values.data_ptr() == gradient._values().data_ptr()
    (2 * table(torch.tensor([0, 4]))).sum().backward()
    gradient = table.weight.grad
    assert gradient is not None
    rows, values = distinct(gradient)
    assert rows.tolist() == [0, 1, 4]
    assert values[:, 0].tolist() == [2, 1, 3]
