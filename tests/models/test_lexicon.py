"""IBM Model 1: it finds who stands for whom, and does what the formulas say."""

from itertools import pairwise

from treefold.models.lexicon import Lexicon

SOURCES = [["the", "house"], ["the", "book"], ["a", "book"]]
TARGETS = [["das", "haus"], ["das", "buch"], ["ein", "buch"]]


def test_words_that_never_stood_alone_are_told_apart():
    lexicon = Lexicon(SOURCES, TARGETS)
    assert lexicon.translate(["the", "book"]) == ["das", "buch"]
    assert lexicon.translate(["a", "house"]) == ["ein", "haus"]


def test_a_word_that_was_never_seen_stays():
    assert Lexicon(SOURCES, TARGETS).translate(["the", "Xylograph"])[1] == "Xylograph"


def test_iterations_agree_with_a_loop_over_sentences():
    t = {}
    for source, target in zip(SOURCES, TARGETS, strict=True):
        t |= {(f, e): 1.0 for e in ["", *source] for f in target}
    for iterations in range(1, 4):
        count = dict.fromkeys(t, 0.0)
        for source, target in zip(SOURCES, TARGETS, strict=True):
            for f in target:
                total = sum(t[f, e] for e in ["", *source])
                for e in ["", *source]:
                    count[f, e] += t[f, e] / total
        totals = {e: sum(c for (_, o), c in count.items() if o == e) for _, e in t}
        t = {(f, e): c / totals[e] for (f, e), c in count.items()}
        found = Lexicon(SOURCES, TARGETS, iterations).best
        for word, translation in found.items():
            best = max(p for (_, e), p in t.items() if e == word)
            assert t[translation, word] > best - 1e-12


def test_more_iterations_make_the_right_word_no_less_likely_to_win():
    right = {"the": "das", "house": "haus", "book": "buch", "a": "ein"}
    hits = [
        sum(Lexicon(SOURCES, TARGETS, n).best[e] == f for e, f in right.items())
        for n in (2, 4, 8)
    ]
    assert all(a <= b for a, b in pairwise(hits))
    assert hits[-1] == 4
