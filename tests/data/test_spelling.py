"""How words are spelt, as features of nodes."""

import numpy as np

from treefold.data.documents import Content, Document, Documents
from treefold.data.pieces import buckets, spelling
from treefold.data.schema import Schema


def words(*texts):
    document = Document()
    document.add(-1, "sentence")
    for text in texts:
        document.add(0, "word", text=text)
    return Documents.of([document])


def test_ends_tell_of_a_word_that_was_never_seen():
    known, new, other = (set(spelling(w)) for w in ("walking", "grokking", "Otter"))
    assert known & new == {"g>", "ng>", "ing>", "king>", "=x"}
    assert not known & other


def test_capitals_are_seen_in_the_shape_alone():
    assert spelling("Light")[:-1] == spelling("light")[:-1]
    assert [spelling(w)[-1] for w in ("Light", "light", "B2B", "")] == [
        "=Xx",
        "=x",
        "=X0X",
        "=",
    ]


def test_spelling_is_a_use_of_fields_with_texts_that_can_be_edited_away():
    found = words("Light", "light", "light")
    plain = Schema.learn(found)
    spelt = Schema.learn(found, spelling=True)
    uses = {f.kind: f.use for f in spelt.fields}
    assert "spelling" in uses["word"]
    assert "spelling" not in uses["sentence"]
    assert Schema.from_json(spelt.to_json()) == spelt
    contents = [Content("word", text="Light"), Content("word", text="light")]
    upper, lower = (
        set(spelt.encode([c]).index.tolist()) ^ set(plain.encode([c]).index.tolist())
        for c in contents
    )
    assert upper != lower


def test_fields_unknown_to_training_are_spelt_where_others_are():
    new = [Content("name", text="Walking")]
    found = words("Light", "light")
    plain = Schema.learn(found).encode(new)
    spelt = Schema.learn(found, spelling=True).encode(new)
    assert len(spelt.index) > len(plain.index)
    np.testing.assert_allclose(sum(w * w for w in buckets("Walking", 64).values()), 1)
