"""Additive attention: the paper's formulas, one query and one step at a time."""

import torch
from torch.testing import assert_close

from treefold.models.attention import AdditiveAttention


def case():
    attention = AdditiveAttention(3, 5, 4, 2)
    steps = torch.randn(3, 6, 5)
    lengths = torch.tensor([6, 1, 4])
    return attention, torch.randn(3, 3), steps, lengths


def test_attention_agrees_with_a_loop_over_queries_and_steps():
    attention, queries, steps, lengths = case()
    mask = torch.arange(6) < lengths[:, None]
    means, weights = attention(queries, attention.remember(steps, mask))
    for b, (query, length) in enumerate(zip(queries, lengths.tolist(), strict=True)):
        energies = []
        for j in range(length):
            compared = attention.query(query) + attention.key.weight @ steps[b, j]
            energies.append((attention.score.weight @ compared.tanh()).squeeze())
        shares = [e.exp() / sum(o.exp() for o in energies) for e in energies]
        # The paper's context is a mean of the steps; V_a comes after.
        context = sum(a * steps[b, j] for j, a in enumerate(shares))
        assert_close(means[b], attention.value.weight @ context)
        assert_close(weights[b, :length], torch.stack(shares))
        assert not weights[b, length:].any()


def test_what_stands_at_padding_changes_nothing_and_gets_no_gradient():
    attention, queries, steps, lengths = case()
    mask = torch.arange(6) < lengths[:, None]
    other = steps.masked_fill(~mask[:, :, None], 7.0).requires_grad_()
    means, _ = attention(queries, attention.remember(other, mask))
    assert_close(means, attention(queries, attention.remember(steps, mask))[0])
    (gradient,) = torch.autograd.grad(means.square().sum(), other)
    assert not gradient[~mask].any()
    assert gradient[mask].any(dim=-1).all()


def test_a_memory_can_be_cut_and_reordered():
    attention, queries, steps, lengths = case()
    memory = attention.remember(steps, torch.arange(6) < lengths[:, None])
    means, _ = attention(queries, memory)
    assert_close(attention(queries[:2], memory.first(2))[0], means[:2])
    rows = torch.tensor([2, 0, 2])
    assert_close(attention(queries[rows], memory.select(rows))[0], means[rows])
