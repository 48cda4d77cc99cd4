"""What there is to see in the nodes of documents: learned, printed, edited."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from typing import Any, Literal, NamedTuple, Self, final

import numpy as np
from numpy.typing import NDArray

from treefold.data.documents import Content, Documents
from treefold.data.errors import DataError
from treefold.data.pieces import buckets
from treefold.data.scales import Scale

Use = Literal["number", "category", "text", "same", "spelling"]
MOST_BUCKETS = 1 << 24  # each has a row of weights
USES: tuple[Use, ...] = ("number", "category", "text", "same", "spelling")
MOST_FIELDS = 5000  # the rest are known by kind and role alone
MOST_CATEGORIES = 2000  # of a field
MOST_SAME = 50  # paths of a field
LEAST_SAME, SHARE_SAME = 5, 0.01  # a rarer path is taken for chance
MOST_VECTOR_KNOTS = 8
POSITIONS = 20  # 0 to 7 each, then a bucket for each doubling
OTHER = 0  # the first of each table stands for what it lacks


@final
@dataclass(frozen=True)
class Field:
    """Nodes of one kind in one role, and how they are encoded.

    Attributes:
        role: what they are to their parents.
        kind: what they are.
        count: how many there are in training.
        use: what of their content is seen, beside kind and role; a person who edits a
            schema removes what is not to be.
        scale: for numbers.
        categories: texts that recur, most frequent first; each is a feature.
        same: paths to where the same value stands, that recur; each is a feature.
        example: what one of them carries.
    """

    role: str
    kind: str
    count: int
    use: tuple[Use, ...] = ()
    scale: Scale | None = None
    categories: tuple[str, ...] = ()
    same: tuple[str, ...] = ()
    example: str = ""


class Features(NamedTuple):
    """U contents as sparse vectors, one after another.

    Attributes:
        offset: (U+1,) int64; content u has the entries ``offset[u]:offset[u+1]``.
        index: (N,) int64, which features.
        weight: (N,) float32, their values.
    """

    offset: NDArray[np.int64]
    index: NDArray[np.int64]
    weight: NDArray[np.float32]

    def take(self, rows: NDArray[np.int64]) -> Features:
        """Return those of some contents, in that order."""
        size = np.diff(self.offset)[rows]
        offset = np.concatenate([[0], np.cumsum(size)])
        entry = np.repeat(self.offset[:-1][rows] - offset[:-1], size)
        entry += np.arange(offset[-1])
        return Features(offset, self.index[entry], self.weight[entry])


@final
@dataclass(frozen=True)
class Schema:
    """The features of nodes: what `Content` is turned into, without looking at targets.

    A content is the sum of what is known of it: a feature for its kind, its role, its
    position, its text as a whole where it recurs, the pieces of its text, hashed, its
    number on the scale of its field, and where the same value stands again. What
    training never met is encoded by what remains: an unknown kind, the pieces of an
    unknown role, a number on the scale of all numbers.

    Attributes:
        fields: kinds in roles, the most frequent first.
        numbers: the scale of numbers in unknown fields.
        vector: scales of the entries of vectors.
        num_buckets: how many features the pieces of texts share.

    Example:
        >>> from treefold.data.documents import Document, Documents
        >>> order = Document()
        >>> _ = order.add(-1, "number", role="total", number=12.5)
        >>> schema = Schema.learn(Documents.of([order]))
        >>> schema.fields[0].use
        ('number',)
    """

    fields: tuple[Field, ...]
    numbers: Scale = field(default_factory=Scale)
    vector: tuple[Scale, ...] = ()
    num_buckets: int = 4096

    @classmethod
    def learn(
        cls,
        documents: Documents,
        *,
        num_buckets: int = 4096,
        min_count: int = 2,
        spelling: bool = False,
    ) -> Self:
        """Learn the features of training documents.

        Args:
            documents: those to learn from.
            num_buckets: see `Schema`.
            min_count: texts that occur less often are no category.
            spelling: texts are also seen by their beginnings, ends and capitals.

        Raises:
            DataError: vectors differ in length.
        """
        token = documents.corpus.token
        count = np.bincount(token, minlength=len(documents.contents))
        found: dict[tuple[str, str], list[int]] = defaultdict(list)
        size: int | None = None
        for u, content in enumerate(documents.contents):
            if count[u]:
                found[content.role, content.kind].append(u)
            if content.vector is not None:
                size = len(content.vector) if size is None else size
                if len(content.vector) != size:
                    raise DataError(
                        f"a vector has {len(content.vector)} values, another {size}; "
                        "all must have as many"
                    )
        total = {key: int(count[rows].sum()) for key, rows in found.items()}
        keys = sorted(found, key=lambda key: (-total[key], key))[:MOST_FIELDS]
        contents = documents.contents

        def values(rows: Iterable[int]) -> NDArray[np.float64]:
            rows = [u for u in rows if contents[u].number is not None]
            numbers = np.array([contents[u].number for u in rows], np.float64)
            return np.repeat(numbers, count[rows]) if rows else numbers

        fields = [
            _field(key, total[key], found[key], contents, count, values, min_count)
            for key in keys
        ]
        if spelling:
            fields = [_spelt(f) if "text" in f.use else f for f in fields]
        rows = [u for u in np.flatnonzero(count) if contents[u].vector is not None]
        table = np.array([contents[u].vector for u in rows], np.float64)
        return cls(
            tuple(fields),
            Scale.of(values(np.flatnonzero(count).tolist())),
            tuple(
                Scale.of(np.repeat(column, count[rows]), MOST_VECTOR_KNOTS)
                for column in (table.T if rows else ())
            ),
            num_buckets,
        )

    # -------------------------------------------------------------- the features

    @cached_property
    def _layout(self) -> _Layout:
        return _Layout(self)

    @cached_property
    def _anywhere(self) -> set[Use]:
        """What is seen of nodes of unknown fields: what is learned of some field."""
        return {*USES[:-1], *(use for f in self.fields for use in f.use)}

    @property
    def num_features(self) -> int:
        """F, how many features there are."""
        return self._layout.size

    def encode(self, contents: Sequence[Content]) -> Features:
        """Turn U contents into features.

        Raises:
            DataError: a vector has more or fewer values than those of training.
        """
        layout = self._layout
        row, index, weight = list[int](), list[int](), list[float]()
        groups: dict[int, list[int]] = defaultdict(list)
        vectors = list[int]()
        pieces: dict[tuple[str, bool], dict[int, float]] = {}

        def add(u: int, features: Mapping[int, float]) -> None:
            row.extend([u] * len(features))
            index.extend(features.keys())
            weight.extend(features.values())

        def bag(text: str, spelt: bool = False) -> dict[int, float]:
            if (text, spelt) not in pieces:
                shares = buckets(text, self.num_buckets, spelt=spelt)
                shifted = {layout.pieces + k: v for k, v in shares.items()}
                pieces[text, spelt] = shifted
            return pieces[text, spelt]

        for u, content in enumerate(contents):
            kind = layout.kinds.get(content.kind, OTHER)
            role = layout.roles.get(content.role, OTHER)
            add(u, {layout.kind + kind: 1.0, layout.role + role: 1.0})
            if role == OTHER:
                add(u, bag(content.role))
            if content.position >= 0:
                add(u, {layout.position + _position(content.position): 1.0})
            number = layout.fields.get((content.role, content.kind), -1)
            use = self.fields[number].use if number >= 0 else self._anywhere
            if content.number is not None and "number" in use:
                scaled = number >= 0 and self.fields[number].scale is not None
                groups[number if scaled else -1].append(u)
            if content.text is not None:
                if "category" in use and number >= 0:
                    known = layout.categories[number]
                    add(u, {layout.category[number] + known.get(content.text, 0): 1.0})
                if "text" in use:
                    add(u, bag(content.text, "spelling" in use))
            if content.same and number >= 0 and "same" in use:
                known, first = layout.sames[number], layout.same[number]
                add(u, {first + known[p]: 1.0 for p in content.same if p in known})
            if content.vector is not None and self.vector:
                vectors.append(u)

        parts = [(np.array(row, np.int64), np.array(index), np.array(weight))]
        for number, rows in groups.items():
            values = np.array([contents[u].number for u in rows], np.float64)
            scale = self.fields[number].scale if number >= 0 else self.numbers
            assert scale is not None
            first = layout.number[number] if number >= 0 else layout.numbers
            parts.append(_entries(rows, first, scale.features(values)))
        if vectors:
            table = self._table(contents, vectors)
            for first, scale, column in zip(
                layout.vector, self.vector, table.T, strict=True
            ):
                parts.append(_entries(vectors, first, scale.features(column)))
        return _pack(parts, len(contents))

    def _table(self, contents: Sequence[Content], rows: list[int]) -> NDArray:
        sizes = {len(contents[u].vector or ()) for u in rows}
        if sizes != {len(self.vector)}:
            raise DataError(
                f"a vector has {max(sizes - {len(self.vector)})} values; those of "
                f"training have {len(self.vector)}"
            )
        return np.array([contents[u].vector for u in rows], np.float64)

    # -------------------------------------------------------------- for people

    def table(self) -> list[tuple[str, ...]]:
        """Return rows to print: role, kind, count, how it is encoded, an example."""
        return [
            (f.role, f.kind, f"{f.count:,}", _encoded(f), f.example)
            for f in self.fields
        ]

    def to_json(self) -> dict[str, Any]:
        """Return plain values, to be written, edited and read again."""
        return asdict(self)

    @classmethod
    def from_json(cls, content: Any) -> Self:
        """Make a schema of plain values.

        Raises:
            DataError: they are none of a schema.
        """
        try:
            fields = [
                replace(
                    Field(**f),
                    use=tuple(f["use"]),
                    categories=tuple(f["categories"]),
                    same=tuple(f.get("same", ())),
                    scale=Scale.from_json(f["scale"]) if f["scale"] else None,
                )
                for f in content["fields"]
            ]
            odd = {use for f in fields for use in f.use} - set(USES)
            if odd:
                raise DataError(
                    f"a schema's field is used as {', '.join(USES)}, not {min(odd)!r}"
                )
            if not 1 <= int(content["num_buckets"]) <= MOST_BUCKETS:
                raise DataError(
                    f"num_buckets is from 1 to {MOST_BUCKETS:,}, not "
                    f"{content['num_buckets']}"
                )
            return cls(
                tuple(fields),
                Scale.from_json(content["numbers"]),
                tuple(map(Scale.from_json, content["vector"])),
                int(content["num_buckets"]),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise DataError(
                f"this is no schema: {error!r}; `treefold data DATA --out FILE` "
                "writes one"
            ) from None

    def __str__(self) -> str:
        return json.dumps(self.to_json(), indent=1)


class _Layout:
    """Where each feature of a schema stands."""

    def __init__(self, schema: Schema):
        at = 0

        def block(size: int) -> int:
            nonlocal at
            at += size
            return at - size

        def table(names: Iterable[str]) -> dict[str, int]:
            return {name: k for k, name in enumerate(dict.fromkeys(names), OTHER + 1)}

        self.kinds = table(f.kind for f in schema.fields)
        self.roles = table(f.role for f in schema.fields)
        self.kind = block(len(self.kinds) + 1)
        self.role = block(len(self.roles) + 1)
        self.position = block(POSITIONS)
        self.pieces = block(schema.num_buckets)
        self.numbers = block(schema.numbers.size)
        self.vector = [block(scale.size) for scale in schema.vector]
        self.fields = {(f.role, f.kind): k for k, f in enumerate(schema.fields)}
        self.number = [block(f.scale.size if f.scale else 0) for f in schema.fields]
        self.categories = [table(f.categories) for f in schema.fields]
        self.category = [
            block(len(known) + 1 if "category" in f.use else 0)
            for f, known in zip(schema.fields, self.categories, strict=True)
        ]
        self.sames = [{path: k for k, path in enumerate(f.same)} for f in schema.fields]
        self.same = [block(len(known)) for known in self.sames]
        self.size = at


def _field(
    key: tuple[str, str],
    total: int,
    rows: list[int],
    contents: Sequence[Content],
    count: NDArray[np.int64],
    values: Any,
    min_count: int,
) -> Field:
    """Look at the nodes of one kind in one role."""
    role, kind = key
    texts = Counter[str]()
    for u in rows:
        if (text := contents[u].text) is not None:
            texts[text] += int(count[u])
    paths = Counter[str]()
    for u in rows:
        paths.update(dict.fromkeys(contents[u].same, int(count[u])))
    least = max(min_count, LEAST_SAME, round(SHARE_SAME * total))
    same = [path for path, n in paths.most_common(MOST_SAME) if n >= least]
    numbers = values(rows)
    recur = [text for text, n in texts.most_common(MOST_CATEGORIES) if n >= min_count]
    use: list[Use] = ["number"] if len(numbers) else []
    if recur:
        use.append("category")
    if texts:
        use.append("text")
    if same:
        use.append("same")
    scale = Scale.of(numbers) if len(numbers) else None
    example = str(contents[rows[0]]._replace(role="")) if texts or use else ""
    return Field(
        role, kind, total, tuple(use), scale, tuple(recur), tuple(same), example
    )


def _spelt(found: Field) -> Field:
    """Let the spelling of a field's texts be seen."""
    return replace(found, use=(*found.use, "spelling"))


