"""Files read by several processes: order, faults, and a way out."""

import itertools
import os
import signal
import subprocess
import sys
import textwrap
import time
from functools import partial
from pathlib import Path

import pytest

from treefold.data import DataError, parallel
from treefold.data.documents import Document
from treefold.data.parallel import parse_files, parse_texts


def words(content: bytes, place: str, *, ending: str = ""):
    """Read a word a line; some words do harm."""
    for number, line in enumerate(content.decode().splitlines(), 1):
        if line == "exit":
            os._exit(3)
        if line == "fail":
            raise KeyError("no such thing")
        if line == "bad":
            yield DataError(f"{place}:{number}: a bad word; take another")
            continue
        document = Document(f"{place}:{number}")
        document.add(-1, "word", text=line + ending)
        yield document


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    paths = [tmp_path / f"{i:02}.txt" for i in range(20)]
    for i, path in enumerate(paths):
        path.write_text(f"{i}\nand {i}\n")
    return paths


def texts(found):
    return [
        [
            str(d) if isinstance(d, DataError) else f"{d.content[0].text}"
            for d in documents
        ]
        for _, documents in found
    ]


@pytest.mark.parametrize("jobs", [1, 2])
def test_files_come_back_in_order(files, jobs, monkeypatch):
    monkeypatch.setattr(parallel, "WORTH", 0)
    found = list(parse_files(files, partial(words, ending="!"), jobs))
    assert [path for path, _ in found] == files
    assert texts(found) == [[f"{i}!", f"and {i}!"] for i in range(20)]


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_bad_file_is_told_and_the_others_are_read(files, jobs, monkeypatch):
    monkeypatch.setattr(parallel, "WORTH", 0)
    files[3].unlink()
    files[5].write_text("one\nfail\ntwo")
    files[7].write_text("one\nbad\ntwo")
    found = texts(parse_files(files, words, jobs))
    assert "cannot be read: No such file" in found[3][0]
    assert found[5][0] == "one"
    assert "05.txt: the reader failed: KeyError: 'no such thing'" in found[5][1]
    assert found[7] == ["one", f"{files[7]}:2: a bad word; take another", "two"]
    assert len([f for f in found if len(f) == 2]) == 18


def test_a_file_that_ends_its_process_does_not_end_the_others(files, monkeypatch):
    monkeypatch.setattr(parallel, "WORTH", 0)
    files[6].write_text("exit")
    files[19].write_text("exit")
    found = texts(parse_files(files, words, 2))
    for i, texts_of in enumerate(found):
        if i in (6, 19):
            assert "ended the process; leave it out" in texts_of[0]
        else:
            assert texts_of == [str(i), f"and {i}"]


def test_one_may_stop_early(files, monkeypatch):
    monkeypatch.setattr(parallel, "WORTH", 0)
    some = parse_files(files, words, 2)
    assert len(list(itertools.islice(some, 3))) == 3
    some.close()  # type: ignore[attr-defined]


def test_few_files_are_read_in_this_process(files):
    found = parse_files(files, lambda content, place: [os.getpid()], 2)  # type: ignore
    assert {pid for _, (pid,) in found} == {os.getpid()}


def test_texts_are_read_as_files_are(monkeypatch):
    monkeypatch.setattr(parallel, "WORTH", 0)
    rows = [(f"t.csv:{i}", b"a\nb" if i % 3 else b"bad") for i in range(9)]
    alone, together = (list(parse_texts(rows, words, jobs)) for jobs in (1, 2))
    assert [len(each) for each in together] == [1, 2, 2] * 3
    for one, other in zip(alone, together, strict=True):
        assert [str(d) for d in one] == [str(d) for d in other]


def test_jobs_must_be_a_number_of_processes():
    with pytest.raises(ValueError, match=r"jobs must be 1 or more.*got -2"):
        list(parse_files([], words, -2))


def test_what_is_too_large_is_told(tmp_path):
    def greedy(content, place):
        raise MemoryError

    path = tmp_path / "a"
    path.write_bytes(b"")
    ((_, (error,)),) = parse_files([path], greedy)
    assert str(error) == f"{path}: too large to be read: MemoryError"


def test_an_interrupt_ends_all_processes(tmp_path):
    for i in range(8):
        (tmp_path / f"{i}.txt").write_text("x")
    script = tmp_path / "main.py"
    script.write_text(
        textwrap.dedent("""
        import sys, time
        from pathlib import Path
        from treefold.data import parallel
        parallel.WORTH = 0

        def slow(content, place):
            Path(place).with_suffix(".begun").touch()
            time.sleep(60)
            yield None

        files = sorted(Path(sys.argv[1]).glob("*.txt"))
        list(parallel.parse_files(files, slow, 2))
        """)
    )
    with subprocess.Popen(
        [sys.executable, str(script), str(tmp_path)],
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as run:
        try:
            for _ in range(600):
                if len(list(tmp_path.glob("*.begun"))) == 2:
                    break
                time.sleep(0.1)
            os.killpg(run.pid, signal.SIGINT)
            _, told = run.communicate(timeout=50)  # less than a reader takes
        except subprocess.TimeoutExpired:
            os.killpg(run.pid, signal.SIGKILL)
            raise
    assert told.rstrip().endswith("KeyboardInterrupt")
    assert run.returncode
