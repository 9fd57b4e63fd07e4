"""What is chosen right, and what guessing comes to, against every order of the scores."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from searchengine.measures.selection import chance, chosen_right


@pytest.mark.parametrize("shape", [(1, 2), (1, 4), (2, 1), (2, 2)])
def test_chance_is_the_share_of_the_orders_that_are_right(shape: tuple[int, int]) -> None:
    size = shape[0] * shape[1]
    every = [
        chosen_right(np.array(order).reshape(shape))
        for order in itertools.permutations(range(size))
    ]
    wanted = chance(*shape)
    assert every[0].keys() == wanted.keys()
    for name, share in wanted.items():
        assert np.mean([right[name] for right in every]) == pytest.approx(share)


def test_winoground_s_three_scores() -> None:
    assert chosen_right(np.array([[3.0, 1], [2, 4]])) == {
        "text": True, "image": True, "group": True,
    }  # fmt: skip
    assert chosen_right(np.array([[3.0, 1], [4, 5]])) == {
        "text": True, "image": False, "group": False,
    }  # fmt: skip
    assert chosen_right(np.array([[3.0, 5], [2, 6]])) == {
        "text": False, "image": True, "group": False,
    }  # fmt: skip


def test_a_tie_is_wrong() -> None:
    assert chosen_right(np.array([[1.0, 1.0]])) == {"text": False}
    assert chosen_right(np.array([[1.0], [1.0]])) == {"image": False}
