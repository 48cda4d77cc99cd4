"""Trees, DAGs and forests as self-contained SVG pictures, from plain arrays.

Nothing here recurses, loads a font or asks for the network, and equal input gives
equal bytes. The package stands below `Forest`: it knows numpy and nothing else.
"""

from treefold.svg.colour import categorical, diverging, ink, sequential
from treefold.svg.drawing import tree_svg

__all__ = ["categorical", "diverging", "ink", "sequential", "tree_svg"]
