"""Documents from files, tables and folders, with what is to be told of them."""

import gzip
import json
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest

from treefold.data import DataError, document_files
from treefold.data.document_files import Way
from treefold.data.document_sets import (
    NAMED,
    load_documents,
    load_more,
    load_unlabelled,
    read_documents,
)
from treefold.data.documents import Document

Write = Callable[[str, Any], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def write_file(name: str, content: Any) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, bytes):
            path.write_bytes(content)
        elif isinstance(content, str):
            path.write_text(content, "utf-8")
        else:
            path.write_text("".join(json.dumps(v) + "\n" for v in content), "utf-8")
        return path

    return write_file


def days(count: int = 40) -> list[dict[str, Any]]:
    return [
        {
            "rain": k % 7,
            "sky": {"cloud": bool(k % 2)},
            "label": "wet" if k % 3 else "dry",
        }
        for k in range(count)
    ]


def fields(documents: Iterable[Document]) -> set[str]:
    return {content.role for document in documents for content in document.content}


def test_the_target_of_json_lines_is_taken_out(write: Write):
    found = load_documents(write("days.jsonl", days()), target="label")
    assert [len(part) for part in found.splits.values()] == [32, 4, 4]
    assert found.goal == "classify"
    assert found.name == "days"
    assert set(found.train.targets) == {"wet", "dry"}
    assert fields(found.train) == {"", "rain", "sky", "cloud"}
    assert "Read as jsonl." in found.note
    assert (
        "one of 2 classes, dry, wet: it is classified (--goal classify)" in found.note
    )
    assert "Held out of training by seed 0: 4 to dev and 4 to test." in found.note


def test_a_field_inside_may_be_the_target(write: Write):
    found = load_documents(write("days.jsonl", days()), target="sky.cloud")
    assert set(found.train.targets) == {"true", "false"}
    assert "cloud" not in fields(found.train)


def test_numbers_are_regressed_unless_they_are_few_and_whole(write: Write):
    values = [{"x": k, "y": k / 3, "z": k % 2} for k in range(40)]
    file = write("v.jsonl", values)
    found = load_documents(file, target="y")
    assert found.goal == "regress"
    assert all(isinstance(target, float) for target in found.train.targets)
    assert "a number from 0 to 13: it is regressed (--goal regress)" in found.note
    assert load_documents(file, target="z").goal == "classify"
    assert set(load_documents(file, target="z").train.targets) == {"0", "1"}
    assert load_documents(file, target="z", goal="regress").goal == "regress"
    assert load_documents(file, target="y", goal="classify").goal == "classify"


def test_classes_cannot_be_regressed(write: Write):
    with pytest.raises(DataError, match=r"days\.jsonl:1: expected a number to be told"):
        load_documents(write("days.jsonl", days()), target="label", goal="regress")


def test_a_target_that_is_nowhere_is_told_with_the_fields_there_are(write: Write):
    message = (
        r"days\.jsonl:1: there is no field 'lable'; there are label, rain, sky; did"
    )
    with pytest.raises(DataError, match=message):
        load_documents(write("days.jsonl", days()), target="lable")


def test_no_target_at_all_is_told_with_the_fields_there_are(write: Write):
    message = r"Name the field with --target FIELD\. Its fields are label, rain, sky\."
    with pytest.raises(DataError, match=message):
        load_documents(write("days.jsonl", days()))


def test_bad_lines_are_counted_and_told_and_fatal_if_strict(write: Write):
    lines = [json.dumps(day) for day in days()]
    lines[3:3] = ['{"label": ', '{"rain": 3}', '{"label": null}', '{"label": [1]}']
    file = write("days.jsonl", "\n".join(lines))
    found = load_documents(file, target="label")
    assert len(found.train) + len(found.dev) + len(found.test) == 40
    assert len(found.skipped) == 4
    assert found.skipped[0].startswith(f"{file}:4:10: this is no JSON")
    assert found.skipped[1].startswith(f"{file}:5: there is no field 'label'")
    assert "Of train 4 were left out, the first: " in found.note
    with pytest.raises(DataError, match=r"days.jsonl:4:10: this is no JSON"):
        load_documents(file, target="label", strict=True)


def test_a_file_of_which_most_is_bad_is_refused(write: Write):
    file = write("days.jsonl", "\n".join(["{"] * 6 + ['{"label": 1}'] * 5))
    with pytest.raises(DataError, match="so it is with 6 of 11 documents"):
        load_documents(file, target="label")


def test_one_class_only_is_a_set_and_one_number_is_an_error(write: Write):
    same = [{"x": k, "label": "a", "y": 2.5} for k in range(20)]
    file = write("same.jsonl", same)
    assert set(load_documents(file, target="label").train.targets) == {"a"}
    with pytest.raises(DataError, match=r"all 20 documents have the target 2\.5"):
        load_documents(file, target="y")


def test_a_class_with_one_example_stays_in_training_and_is_told(write: Write):
    rare = [*days(), {"rain": 3, "label": "hail"}, {"rain": 4, "label": "snow"}]
    found = load_documents(write("days.jsonl", rare), target="label")
    assert {"hail", "snow"} <= set(found.train.targets)
    assert "Of 2 of 4 classes training has one example only: hail, snow." in found.note


