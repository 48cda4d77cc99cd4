"""Files that are written in one piece: what was there before is not torn away."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from treefold.report.page import write_text
from treefold.training.files import write_bytes


def write_encoded(path: Path, text: str) -> None:
    write_bytes(path, text.encode())


@pytest.mark.parametrize("write", [write_text, write_encoded])
def test_a_link_is_followed_and_a_pipe_fed(write: Callable, tmp_path: Path):
    file, link, pipe = (tmp_path / name for name in ("file", "link", "pipe"))
    write(file, "old")
    link.symlink_to(file)
    write(link, "new")
    assert link.is_symlink()
    assert file.read_text() == "new"
    os.mkfifo(pipe)
    end = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    write(pipe, "told")
    assert os.read(end, 10) == b"told"
    os.close(end)
    assert pipe.is_fifo()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["file", "link", "pipe"]
