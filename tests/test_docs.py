"""The documents tell the truth: their code runs, their links and pictures exist."""

import inspect
import io
import re
import runpy
import shlex
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import torch

from treefold import cells
from treefold.cli import main

ROOT = Path(__file__).parents[1]
DOCUMENTS = sorted(
    [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("benchmarks/*.md")]
)
PICTURES = sorted(ROOT.glob("docs/images/*.svg"))
FENCE = re.compile(
    r"(?:<!-- not run: *(?P<reason>[^\n]*?) *-->\n)?"
    r"^```(?P<kind>\w*)\n(?P<text>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)
KINDS = ("python", "bash", "text", "bibtex")
SHELL = ("make", "python", "treefold", "echo")


class Block(NamedTuple):
    """A fenced block of a document.

    Attributes:
        line: the number of its first line.
        reason: why it is not run; None where it is.
    """

    kind: str
    text: str
    line: int
    reason: str | None


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def blocks(document: Path) -> list[Block]:
    text = document.read_text("utf-8")
    return [
        Block(
            m["kind"], m["text"], text.count("\n", 0, m.start("text")) + 1, m["reason"]
        )
        for m in FENCE.finditer(text)
    ]


def prose(document: Path) -> str:
    """A document without its fenced blocks."""
    return FENCE.sub("", document.read_text("utf-8"))


@pytest.fixture
def default_dtype() -> torch.dtype:
    return torch.float32  # what readers have


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder to work in, from which examples and recipes can be named."""
    for folder in ("examples", "recipes"):
        (tmp_path / folder).symlink_to(ROOT / folder)
    (tmp_path / "docs" / "images").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(ROOT / "examples")
    monkeypatch.delenv("TREEFOLD_DATA", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path


class Shell:
    """Runs the lines of a bash block in this process."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch):
        self.monkeypatch = monkeypatch

    def run(self, text: str) -> None:
        for line in text.replace("\\\n", " ").splitlines():
            given: str | None = None
            for command in filter(None, line.split("#")[0].split(" | ")):
                given = self.command(shlex.split(command), given)

    def command(self, words: list[str], given: str | None) -> str | None:
        """Run one command; `given` is what it reads. Only `echo` hands text on."""
        assert words[0] in SHELL, f"{words[0]} is not run here; give a reason"
        if words[0] == "echo":
            return " ".join(words[1:]) + "\n"
        if words[0] == "make":
            makefile = (ROOT / "Makefile").read_text("utf-8")
            assert re.search(rf"^{words[1]}:", makefile, re.MULTILINE)
        elif words[0] == "python":
            self.monkeypatch.setattr(sys, "argv", words[1:])
            runpy.run_path(words[1], run_name="__main__")
        else:
            if given is not None:
                stream = io.TextIOWrapper(io.BytesIO(given.encode()), "utf-8")
                self.monkeypatch.setattr(sys, "stdin", stream)
            assert main(words[1:]) == 0, shlex.join(words)
        return None


@pytest.mark.parametrize("document", DOCUMENTS, ids=name_of)
def test_the_code_of_a_document_runs(
    document: Path,
    elsewhere: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
):
    names: dict[str, Any] = {"__name__": "document"}
    told = None  # what the block before printed
    for block in blocks(document):
        before, told = told, None
        if block.reason is not None:
            continue
        if block.kind == "text" and before is not None:
            assert_shown(before, block.text)
        elif block.kind == "python":
            source = "\n" * (block.line - 1) + block.text  # for the numbers of lines
            exec(compile(source, str(document), "exec"), names)
        elif block.kind == "bash":
            capsys.readouterr()
            Shell(monkeypatch).run(block.text)
            told = capsys.readouterr().out


def assert_shown(told: str, shown: str) -> None:
    """Check that commands print what a document shows, numbers within a few percent."""
    number = re.compile(r"\d+\.\d+")
    lines, wanted = told.splitlines(), shown.splitlines()
    forms = [number.sub("0.0", line).split() for line in lines]
    first = forms.index(number.sub("0.0", wanted[0]).split())
    for line, want in zip(lines[first:], wanted, strict=False):
        assert number.sub("", line).split() == number.sub("", want).split()
        got = [float(n) for n in number.findall(line)]
        assert got == pytest.approx([float(n) for n in number.findall(want)], abs=6)


@pytest.mark.parametrize("document", DOCUMENTS, ids=name_of)
def test_a_block_that_is_not_run_says_why(document: Path):
    for block in blocks(document):
        assert block.kind in KINDS, f"line {block.line}: ```{block.kind}"
        assert block.reason is None or len(block.reason) > 8
        assert block.kind != "python" or block.reason is None
    text = document.read_text("utf-8")
    assert text.count("<!-- not run") == sum(
        block.reason is not None for block in blocks(document)
    ), "a reason must stand on the line before its block"


@pytest.mark.parametrize("document", DOCUMENTS, ids=name_of)
def test_commands_that_are_not_run_have_flags_and_files_that_exist(
    document: Path, capsys: pytest.CaptureFixture[str]
):
    for block in blocks(document):
        if block.reason is None or block.kind != "bash":
            continue
        for line in re.findall(r"^(?:\S*/)?treefold (.*)$", block.text, re.MULTILINE):
            words = shlex.split(line)
            kind = re.findall(r"--task \w+", line)  # which has settings of its own
            assert main([words[0], *" ".join(kind[:1]).split(), "--help"]) == 0
            told = capsys.readouterr().out
            for flag in re.findall(r" (--[\w-]+)", line):
                assert flag in told, f"{flag} is no flag of treefold {words[0]}"


@pytest.mark.parametrize("document", DOCUMENTS, ids=name_of)
def test_links_and_files_that_are_named_exist(document: Path):
    text = prose(document)
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if target.startswith(("http://", "https://")):
            continue
        path, _, anchor = target.partition("#")
        to = (document.parent / path).resolve() if path else document
        assert to.exists(), f"{target} does not exist"
        if anchor:
            titles = re.findall(r"^#+ (.*)$", prose(to), re.MULTILINE)
            assert anchor in map(anchor_of, titles), f"no title for #{anchor}"
    whole = document.read_text("utf-8")
    named = re.findall(r"\b((?:recipes|examples|benchmarks)/[\w.-]+\.\w+)", whole)
    for file in named:
        assert (ROOT / file).exists(), f"{file} does not exist"
    for recipe in re.findall(r"`(sst-[\w-]+)`", whole):
        known = {"sst-binary"} | {p.stem for p in ROOT.glob("recipes/*.yaml")}
        assert recipe in known, f"there is no recipes/{recipe}.yaml"


def anchor_of(title: str) -> str:
    """The anchor that Markdown pages give a title."""
    return re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-")


def test_the_readme_begins_with_the_two_commands_and_the_same_without_make():
    first, second = blocks(ROOT / "README.md")[:2]
    assert re.findall(r"^make \w+", first.text, re.MULTILINE) == [
        "make demo",
        "make test",
    ]
    makefile = (ROOT / "Makefile").read_text("utf-8").replace("\\\n", " ")
    for words in (
        "treefold train python-swaps --config recipes/python-swaps-demo.yaml",
        "python -m pytest -q -n auto",
        "pip install",
        "-c constraints.txt -e '.[test]'",
    ):
        assert words in " ".join(second.text.split())
        assert words in " ".join(makefile.split())


def test_the_equations_have_a_row_and_a_section_for_every_cell():
    text = (ROOT / "docs/equations.md").read_text("utf-8")
    readme = (ROOT / "README.md").read_text("utf-8")
    for name in cells.__all__:
        value = getattr(cells, name)
        if not inspect.isclass(value):
            continue
        if not issubclass(value, cells.Cell) or inspect.isabstract(value):
            continue
        row = rf"^\| \[`{name}`\]\(#{name.lower()}\) \|"
        assert re.search(row, text, re.MULTILINE), f"no row for {name}"
        assert f"\n## {name}\n" in text, f"no section for {name}"
        if name != "Dropout":
            assert f"`{name}`" in readme


def test_the_tests_that_the_equations_name_exist():
    source = "\n".join(p.read_text("utf-8") for p in ROOT.glob("tests/**/test_*.py"))
    known = set(re.findall(r"def (test_\w+)", source))
    text = (ROOT / "docs/equations.md").read_text("utf-8")
    named = set(re.findall(r"`(test_\w+)`", text))
    assert named
    assert not named - known
    for row in re.findall(r"^\| \[`\w+`\].*$", text, re.MULTILINE):
        assert "`test_" in row.split("|")[-2], f"no test in {row}"


@pytest.mark.parametrize("picture", PICTURES, ids=name_of)
def test_pictures_are_whole_and_ask_nothing_of_the_network(picture: Path):
    root = ElementTree.parse(picture).getroot()
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    assert root.find("{http://www.w3.org/2000/svg}title") is not None
    text = picture.read_text("utf-8").replace("http://www.w3.org/2000/svg", "")
    assert "://" not in text
    assert "<script" not in text
    shown = "".join(p.read_text("utf-8") for p in DOCUMENTS)
    assert f"images/{picture.name}" in shown, "no document shows it"


def test_the_pictures_of_the_concepts_are_what_their_script_draws(elsewhere: Path):
    drawn = runpy.run_path(str(ROOT / "examples/concept_pictures.py"))["PICTURES"]
    for name, draw in drawn.items():
        committed = (ROOT / f"docs/images/{name}.svg").read_text("utf-8")
        assert draw() + "\n" == committed, (
            f"{name}.svg is not current: python examples/concept_pictures.py"
        )


def test_the_coloured_tree_is_what_its_script_draws(elsewhere: Path):
    script = runpy.run_path(str(ROOT / "examples/coloured_tree.py"))
    picture = script["picture"]()
    assert picture.right
    # Probabilities may differ a little on another machine; words and classes may not.
    committed = (ROOT / "docs/images/coloured-tree.svg").read_text("utf-8")
    assert written(picture.svg) == written(committed)


def written(svg: str) -> list[str]:
    """The words and classes on the nodes of a picture, without probabilities."""
    texts = ElementTree.fromstring(svg).iter("{http://www.w3.org/2000/svg}text")
    return [re.sub(r"[\d.]+%", "", "|".join(t.itertext())) for t in texts]


def test_the_reviews_of_the_examples_differ_and_follow_their_rules(elsewhere: Path):
    script = runpy.run_path(str(ROOT / "examples/reviews.py"))
    made = script["reviews"](200)
    assert len(set(made)) == 200
    assert made == script["reviews"](200)
    assert any("(1 (2 not) (4 (2 very) (3 good)))" in tree for tree in made)
    assert not any("(3 (2 not) (3" in tree for tree in made)


def test_the_table_of_results_stands_beside_the_published_figures(
    elsewhere: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
):
    write_result(Path("runs/a"), [0.46, 0.48], {"treefold": "0.1.0"})
    monkeypatch.syspath_prepend(ROOT / "benchmarks")
    monkeypatch.setattr(sys, "argv", ["results.py", "runs/a"])
    runpy.run_path(str(ROOT / "benchmarks/results.py"), run_name="__main__")
    told = capsys.readouterr().out.splitlines()
    assert told[2].startswith("| sst | majority | 25.0 |  | 30.0 |")
    assert told[3] == (
        "| sst | `tree-lstm` | 47.0 ± 1.4 | 43.9 | 81.0 ± 1.4 |  | 47.0 ± 1.4 "
        "| 2 | 12 |"
    )
    assert "Tai et al. 2015" in told[5]
    assert "treefold train sst --out runs/a" in told
    assert told[-1] == "Measured 2026-01-31 with treefold 0.1.0."


def test_a_folder_without_a_result_is_told(
    elsewhere: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.syspath_prepend(ROOT / "benchmarks")
    monkeypatch.setattr(sys, "argv", ["results.py", "nowhere"])
    with pytest.raises(SystemExit, match="nowhere is not a finished run"):
        runpy.run_path(str(ROOT / "benchmarks/results.py"), run_name="__main__")


def test_the_table_of_other_tasks_shows_every_rival_and_metric(
    elsewhere: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
):
    from treefold.training.files import write_json
    from treefold.training.run import mean_and_deviation

    figures = {"f1": mean_and_deviation([0.93, 0.95]), "loss": mean_and_deviation([1])}
    folder = Path("runs/chunks")
    folder.mkdir(parents=True)
    rival = {"test": {"f1": 0.5}, "dev": {"f1": 0.6}, "seconds": 1.0}
    result = {
        "task": "conll2000",
        "kind": "tag",
        "model": "BiLSTM",
        "metric": "f1",
        "test": figures,
        "dev": figures,
        "baselines": {"majority": rival},
        "seconds_per_seed": [60.0, 180.0],
        "command": "treefold train conll2000 --out runs/chunks",
        "date": "2026-01-31",
        "versions": {"treefold": "0.1.0"},
    }
    write_json(folder / "result.json", result)
    monkeypatch.syspath_prepend(ROOT / "benchmarks")
    monkeypatch.setattr(sys, "argv", ["results.py", str(folder)])
    runpy.run_path(str(ROOT / "benchmarks/results.py"), run_name="__main__")
    told = capsys.readouterr().out.splitlines()
    assert told[2].startswith("| conll2000 | majority | chunk F1 50.00 % |")
    assert "**BiLSTM** | chunk F1 94.00 ± 1.41 %" in told[3]
    assert told[3].endswith("| 2 | 2.0 |")
    assert "treefold train conll2000 --out runs/chunks" in told


def write_result(folder: Path, root: list[float], versions: dict[str, str]) -> None:
    """Write a run's result as `treefold train` does."""
    from treefold.training.files import write_json
    from treefold.training.run import mean_and_deviation

    node = [0.80, 0.82]
    figures = {
        "root_accuracy": mean_and_deviation(root),
        "node_accuracy": mean_and_deviation(node),
    }
    folder.mkdir(parents=True)
    majority = {"root_accuracy": 0.25, "node_accuracy": 0.30}
    write_json(
        folder / "result.json",
        {
            "task": "sst",
            "model": "tree-lstm",
            "test": figures,
            "dev": figures,
            "baselines": {
                "majority": {"test": majority, "dev": majority, "seconds": 0.1}
            },
            "seconds_per_seed": [11.0, 13.0],
            "date": "2026-01-31",
            "versions": versions,
            "command": "treefold train sst --out runs/a",
        },
    )


def test_no_document_names_a_place_on_one_machine():
    for document in DOCUMENTS:
        text = document.read_text("utf-8")
        assert not re.search(r"(?<![\w.])/(?:home|tmp|work|root|Users)/", text)
