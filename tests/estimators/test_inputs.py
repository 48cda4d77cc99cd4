"""All that X may be, and what it may not."""

import ast
from typing import Any

import networkx as nx
import numpy as np
import pandas as pd
import pytest
import scipy.sparse

from treefold import TreeClassifier
from treefold.data.documents import Document
from treefold.estimators.inputs import form_of, read

TREES = [{"a": 1}, {"a": 2}, {"b": ["x"]}]


def fitted(X: Any, **parameters: Any) -> Any:
    parameters = {"hidden_size": 4, "max_epochs": 1, "random_state": 0} | parameters
    return TreeClassifier(**parameters).fit(X, [k % 2 for k in range(len(X))])


@pytest.mark.parametrize(
    ("X", "form"),
    [
        (TREES, "trees"),
        (np.array(TREES, dtype=object), "trees"),
        (pd.Series(TREES), "trees"),
        (["some text", "and more"], "trees"),
        ([[1, 2], [3, 4]], "vectors"),
        ([[1, 2], [3]], "trees"),
        ([[1, "x"], [3, "y"]], "trees"),
        (np.eye(2), "vectors"),
        (np.array([[1, 2.5]], dtype=object), "vectors"),
        (np.array([[1, "x"]], dtype=object), "records"),
        (pd.DataFrame({"a": [1, 2], "b": [0.5, None]}), "vectors"),
        (pd.DataFrame({"a": [1, 2], "b": ["x", None]}), "records"),
    ],
)
def test_what_x_is_can_be_seen(X, form):
    assert form_of(X) == form


def test_lists_of_numbers_are_trees_where_the_format_says_so():
    assert form_of([[1, 2], [3, 4]], "objects") == "trees"
    model = fitted([[1, 2], [3, 4]], format="objects")
    assert model.predict([[1, 2, 3, 4], [[5]]]).shape == (2,)


def test_rows_that_alone_look_like_a_table_are_trees_for_a_model_of_trees():
    model = fitted([[1, 2], [3], [4, [5]]])
    assert model.predict([[1, 2], [3, 4]]).shape == (2,)


def test_trees_of_other_libraries_are_trees():
    graph = nx.DiGraph([("a", "b"), ("a", "c")])
    assert fitted([ast.parse("x = 1"), ast.parse("f(2)")]).predict([graph]).shape == (
        1,
    )


def test_documents_are_trees():
    document = Document()
    document.add(-1, "leaf", number=2.0)
    assert fitted([document, document]).predict([document]).shape == (1,)


def test_strings_are_read_in_their_format():
    model = fitted(['{"a": 1}', '{"a": [2]}'], format="json")
    assert {field.role for field in model.schema_.fields} == {"", "a", "a[]"}
    with pytest.raises(ValueError, match="value 0"):
        model.predict(["{"])


def test_a_row_of_numbers_is_a_tree_of_one_node_with_a_vector():
    documents, _ = read(TreeClassifier(), np.array([[1.0, np.nan]]))
    assert documents.corpus.num_nodes == 1
    assert documents.contents[0].vector == pytest.approx((1.0, np.nan), nan_ok=True)


def test_a_row_of_a_table_is_a_record_with_its_columns_as_roles():
    table = pd.DataFrame({"price": [1.5, None], "name": ["x", None], "open": [True, 0]})
    estimator: Any = TreeClassifier()
    documents, _ = read(estimator, table)
    first, second = (document.content for document in documents)
    assert {c.role: c.kind for c in first[1:]} == {
        "price": "number",
        "name": "string",
        "open": "boolean",
    }
    assert {c.role: c.kind for c in second[1:]}["name"] == "null"
    assert list(estimator.feature_names_in_) == ["price", "name", "open"]


def test_a_table_keeps_its_names_and_an_array_may_stand_for_it():
    table = pd.DataFrame({"a": [1, 2, 3], "b": ["x", "y", "z"]})
    model = fitted(table)
    with pytest.warns(UserWarning, match="does not have valid feature names"):
        said = model.predict_proba(table.to_numpy())
    np.testing.assert_allclose(said, model.predict_proba(table))
    with pytest.raises(ValueError, match="feature names should match"):
        model.predict(table.rename(columns={"a": "c"}))


@pytest.mark.parametrize(
    ("fit", "ask", "message"),
    [
        (TREES, np.eye(3), "fitted with a list of trees"),
        (np.eye(3), TREES, "fitted with a table of columns"),
        (np.eye(3), np.eye(4), "X has 4 features, but TreeClassifier is expecting 3"),
    ],
)
def test_what_is_unlike_the_training_data_is_told(fit, ask, message):
    with pytest.raises(ValueError, match=message):
        fitted(fit).predict(ask)


@pytest.mark.parametrize("one", [{"a": 1}, "text", b"text"])
def test_one_tree_without_a_list_is_told(one):
    with pytest.raises(TypeError, match="X must be a list of trees, got one"):
        TreeClassifier().fit(one, [0])


def test_nothing_and_what_is_no_tree_are_told():
    with pytest.raises(ValueError, match="X holds no tree"):
        TreeClassifier().fit([], [])
    with pytest.raises(ValueError, match="type object"):
        TreeClassifier().fit([object(), object()], [0, 1])
    loop: list[Any] = [1, "x"]
    loop.append(loop)
    with pytest.raises(ValueError, match="contains itself"):
        TreeClassifier().fit([loop, TREES[0]], [0, 1])


def test_a_sparse_matrix_is_refused_in_any_form():
    for matrix in (scipy.sparse.csr_array(np.eye(3)), scipy.sparse.dok_array((3, 3))):
        with pytest.raises(TypeError, match="Sparse data was passed"):
            TreeClassifier().fit(matrix, [0, 1, 0])


def test_a_model_of_trees_forgets_the_columns_of_an_earlier_table():
    model = fitted(np.eye(4))
    assert model.n_features_in_ == 4
    model.fit(TREES, [0, 1, 0])
    assert not hasattr(model, "n_features_in_")


def test_an_iterator_and_an_empty_list_are_told():
    with pytest.raises(TypeError, match=r"got a generator.*make it a list"):
        TreeClassifier().fit((tree for tree in [{"a": 1}]), ["p"])
    with pytest.raises(ValueError, match="X holds no tree"):
        TreeClassifier().fit([], [])
