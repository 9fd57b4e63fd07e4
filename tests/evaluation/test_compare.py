"""Comparing two evaluations: a planted difference is found, none is found where there is none."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from searchengine.errors import InputError
from searchengine.evaluation.compare import compare
from tests.conftest import Run, Workbench
from tests.support.pages import parse

IMAGES, CAPTIONS = 400, 5


def written(path: Path, ranks: np.ndarray, sha256: str = "one") -> Path:
    """An evaluation whose captions have these ranks, shape (IMAGES, CAPTIONS)."""
    queries = [
        {
            "direction": direction,
            "key": str(image),
            "turn": turn,
            "image": f"{image}.jpg",
            "caption": f"caption {turn}" if direction == "image_retrieval" else None,
            "rank": int(ranks[image, turn]),
        }
        for direction, turns in (("image_retrieval", CAPTIONS), ("text_retrieval", 1))
        for image in range(IMAGES)
        for turn in range(turns)
    ]
    protocol = {"encoder": path.stem, "sha256": sha256, "distractors": 0}
    metrics = {"image_retrieval_recall@1": 0.0, "image_retrieval_recall@5": 0.0}
    path.write_text(json.dumps({"metrics": metrics, "protocol": protocol, "queries": queries}))
    return path


def ranks(random: np.random.Generator, right: float) -> np.ndarray:
    """First with this chance, which images share by half; else second to ninth."""
    luck = random.random((IMAGES, 1)) * 0.5 + random.random((IMAGES, CAPTIONS)) * 0.5
    chance = np.quantile(luck, right)
    return np.where(luck < chance, 1, random.integers(2, 10, size=luck.shape))


def test_a_planted_difference_is_found_and_none_where_there_is_none(tmp_path: Path) -> None:
    clear, false = 0, 0
    for seed in range(20):
        random = np.random.default_rng(seed)
        base = ranks(random, 0.5)
        same, better = base.copy(), base.copy()
        swapped = random.random(base.shape)
        up, down = swapped < 0.10, swapped > 0.90
        same[up & (base > 1)], same[down & (base == 1)] = 1, 2  # as many won as lost, on average
        better[up & (base > 1)] = 1
        one = written(tmp_path / "one.json", base)
        [asked, _] = compare(one, written(tmp_path / "better.json", better)).directions
        clear += asked.differences[1].low > 0
        assert asked.differences[1].mean == pytest.approx(
            np.mean((better == 1) * 1.0 - (base == 1))
        )
        assert len(asked.won) == np.count_nonzero(better < base)
        assert not asked.lost
        [asked, _] = compare(one, written(tmp_path / "same.json", same)).directions
        false += asked.differences[1].is_clear
    assert clear == 20
    assert false <= 3, "5 % of 20 are expected"


def test_an_evaluation_beside_itself(tmp_path: Path) -> None:
    one = written(tmp_path / "one.json", ranks(np.random.default_rng(1), 0.5))
    [asked, found] = compare(one, one).directions
    assert (asked.queries, found.queries) == (IMAGES * CAPTIONS, IMAGES)
    assert (asked.differences[1].mean, asked.differences[1].p) == (0, 1)
    assert not asked.differences[5].is_clear
    assert not asked.won
    assert not asked.lost


@pytest.mark.parametrize("text", ["", "{}", "[]", "nothing", '{"metrics": {}, "protocol": 3}'])
def test_other_files_are_refused(tmp_path: Path, text: str) -> None:
    one = written(tmp_path / "one.json", ranks(np.random.default_rng(1), 0.5))
    other = tmp_path / "other.json"
    other.write_text(text)
    with pytest.raises(InputError, match="not an evaluation with its queries"):
        compare(one, other)


def test_other_queries_are_refused(tmp_path: Path) -> None:
    random = np.random.default_rng(1)
    one = written(tmp_path / "one.json", ranks(random, 0.5))
    with pytest.raises(InputError, match="other images and captions"):
        compare(one, written(tmp_path / "two.json", ranks(random, 0.5), sha256="two"))


def test_the_command_reads_what_evaluate_writes(run: Run, bench: Workbench, tmp_path: Path) -> None:
    for name in ("red", "green", "blue"):
        bench.paint(f"{name}.png", name)
    file = bench.photos / "captions.csv"
    file.write_text(
        "image,caption\n" + "".join(f"{n}.png,a {n} x\n" for n in ("red", "green", "blue"))
    )
    run("evaluate", file, "--json", tmp_path / "a.json")
    run("evaluate", file, "--json", tmp_path / "b.json", "--prompt", "a blue blue {}")
    done = run("compare", tmp_path / "a.json", tmp_path / "b.json")
    assert done.code == 0, done.err
    assert "A: fake, B: fake" in done.err
    assert done.out.splitlines()[0].split()[:4] == ["paired,", "%", "A", "B"]
    assert "B ranks 0 of 3 queries better and 2 worse" in done.out
    assert str(bench.photos / "red.png") in done.out
    done = run("compare", file, file)
    assert (done.code, done.out) == (1, "")
    assert "not an evaluation with its queries" in done.err


def test_the_page_and_two_encoders_at_once(run: Run, bench: Workbench, tmp_path: Path) -> None:
    for name in ("red", "green", "blue"):
        bench.paint(f"{name}.png", name)
    file = bench.photos / "captions.csv"
    file.write_text("image,caption\n" + "".join(f"{n}.png,a {n} x\n" for n in ("red", "blue")))
    run("evaluate", file, "--json", tmp_path / "a.json")
    run("evaluate", file, "--json", tmp_path / "b.json", "--prompt", "a blue blue {}")
    page = tmp_path / "compare.html"
    done = run("compare", tmp_path / "a.json", tmp_path / "b.json", "--report", page)
    assert done.code == 0, done.err
    parsed = parse(page)
    assert "B ranks 0 of 2 queries better and 1 worse" in parsed.one("main").text
    links = [link.attributes["href"] for link in parsed.all("a")]
    assert (bench.photos / "red.png").as_uri() in links
    assert len(parsed.all("img")) >= 1
    done = run("evaluate", file, "--model", "fake", "--model", "fake")
    assert done.code == 0, done.err
    assert done.out.splitlines()[0].split()[:4] == ["paired,", "%", "A", "B"]
    assert "B ranks 0 of 2 queries better and 0 worse" in done.out
    for wrong in (["--model", "third"], ["--json", "x.json"]):
        done = run("evaluate", file, "--model", "fake", "--model", "fake", *wrong)
        assert (done.code, done.out) == (2, "")
