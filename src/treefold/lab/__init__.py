"""The laboratory of gradients: what vanishes, what explodes, and what helps.

``treefold gradients`` runs it. `remedies` are recurrent nets that differ in one thing
each, `problems` need memory, `shapes` are the chain and the balanced tree over the
same leaves; a `trial` is one of each, and the `grid` is all of them.
"""

from treefold.lab.grid import Size, plan, run_all
from treefold.lab.summary import summarise

__all__ = ["Size", "plan", "run_all", "summarise"]
