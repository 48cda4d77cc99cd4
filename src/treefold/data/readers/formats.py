"""The formats that documents are written in: their names, files and readers."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from types import MappingProxyType
from typing import Any, final

from treefold.data.documents import Document
from treefold.data.errors import DataError
from treefold.data.places import did_you_mean

Read = Callable[..., Iterator[Document | DataError]]
NOTHING: Mapping[str, Any] = MappingProxyType({})
LANGUAGES = {
    "c": (".c", ".h"),
    "cpp": (".cpp", ".cc", ".cxx", ".hpp"),
    "java": (".java",),
    "javascript": (".js", ".mjs", ".cjs"),
    "go": (".go",),
    "rust": (".rs",),
}
# Those of sqlglot that are asked for most; its reader takes them all.
DIALECTS = ("bigquery", "duckdb", "mysql", "oracle", "postgres", "snowflake", "spark")
DIALECTS += ("sqlite", "tsql")


@final
@dataclass(frozen=True)
class Format:
    """A format of documents.

    Attributes:
        module: of `treefold.data.readers`, with the function ``read``.
        extensions: how the names of its files end.
        many: whether one file holds many documents.
        options: what ``read`` is given for this format.
        alone: what it is given besides where a file, or the cell of a table, is one
            document.
        first: how its files begin, where no extension tells.
    """

    module: str
    extensions: tuple[str, ...] = ()
    many: bool = False
    options: Mapping[str, Any] = field(default_factory=lambda: NOTHING)
    alone: Mapping[str, Any] = field(default_factory=lambda: NOTHING)
    first: tuple[bytes, ...] = ()

    @property
    def read(self) -> Read:
        """The reader, imported when it is asked for."""
        return import_module(f"treefold.data.readers.{self.module}").read


FORMATS: dict[str, Format] = {
    "json": Format(
        "json_records", (".json",), many=True, alone={"many": False}, first=(b"{", b"[")
    ),
    "jsonl": Format(
        "json_records",
        (".jsonl", ".ndjson"),
        many=True,
        options={"lines": True},
        alone={"lines": False, "many": False},
    ),
    "xml": Format("xml_text", (".xml", ".svg", ".xhtml"), first=(b"<?xml",)),
    "html": Format(
        "html_text", (".html", ".htm"), first=(b"<!doctype html", b"<html", b"<body")
    ),
    "python": Format("python_source", (".py",)),
    **{
        name: Format("source_code", extensions, options={"language": name})
        for name, extensions in LANGUAGES.items()
    },
    "conllu": Format("conllu_text", (".conllu", ".conll"), many=True),
    "conllu-bare": Format("conllu_text", many=True, options={"relations": False}),
    "conllu-chain": Format("conllu_text", many=True, options={"structure": "chain"}),
    "sql": Format("sql", (".sql",), many=True),
    **{
        f"sql-{dialect}": Format("sql", many=True, options={"dialect": dialect})
        for dialect in DIALECTS
    },
    "newick": Format("newick", (".nwk", ".newick", ".tre"), many=True),
    "brackets": Format("brackets_documents", (".mrg", ".ptb"), many=True),
    "math": Format("sympy_text", (".math",), many=True),
    "plans": Format("plans", (".plan", ".plans"), many=True, alone={"many": False}),
}
TABLES = (".csv", ".tsv")
OTHER_NAMES = {"ndjson": "jsonl", "js": "javascript", "c++": "cpp", "py": "python"}


def format_named(name: str) -> Format:
    """Return a format by its name.

    Raises:
        DataError: there is none of that name.
    """
    known = FORMATS.get(OTHER_NAMES.get(name.lower(), name.lower()))
    if known is None:
        hint = did_you_mean(name, FORMATS) or "."
        raise DataError(
            f"there is no format {name!r}{hint} The formats are {', '.join(FORMATS)}."
        )
    return known


def format_of(path: str | Path) -> str | None:
    """Return the format that a file's name tells, None if none."""
    name = Path(path).name.lower().removesuffix(".gz")
    for format_name, known in FORMATS.items():
        if name.endswith(known.extensions):
            return format_name
    return None


def is_table(path: str | Path) -> bool:
    """Whether a file's name says that it is a table, as CSV or TSV."""
    return Path(path).name.lower().removesuffix(".gz").endswith(TABLES)


def is_documents(path: str | Path) -> bool:
    """Whether a file's name is that of documents, or of a table of them."""
    return is_table(path) or format_of(path) is not None


def guessed(content: bytes) -> str | None:
    """Return the format that a text's beginning shows, None if none."""
    begin = content.removeprefix(b"\xef\xbb\xbf").lstrip()[:100].lower()
    for name, known in FORMATS.items():
        if begin.startswith(known.first):
            return name
    return None
