"""The statistics of a library and the bar they set, against sums over every image, and as kept."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from searchengine.relevance import kept
from searchengine.relevance.bar import (
    APART,
    BASE,
    END,
    LEAST,
    MIDDLE,
    NEARNESS,
    WIDTH,
    Line,
    Strictness,
)
from searchengine.relevance.kept import fault_of_statistics, read_statistics, write_statistics
from searchengine.relevance.measuring import measured_statistics
from searchengine.relevance.nouns import nouns
from searchengine.relevance.statistics import Statistics
from searchengine.spaces.tied import TiedRows
from searchengine.types import SpaceInfo, Vectors
from searchengine.vectors.file import VectorFile

DIM = 16
SPACE = SpaceInfo(1, "fake", "fake", DIM, "float32", "fake")
TIED = TiedRows(VectorFile(Path("no such file"), DIM), lambda: 0, dict)


def units(count: int, seed: int, dim: int = DIM) -> Vectors:
    drawn = np.random.default_rng(seed).normal(size=(count, dim)).astype(np.float32)
    drawn[:, 0] += 1  # pictures and texts each lie on one side
    unit: Vectors = drawn / np.linalg.norm(drawn, axis=1, keepdims=True)
    return unit


def statistics(rows: Vectors, words: Vectors) -> Statistics:
    found = measured_statistics(rows.astype(np.float16), np.arange(len(rows)), words)
    assert found is not None
    return found


def test_a_bar_is_what_a_look_at_every_image_says() -> None:
    rows, words, query = units(500, 1), units(200, 2), units(1, 3)[0]
    bar = statistics(rows, words).bar(query)

    def standard(value: float, values: np.ndarray) -> float:
        return float((value - values.mean()) / values.std())

    of_words, of_query = words @ rows.T, rows @ query
    widths = of_words.std(axis=1) / (words @ words.T).std(axis=1)
    best = of_words.max(axis=1)
    apart = (best - of_words.mean(axis=1)) / of_words.std(axis=1)
    for score in (0.1, float(of_query.max())):
        expected = (
            NEARNESS * standard(score, best)
            + MIDDLE * standard(float(of_query.mean()), of_words.mean(axis=1))
            + WIDTH * standard(float(of_query.std() / (words @ query).std()), widths)
            + APART * standard(float((score - of_query.mean()) / of_query.std()), apart)
            + BASE
        )
        line = bar.line(score)
        assert line.most == pytest.approx(expected, abs=0.05)  # rows are float16
        assert line.floor == pytest.approx(of_words.mean(), abs=1e-3)


def test_cosines_that_are_moved_and_stretched_are_judged_the_same() -> None:
    """As those of another encoder are: texts and pictures on two sides, all cosines alike."""
    rows, words, queries = units(500, 1), units(200, 2), units(20, 3)
    wide, one_side, other_side = 4.0, np.eye(1, DIM + 1, 0), np.eye(1, DIM + 1, 0) * 0.3

    def elsewhere(vectors: Vectors, side: np.ndarray) -> Vectors:
        put = np.column_stack([np.zeros(len(vectors)), vectors]) + wide * side
        put[:, 0] = np.sqrt(wide**2 - 0.5) if side is other_side else wide
        unit: Vectors = (put / np.linalg.norm(put, axis=1, keepdims=True)).astype(np.float32)
        return unit

    before = statistics(rows, words)
    after = statistics(elsewhere(rows, one_side), elsewhere(words, other_side))
    for query in queries:
        [put] = elsewhere(query[np.newaxis], other_side)
        cosines, others = rows @ query, elsewhere(rows, one_side) @ put
        lines = before.bar(query).line(cosines.max()), after.bar(put).line(others.max())
        relevance = [
            [line.relevance(float(score)) for score in scores]
            for line, scores in zip(lines, (cosines, others), strict=True)
        ]
        np.testing.assert_allclose(relevance[0], relevance[1], atol=0.15)


def test_matches_end_at_a_share_of_the_best_and_sooner_when_asked_strictly() -> None:
    steps = np.linspace(0.1, 0.6, 501)
    for most, ends_somewhere in ((5.0, True), (-3.0, False)):
        line = Line(most=most, floor=0.1, best=0.6)
        found = [line.relevance(score) for score in steps]
        assert (np.diff(found) > 0).all()
        ends = [
            int(sum(relevance >= LEAST[how] for relevance in found))
            for how in (Strictness.STRICT, Strictness.NORMAL, Strictness.LOOSE)
        ]
        assert ends == sorted(ends)
        assert (0 < ends[0] < ends[1] < ends[2] < len(steps)) == ends_somewhere
    assert Line(5.0, 0.1, 0.6).relevance(0.1 + END * 0.5) == pytest.approx(0)
    assert Line(-1.0, 0.3, 0.2).relevance(0.2) < 0, "a best hit that no noun would be pleased with"
    assert LEAST[Strictness.NORMAL] == 0


def test_copies_of_one_picture_say_nothing() -> None:
    rows = np.repeat(units(1, 7), 30, axis=0).astype(np.float16)
    same = np.repeat(units(1, 8), 50, axis=0)
    assert measured_statistics(rows, np.arange(30), same) is None


@pytest.fixture
def written(tmp_path: Path) -> Statistics:
    found = statistics(units(50, 1), units(40, 2))
    write_statistics(found, SPACE, tmp_path, TIED.note(0))
    return found


def test_what_is_kept_is_read_again(written: Statistics, tmp_path: Path) -> None:
    read = read_statistics(SPACE, tmp_path, TIED)
    assert read is not None
    query = units(1, 3)[0]
    assert read.bar(query).base == pytest.approx(written.bar(query).base, abs=0.01)
    assert (read.images, fault_of_statistics(SPACE, tmp_path, TIED)) == (50, None)
    assert read_statistics(replace(SPACE, fingerprint="another"), tmp_path, TIED) is None


def test_every_damaged_byte_is_found_or_harmless(
    written: Statistics, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / kept.FILE
    monkeypatch.setattr(kept, "_read_once", kept._read_once.__wrapped__)
    whole, query = file.read_bytes(), units(1, 3)[0]
    sound = read_statistics(SPACE, tmp_path, TIED)
    assert sound is not None
    for place in np.random.default_rng(0).integers(len(whole), size=150).tolist():
        file.write_bytes(whole[:place] + bytes([whole[place] ^ 0x10]) + whole[place + 1 :])
        read = read_statistics(SPACE, tmp_path, TIED)
        assert read is None or read.bar(query) == sound.bar(query), place
        is_another = read is None and fault_of_statistics(SPACE, tmp_path, TIED) is None
        assert not is_another or place < len(whole) - 4 * DIM * DIM, "only notes say what it is"
    file.write_bytes(whole[:100])
    assert fault_of_statistics(SPACE, tmp_path, TIED) is not None


def test_the_nouns_are_a_thousand_and_each_another() -> None:
    words = nouns()
    assert len(words) == len(set(words)) == 1_000
    assert all(word == word.strip().lower() and word.isascii() for word in words)
