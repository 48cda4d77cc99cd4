"""A model of nested records is trained, and what it says is explained in pictures.

    python examples/explained_record.py [FOLDER]

Trains for about half a minute on `records-largest`, where the label is the grade in the
terms of the offer with the largest score; prints why the model says what it says of a
record, and writes the pictures of docs/explanations.md: of a record of some 50 nodes,
and of 300 records in one, 20,000 nodes.
"""

import sys
import tempfile
from dataclasses import replace
from pathlib import Path

from treefold.data.documents import Document, Documents
from treefold.data.generators.nested import load_records, make_records
from treefold.data.readers.values import add_value
from treefold.explain.explanation import Explanation, explain
from treefold.explain.nearest import Neighbours
from treefold.tasks.documents import DocumentsTask
from treefold.tasks.documents_config import DocumentsConfig
from treefold.training.trainer import train_seed

TRAIN, LARGE = 2_000, 300
CONFIG = DocumentsConfig(epochs=8, learning_rate=0.01, threads=1)


def trained(folder: Path) -> tuple[Explanation, Explanation]:
    """Train a model, and explain what it says of a record and of a large document."""
    records = load_records(f"records-largest-{TRAIN}")
    records = replace(records, test=records.test[:500])
    task = DocumentsTask.of(CONFIG, records)
    model = train_seed(task, 0, folder, say=lambda line: print(line, flush=True)).model
    print("test", task.evaluate(model, "test"))
    near = Neighbours.of(model, task.coded["train"])
    sizes = task.parts["test"].corpus.sizes
    number = int(abs(sizes - 50).argmin())
    coded = task.coded["test"]
    one = explain(model, coded, number, classes=task.classes, neighbours=near)

    large = Document("300 records in one")
    offers = large.add(large.add(-1, "object"), "array", role="offers")
    for i, (record, _) in enumerate(make_records("records-largest", LARGE, seed=7)):
        add_value(large, offers, record, role="offers[]", position=i)
    whole = explain(model, task.code(Documents.of([large])), classes=task.classes)
    return one, whole


def main(folder: Path) -> None:
    """Write the pictures."""
    with tempfile.TemporaryDirectory() as run:
        one, whole = trained(Path(run))
    folder.mkdir(parents=True, exist_ok=True)
    print("\n".join([*one.sentences(), f"Right is {one.document.target}."]))
    (folder / "explanation.svg").write_text(one.picture(32) + "\n", "utf-8")
    print("\n".join(["", *whole.sentences()]))
    (folder / "explanation-large.svg").write_text(whole.picture(24) + "\n", "utf-8")


if __name__ == "__main__":
    main(Path(*sys.argv[1:] or ["docs/images"]))
