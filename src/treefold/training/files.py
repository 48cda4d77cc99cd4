"""Files written whole or not at all: tensors by safetensors, the rest as JSON."""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from treefold.training.errors import RunError, TrainingError


def write_bytes(path: Path, content: bytes) -> None:
    """Replace a file by `content`, so that a crash leaves the old file or the new.

    A link, a pipe or a device, such as ``/dev/stdout``, is written to, not replaced.

    Raises:
        TrainingError: the disk is full or cannot be written; the old file is whole.
    """
    if path.is_symlink() or (path.exists() and not path.is_file()):
        path.write_bytes(content)
        return
    part = path.with_name(path.name + ".part")
    try:
        with part.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    except OSError as error:
        part.unlink(missing_ok=True)
        why = "the disk is full" if error.errno == errno.ENOSPC else error.strerror
        raise TrainingError(
            f"cannot write {path}: {why}. What was saved before is whole; make room, "
            "then go on with: treefold train --resume RUN"
        ) from error


def write_json(path: Path, value: Any) -> None:
    """Write a value as JSON, in one piece."""
    write_bytes(path, (json.dumps(value, indent=2, ensure_ascii=False) + "\n").encode())


def read_json(path: Path) -> Any:
    """Read a JSON file of a run.

    Raises:
        RunError: it is missing or damaged.
    """
    try:
        return json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        raise RunError(
            f"{path.parent} is not a run: it has no {path.name}. Runs are made by "
            "treefold train DATA --out RUN."
        ) from None
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise RunError(f"{path} is damaged: {error}") from None


def read_json_lines(path: Path) -> list[Any]:
    """Read a file of a run that holds a JSON value on each line.

    Raises:
        RunError: it is missing or damaged.
    """
    try:
        return [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise RunError(f"{path} is damaged: {error}") from None


def write_tensors(path: Path, tensors: Mapping[str, Tensor], note: Any = None) -> None:
    """Write tensors, and a note as JSON in the file's header, in one piece."""
    whole = {
        name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()
    }
    write_bytes(path, save(whole, {"note": json.dumps(note)}))


def read_tensors(path: Path) -> tuple[dict[str, Tensor], Any]:
    """Read what `write_tensors` wrote.

    Raises:
        RunError: it is missing or damaged.
    """
    try:
        with safe_open(path, framework="pt") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            note = json.loads((file.metadata() or {}).get("note", "null"))
    except FileNotFoundError:
        raise RunError(f"{path} is missing; the run was not finished.") from None
    except (SafetensorError, OSError, json.JSONDecodeError) as error:
        raise RunError(f"{path} is damaged: {error}") from None
    return tensors, note
