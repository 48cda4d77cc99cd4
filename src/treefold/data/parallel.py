"""Many files read by all processors, in order."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from tqdm import tqdm

from treefold.data.errors import DataError

if TYPE_CHECKING:
    from treefold.data.documents import Document

    Read = Callable[[bytes, str], Iterable[Document | DataError]]
    Found = tuple[Path, list[Document | DataError]]

CHUNK = 32  # files to a piece of work: a message between processes costs as two do
WORTH = 1 << 20  # bytes below which other processes take longer to start than to help


def parse_files(
    paths: Iterable[str | Path],
    read: Read,
    jobs: int | None = None,
    progress: bool = False,
) -> Iterator[Found]:
    """Read files, several at a time; give what is in them in the order of the paths.

    No file ends the reading of the others: one that cannot be opened, that makes the
    reader fail, or that ends its whole process (the machine's memory ran out) gives a
    `DataError`, which stands in the list in place of what could not be read.

    Args:
        paths: the files.
        read: a reader, ``read(content, place)``; a function of a module, or a
            `functools.partial` of one, for other processes must be able to import it.
        jobs: how many processes read, all processors if None. One, or little to read,
            is read in this process.
        progress: show a bar on standard error, if that is a terminal.

    Yields:
        The path, and the documents and errors found in it.
    """
    files = [Path(path) for path in paths]
    jobs = jobs or os.cpu_count() or 1
    if jobs < 1:
        raise ValueError(f"jobs must be 1 or more, or None for all, got {jobs}")
    alone = jobs == 1 or len(files) < 2 or not _is_much(files)
    found = (
        ((path, read_file(path, read)) for path in files)
        if alone
        else _by_processes(files, read, jobs)
    )
    yield from tqdm(
        found,
        desc="reading",
        total=len(files),
        unit="file",
        leave=False,
        disable=None if progress else True,  # None: where there is no terminal
    )


def read_file(path: Path, read: Read) -> list[Document | DataError]:
    """Read a file; whatever goes wrong is told in a `DataError` in the list."""
    found: list[Document | DataError] = []
    try:
        found.extend(read(path.read_bytes(), str(path)))
    except DataError as error:
        found.append(error)
    except OSError as error:
        found.append(DataError(f"{path}: cannot be read: {error.strerror or error}"))
    except (RecursionError, MemoryError) as error:
        found.append(DataError(f"{path}: too large to be read: {_told(error)}"))
    except Exception as error:
        # A reader should not fail in any other way. If one does, ten thousand files
        # are not lost for it; but the fault must be seen for what it is.
        found.append(DataError(f"{path}: the reader failed: {_told(error)}"))
    return found


def _told(error: BaseException) -> str:
    says = str(error)
    return f"{type(error).__name__}: {says}" if says else type(error).__name__


def _is_much(files: Sequence[Path]) -> bool:
    total = 0
    for path in files:
        try:
            total += path.stat().st_size
        except (OSError, ValueError):
            continue  # told when it is its turn
        if total >= WORTH:
            return True
    return False


def _read_all(files: list[Path], read: Read) -> list[list[Document | DataError]]:
    return [read_file(path, read) for path in files]


def _by_processes(files: list[Path], read: Read, jobs: int) -> Iterator[Found]:
    """Read by a pool of processes; what breaks it is read again, a file at a time."""
    size = max(1, min(CHUNK, len(files) // (4 * jobs)))
    chunks = [files[i : i + size] for i in range(0, len(files), size)]
    done = 0
    while done < len(chunks):
        pool = _pool(chunks[done:], read, jobs)
        try:
            for found in pool:
                yield from zip(chunks[done], found, strict=True)
                done += 1
        except BrokenProcessPool:
            # One of the chunks at work did it. Any may be next; this one is sure to be
            # reached, so the guilty file is, too.
            for path in chunks[done]:
                yield path, _by_its_own(path, read)
            done += 1
        finally:
            with warnings.catch_warnings():
                # Who stops early knows that some files were read in vain.
                warnings.simplefilter("ignore")
                pool.close()


def _by_its_own(path: Path, read: Read) -> list[Document | DataError]:
    """Read a file in a process that nothing else depends on."""
    try:
        # Two pieces of work, for a single one would be done in this process.
        ((found,), _) = _pool([[path], []], read, jobs=2)
    except BrokenProcessPool:
        return [DataError(f"{path}: reading it ended the process; leave the file out")]
    return found


def _pool(
    chunks: list[list[Path]], read: Read, jobs: int
) -> Generator[Any, None, None]:
    from joblib import Parallel, delayed

    work = (delayed(_read_all)(chunk, read) for chunk in chunks)
    # Chunks come back one by one: all at once would hold every file twice.
    pool = Parallel(n_jobs=jobs, batch_size=1, return_as="generator")
    return cast("Generator[Any, None, None]", pool(work))
