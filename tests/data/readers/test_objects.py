"""Python objects as documents: what JSON knows, and what libraries hold trees in."""

import ast
import collections
import dataclasses
import datetime
import decimal
import enum
import fractions
import json
import math
import subprocess
import sys
import types

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.data.readers.hostile import nodes, one
from treefold.data.documents import Document
from treefold.data.errors import DataError
from treefold.data.readers import json_records, python_source, sql, xml_text
from treefold.data.readers.objects import document, documents

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda below: (
        st.lists(below)
        | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), below)
    ),
)
Point = collections.namedtuple("Point", "y x")


@dataclasses.dataclass
class Order:
    total: float
    lines: list


class Colour(enum.Enum):
    RED = 1


class Level(enum.IntEnum):
    HIGH = 3


def single(value):
    """The one node of a value: kind, and text, number or vector."""
    (content,) = document(value).content
    return content.kind, content.text, content.number, content.vector


@given(JSON)
def test_a_value_makes_the_document_that_its_json_makes(value):
    text = json.dumps(value)
    read = one(json_records.read, text, many=False)
    made = document(value)
    assert made.content == read.content
    assert made.parent == read.parent


@pytest.mark.parametrize(
    ("value", "kind", "text", "number"),
    [
        (np.float32(1.5), "number", None, 1.5),
        (np.longdouble(2), "number", None, 2.0),
        (np.int64(3), "number", None, 3.0),
        (np.bool_(True), "boolean", "true", 1.0),
        (np.str_("a"), "string", "a", None),
        (np.array(3), "number", None, 3.0),
        (decimal.Decimal("1e999999"), "number", None, math.inf),
        (fractions.Fraction(10**400, 3), "number", None, math.inf),
        (fractions.Fraction(1, 4), "number", None, 0.25),
        (datetime.date(1970, 1, 2), "date", "1970-01-02", 86400.0),
        (datetime.datetime(1970, 1, 2), "date", "1970-01-02T00:00:00", 86400.0),
        (datetime.time(1, 0, 1), "time", "01:00:01", 3601.0),
        (datetime.timedelta(minutes=1), "duration", None, 60.0),
        (np.datetime64("1970-01-02", "ns"), "date", "1970-01-02T00:00:00", 86400.0),
        (np.datetime64("NaT"), "null", None, None),
        (np.timedelta64(1, "m"), "duration", None, 60.0),
        (Colour.RED, "string", "RED", None),
        (Level.HIGH, "string", "HIGH", None),
        (b"caf\xc3\xa9\xff", "string", "café�", None),
    ],
)
def test_scalars(value, kind, text, number):
    assert single(value) == (kind, text, number, None)


def test_what_is_no_number_is_nan():
    for value in (math.nan, np.float32("nan"), decimal.Decimal("sNaN")):
        number = single(value)[2]
        assert number is not None
        assert math.isnan(number)


def test_a_row_of_numbers_is_a_vector_and_a_table_an_array_of_them():
    table = np.array([[1, 2], [3, 4]])
    assert single(table[0]) == ("vector", None, None, (1.0, 2.0))
    assert single(np.array([True, False]))[3] == (1.0, 0.0)
    assert [c.vector for c in document(table).content] == [None, (1.0, 2.0), (3.0, 4.0)]
    assert document(np.array(["a"])).content == document(["a"]).content
    assert len(document(np.zeros(5000))) == 5001
    assert len(document(np.zeros(0))) == 1


def test_tensors_are_arrays():
    import torch

    assert single(torch.tensor([1.0, 2.0]))[3] == (1.0, 2.0)
    assert single(torch.tensor(1.0, requires_grad=True))[2] == 1.0


def test_dataclasses_and_named_tuples_are_objects_of_their_own_kind():
    assert nodes(document(Order(2.5, [Point(1, 2)]))) == [
        (-1, "Order", "", -1, None),
        (0, "array", "lines", -1, None),
        (1, "Point", "lines[]", 0, None),
        (2, "number", "x", -1, 2.0),
        (2, "number", "y", -1, 1.0),
        (0, "number", "total", -1, 2.5),
    ]


def test_mappings_and_sets():
    frozen = types.MappingProxyType({"a": 1})
    assert document(frozen).content == document({"a": 1}).content
    assert nodes(document({"b", "a"})) == nodes(document(frozenset("ab")))
    assert {c.position for c in document({"b", "a"}).content} == {-1}


def test_keys_that_xml_would_take_for_attributes_are_keys():
    assert single({"@id": "5"}["@id"]) == ("string", "5", None, None)
    assert document({"@id": "5", "#text": "6"}).content[2].kind == "string"


def test_columns_and_rows_of_pandas():
    pd = pytest.importorskip("pandas")
    missing = [single(value)[0] for value in (pd.NaT, pd.NA, None)]
    assert missing == ["null"] * 3
    assert single(pd.Timestamp("1970-01-02"))[:3] == (
        "date",
        "1970-01-02T00:00:00",
        86400.0,
    )
    row = pd.Series({"b": 1, "a": "x"})
    assert document(row).content == document({"b": 1, "a": "x"}).content
    column = pd.Series([{"a": 1}, [2]])
    assert [len(found) for found in documents(column)] == [2, 2]
    frame = pd.DataFrame({"a": [1, 2]})
    assert documents(frame)[1].content == document({"a": 2}).content


def test_trees_of_nltk():
    nltk = pytest.importorskip("nltk")
    tree = nltk.Tree.fromstring("(S (NP I) (VP go))")
    assert nodes(document([tree]))[1:] == [
        (0, "S", "[]", 0, None),
        (1, "NP", "", 0, None),
        (2, "word", "", 0, "I"),
        (1, "VP", "", 1, None),
        (4, "word", "", 0, "go"),
    ]


