"""Dependency trees in CoNLL-U (https://universaldependencies.org/format.html).

A sentence is a document. Each word is a node below its head, its relation the role and
its form the text; what part of speech it is, is its label::

    1   Old     old     ADJ    JJ    _   2   amod    _   _
    2   ships   ship    NOUN   NNS   _   3   nsubj   _   _
    3   creak   creak   VERB   VBP   _   0   root    _   _

Multiword tokens (``3-4``) and empty nodes (``5.1``) are no words of the tree and are
passed over; a sentence of several roots has a node of the kind ``sentence`` above them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from io import BytesIO
from typing import Any, Literal, NamedTuple, final

from treefold.data.documents import Document
from treefold.data.errors import DataError

MAX_NODES = 1_000_000  # of a document
Label = Literal["upos", "xpos", "deprel", "none"]
LABELS: tuple[Label, ...] = ("upos", "xpos", "deprel", "none")
COLUMNS = ("id", "form", "lemma", "upos", "xpos", "feats", "head", "deprel")
DETAILS = ("lemma", "upos", "xpos", "feats")


@final
class Word(NamedTuple):
    """A word of a sentence.

    Attributes:
        fields: the columns by their names, as the `conllu` library parses them.
        place: ``file:line``.
        columns: where in the line each column begins, from 1.
    """

    fields: dict[str, Any]
    place: str
    columns: dict[str, int]

    def text(self, column: str) -> str:
        """Return a column, "" where it is empty or ``_``."""
        value = self.fields.get(column)
        return "" if value is None or value == "_" else str(value)

    def error(self, column: str, message: str) -> DataError:
        """Make the error of a column."""
        return DataError(f"{self.place}:{self.columns.get(column, 1)}: {message}")


def read(
    content: bytes,
    place: str,
    *,
    ordered: bool | None = None,
    label: Label = "upos",
    relations: bool = True,
    details: Sequence[str] = (),
    structure: Literal["tree", "chain"] = "tree",
) -> Iterator[Document | DataError]:
    """Read the sentences of a CoNLL-U file; also CoNLL-U Plus, by its first comment.

    Args:
        content: the file.
        place: its name, for messages.
        ordered: None and False: words below a head are a set, for child-sum cells.
            True: a word's role tells on which side of its head it stands, "nsubj
            before", and its position how many words lie between.
        label: the column that is each word's label; no other column tells it.
        relations: whether a word's relation to its head is its role. It tells much of
            the part of speech, and gold relations are not there for new text. With
            ``label="deprel"`` it never is.
        details: columns beside the form, "lemma", "upos", "xpos" or "feats", each a
            child of its word, of that kind; of feats each feature, its name the role.
        structure: "chain" leaves the tree out: each word below the next, the last on
            top, so that a pass up reads from left to right. Heads are not looked at.

    Yields:
        A document a sentence, the words below a head in their order; a `DataError` in
        place of a sentence that cannot be read, with the line.

    Raises:
        DataError: `label` or `details` names no such column; conllu is not installed.
    """
    _check(label, details)
    for found in sentences(content, place):
        if isinstance(found, DataError):
            yield found
            continue
        try:
            yield _document(found, ordered, label, relations, details, structure)
        except DataError as error:
            yield error


def fill(
    content: bytes,
    place: str,
    labels: Iterable[Sequence[str]],
    *,
    label: Label = "upos",
    structure: Literal["tree", "chain"] = "tree",
) -> Iterator[str]:
    """Write labels into the sentences that they were told of.

    Args:
        content: the file, as `read` got it.
        place: its name, for messages.
        labels: of the nodes of each document that `read` yielded, in their order; an
            empty list where it yielded an error.
        label: the column to write to.
        structure: as it was read.

    Yields:
        Lines of CoNLL-U: the words of each sentence with eight columns filled, and an
        empty line; nothing for a sentence that could not be read.

    Raises:
        DataError: there are more labels or fewer than words.
    """
    for words, told in zip(sentences(content, place), labels, strict=True):
        if isinstance(words, DataError) or not told:
            continue
        n = len(words)
        heads = [*range(2, n + 1), 0] if structure == "chain" else _heads(words)
        numbers = order(heads)
        if len(told) - n not in (0, 1):  # with a node above several roots
            raise words[0].error("id", f"{n} words have {len(told)} labels")
        of_word = dict(zip(numbers, told[-n:], strict=True))
        for number, word in enumerate(words, 1):
            row = [word.text(column) or "_" for column in COLUMNS]
            row[COLUMNS.index(label)] = of_word[number]
            yield "\t".join([*row, "_", "_"]) + "\n"
        yield "\n"


def order(heads: Sequence[int]) -> list[int]:
    """Return the numbers of words, from 1, in the order of a document's nodes.

    Those nearest to the root come first, and words below one head in their order. Words
    on a cycle are left out.

    Args:
        heads: (n,) the number of each word's head, 0 at a root.
    """
    below: list[list[int]] = [[] for _ in range(len(heads) + 1)]
    for number, head in enumerate(heads, 1):
        below[head].append(number)
    found = below[0]
    for number in found:  # which grows as we go
        found += below[number]
    return found


def sentences(content: bytes, place: str) -> Iterator[list[Word] | DataError]:
    """Go through the words of each sentence, without tokens that are no words.

    Yields:
        The words, at least one; a `DataError` where a line cannot be read, and no more
        of its sentence.

    Raises:
        DataError: the library is not installed.
    """
    try:
        from conllu.parser import DEFAULT_FIELDS
    except ImportError:
        raise DataError(
            "CoNLL-U is read by the library conllu; install it with "
            "pip install 'treefold[nlp]'"
        ) from None
    names: Sequence[str] = DEFAULT_FIELDS
    words: list[Word] = []
    bad: DataError | None = None
    empty = True
    for number, raw in enumerate([*BytesIO(content), b""], 1):
        if not raw.strip():
            if bad or words:
                yield bad or words
                empty = False
            words, bad = [], None
            continue
        if bad:
            continue
        here = f"{place}:{number}"
        try:
            line = raw.rstrip(b"\r\n").decode("utf-8-sig" if number == 1 else "utf-8")
        except UnicodeDecodeError as error:
            bad = DataError(
                f"{here}:{error.start + 1}: expected text in UTF-8, found the byte "
                f"{raw[error.start]:#04x}"
            )
            continue
        if line.startswith("#"):
            names = _columns(line) or names
            continue
        try:
            word = _word(line, here, names)
        except DataError as error:
            bad = error
            continue
        if isinstance(word.fields["id"], tuple):  # a multiword token, an empty node
            continue
        words.append(word)
        if word.fields["id"] != len(words):
            bad = word.error(
                "id",
                f"expected the word {len(words)}, found {word.fields['id']}; words are "
                "numbered from 1, and an empty line ends a sentence",
            )
    if empty:
        yield DataError(f"{place}: expected sentences in CoNLL-U, found none")


def _check(label: str, details: Iterable[str]) -> None:
    if label not in LABELS:
        raise DataError(f"label must be {', '.join(LABELS)}, got {label!r}")
    for column in details:
        if column not in DETAILS or column == label:
            free = ", ".join(name for name in DETAILS if name != label)
            raise DataError(
                f"details must be of {free}, got {column!r}"
                + "; what is to be told cannot be shown" * (column == label)
            )


def _columns(comment: str) -> list[str]:
    """Return the columns that a comment of CoNLL-U Plus names, [] if it is none."""
    name, _, value = comment[1:].partition("=")
    return value.lower().split() if name.strip() == "global.columns" else []


def _word(line: str, place: str, names: Sequence[str]) -> Word:
    """Parse a line, and tell what is wrong with it."""
    from conllu.exceptions import ParseException
    from conllu.parser import DEFAULT_FIELD_PARSERS, parse_line

    starts, at = dict[str, int](), 1
    for name, value in zip(names, line.split("\t"), strict=False):
        starts[name] = at
        at += len(value) + 1
    parsers = {name: DEFAULT_FIELD_PARSERS[name] for name in ("id", "head")}
    try:
        fields = parse_line(line, names, parsers)
    except ParseException as error:
        column = next((c for c in ("id", "head") if f"'{c}'" in str(error)), "id")
        raise DataError(f"{place}:{starts.get(column, 1)}: {error}") from None
    except ValueError:  # Python's bound on the digits of an integer
        raise DataError(f"{place}:1: a number of too many digits") from None
    word = Word(fields, place, starts)
    for name in ("id", "form"):
        if fields.get(name) in (None, ""):
            raise word.error(
                name,
                f"a word has no {name}; a line is {', '.join(names)}, between tabs",
            )
    return word


def _document(
    words: Sequence[Word],
    ordered: bool | None,
    label: Label,
    relations: bool,
    details: Sequence[str],
    structure: Literal["tree", "chain"],
) -> Document:
    n = len(words)
    if n * (1 + len(details)) >= MAX_NODES:
        raise DataError(
            f"{words[0].place}: a sentence has {n:,} words; the most nodes of a "
            f"document are {MAX_NODES:,}"
        )
    chain = structure == "chain"
    heads = [*range(2, n + 1), 0] if chain else _heads(words)
    document = Document(words[0].place)
    node = [-1] * (n + 1)  # of each word; of 0, what stands above the roots
    if heads.count(0) > 1:
        node[0] = document.add(-1, "sentence")
    for number in order(heads):
        word, head = words[number - 1], heads[number - 1]
        role, position = "", -1
        if relations and not chain and label != "deprel":
            role = word.text("deprel")
        if ordered and head and not chain:
            side = "before" if number < head else "after"
            role = f"{role} {side}".lstrip()
            position = abs(head - number) - 1
        node[number] = document.add(
            node[head],
            "word",
            role=role,
            position=position,
            text=word.fields["form"],
            label=(word.text(label) or None) if label != "none" else None,
        )
        for column in details:
            _add_detail(document, node[number], column, word.text(column))
    return document


def _add_detail(document: Document, node: int, column: str, text: str) -> None:
    if column != "feats":
        if text:
            document.add(node, column, text=text)
        return
    for part in text.split("|") if text else ():
        name, _, value = part.partition("=")
        document.add(node, column, role=name, text=value)


def _heads(words: Sequence[Word]) -> list[int]:
    """Return each word's head, when they make a tree.

    Raises:
        DataError: a word without a head, a head that is no word, a cycle.
    """
    heads: list[int] = []
    for word in words:
        head = word.fields.get("head")
        if head is None or not 0 <= head <= len(words):
            raise word.error(
                "head",
                f"expected a head between 0 (the root) and {len(words)}, the words of "
                f"the sentence, found {'none' if head is None else head}",
            )
        heads.append(head)
    reached = order(heads)
    if len(reached) < len(words):
        lost = set(range(1, len(words) + 1)) - set(reached)
        walk = dict.fromkeys([number := min(lost)])
        while (number := heads[number - 1]) not in walk:
            walk[number] = None
        ring = [*walk][[*walk].index(number) :]
        shown = [*map(str, ring[:6]), *["..."] * (len(ring) > 6), str(number)]
        raise words[number - 1].error(
            "head", f"a word is below itself: {' -> '.join(shown)}"
        )
    return heads
