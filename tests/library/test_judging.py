"""A library's own captions as an evaluation, and the pool of a person's own queries."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from searchengine.errors import CaptionFileError, InputError
from searchengine.library.judging.pool import (
    DEPTH,
    Pool,
    Way,
    ask_all,
    measure_pool,
    read_judged,
)
from tests.conftest import Run, Workbench
from tests.support.chromium import chromium

COLOURS = ("red", "green", "blue", "white", "black", "yellow")


@pytest.fixture
def captioned(colours: Workbench, run: Run) -> Workbench:
    """Six pictures, four with captions, a copy of one of them, and one named as another."""
    lines = [f"{name}.png,a {name} {name} {name} wall" for name in COLOURS[:4]]
    file = colours.photos / "captions.csv"
    file.write_text("\n".join(["image,caption", *lines, "red.png,blue"]))
    (colours.photos / "more").mkdir()
    shutil.copy(colours.photos / "red.png", colours.photos / "more" / "copy.png")
    colours.paint("more/red.png", "magenta")
    assert run("index", colours.photos).code == 0
    done = run("captions", "add", file)
    assert done.code == 0, done.err
    return colours


def test_own_captions_are_measured_by_the_stored_vectors(run: Run, captioned: Workbench) -> None:
    loads = captioned.loads
    done = run("evaluate", "--library", captioned.library_path, "--json", "-")
    assert done.code == 0, done.err
    assert captioned.loads == loads, "nothing is encoded"
    found = json.loads(done.out)
    protocol = found["protocol"]
    assert (protocol["format"], protocol["encoder"]) == ("library", "fake")
    assert (protocol["images"], protocol["captions"]) == (4, 5)
    assert protocol["distractors"] == 3, "black, yellow and magenta; the copy is no wrong answer"
    assert found["metrics"]["image_retrieval_recall@1"] == pytest.approx(4 / 5)
    ranks = {query["caption"]: query["rank"] for query in found["queries"]}
    assert ranks["a red red red wall"] == 1
    assert ranks["blue"] > 1, "said of the red one"
    assert run("evaluate", "--limit", 2).code == 0
    done = run("evaluate", "--distractors", captioned.library_path)
    assert (done.code, done.out) == (2, "")
    done = run("evaluate", "--prompt", "a {}")
    assert "leave --prompt away" in done.err


def test_a_library_without_captions_says_what_to_do(run: Run, colours: Workbench) -> None:
    done = run("evaluate")
    assert (done.code, done.out) == (1, "")
    assert "clipseek captions add FILE, or judge queries of your own" in done.err
    assert colours.library_path.is_dir()


def test_the_pool_holds_all_that_any_way_found(captioned: Workbench) -> None:
    with captioned.open() as library:
        pool = ask_all(library, ["red", "a blue wall"])
    assert [way.what for way in pool.ways] == ["with captions", "pictures"]
    shown = pool.to_judge()
    assert [set(each) for each in shown] == [
        {path for answers in pool.answers for path in answers[number]} for number in range(2)
    ]
    assert all(len(each) == len(set(each)) for each in shown)
    assert shown == pool.to_judge(), "the page can be made again"


def planted() -> Pool:
    """Three ways, of which the second has the right image first and the third nowhere."""
    queries = tuple(f"query {n}" for n in range(30))
    ways = tuple(Way(name, name, "pictures") for name in ("a", "b", "c"))
    wrong = tuple(Path(f"/w{n}.jpg") for n in range(DEPTH))
    right = [Path(f"/{n}.jpg") for n in range(30)]
    answers = (
        tuple((*wrong[:3], image, *wrong[3:9]) for image in right),
        tuple((image, *wrong[:9]) for image in right),
        tuple(wrong for _ in right),
    )
    return Pool(queries, ways, answers)


def test_a_planted_difference_is_found() -> None:
    pool = planted()
    judged = {
        query: {str(path): path == Path(f"/{n}.jpg") for path in pool.to_judge()[n]}
        for n, query in enumerate(pool.queries)
    }
    verdict = measure_pool(pool, judged)
    first, better, worse = verdict.ways
    assert (verdict.queries, verdict.unjudged) == (30, 0)
    assert [each.metrics["recall@1"] for each in verdict.ways] == [0, 1, 0]
    assert first.metrics["ndcg@10"] == pytest.approx(0.4306765580733931)  # 1 / log2(5)
    assert (better.metrics["ndcg@10"], worse.metrics["ndcg@10"]) == (1, 0)
    assert better.difference.low > 0 > worse.difference.high
    assert not first.difference.is_clear
    del judged["query 0"]
    verdict = measure_pool(pool, judged)
    assert (verdict.queries, verdict.unjudged) == (29, 3 * DEPTH)


def test_what_is_no_judgement_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no image was judged right"):
        measure_pool(planted(), {"query 1": {"/1.jpg": False}})
    file = tmp_path / "judged.json"
    for text in ("", "[]", '{"judged": [1]}', '{"judged": {"a": 1}}'):
        file.write_text(text)
        with pytest.raises(CaptionFileError, match="not what the page of clipseek judge saves"):
            read_judged(file)


def test_judging_on_the_page(run: Run, captioned: Workbench, tmp_path: Path) -> None:
    queries = tmp_path / "queries.txt"
    queries.write_text('red\nblue <b>&"\n')
    page = tmp_path / "judge.html"
    done = run("judge", queries, "--page", page)
    assert (done.code, done.out) == (0, ""), done.err
    assert "2 queries: 30 or more tell more" in done.err
    with chromium() as browser:
        tab = browser.new_page()
        failed: list[str] = []
        tab.on("console", lambda message: failed.append(message.text))
        tab.goto(page.as_uri())
        assert tab.locator("legend").all_inner_texts() == ["red", 'blue <b>&"']
        for number, name in enumerate(("red.png", "blue.png")):
            tab.locator("fieldset").nth(number).get_by_label(name, exact=True).first.check()
        assert tab.locator("output").inner_text() == "2 pictures ticked"
        bar = tab.locator(".save")
        ground = "e => getComputedStyle(e).backgroundColor"
        assert bar.evaluate(ground) == tab.locator("body").evaluate(ground)
        width = "e => e.clientWidth"
        assert bar.evaluate(width) == tab.locator("form").evaluate(width)
        with tab.expect_download() as saved:
            tab.get_by_role("button").click()
        saved.value.save_as(tmp_path / "judged.json")
        assert not failed
    done = run("judge", queries, "--judged", tmp_path / "judged.json")
    assert done.code == 0, done.err
    lines = [" ".join(line.split()) for line in done.out.splitlines()]
    assert lines[0].startswith("encoder asked first right, % mAP@10 nDCG@10 95 % CI difference")
    assert lines[1].startswith("fake with captions 100.00")
    assert lines[2].startswith("fake pictures")
    assert lines[3].startswith("2 queries with a right image")
    found = json.loads(run("judge", queries, "--judged", tmp_path / "judged.json", "--json").out)
    assert [way["asked"] for way in found["ways"]] == ["with captions", "pictures"]
