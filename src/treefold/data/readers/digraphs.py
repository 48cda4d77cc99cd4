"""Directed graphs of networkx as documents: a DAG is read as its unfolding."""

from __future__ import annotations

import sys
from typing import Any, final

from treefold.data.errors import DataError
from treefold.data.readers.values import Part, as_float, clean, members

OWN = ("kind", "text", "number")  # attributes that are content of the node itself


@final
class GraphNode:
    """A node of a graph without a cycle, and all that its edges lead to.

    Args:
        graph: a `networkx.DiGraph`.
        node: one of its nodes.
    """

    __slots__ = ("graph", "node")

    def __init__(self, graph: Any, node: Any):
        self.graph = graph
        self.node = node

    def part(self) -> Part:
        """Say what node of a document it is; a name alone is its text."""
        content = self.graph.nodes[self.node]
        text, number = content.get("text"), content.get("number")
        if not content and isinstance(self.node, str):
            text = self.node
        rest = [(key, value) for key, value in content.items() if key not in OWN]
        below = [
            (
                str(edge.get("role", "")),
                int(edge.get("position", -1)),
                GraphNode(self.graph, lower),
            )
            for _, lower, edge in self.graph.out_edges(self.node, data=True)
        ]
        return Part(
            str(content.get("kind", "node")),
            None if text is None else clean(str(text)),
            None if number is None else as_float(number),
            children=[*members(rest), *below],
        )


@final
class Roots:
    """Several nodes that no edge leads to, below a root that we make."""

    __slots__ = ("nodes",)

    def __init__(self, nodes: list[GraphNode]):
        self.nodes = nodes

    def part(self) -> Part:
        """Say what node of a document it is."""
        return Part("graph", children=[("", -1, node) for node in self.nodes])


def whole(obj: Any) -> Any:
    """Return the root of a graph; any other object as it is.

    Raises:
        DataError: it has a cycle, no node, or edges without a direction.
    """
    networkx = sys.modules.get("networkx")
    if networkx is None or not isinstance(obj, networkx.Graph):
        return obj
    if not obj.is_directed():
        raise DataError(
            "expected a networkx.DiGraph whose edges lead to what is below a node, got "
            "a graph without directions; networkx.bfs_tree(graph, root) gives them"
        )
    if not len(obj):
        raise DataError("expected a graph with nodes, got one without")
    if not networkx.is_directed_acyclic_graph(obj):
        cycle = [edge[0] for edge in networkx.find_cycle(obj)]
        shown = " -> ".join(str(node) for node in [*cycle[:8], cycle[0]])
        raise DataError(f"expected a graph without a cycle, found {shown}")
    roots = [GraphNode(obj, node) for node, count in obj.in_degree() if not count]
    return roots[0] if len(roots) == 1 else Roots(roots)