def test_files_of_dev_and_test_are_taken_as_they_are(write: Write):
    files = {
        "dev": str(write("a.jsonl", days(5))),
        "test": str(write("b.json", json.dumps([*days(6), {"label": "new", "n": 1}]))),
    }
    found = load_documents(write("days.jsonl", days()), files, target="label")
    assert [len(part) for part in found.splits.values()] == [40, 5, 7]
    assert "1 documents of test are of classes that training lacks" in found.note


def test_a_folder_of_splits_is_known_by_its_names(write: Write, tmp_path: Path):
    write("set/train.jsonl", days())
    write("set/valid.jsonl", days(5))
    write("set/test.jsonl.gz", gzip.compress(b'{"rain": 1, "label": "dry"}\n' * 3))
    found = load_documents(tmp_path / "set", target="label")
    assert [len(part) for part in found.splits.values()] == [40, 5, 3]


@pytest.mark.parametrize("comma", [",", ";", "\t"])
def test_rows_of_a_table_are_records(write: Write, comma: str):
    rows = [f"{k}{comma}{k / 2}{comma}{'ab'[k % 2]}{comma}" for k in range(30)]
    table = "\n".join([comma.join(["n", "half", "kind", "none"]), *rows])
    found = load_documents(write("t.csv", table), target="kind")
    assert set(found.train.targets) == {"a", "b"}
    kinds = {(c.role, c.kind) for c in found.train.document(0).content}
    assert {("n", "number"), ("half", "number"), ("none", "null")} <= kinds
    assert found.train.places[0].endswith("t.csv:2")


def test_a_column_may_hold_the_documents(write: Write):
    rows = [f'"{{""a"": {k},\n""b"": [1]}}",{k % 2},g{k // 4}' for k in range(40)]
    file = write("t.csv", "\n".join(["record,label,who", *rows]))
    found = load_documents(file, target="label", column="record", group="who")
    assert fields(found.train) == {"", "a", "b", "b[]"}
    lines = {int(place.rpartition(":")[2]) for place in found.train.places}
    assert len(lines) == 32
    assert all(line % 2 == 0 for line in lines)  # a row has two, after the header
    with pytest.raises(DataError, match=r"no column 'recrod'.*did you mean 'record'"):
        load_documents(file, target="label", column="recrod")
    named = load_documents(file, target="label", column="record", format="json")
    assert len(named.train) == 32
    with pytest.raises(DataError, match=r"t\.csv:2.*no JSON.*so it is with 40 of 40"):
        load_documents(file, target="label", column="who", format="json")
    with pytest.raises(DataError, match="what the column 'who' holds is not plain"):
        load_documents(file, target="label", column="who")


def test_a_row_with_too_many_cells_is_told(write: Write):
    with pytest.raises(DataError, match=r"t\.csv:3: 3 cells, and the header has 2"):
        load_documents(write("t.csv", "a,b\n1,2\n1,2,3\n"), target="b", strict=True)


def test_files_are_labelled_by_a_table_beside_them(write: Write, tmp_path: Path):
    for k in range(30):
        write(f"set/{k}.json", json.dumps([{"k": k}]))
    rows = [f"{k}.json,{k % 3},{k // 5}" for k in range(30)]
    write("set/labels.csv", "\n".join(["path,label,who", *rows, "gone.json,1,0"]))
    write("set/notes.txt", "no document")
    found = load_documents(tmp_path / "set")
    assert set(found.train.targets) == {"0", "1", "2"}
    assert "k" in fields(found.train)
    assert len(found.skipped) == 1
    assert "gone.json" in found.skipped[0]
    grouped = load_documents(tmp_path / "set", group="who")
    assert "whole groups" in grouped.note
    with pytest.raises(DataError, match="expected the columns path and kind"):
        load_documents(tmp_path / "set", target="kind")


@pytest.mark.parametrize("path", ["../secret.json", "/etc/passwd"])
def test_labels_lead_nowhere_else(write: Write, tmp_path: Path, path: str):
    write("set/labels.jsonl", [{"path": path, "label": "a"}])
    with pytest.raises(DataError, match=r"labels\.jsonl:1: .* leads out of the folder"):
        load_documents(tmp_path / "set")


def test_folders_are_classes(write: Write, tmp_path: Path):
    for k in range(30):
        write(f"set/{k % 3}/{k}.json", json.dumps({"k": k}))
    write("set/README.md", "no document")
    found = load_documents(tmp_path / "set")
    assert Counter(found.train.targets) == {"0": 8, "1": 8, "2": 8}
    assert "classified" in found.note


def test_a_file_each_with_its_target_inside(write: Write, tmp_path: Path):
    for k in range(20):
        write(f"set/{k}.json", json.dumps({"k": k, "y": k / 2}))
    assert load_documents(tmp_path / "set", target="y").goal == "regress"


