"""Which images are looked at: all that are near, and of thousands of alike ones not all of them."""

from __future__ import annotations

import numpy as np

from searchengine.looks.look import LOOK, Looks
from searchengine.looks.same import same_picture, same_pictures
from searchengine.stacks.nearby import MOST_ALIKE, MOST_TURNED, _hashes, near_hashes


def noisy(bases: int, each: int, noise: int) -> Looks:
    """So many pictures, each as often, a little different."""
    chance = np.random.default_rng(3)
    grey = np.repeat(chance.integers(0, 256, (bases, 32, 32)), each, axis=0)
    looks = np.zeros(bases * each, dtype=LOOK)
    looks["grey"] = np.clip(grey + chance.integers(-noise, noise + 1, grey.shape), 0, 255)
    looks["colour"] = 128
    return looks


def test_every_near_hash_is_found_once() -> None:
    looks = noisy(200, 4, 8)
    hashes = _hashes(looks)
    apart = np.bitwise_count(hashes[:, None] ^ hashes[None])
    is_asked = np.arange(len(looks)) % 3 == 0
    is_near = (apart <= MOST_TURNED) & is_asked[:, None] & ~np.eye(len(looks), dtype=bool)
    pairs = np.concatenate([*near_hashes(looks, 10 * np.arange(len(looks)), is_asked)])
    assert len(pairs) == is_near.sum() > 100
    assert {tuple(pair) for pair in (pairs // 10).tolist()} == set(
        map(tuple, np.argwhere(is_near).tolist())
    )


def test_of_alike_pictures_the_nearest_are_looked_at() -> None:
    looks = noisy(1, 600, 4)
    hashes = _hashes(looks)
    pairs = np.concatenate([*near_hashes(looks, np.arange(600), np.ones(600, dtype=bool))])
    asked, counts = np.unique(pairs[:, 0], return_counts=True)
    assert len(asked) == 600
    assert counts.max() == MOST_ALIKE
    assert len({tuple(pair) for pair in pairs.tolist()}) == len(pairs)
    taken = np.bitwise_count(hashes[pairs[:, 0]] ^ hashes[pairs[:, 1]])
    assert taken.mean() < np.bitwise_count(hashes[:, None] ^ hashes[None]).mean()


def test_pairs_together_are_judged_as_each_alone() -> None:
    looks = noisy(3, 6, 30)
    looks["grey"][3::6, :, :] = np.roll(looks["grey"][::6], 1, axis=1)  # moved, not cut
    looks["grey"][4::6] = looks["grey"][::6] // 2 + 40  # saved darker
    one, other = np.triu_indices(len(looks), 1)
    pairs = np.stack([one, other], axis=1).astype(np.int64)
    together = same_pictures(pairs, looks.__getitem__)
    alone = [bool(same_picture(looks[a : a + 1], looks[b : b + 1])[0]) for a, b in pairs.tolist()]
    assert together.tolist() == alone
    assert 0 < sum(alone) < len(alone)
