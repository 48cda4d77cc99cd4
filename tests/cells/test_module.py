"""Any module as a node function."""

import torch
from torch import nn
from torch.testing import assert_close

from treefold import Forest, fold
from treefold.cells import ModuleCell


def test_the_module_sees_x_and_the_children_in_order_and_zeros_for_those_missing():
    cell = ModuleCell(nn.Linear(3 + 2 * 4, 4), 3, 4)
    x = torch.randn(3, 3)
    h = fold(cell, Forest([[], [0], [1, 0]]), x).h

    def f(*parts):
        return cell.module(torch.cat(parts))

    zero = torch.zeros(4)
    first = f(x[0], zero, zero)
    second = f(x[1], first, zero)
    assert_close(h, torch.stack([first, second, f(x[2], second, first)]))
