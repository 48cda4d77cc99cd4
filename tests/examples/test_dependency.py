"""The example of dependency trees, on few sentences."""

import importlib.util
import random
import sys
from pathlib import Path
from types import ModuleType
from xml.etree import ElementTree

from treefold.cli.app import main
from treefold.data.errors import DataError
from treefold.data.readers.conllu_text import Word, sentences

FOLDER = Path(__file__).parents[2] / "examples" / "dependency"


def example(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, FOLDER / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def read(text: str | bytes) -> list[list[Word]]:
    content = text.encode() if isinstance(text, str) else text
    found = list(sentences(content, "file"))
    good = [each for each in found if not isinstance(each, DataError)]
    assert len(good) == len(found)
    return good


def test_sentences_are_made_learned_tagged_and_drawn(tmp_path, capsys, monkeypatch):
    made, drawn = example("make_sentences"), example("draw_tags")
    monkeypatch.setattr(made, "FILES", {"train": 60, "dev": 20, "test": 20})
    data, run = tmp_path / "sentences", tmp_path / "run"
    made.main(data)
    flags = ["--format", "conllu-bare", "--passes", "up down", "--epochs", "12"]
    sizes = "--hidden_size 16 --input_size 16 --batch_size 8 --learning_rate 0.02"
    assert main(["train", str(data), *flags, *sizes.split(), "--out", str(run)]) == 0

    gold, told = data / "test.conllu", tmp_path / "told.conllu"
    assert main(["predict", str(run), str(gold), "--out", str(told)]) == 0
    words = [
        [(word.fields["form"], word.fields["head"]) for word in each]
        for each in read(gold.read_bytes())
    ]
    tags = read(told.read_bytes())
    assert [[(w.fields["form"], w.fields["head"]) for w in s] for s in tags] == words
    annotated = read(gold.read_bytes())
    pairs = [
        (one.text("upos"), other.text("upos"))
        for sentence, same in zip(annotated, tags, strict=True)
        for one, other in zip(sentence, same, strict=True)
    ]
    assert sum(a == b for a, b in pairs) > 0.7 * len(pairs)

    drawn.main(str(gold), str(told), str(tmp_path / "tree.svg"), "1")
    root = ElementTree.parse(tmp_path / "tree.svg").getroot()
    texts = [text.text for text in root.iter("{http://www.w3.org/2000/svg}text")]
    assert [form for form, _ in words[0]] == [t for t in texts if t in dict(words[0])]
    assert root.find("{http://www.w3.org/2000/svg}title") is not None


def test_a_wrong_tag_is_marked_by_more_than_colour(tmp_path):
    drawn = example("draw_tags")
    row = "1\tGo\t_\t{}\t_\t_\t0\troot\t_\t_\n\n"
    for name, tag in (("gold", "VERB"), ("told", "NOUN")):
        (tmp_path / name).write_text(row.format(tag))
    drawn.main(*(str(tmp_path / name) for name in ("gold", "told", "out.svg")))
    picture = (tmp_path / "out.svg").read_text()
    assert "✗ is VERB" in picture
    assert "Go told NOUN, annotated VERB" in picture


def test_the_sentences_are_trees_whose_words_are_ambiguous():
    made = example("make_sentences")
    text = "".join(made.conllu(made.sentence(random.Random(k))) for k in range(50))
    tags = {(w.fields["form"], w.text("upos")) for each in read(text) for w in each}
    assert {tag for form, tag in tags if form == "light"} >= {"NOUN", "VERB", "ADJ"}
