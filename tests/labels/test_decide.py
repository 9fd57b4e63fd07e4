"""Names from cosines: against a plain computation, and by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.typing import NDArray

from searchengine.labels.background import Other
from searchengine.labels.decide import choose, probabilities, texts_of
from searchengine.labels.names import Name, above, parse_names

NAMES = parse_names("golden retriever = goldie < dog\ncat\nbeach = shore")
OTHERS = (Other("collie", "dog"), Other("desk", None), Other("tabby", "cat"), Other("pen", None))


def plainly(cosines: list[float], scale: float, *, several: bool) -> dict[str, float]:
    """The same, name by name."""
    words = [(word, each.name) for each in NAMES for word in each.words]
    weights = [math.exp(scale * cosine) for cosine in cosines]
    alone: dict[str, float] = {}
    for (_, name), weight in zip(words, weights, strict=False):
        alone[name] = max(alone.get(name, 0.0), weight)
    rest = 0.0
    for other, weight in zip(OTHERS, weights[len(words) :], strict=True):
        if other.kind_of is None:
            rest += weight
        else:
            alone[other.kind_of] += weight
    known: dict[str, Name] = {each.name: each for each in NAMES}
    whole = dict(alone)
    for each in NAMES:
        for broader in above(each, known):
            whole[broader.name] += alone[each.name]
    total = sum(alone.values()) + rest
    return {name: weight / (weight + rest if several else total) for name, weight in whole.items()}


@pytest.mark.parametrize("several", [False, True])
def test_a_softmax_over_names_and_what_is_beside_them(several: bool) -> None:
    words, grouping = texts_of(NAMES, OTHERS)
    assert words == ["dog", "golden retriever", "goldie", "cat", "beach", "shore"]
    random = np.random.default_rng(3)
    cosines: NDArray[np.float32] = random.uniform(-1, 1, (50, 10)).astype(np.float32)
    found = probabilities(cosines.copy(), 12.5, grouping, several=several)
    for row, told in zip(cosines.tolist(), found, strict=True):
        wanted = plainly(row, 12.5, several=several)
        np.testing.assert_allclose(told, [wanted[name] for name in grouping.names], rtol=2e-5)
    assert found.max() <= 1 + 1e-6


def test_from_the_broadest_name_down_as_far_as_it_is_probable_enough() -> None:
    _, grouping = texts_of(NAMES, OTHERS)
    dog, retriever, cat, beach = 0, 1, 2, 3
    assert grouping.names == ("dog", "golden retriever", "cat", "beach")
    found = np.array(
        [[0.9, 0.6, 0.05, 0.0], [0.9, 0.4, 0.05, 0.0], [0.2, 0.1, 0.3, 0.3], [0, 0, 0.2, 0.7]],
        dtype=np.float32,
    )
    assert choose(found, grouping, 0.5) == [(0, dog), (1, dog), (3, beach), (0, retriever)]
    assert choose(found, grouping, 0.0) == [
        (0, dog), (1, dog), (2, cat), (3, beach), (0, retriever), (1, retriever),
    ]  # fmt: skip
    assert choose(found, grouping, 0.2, several=True) == [
        (0, dog), (0, retriever), (1, dog), (1, retriever), (2, dog), (2, cat), (2, beach),
        (3, cat), (3, beach),
    ]  # fmt: skip


def test_every_image_has_a_name_where_the_threshold_is_0_and_none_where_it_is_1() -> None:
    _, grouping = texts_of(parse_names("a\nb"), OTHERS[1:2])
    cosines = np.random.default_rng(0).uniform(-1, 1, (20, 3)).astype(np.float32)
    found = probabilities(cosines, 5.0, grouping)
    kept = choose(found, grouping, 0.0)
    assert [image for image, _ in kept] == list(range(20))
    assert [name for _, name in kept] == found.argmax(axis=1).tolist()
    assert choose(found, grouping, 1.0) == []
