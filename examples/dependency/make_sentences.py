"""Sentences with their dependency trees, as train, dev and test files in CoNLL-U.

python examples/dependency/make_sentences.py sentences

The words are ambiguous on purpose: a saw or she saw, a light lamp or light it, to fish
for a fish. What a word is, its place in the tree tells.
"""

import random
import sys
from dataclasses import dataclass, field
from pathlib import Path

NOUNS = [
    "saw",
    "watch",
    "fish",
    "plant",
    "light",
    "can",
    "park",
    "guard",
    "clean-up",
    "baker",
    "lamp",
    "letter",
]
VERBS = [
    "saw",
    "watch",
    "fish",
    "plant",
    "light",
    "can",
    "park",
    "guard",
    "clean",
    "opened",
    "painted",
    "followed",
]
ADJECTIVES = ["light", "clean", "open", "old", "quiet", "little", "narrow"]
ADVERBS = ["slowly", "quickly", "often", "today"]
PLACES = ["in", "near", "under", "behind"]
PEOPLE = ["she", "he", "they", "we"]
FILES = {"train": 400, "dev": 100, "test": 100}


@dataclass
class Word:
    """A word, its part of speech, its relation, and the words on its sides."""

    form: str
    tag: str
    relation: str
    before: list["Word"] = field(default_factory=list)
    after: list["Word"] = field(default_factory=list)


def thing(random: random.Random, relation: str, depth: int = 0) -> Word:
    """Make a person, or a noun with what belongs to it."""
    if random.random() < 0.3:
        return Word(random.choice(PEOPLE), "PRON", relation)
    noun = Word(random.choice(NOUNS), "NOUN", relation)
    noun.before.append(Word(random.choice(["the", "a", "every"]), "DET", "det"))
    if random.random() < 0.4:
        noun.before.append(Word(random.choice(ADJECTIVES), "ADJ", "amod"))
    if random.random() < 0.2:
        noun.before.append(Word(random.choice(NOUNS), "NOUN", "compound"))
    if depth < 2 and random.random() < 0.25:
        noun.after.append(place(random, "nmod", depth + 1))
    return noun


def place(random: random.Random, relation: str, depth: int) -> Word:
    """Make a thing with a preposition."""
    found = thing(random, relation, depth)
    found.before.insert(0, Word(random.choice(PLACES), "ADP", "case"))
    return found


def clause(random: random.Random, relation: str, depth: int = 0) -> Word:
    """Make a verb with its subject, its object and more."""
    if depth < 2 and random.random() < 0.25:
        verb = Word(random.choice(["said", "knew"]), "VERB", relation)
        verb.before.append(thing(random, "nsubj"))
        inside = clause(random, "ccomp", depth + 1)
        inside.before.insert(0, Word("that", "SCONJ", "mark"))
        verb.after.append(inside)
        return verb
    verb = Word(random.choice(VERBS), "VERB", relation, [thing(random, "nsubj")])
    if random.random() < 0.3:
        verb.before.append(Word(random.choice(["can", "will"]), "AUX", "aux"))
    if random.random() < 0.3:
        verb.before.append(Word(random.choice(ADVERBS), "ADV", "advmod"))
    if random.random() < 0.8:
        verb.after.append(thing(random, "obj"))
    if random.random() < 0.4:
        verb.after.append(place(random, "obl", 0))
    return verb


def sentence(random: random.Random) -> Word:
    """Make a clause with a full stop."""
    root = clause(random, "root")
    root.after.append(Word(".", "PUNCT", "punct"))
    return root


def conllu(root: Word) -> str:
    """Write a tree, its words from left to right."""
    order: list[tuple[Word, Word | None]] = []

    def walk(word: Word, head: Word | None) -> None:
        for other in word.before:
            walk(other, word)
        order.append((word, head))
        for other in word.after:
            walk(other, word)

    walk(root, None)
    number = {id(word): k for k, (word, _) in enumerate(order, 1)}
    lines = []
    for k, (word, head) in enumerate(order, 1):
        above = number[id(head)] if head else 0
        row = [k, word.form, "_", word.tag, "_", "_", above, word.relation, "_", "_"]
        lines.append("\t".join(map(str, row)))
    text = " ".join(word.form for word, _ in order)
    return "\n".join([f"# text = {text}", *lines]) + "\n\n"


def main(folder: Path) -> None:
    """Write the three files."""
    chance = random.Random(0)
    folder.mkdir(parents=True, exist_ok=True)
    seen = set[str]()
    for split, count in FILES.items():
        texts = list[str]()
        while len(texts) < count:
            if (text := conllu(sentence(chance))) not in seen:
                seen.add(text)
                texts.append(text)
        (folder / f"{split}.conllu").write_text("".join(texts), "utf-8")
    print(f"Wrote train, dev and test to {folder}.")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "sentences"))
