"""Trees from text to tensors: readers, packed corpora, vocabularies and batches."""

from treefold._lazy import attach

# No module here may bear a public name: importing it would hide what has that name.

__getattr__, __dir__, __all__ = attach(
    __name__,
    {
        "Batch": "batching",
        "Corpus": "corpus",
        "DataError": "errors",
        "Dataset": "datasets",
        "Document": "documents",
        "Documents": "documents",
        "DownloadError": "errors",
        "Schema": "schema",
        "Vocabulary": "vocabulary",
        "batches": "batching",
        "download": "archives",
        "load_dataset": "datasets",
        "load_vectors": "glove",
        "locate": "places",
        "plan_batches": "batching",
        "read_brackets": "readers.brackets",
        "write_brackets": "readers.brackets",
    },
)
