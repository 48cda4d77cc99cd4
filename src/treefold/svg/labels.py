"""What the lines of an outline say of the nodes of a document."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from treefold.svg.frame import FAINT, plural
from treefold.svg.outline import Outline, Row
from treefold.svg.text import cut, escape, number, width

SIZE, SMALL = 13.0, 11.5  # pixels
TEXT = 64  # characters of a name or text before it is cut
NAMES = 200  # nodes left out whose names are looked at, of which a few are said
MONO = "ui-monospace, 'SF Mono', Consolas, 'DejaVu Sans Mono', monospace"
# The value of such a node tells its kind.
PLAIN = frozenset({"string", "number", "boolean"})
STEPS = 6  # of a path, at each of its ends


class Content(Protocol):
    """What a node carries: a `Content` of documents, or the like of it."""

    @property
    def kind(self) -> str: ...
    @property
    def role(self) -> str: ...
    @property
    def position(self) -> int: ...
    @property
    def text(self) -> str | None: ...
    @property
    def number(self) -> float | None: ...
    @property
    def vector(self) -> Sequence[float] | None: ...


class Nodes(Protocol):
    """Any object with the parents and contents of a `Document`."""

    @property
    def parent(self) -> Sequence[int]: ...
    @property
    def content(self) -> Sequence[Content]: ...


class Labels:
    """Names, values and paths of the nodes of one document.

    Args:
        nodes: a `Document`, or the like of it.
        children: of each node, in order.
    """

    def __init__(self, nodes: Nodes, children: Sequence[Sequence[int]]) -> None:
        self.parent, self.content = nodes.parent, nodes.content
        self.children = children

    def line(self, row: Row, outline: Outline) -> tuple[str, list[str], float]:
        """Return a line as ``<tspan>``s, its tooltip, and about how wide it is."""
        if row.node < 0:
            text = self._hidden(row)
            look = f'<tspan fill="{FAINT}" font-style="italic">{escape(text)}</tspan>'
            return look, [], width(text, SIZE)
        v = row.node
        name, kind = cut(self.name(v), TEXT), self.content[v].kind
        value = self.value(v)
        told = value and (kind in PLAIN or kind == self.content[v].role)
        shown = "" if told else cut(kind, TEXT)
        short, parts, long = cut(value, TEXT), [], 0.0
        if name:
            parts.append(f'<tspan fill="{FAINT}">{escape(name)}:</tspan>')
            long += width(name + ":", SIZE)
        if shown:
            parts.append(f'<tspan font-weight="600">{escape(shown)}</tspan>')
            long += 1.08 * width(shown, SIZE)
        if value:
            parts.append(
                f'<tspan font-family="{escape(MONO)}" font-size="{number(SIZE - 0.5)}">'
                f"{escape(short)}</tspan>"
            )
            long += 0.61 * (SIZE - 0.5) * len(short)
        size = outline.size[v] - 1
        notes = [self.path(v), f"{kind} {value}".strip()]
        notes += [f"{plural(size, 'node')} below"] if size else []
        return " ".join(parts), notes, long + 5 * (len(parts) - 1)

    def path(self, v: int) -> str:
        """Return the names from the root down, the middle left out where it is long."""
        names: list[str] = []
        while self.parent[v] >= 0:
            name = self._step(v)
            if not (names and names[-1].startswith(f"{name}[")):
                names.append(name)  # an item names the list that it is in
            v = self.parent[v]
        if len(names) > 2 * STEPS:
            names[STEPS:-STEPS] = ["…"]
        return " / ".join(cut(name) for name in reversed(names)) or "the root"

    def _step(self, v: int) -> str:
        """Return a node's part of a path: its name, else its kind and its number."""
        content = self.content[v]
        if content.role:
            return self.name(v)
        several = content.position >= 0 and len(self.children[self.parent[v]]) > 1
        return f"{content.kind}[{content.position}]" if several else content.kind

    def name(self, v: int) -> str:
        """Return what a node is to its parent, numbered among several of its role."""
        role, position = self.content[v].role, self.content[v].position
        above = self.parent[v]
        if position < 0 or above < 0:
            return role
        if role.endswith("[]"):  # an item of the array that its parent is
            return f"{role[:-2]}[{position}]"
        if not role:
            return str(position) if len(self.children[above]) > 1 else ""
        # Two suffice to tell a list; a long list need not be counted.
        alike = 0
        for c in self.children[above]:
            alike += self.content[c].role == role
            if alike > 1:
                return f"{role}[{position}]"
        return role

    def value(self, v: int) -> str:
        """Return what a node carries: text in quotes, a number, several of them."""
        content = self.content[v]
        if content.text is not None:
            # A boolean's number says the same again.
            plain = content.kind in ("boolean", "number")
            return content.text if plain else f'"{content.text}"'
        if content.number is not None:
            return f"{content.number:.10g}"
        if content.vector is not None:
            few = ", ".join(f"{x:.3g}" for x in content.vector[:4])
            return f"({few}{', …' if len(content.vector) > 4 else ''})"
        return ""

    def short(self, v: int) -> str:
        """Return a path with what is at its end, in one line of text."""
        value = self.value(v)
        return f"{self.path(v)}{f' = {cut(value)}' if value else ''}"

    def _hidden(self, row: Row) -> str:
        if row.levels:
            levels = f"⋮ {plural(row.levels, 'level')}"
            more = row.hidden > row.levels
            return f"{levels}, {plural(row.hidden, 'node')}" if more else levels
        names = dict.fromkeys(
            self.content[v].role or self.content[v].kind for v in row.tops[:NAMES]
        )
        few = ", ".join(cut(name, 20) for name in list(names)[:3])
        few += ", …" if len(names) > 3 else ""
        several = len(row.tops) < row.hidden and len(row.tops) > 1
        within = f" in {len(row.tops):,} subtrees" if several else ""
        return f"… {plural(row.hidden, 'node')}{within} ({few})"