def _encoded(found: Field) -> str:
    """Say how a field is encoded."""
    said = list[str]()
    if "number" in found.use and found.scale is not None:
        knots = found.scale.knots
        span = f" {knots[0]:g} to {knots[-1]:g}" if knots else ""
        said.append(f"number{span}")
    if "category" in found.use:
        said.append(f"{len(found.categories):,} categories")
    if "text" in found.use:
        said.append("pieces of text")
    if "same" in found.use:
        ways = len(found.same)
        said.append(f"the same elsewhere, {ways} way{'s' * (ways > 1)}")
    if "spelling" in found.use:
        said.append("its spelling")
    return ", ".join(said)


def _position(position: int) -> int:
    """Return the bucket of a position: 0 to 7 each, then one for each doubling."""
    if position < 8:
        return position
    return min(position.bit_length() + 4, POSITIONS - 1)


def _entries(
    rows: Sequence[int], first: int, features: NDArray[np.float64]
) -> tuple[NDArray, NDArray, NDArray]:
    """Return the entries of dense features (n, F) that are not zero."""
    where, which = np.nonzero(features)
    return np.asarray(rows)[where], first + which, features[where, which]


def _pack(parts: list[tuple[NDArray, NDArray, NDArray]], U: int) -> Features:
    """Sort entries by content."""
    row = np.concatenate([part[0] for part in parts]).astype(np.int64)
    index = np.concatenate([part[1] for part in parts]).astype(np.int64)
    weight = np.concatenate([part[2] for part in parts]).astype(np.float32)
    order = np.argsort(row, kind="stable")
    offset = np.concatenate([[0], np.cumsum(np.bincount(row, minlength=U))])
    return Features(offset.astype(np.int64), index[order], weight[order])
