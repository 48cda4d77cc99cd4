"""What readers are held to: only documents and data errors come out."""

from collections.abc import Callable, Iterator

from hypothesis import strategies as st

from treefold.data.documents import Document, Documents
from treefold.data.errors import DataError

Read = Callable[..., Iterator[Document | DataError]]


def read_all(read: Read, content: bytes | str, **options) -> list[Document | DataError]:
    data = content.encode() if isinstance(content, str) else content
    return list(read(data, "file", **options))


def one(read: Read, content: bytes | str, **options) -> Document:
    (found,) = read_all(read, content, **options)
    assert isinstance(found, Document), found
    return found


def error(read: Read, content: bytes | str, **options) -> str:
    (found,) = read_all(read, content, **options)
    assert isinstance(found, DataError), found
    return str(found)


def nodes(document: Document) -> list[tuple]:
    """Each node: its parent, kind, role, position, and text or number."""
    return [
        (above, c.kind, c.role, c.position, c.number if c.text is None else c.text)
        for above, c in zip(document.parent, document.content, strict=True)
    ]


def check(found: list[Document | DataError]) -> None:
    """Hold to the contract: documents that can be packed, errors that name the file."""
    assert found
    for part in found:
        if isinstance(part, DataError):
            assert str(part).startswith("file")
        else:
            assert isinstance(part, Document)
            "".join(c.kind + c.role + (c.text or "") for c in part.content).encode()
    documents = [part for part in found if isinstance(part, Document)]
    if documents:
        assert len(Documents.of(documents)) == len(documents)


@st.composite
def mutated(draw: st.DrawFn, *texts: str) -> bytes:
    """A valid text with pieces cut out, doubled and put in."""
    data = draw(st.sampled_from(texts)).encode()
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(data)))
        end = min(at + draw(st.integers(0, 8)), len(data))
        new = draw(
            st.sampled_from([b"", data[at:end] * 2, b"\xff", b"\0"])
            | st.binary(max_size=4)
            | st.text(max_size=3).map(lambda t: t.encode("utf-8", "replace"))
        )
        data = data[:at] + new + data[end:]
    return data
