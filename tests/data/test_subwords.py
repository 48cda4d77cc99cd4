"""Texts cut into pieces and put together again."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from treefold.data.errors import DataError
from treefold.data.subwords import END, SPACE, Subwords, Tokenizer, cut, join

TEXTS = ["low low low low low", "lower lower", "newest " * 6, "widest " * 3]


@given(st.text(st.characters(exclude_characters=SPACE, exclude_categories=["Cs"])))
def test_a_text_that_is_cut_is_put_together_again_with_single_spaces(text):
    assert join(cut(text)) == " ".join(text.split())


@given(st.lists(st.text("abc .,-ß'", max_size=12), max_size=6), st.text("abcdß .,'"))
def test_pieces_make_the_text_again_whatever_was_learned(texts, text):
    pieces = Subwords.learn(texts, 20).encode(text)
    assert join(pieces) == " ".join(text.split())


def test_marks_are_words_of_their_own_and_keep_their_space():
    assert cut("Well - (the dog's).") == [
        *("▁Well", "▁-", "▁(", "the", "▁dog", "'", "s", ")", ".")
    ]


def test_merges_are_learned_as_the_paper_does_it():
    def naive(texts, num_merges):
        """Sennrich's Algorithm 1, with a word's space at its first letter."""
        words = Counter(word for text in texts for word in cut(text))
        pieces = {word: [word[:2], *word[2:]] for word in words}
        merges = []
        for _ in range(num_merges):
            pairs = Counter()
            for word, parts in pieces.items():
                for k in range(len(parts) - 1):
                    pairs[parts[k], parts[k + 1]] += words[word]
            if not pairs or max(pairs.values()) < 2:
                break
            best = min(pairs, key=lambda pair: (-pairs[pair], pair))
            merges.append(best)
            for parts in pieces.values():
                k = 0
                while k < len(parts) - 1:
                    if (parts[k], parts[k + 1]) == best:
                        parts[k : k + 2] = ["".join(best)]
                    k += 1
        return tuple(merges)

    texts = [*TEXTS, "banana bandana anagram", "aaaa aaa aaaaa"]
    assert Subwords.learn(texts, 60).merges == naive(texts, 60)


def test_a_rare_pair_is_not_learned_and_zero_merges_leave_words_whole():
    assert Subwords.learn(["abc abd"], 9).merges == (("▁a", "b"),)
    assert Subwords.learn(["abc abd"], 0).encode("abc, x") == ["▁abc", ",", "▁x"]


def test_a_tokenizer_gives_numbers_and_takes_them_back():
    tokenizer = Tokenizer.learn(TEXTS, 50)
    numbers = tokenizer.encode("newest low")
    assert numbers[-1] == 1
    assert tokenizer.pieces(numbers)[-1] == END
    assert tokenizer.decode(numbers) == "newest low"
    assert Tokenizer.from_dict(tokenizer.to_dict()) == tokenizer


def test_what_is_unknown_rare_or_too_long_is_so_by_number():
    tokenizer = Tokenizer.learn(TEXTS, 0, min_count=3)
    assert tokenizer.encode("low lower widest").tolist()[1] == 0
    assert len(tokenizer.encode("low " * 9, most=4)) == 5


def test_the_end_is_never_a_word_of_a_text():
    tokenizer = Tokenizer.learn([END, END], 50)
    assert tokenizer.encode(END).tolist().count(1) == 1
    assert tokenizer.decode(tokenizer.encode(END)) == END


@pytest.mark.parametrize("values", [{}, {"merges": ["abc"], "words": ["<unk>"]}])
def test_something_else_than_a_tokenizer_is_told(values):
    with pytest.raises(DataError, match="expected merges and words"):
        Tokenizer.from_dict(values)
