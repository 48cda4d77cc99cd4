"""The picture of what a node sees is the one in the documents."""

import runpy
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_picture_is_what_its_script_draws():
    script = runpy.run_path(str(ROOT / "examples/context_picture.py"))
    committed = (ROOT / "docs/images/context.svg").read_text("utf-8")
    assert script["picture"]() + "\n" == committed
    # Upward a node sees what is below it, outside all else, downward everything.
    up, outside, down = map(script["seen"], script["STACKS"].values())
    leaves = [0, 1, 3, 4, 5]
    assert [v for v in leaves if up[v]] == [4, 5]
    assert [v for v in leaves if outside[v]] == [0, 1, 3]
    assert [v for v in leaves if down[v]] == leaves