def test_groups_stay_together_and_are_removed(write: Write):
    records = [{"who": k // 4, "k": k, "y": k % 2} for k in range(80)]
    found = load_documents(write("g.jsonl", records), target="y", group="who")
    assert fields(found.train) == {"", "k"}

    def of(part):
        return {int(d.content[1].number or 0) // 4 for d in part}

    groups = [of(part) for part in found.splits.values()]
    assert sum(map(len, groups)) == 20
    assert set.union(*groups) == set(range(20))


def test_labels_of_nodes_are_a_field_of_theirs(write: Write):
    trees = [{"tag": "S", "of": [{"tag": "N"}, {"tag": "V"}]} for _ in range(20)]
    found = load_documents(write("t.jsonl", trees), target="tag", goal="nodes")
    assert found.goal == "nodes"
    assert set(found.train.corpus.labels) == {"S", "N", "V"}
    assert "tag" not in fields(found.train)


def test_nodes_that_have_labels_are_learned_if_nothing_else_is(write: Write):
    line = (
        "1\told\told\tADJ\tJJ\t_\t2\tamod\t_\t_\n2\tships\tship\tNOUN\tNN\t_\t0\troot"
    )
    pytest.importorskip("conllu")
    found = load_documents(write("t.conllu", f"{line}\t_\t_\n\n" * 20))
    assert found.goal == "nodes"
    assert "(--goal nodes)" in found.note


def test_packed_files_are_read_and_bombs_are_not(write: Write, monkeypatch):
    lines = "".join(json.dumps(day) + "\n" for day in days()).encode()
    found = load_documents(write("d.jsonl.gz", gzip.compress(lines)), target="label")
    assert len(found.train) == 32
    monkeypatch.setattr(document_files, "MOST_BYTES", 100_000)
    bomb = write("bomb.jsonl.gz", gzip.compress(b"[" * 1_000_000))
    assert bomb.stat().st_size < 2000
    with pytest.raises(DataError, match="bytes unpack to more than 1 GiB"):
        load_documents(bomb, target="label")
    with pytest.raises(DataError, match="more than the 1 GiB of a file"):
        load_documents(write("big.jsonl", b" " * 100_001), target="label")
    for damaged in (gzip.compress(lines)[:-40], b"\x1f\x8b\x08oh"):
        with pytest.raises(DataError, match="gzip file is damaged"):
            load_documents(write("d.jsonl.gz", damaged), target="label")


def test_what_is_missing_is_told(write: Write, tmp_path: Path):
    write("days.jsonl", days())
    with pytest.raises(
        DataError, match=r"no data set and no file .*mean '.*days\.jsonl"
    ):
        load_documents(tmp_path / "dats.jsonl", target="label")
    with pytest.raises(
        DataError, match="there is no format 'jason'; did you mean 'json"
    ):
        load_documents(tmp_path / "days.jsonl", target="label", format="jason")
    (tmp_path / "none").mkdir()
    with pytest.raises(DataError, match="there is no document in it; expected labels"):
        load_documents(tmp_path / "none", target="label")
    with pytest.raises(DataError, match="neither its name nor how it begins"):
        load_documents(write("x.dat", "hello"), target="label")
    with pytest.raises(DataError, match="it is empty; expected documents"):
        load_documents(write("e.jsonl", ""), target="label")
    with pytest.raises(DataError, match="too few to hold some out"):
        load_documents(write("few.jsonl", days(2)), target="label")


def test_named_sets_have_their_own_split():
    assert all(callable(loader) for loader in NAMED.values())
    name = next(iter(NAMED))
    with pytest.raises(DataError, match="has its own split; dev cannot be given"):
        load_documents(name, {"dev": "x"})


def test_other_data_are_loaded_as_the_first_were(write: Write):
    file = str(write("days.jsonl", days(9)))
    data = load_more({"test": file}, Way("label", "classify"))
    assert len(data["test"]) == 9
    with pytest.raises(DataError, match="no field 'label'"):
        load_more({"test": str(write("x.jsonl", [{"a": 1}]))}, Way("label", "classify"))


def test_what_is_to_be_predicted_needs_no_target(write: Write):
    mixed = '{"rain": 1, "label": "wet"}\n{"rain": 2}\n{"rain"\n'
    file = str(write("asked.jsonl", mixed))
    found = list(read_documents(file, Way("label", "classify")))
    assert [len(f) if isinstance(f, Document) else str(f) for f in found[:2]] == [2, 2]
    assert isinstance(found[2], DataError)
    assert [f.target for f in found[:2]] == ["wet", None]  # type: ignore[union-attr]
    with pytest.raises(DataError, match=r"asked.jsonl:3"):
        list(read_documents(file, Way("label", "classify"), strict=True))
    with pytest.raises(DataError, match="this is no JSON"):
        list(read_documents(str(write("b.jsonl", "{\n")), Way("label", "classify")))


def test_documents_without_any_target_can_be_looked_at(write: Write):
    part, skipped = load_unlabelled(write("days.jsonl", days()), target="nothing")
    assert len(part) == 40
    assert skipped == ()


def test_a_column_is_of_tables_alone(write: Write):
    path = write("d.jsonl", "".join(json.dumps(day) + "\n" for day in days()))
    with pytest.raises(DataError, match=r"only a table .* leave --column out"):
        load_documents(path, target="label", column="sky")
