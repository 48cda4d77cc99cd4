"""Dependency treebanks as sets of documents, a label at every word.

Names that are known here, all of English Web Treebank (Silveira et al., 2014; Universal
Dependencies), with its own split, words labelled with their part of speech:

- ``ud-ewt-pos``: trees as annotated, relations are seen.
- ``ud-ewt-pos-bare``: the same trees, relations are not seen.
- ``ud-ewt-pos-chain``: the sentences as chains, without the trees.
"""

from __future__ import annotations

import gzip
import zlib
from pathlib import Path

from treefold.data.documents import Document, Documents, DocumentSet
from treefold.data.errors import DataError
from treefold.data.places import SPLITS, folders
from treefold.data.readers.formats import format_named

FORMATS = {
    "ud-ewt-pos": "conllu",
    "ud-ewt-pos-bare": "conllu-bare",
    "ud-ewt-pos-chain": "conllu-chain",
}
NOTES = {
    "conllu": "The trees are annotated by hand, and each word's relation to its head "
    "is seen: it tells much of the part of speech, and new text has no gold trees.",
    "conllu-bare": "The trees are annotated by hand; relations are not seen.",
    "conllu-chain": "The sentences are chains of words; their trees are not seen.",
}


def load_ud_ewt(name: str) -> DocumentSet:
    """Load the English Web Treebank.

    Args:
        name: one in `FORMATS`.

    Raises:
        DataError: it is not on this machine, or cannot be read.
    """
    format = FORMATS[name]
    looked = folders("ud_ewt")
    folder = next((each for each in looked if each.is_dir()), None)
    if folder is None:
        raise DataError(
            f"{name} is not on this machine; looked in {' and '.join(map(str, looked))}"
            ". Let TREEFOLD_DATA name the folder that has `ud_ewt` in it, with the "
            "files en_ewt-ud-train.conllu.gz, -dev and -test of Universal Dependencies."
        )
    train, dev, test = (
        _sentences(folder / f"en_ewt-ud-{split}.conllu.gz", format) for split in SPLITS
    )
    note = NOTES[format]
    return DocumentSet(name, train, dev, test, "nodes", note=note, format=format)


def _sentences(path: Path, format: str) -> Documents:
    try:
        content = gzip.decompress(path.read_bytes())
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"{path}: cannot be read: {error}") from None
    known = format_named(format)
    found = list[Document]()
    for each in known.read(content, str(path), **known.options):
        if isinstance(each, DataError):
            raise each
        found.append(each)
    return Documents.of(found)
