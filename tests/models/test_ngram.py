"""n-grams: probabilities that add up, and the papers' formulas written plainly."""

from collections import Counter, defaultdict

import numpy as np
import pytest

from treefold.models.ngram import NGram

C = 4


def sequences(seed, count):
    """Sequences of 0..C-1 that end in C-1, as symbols and offsets."""
    random = np.random.default_rng(seed)
    each = [
        [*random.choice(C - 1, random.integers(1, 7), p=[0.6, 0.3, 0.1]), C - 1]
        for _ in range(count)
    ]
    return np.concatenate(each), np.cumsum([0, *map(len, each)]), each


@pytest.mark.parametrize("smoothing", ["kneser-ney", "witten-bell"])
@pytest.mark.parametrize("order", [1, 2, 4])
def test_probabilities_after_any_context_add_up_to_one(smoothing, order):
    symbols, offset, _ = sequences(0, 30)
    model = NGram(order, C, smoothing).fit(symbols, offset)
    for context in ([], [0], [2, 2], [0, 1, 0], [2, 2, 2, 2], [3, 3, 3]):
        p = [
            np.exp(
                model.log_probability(np.array([*context, w]), [0, len(context) + 1])
            )
            for w in range(C)
        ]
        assert sum(each[-1] for each in p) == pytest.approx(1)


def witten_bell(each, order):
    """Write the recursion down, one symbol at a time, with dictionaries."""
    count = defaultdict(Counter)
    for sequence in each:
        padded = ["begin"] * order + sequence
        for t in range(order, len(padded)):
            for k in range(order):
                count[tuple(padded[t - k : t])][padded[t]] += 1

    def probability(context, w):
        shorter = 1 / C if not context else probability(context[1:], w)
        if context and context not in count:
            return shorter
        seen = count[context]
        total, distinct = sum(seen.values()), len(seen)
        return (seen[w] + distinct * shorter) / (total + distinct)

    return probability


def kneser_ney(each, order):
    """The same for Kneser-Ney, as Chen & Goodman write it in Sec. 3."""
    grams = Counter()
    for sequence in each:
        padded = ["begin"] * (order - 1) + sequence
        for t in range(order - 1, len(padded)):
            grams[tuple(padded[t - order + 1 : t + 1])] += 1
    count = {order: grams}
    for k in range(order - 1, 0, -1):
        occurs, stands = Counter(), defaultdict(set)
        for gram, n in grams.items():
            occurs[gram[-k:]] += n
            stands[gram[-k:]].add(gram[-k - 1])
        count[k] = Counter(
            {
                gram: n if gram[0] == "begin" else len(stands[gram])
                for gram, n in occurs.items()
            }
        )
    taken = {}
    for k, seen in count.items():
        n = Counter(seen.values())
        y = n[1] / (n[1] + 2 * n[2]) if n[1] and n[2] else 0.5
        d = [0.0] + [c - (c + 1) * y * n[c + 1] / max(n[c], 1) for c in (1, 2, 3)]
        good = [c > 0 and 0 < d[c] < c for c in range(4)]
        taken[k] = [0.0] + [d[c] if good[c] else y for c in (1, 2, 3)]

    def probability(context, w):
        k = len(context) + 1
        shorter = 1 / C if k == 1 else probability(context[1:], w)
        after = {g[-1]: c for g, c in count[k].items() if g[:-1] == context}
        if not after:
            return shorter
        total = sum(after.values())
        rest = sum(taken[k][min(c, 3)] for c in after.values()) / total
        c = after.get(w, 0)
        return (c - taken[k][min(c, 3)]) / total + rest * shorter

    return probability


@pytest.mark.parametrize("order", [1, 2, 3, 5])
@pytest.mark.parametrize(
    ("smoothing", "plainly"), [("witten-bell", witten_bell), ("kneser-ney", kneser_ney)]
)
def test_it_is_the_formula_written_plainly(smoothing, plainly, order):
    symbols, offset, each = sequences(1, 60)
    probability = plainly(each, order)
    unseen, places, sentences = sequences(2, 20)
    expected = []
    for sentence in sentences:
        padded = ["begin"] * (order - 1) + sentence
        for t in range(order - 1, len(padded)):
            expected.append(probability(tuple(padded[t - order + 1 : t]), padded[t]))
    model = NGram(order, C, smoothing).fit(symbols, offset)
    found = np.exp(model.log_probability(unseen, places))
    np.testing.assert_allclose(found, expected, rtol=1e-10)


def test_a_symbol_never_seen_has_a_probability_all_the_same():
    model = NGram(3, 5).fit(np.array([0, 1, 0, 1]), np.array([0, 4]))
    log_p = model.log_probability(np.array([4, 4]), [0, 2])
    assert np.isfinite(log_p).all()


@pytest.mark.parametrize(
    ("symbols", "message"), [([0, 5], r"0\.\.3, got 0 to 5"), ([], "got none")]
)
def test_symbols_that_cannot_be_counted_are_told(symbols, message):
    with pytest.raises(ValueError, match=message):
        NGram(2, C).fit(np.array(symbols, np.int64), np.array([0, len(symbols)]))


@pytest.mark.parametrize("smoothing", ["kneser-ney", "witten-bell"])
def test_no_symbol_is_impossible_where_few_counts_give_no_discount(smoothing):
    symbols = np.array([0, 1] * 9 + [0, 2] * 9)  # no gram occurs once
    model = NGram(3, C, smoothing).fit(symbols, np.array([0, len(symbols)]))
    assert np.isfinite(model.log_probability(np.arange(C), [0, C])).all()


def test_an_order_of_nothing_is_told():
    with pytest.raises(ValueError, match="order and num_symbols must be at least 1"):
        NGram(0, C)
