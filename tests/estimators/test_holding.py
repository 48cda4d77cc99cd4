"""Which trees are held out."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from treefold.estimators.holding import hold_out


@given(
    st.lists(st.integers(0, 4), min_size=1, max_size=60),
    st.sampled_from([0.0, 0.1, 0.25, 0.5]),
    st.integers(0, 3),
)
def test_every_tree_is_on_one_side_and_every_class_is_learned(classes, share, seed):
    strata = np.array(classes)
    learn, spare = hold_out(np.arange(len(strata)), share, seed, strata)
    assert sorted([*learn, *spare]) == list(range(len(strata)))
    assert set(strata[learn]) == set(classes)
    assert len(spare) <= share * len(strata)


def test_the_share_is_kept_and_another_seed_draws_others():
    draws = [hold_out(np.arange(100), 0.1, seed)[1] for seed in (0, 0, 1)]
    assert [len(draw) for draw in draws] == [10, 10, 10]
    assert (draws[0] == draws[1]).all()
    assert (draws[0] != draws[2]).any()
