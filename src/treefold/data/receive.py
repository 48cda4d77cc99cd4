"""Fetching a file over HTTP, in as many goes as it takes. Standard library only."""

from __future__ import annotations

import http.client
import socket
import time
import urllib.error
import urllib.request
from http import HTTPStatus
from pathlib import Path

from tqdm import tqdm

from treefold.data.errors import DownloadError

TIMEOUT = 30  # seconds without a byte
ATTEMPTS = 5  # in a row that bring nothing new
PAUSE = 1.0  # seconds after the first of them
BLOCK = 1 << 16


class BrokenError(Exception):
    """A connection that could not be had, or ended early."""


def receive(url: str, part: Path, *, most: int, progress: bool = False) -> None:
    """Fetch a file, going on where an earlier call or connection ended.

    Args:
        url: where it is.
        part: where to; what an earlier call left there is kept, unless the server's
            file is another one by now.
        most: the most bytes to take.
        progress: show a bar on standard error, if that is a terminal.

    Raises:
        BrokenError: if the connection cannot be had, or breaks again and again; what
            came is kept.
        DownloadError: if the server sends something else than was asked for.
        OSError: if the disk cannot take it.
    """
    began = size_of(part)
    failures = 0
    with tqdm(
        desc=url.rsplit("/", 1)[-1],
        unit="B",
        unit_scale=True,
        disable=None if progress else True,  # None shows it only on a terminal
    ) as bar:
        while True:
            before = size_of(part)
            try:
                return _request(url, part, most, bar)
            except BrokenError:
                # A server that has sent something is worth asking again.
                failures = 1 if size_of(part) > before else failures + 1
                if size_of(part) <= began or failures >= ATTEMPTS:
                    raise
                time.sleep(PAUSE * failures)


def remove(part: Path) -> None:
    """Remove what `receive` left."""
    part.unlink(missing_ok=True)
    _tag(part).unlink(missing_ok=True)


def size_of(path: Path) -> int:
    """Return a file's bytes, 0 if there is none."""
    return path.stat().st_size if path.exists() else 0


def _tag(part: Path) -> Path:
    """Return the file that keeps the server's name for its version of the file."""
    return part.with_name(f"{part.name}.tag")


def _request(url: str, part: Path, most: int, bar: tqdm) -> None:
    """Ask once for what is missing, and write it."""
    have = size_of(part)
    headers = {"User-Agent": "treefold", "Accept-Encoding": "identity"}
    if have:
        headers["Range"] = f"bytes={have}-"
        if _tag(part).exists():  # send all of it, should the file have changed
            headers["If-Range"] = _tag(part).read_text(encoding="latin-1")
    try:
        request = urllib.request.Request(url, headers=headers)
        response = urllib.request.urlopen(request, timeout=TIMEOUT)
    except urllib.error.HTTPError as error:
        error.close()
        if error.code == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE and have:
            if error.headers.get("Content-Range") == f"bytes */{have}":
                return  # all of it was there
            remove(part)
            _request(url, part, most, bar)
            return
        raise BrokenError(f"the server answered {error.code} {error.reason}") from None
    except urllib.error.URLError as error:
        raise BrokenError(_reason(error.reason)) from None
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise BrokenError(_reason(error)) from None

    with response:
        goes_on = response.status == HTTPStatus.PARTIAL_CONTENT
        if goes_on:
            sent = response.headers.get("Content-Range", "")
            if not sent.startswith(f"bytes {have}-"):
                raise DownloadError(
                    f"{url}: asked for the bytes from {have}, the server sent {sent!r}"
                )
        else:
            have = 0
        length = response.headers.get("Content-Length", "")
        total = have + int(length) if length.isdigit() else None
        with part.open("ab" if goes_on else "wb") as file:
            _keep_tag(part, response)
            bar.total = total
            bar.update(have - bar.n)
            while block := _block(response):
                have += len(block)
                if have > most:
                    raise DownloadError(f"{url}: more than {most:,} bytes came")
                file.write(block)
                bar.update(len(block))
    if total is not None and have < total:
        raise BrokenError(f"the connection ended after {have:,} of {total:,} bytes")


def _keep_tag(part: Path, response: http.client.HTTPResponse) -> None:
    """Keep what tells this version of the file from another."""
    tag = response.headers.get("ETag") or ""
    if not tag or tag.startswith("W/"):  # weak ones do not promise the same bytes
        tag = response.headers.get("Last-Modified") or ""
    if tag:
        _tag(part).write_text(tag, encoding="latin-1")
    else:
        _tag(part).unlink(missing_ok=True)


def _block(response: http.client.HTTPResponse) -> bytes:
    """Return the next bytes of a response, none at its end."""
    try:
        return response.read1(BLOCK)
    except (OSError, http.client.HTTPException) as error:
        raise BrokenError(_reason(error)) from None


def _reason(error: object) -> str:
    """Say in words why a connection failed."""
    if isinstance(error, TimeoutError):
        return f"no answer within {TIMEOUT} seconds"
    if isinstance(error, socket.gaierror):
        return "the host is not known (no network?)"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return str(error) or type(error).__name__
