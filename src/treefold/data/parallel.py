"""Many files or texts read by all processors, in order."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures.process import BrokenProcessPool
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from tqdm import tqdm

from treefold.data.errors import DataError

if TYPE_CHECKING:
    from treefold.data.documents import Content, Document

    Read = Callable[[bytes, str], Iterable[Document | DataError]]
    Source = tuple[str, bytes | Path]  # its name, and what it holds or where it lies
    Found = list[Document | DataError]

CHUNK = 32  # of them to a piece of work: a message between processes costs as two do
WORTH = 1 << 20  # bytes below which other processes take longer to start than to help


def parse_files(
    paths: Iterable[str | Path],
    read: Read,
    jobs: int | None = None,
    progress: bool = False,
) -> Iterator[tuple[Path, Found]]:
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
    files: list[Source] = [(str(path), Path(path)) for path in paths]
    found = _parse(files, read, jobs, progress, "file")
    return ((Path(path), each) for (path, _), each in zip(files, found, strict=True))


def parse_texts(
    texts: Iterable[tuple[str, bytes]],
    read: Read,
    jobs: int | None = None,
    progress: bool = False,
) -> Iterator[Found]:
    """Read texts in memory as `parse_files` reads files.

    Args:
        texts: each with its place, for messages: ``("queries.csv:12", b"SELECT 1")``.
        read: see `parse_files`, as for all that follows.
        jobs: how many processes read.
        progress: show a bar.

    Yields:
        The documents and errors found in a text.
    """
    return _parse([*texts], read, jobs, progress, "text")


def _parse(
    sources: list[Source], read: Read, jobs: int | None, progress: bool, unit: str
) -> Iterator[Found]:
    jobs = (os.cpu_count() or 1) if jobs is None else jobs
    if jobs < 1:
        raise ValueError(f"jobs must be 1 or more, or None for all, got {jobs}")
    alone = jobs == 1 or len(sources) < 2 or not _is_much(sources)
    return iter(
        tqdm(
            (_read(each, read) for each in sources)
            if alone
            else _by_processes(sources, read, jobs),
            desc="reading",
            total=len(sources),
            unit=unit,
            leave=False,
            disable=None if progress else True,  # None: where there is no terminal
        )
    )


def _read(source: Source, read: Read) -> Found:
    """Read a file or a text; whatever goes wrong is told in a `DataError`."""
    place, content = source
    found: Found = []
    try:
        if isinstance(content, Path):
            content = content.read_bytes()
        found.extend(read(content, place))
    except DataError as error:
        found.append(error)
    except OSError as error:
        found.append(DataError(f"{place}: cannot be read: {error.strerror or error}"))
    except (RecursionError, MemoryError) as error:
        found.append(DataError(f"{place}: too large to be read: {_told(error)}"))
    except Exception as error:
        # A reader should not fail in any other way. If one does, ten thousand files
        # are not lost for it; but the fault must be seen for what it is.
        found.append(DataError(f"{place}: the reader failed: {_told(error)}"))
    return found


def _told(error: BaseException) -> str:
    says = str(error)
    return f"{type(error).__name__}: {says}" if says else type(error).__name__


def _is_much(sources: list[Source]) -> bool:
    total = 0
    for _, content in sources:
        try:
            text = isinstance(content, bytes)
            total += len(content) if text else content.stat().st_size
        except (OSError, ValueError):
            continue  # told when it is its turn
        if total >= WORTH:
            return True
    return False


def _read_all(sources: list[Source], read: Read) -> list[Found]:
    """Read several, and let equal contents be one object: less to send and to keep."""
    found = [_read(source, read) for source in sources]
    table: dict[Content, Content] = {}
    for document in chain.from_iterable(found):
        if not isinstance(document, DataError):
            document.content = [table.setdefault(c, c) for c in document.content]
    return found


def _by_processes(sources: list[Source], read: Read, jobs: int) -> Iterator[Found]:
    """Read by a pool of processes; what breaks it is read again, one at a time."""
    size = max(1, min(CHUNK, len(sources) // (4 * jobs)))
    chunks = [sources[i : i + size] for i in range(0, len(sources), size)]
    done = 0
    while done < len(chunks):
        pool = _pool(chunks[done:], read, jobs)
        try:
            for found in pool:
                yield from found
                done += 1
        except BrokenProcessPool:
            # One of the chunks at work did it. Any may be next; this one is sure to be
            # reached, so the guilty one is, too.
            for source in chunks[done]:
                yield _by_its_own(source, read)
            done += 1
        finally:
            with warnings.catch_warnings():
                # Who stops early knows that some were read in vain.
                warnings.simplefilter("ignore")
                pool.close()


def _by_its_own(source: Source, read: Read) -> Found:
    """Read in a process that nothing else depends on."""
    try:
        # Two pieces of work, for a single one would be done in this process.
        ((found,), _) = _pool([[source], []], read, jobs=2)
    except BrokenProcessPool:
        place, _ = source
        return [DataError(f"{place}: reading it ended the process; leave it out")]
    return found


def _pool(
    chunks: list[list[Source]], read: Read, jobs: int
) -> Generator[Any, None, None]:
    from joblib import Parallel, delayed

    work = (delayed(_read_all)(chunk, read) for chunk in chunks)
    # Chunks come back one by one: all at once would hold everything twice.
    pool = Parallel(n_jobs=jobs, batch_size=1, return_as="generator")  # type: ignore
    return cast("Generator[Any, None, None]", pool(work))
