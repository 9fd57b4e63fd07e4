"""Groups of pairs, the best of files, and names that are of one picture."""

from __future__ import annotations

import numpy as np
import pytest

from searchengine.stacks.best import quality
from searchengine.stacks.groups import (
    components,
    each_once,
    merged,
    stars,
    unsettled,
    without,
)
from searchengine.stacks.pictured import stem_of


def test_a_chain_is_no_group() -> None:
    pairs = np.array([(1, 2), (2, 3), (3, 4), (4, 5)])
    assert stars(pairs, np.array([3, 1, 2, 4, 5])) == {3: 3, 2: 3, 4: 3}, "1 and 5 are far from 3"
    assert stars(pairs, np.array([1, 2, 3, 4, 5])) == {1: 1, 2: 1, 3: 3, 4: 3}


def test_each_is_in_one_group_at_most_and_next_to_its_leader() -> None:
    random = np.random.default_rng(4)
    pairs = random.integers(0, 60, (150, 2))
    order = random.permutation(60)
    follows = stars(pairs, order)
    alike = {frozenset(pair) for pair in pairs.tolist()}
    place = {number: at for at, number in enumerate(order.tolist())}
    for member, leader in follows.items():
        assert member == leader or frozenset((member, leader)) in alike
        assert place[leader] <= place[member], "the best leads"
    for one, other in alike - {frozenset((n,)) for n in range(60)} and [
        tuple(pair) for pair in alike if len(pair) == 2
    ]:
        assert one in follows or other in follows, "two that are alike are not both alone"


def test_what_hangs_together_has_the_lowest_number() -> None:
    chance = np.random.default_rng(6)
    for count in (1, 5, 40, 40, 40):
        pairs = chance.integers(0, count, (count // 2, 2))
        labels = list(range(count))
        for _ in range(count):
            for one, other in pairs.tolist():
                labels[one] = labels[other] = min(labels[one], labels[other])
        assert components(pairs, count).tolist() == labels
    chain = np.stack([np.arange(500), np.arange(1, 501)], axis=1)
    assert set(components(chain, 501).tolist()) == {0}
    assert components(np.empty((0, 2), dtype=np.int64), 3).tolist() == [0, 1, 2]


def test_pairs_that_are_new_together() -> None:
    together = np.array([0, 1, 0, 0, 1, 5, 6, 6, 6, 6])
    settled = np.array([0, 1, 0, -4, 9, 5, 6, 6, 7, 7])
    found = unsettled(together, settled, most=3)
    assert sorted(found.tolist()) == [[0, 3], [1, 4], [2, 3]], "four are too many"
    assert len(unsettled(together, settled, most=4)) == 3 + 4
    assert unsettled(together[:0], settled[:0], most=4).shape == (0, 2)


def test_pairs_are_kept_once_and_without_others() -> None:
    pairs = np.array([(3, 1), (1, 3), (0, 2), (1, 3), (9, 0)])
    assert each_once(pairs).tolist() == [[0, 2], [0, 9], [1, 3]]
    others = np.array([(1, 3), (2, 9)])
    assert without(each_once(pairs), others).tolist() == [[0, 2], [0, 9]]
    assert len(without(each_once(pairs), others[:0])) == 3


def test_equal_keys_get_the_lowest_label() -> None:
    labels, keys = np.array([4, 7, 9, 2, 5]), np.array([1, 3, 1, 3, 8])
    assert merged(labels, keys).tolist() == [4, 2, 4, 2, 5]
    assert merged(np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64)).tolist() == []


@pytest.mark.parametrize(
    ("better", "worse"),
    [
        ((200, 1.0, "JPEG", "/b/x (1).jpg"), (100, 9.0, "PNG", "/a.png")),
        ((100, 9.0, "JPEG", "/b/x copy.jpg"), (100, 1.0, "PNG", "/a.png")),
        ((100, 1.0, "CR2", "/b/x copy.cr2"), (100, 1.0, "TIFF", "/a.tif")),
        ((100, 1.0, "PNG", "/long/way/to/a.png"), (100, 1.0, "JPEG", "/a.jpg")),
        ((100, 1.0, "JPEG", "/long/way/to/a.jpg"), (100, 1.0, "JPEG", "/a (1).jpg")),
        ((100, 1.0, "JPEG", "/long/a.jpg"), (100, 1.0, "JPEG", "/long/way/to/b.jpg")),
        ((100, 1.0, "JPEG", "/p/copies.jpg"), (100, 1.0, "JPEG", "/p/copies copy.jpg")),
    ],
)
def test_the_best_file_by_pixels_sharpness_format_and_name(
    better: tuple[int, float, str, str], worse: tuple[int, float, str, str]
) -> None:
    assert quality(*better) > quality(*worse)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("IMG_1234.CR2", "img_1234.JPG", True),
        ("IMG_1234.HEIC", "IMG_E1234.JPG", True),
        ("beach.jpg", "beach-edited (2).png", True),
        ("beach.jpg", "beach~2.jpg", True),
        ("beach.jpg", "beach_bw.jpg", True),
        ("beach-1.jpg", "beach-2.jpg", False),
        ("IMG_1234.jpg", "IMG_1235.jpg", False),
        ("edit.jpg", "copy.jpg", False),
    ],
)
def test_names_of_one_picture(one: str, other: str, same: bool) -> None:
    assert (stem_of(one) == stem_of(other)) is same
