"""The encoder-decoder: training and writing are the same steps."""

import numpy as np
import torch
from torch.testing import assert_close

from treefold.data.pair_batches import collate_pairs, collate_sources
from treefold.data.sequences import Sequences
from treefold.models.seq2seq import DecoderState, Seq2Seq, WritingStep
from treefold.unfolding import Beam, Greedy, sequences

END = 1
SOURCES = Sequences.of([[3, 4, 1], [5, 1], [2, 2, 4, 3, 1], [4, 5, 1]])
TARGETS = Sequences.of([[4, 1], [2, 3, 5, 1], [3, 3, 1], [5, 1]])
ALL = np.arange(4)


def model(**options):
    options = {"embedding_size": 4, "encoder_size": 3, "decoder_size": 5} | options
    return Seq2Seq(6, 6, **options).eval()


def test_teacher_forcing_adds_up_the_log_probabilities_of_single_steps():
    net = model()
    step = WritingStep(net.decoder)
    together = net.log_probability(collate_pairs(SOURCES, TARGETS, ALL))
    order = collate_pairs(SOURCES, TARGETS, ALL).numbers
    for k, number in enumerate(order):
        state, memory = net.encode(collate_sources(SOURCES, np.array([number])))
        previous, total, zero = torch.tensor([-1]), 0.0, torch.tensor([0])
        for label in TARGETS[number].tolist():
            decision = step(state, previous, zero, zero, memory)
            total += decision.logits.log_softmax(-1)[0, label]
            previous, state = torch.tensor([label]), decision.state
        assert_close(together[k], total)


def test_the_score_of_what_is_written_is_its_teacher_forced_log_probability():
    net = model()
    written = net.write(collate_sources(SOURCES, ALL), max_length=8, search=Greedy())
    answers = [s.tolist() for s in sequences(written.forest, written.labels)]
    pairs = collate_pairs(SOURCES, Sequences.of(answers), ALL)
    assert_close(written.score[pairs.numbers], net.log_probability(pairs))


def test_a_beam_of_one_is_greedy_and_a_wider_one_never_less_probable():
    torch.manual_seed(3)
    net = model()
    sources = collate_sources(SOURCES, ALL)
    greedy, one, five = (
        net.write(sources, max_length=6, search=search)
        for search in (Greedy(), Beam(1), Beam(30))
    )
    assert greedy.labels.tolist() == one.labels.tolist()
    assert_close(greedy.score, one.score)
    done = greedy.complete & five.complete
    assert (five.score[done] >= greedy.score[done] - 1e-9).all()


def test_the_loss_is_the_mean_over_tokens_whatever_the_batch():
    net = model()
    whole = net.loss(collate_pairs(SOURCES, TARGETS, ALL)) * len(TARGETS.step)
    parts = [
        net.loss(collate_pairs(SOURCES, TARGETS, np.array([n]))) * len(TARGETS[n])
        for n in ALL
    ]
    assert_close(whole, sum(parts))


def test_the_gradient_reaches_every_parameter():
    net = model(num_layers=2)
    net.loss(collate_pairs(SOURCES, TARGETS, ALL)).backward()
    for name, parameter in net.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.to_dense().any(), name


def test_attention_weights_are_one_distribution_for_each_token_of_each_pair():
    net = model()
    pairs = collate_pairs(SOURCES, TARGETS, ALL)
    for number, weights in zip(pairs.numbers, net.attention(pairs), strict=True):
        assert weights.shape == (len(TARGETS[number]), len(SOURCES[number]))
        assert_close(weights.sum(dim=1), torch.ones(len(weights)))
        alone = net.attention(collate_pairs(SOURCES, TARGETS, np.array([number])))
        assert_close(weights, alone[0])


def test_in_bfloat16_the_loss_is_about_the_same():
    net = model().float()
    pairs = collate_pairs(SOURCES, TARGETS, ALL)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        rough = net.loss(pairs)
    assert_close(rough.float(), net.loss(pairs), rtol=0.02, atol=0.02)


def test_the_state_fed_on_is_part_of_what_the_next_step_sees():
    net = model()
    state, memory = net.encode(collate_sources(SOURCES, ALL))
    x = net.decoder.project(torch.full((4,), END))
    changed = DecoderState(state.h, state.c, state.feed + 1)
    before, _ = net.decoder.advance(x, state, memory)
    after, _ = net.decoder.advance(x, changed, memory)
    assert not torch.allclose(before.h, after.h)