def test_syntax_of_python_is_that_of_its_reader():
    source = "def f(x: int = 1):\n    global a, b\n    return x + a if b else [1, None]"
    tree = ast.parse(source)
    assert document(tree).content == python_source.of_ast(tree).content
    assert document([tree]).content[2:] == python_source.of_ast(tree).content[1:]


def test_elements_of_lxml_are_those_of_the_reader():
    etree = pytest.importorskip("lxml.etree")
    text = "<a x='1'>5<b/> 7 <c>8</c></a>"
    inside = document({"page": etree.fromstring(text)})
    assert inside.content[2:] == one(xml_text.read, text).content[1:]


def test_expressions_of_sqlglot_are_those_of_the_reader():
    sqlglot = pytest.importorskip("sqlglot")
    query = (
        "SELECT a FROM t LEFT JOIN u ON 1 WHERE CAST(x AS INT) = '5' ORDER BY a DESC"
    )
    inside = document([sqlglot.parse_one(query)])
    assert inside.content[2:] == one(sql.read, query).content[1:]


def test_a_dag_of_networkx_is_unfolded():
    networkx = pytest.importorskip("networkx")
    graph = networkx.DiGraph([("f", "a"), ("f", "b"), ("a", "c"), ("b", "c")])
    graph.edges["f", "a"]["role"] = "left"
    graph.nodes["c"].update(kind="leaf", number=3, colour="red")
    assert nodes(document(graph)) == [
        (-1, "node", "", -1, "f"),
        (0, "node", "left", -1, "a"),
        (1, "leaf", "", -1, 3.0),
        (2, "string", "colour", -1, "red"),
        (0, "node", "", -1, "b"),
        (4, "leaf", "", -1, 3.0),
        (5, "string", "colour", -1, "red"),
    ]


def test_several_roots_of_a_graph_stand_below_one():
    networkx = pytest.importorskip("networkx")
    found = document(networkx.DiGraph([(0, 1), (2, 1)]))
    assert [c.kind for c in found.content] == ["graph"] + ["node"] * 4


def test_graphs_that_are_no_dags_are_told():
    networkx = pytest.importorskip("networkx")
    with pytest.raises(DataError, match="without a cycle, found 1 -> 2 -> 1"):
        document(networkx.DiGraph([(0, 1), (1, 2), (2, 1)]))
    with pytest.raises(DataError, match=r"a graph without directions; networkx\.bfs"):
        document(networkx.Graph([(0, 1)]))
    with pytest.raises(DataError, match="expected a graph with nodes"):
        document(networkx.DiGraph())
    with pytest.raises(DataError, match=r"\$\[0\]: a graph stands inside another"):
        document([networkx.DiGraph([(0, 1)])])


def test_a_dag_whose_unfolding_has_no_end_is_told(monkeypatch):
    networkx = pytest.importorskip("networkx")
    monkeypatch.setattr("treefold.data.readers.values.MAX_NODES", 1000)
    graph = networkx.MultiDiGraph([(k, k + 1) for k in range(60) for _ in range(2)])
    with pytest.raises(DataError, match="at most 1,000 nodes"):
        document(graph)


def test_a_long_path_is_read():
    networkx = pytest.importorskip("networkx")
    graph = networkx.path_graph(20_000, create_using=networkx.DiGraph)
    assert len(document(graph)) == 20_000


def test_a_document_is_itself():
    made = Document("here")
    assert document(made) is made


@pytest.mark.parametrize("value", [1j, object(), len, range(3), Order])
def test_unknown_types_are_told_with_their_path(value):
    with pytest.raises(DataError, match=r"value 0: \$\.a\[0\] is of type"):
        documents([{"a": [value]}])


def test_strings_are_read_by_their_format():
    found = documents(["SELECT 1", "SELECT a, b"], format="sql")
    assert [len(part) for part in found] == [2, 5]
    assert (
        documents(['{"a": 1}'], format="json")[0].content == document({"a": 1}).content
    )
    assert documents(["<a/>", {"b": 1}], format="xml")[1].content[0].kind == "object"
    assert documents(["SELECT 1"])[0].content[0].text == "SELECT 1"
    tsql = documents(["SELECT TOP 3 a"], format="sql", options={"dialect": "tsql"})
    assert len(tsql[0]) > 2


def test_strings_that_are_none_of_their_format_are_told():
    with pytest.raises(DataError, match="value 1:1:21: required keyword"):
        documents(["SELECT 1", "SELECT FROM x WHERE ("], format="sql")
    with pytest.raises(DataError, match="value 0: expected one document of the format"):
        documents(["SELECT 1; SELECT 2"], format="sql")
    with pytest.raises(DataError, match="there is no format 'sequel'"):
        documents(["SELECT 1"], format="sequel")


def test_no_library_is_imported_that_was_not_there():
    code = (
        "import sys\n"
        "from treefold.data.readers.objects import document\n"
        "document({'a': [1, 'x', None, 2.5, {1, 2}]})\n"
        "libraries = 'pandas lxml sqlglot nltk sympy networkx torch'.split()\n"
        "print([name for name in libraries if name in sys.modules])"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert ran.stdout.strip() == "[]"


VALUES = st.recursive(
    st.none()
    | st.floats()
    | st.decimals()
    | st.datetimes()
    | st.binary()
    | st.complex_numbers()
    | st.text(),
    lambda below: (
        st.lists(below)
        | st.dictionaries(st.integers() | st.text() | st.tuples(st.text()), below)
        | st.tuples(below, below)
    ),
)


@given(VALUES)
def test_any_object_gives_a_document_or_an_error(value):
    try:
        made = document(value)
    except DataError:
        return
    assert len(made)
