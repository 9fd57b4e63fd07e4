"""By a column of the caption file: recall of each value, and how far the worst is behind."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from searchengine.datasets.columns import read_column
from searchengine.datasets.dataset import read_dataset
from searchengine.errors import CaptionFileError, InputError
from searchengine.evaluation.tasks.groups import measure_groups
from tests.conftest import Run, Workbench
from tests.support.pages import parse


def test_each_value_has_the_recall_of_its_queries() -> None:
    """Four images with two captions each; the last caption has no value."""
    owners = np.repeat(np.arange(4), 2)
    values = ["en", "de", "en", "en", "de", "de", "en", None]
    ranks = np.array([1, 4, 1, 2, 1, 9, 1, 1]), np.array([1, 1, 3, 1])
    found = measure_groups("language", values, owners, ranks, (1, 5))
    told = {(row.direction, row.value): (row.queries, row.recall) for row in found.rows}
    assert told == {
        ("image_retrieval", "de"): (3, {1: 1 / 3, 5: 2 / 3}),
        ("image_retrieval", "en"): (4, {1: 3 / 4, 5: 1.0}),
        ("text_retrieval", "de"): (1, {1: 0.0, 5: 1.0}),  # the image whose captions all are
        ("text_retrieval", "en"): (1, {1: 1.0, 5: 1.0}),
    }
    assert found.left_out == 1
    first = found.gaps[0]
    assert (first.direction, first.k, first.best, first.worst) == ("image_retrieval", 1, "en", "de")
    assert first.difference == pytest.approx(5 / 12)
    assert -1 <= first.low < first.difference < first.high <= 1.5


def test_the_interval_of_a_gap_holds_the_truth_nineteen_times_of_twenty() -> None:
    held = 0
    for seed in range(100):
        random = np.random.default_rng(seed)
        hits = np.r_[random.random(200) < 0.7, random.random(200) < 0.4]
        ranks = np.where(hits, 1, 9)
        values = ["a"] * 200 + ["b"] * 200
        found = measure_groups("x", values, np.arange(400), (ranks, ranks), (1,))
        held += found.gaps[0].low <= 0.3 <= found.gaps[0].high
    assert 90 <= held <= 100


def test_one_group_has_no_gap_and_many_are_refused() -> None:
    ranks = np.ones(60, dtype=np.int64)
    one = measure_groups("x", ["a"] * 60, np.arange(60), (ranks, ranks), (1,))
    assert (len(one.rows), one.gaps) == (2, ())
    with pytest.raises(InputError, match="x has 60 different values, over the limit of 50"):
        measure_groups("x", [str(n) for n in range(60)], np.arange(60), (ranks, ranks), (1,))


@pytest.mark.parametrize("form", ["csv", "lines", "list"])
def test_a_column_is_read_by_image_and_caption(tmp_path: Path, form: str) -> None:
    rows = [("a.png", "red ", "en"), ("./a.png", "rot", "de"), ("b.png", "red", "")]
    path = tmp_path / "captions"
    entries = [{"image": i, "caption": c, "language": v or None} for i, c, v in rows]
    if form == "csv":
        lines = [f'"{i}","{c}",{v}' for i, c, v in rows]
        path.write_text("\n".join(["image,caption,language", *lines]))
    else:
        text = "\n".join(map(json.dumps, entries))
        path.write_text(text if form == "lines" else json.dumps(entries))
    read = read_dataset(path)
    assert read_column(path, read.format, "language", read.images) == ["en", "de", None]
    with pytest.raises(CaptionFileError, match="no caption that is asked has a value for 'group'"):
        read_column(path, read.format, "group", read.images)


def test_what_contradicts_itself_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "captions.csv"
    path.write_text("image,caption,group\na.png,red,x\na.png,red,y\n")
    read = read_dataset(path)
    with pytest.raises(CaptionFileError, match=r"line 3: group is 'y' .* of which it was 'x'"):
        read_column(path, "csv", "group", read.images)
    with pytest.raises(InputError, match="is read as token, which has no further columns"):
        read_column(path, "token", "group", read.images)


def test_the_command_prints_writes_and_shows_groups(
    colours: Workbench, run: Run, tmp_path: Path
) -> None:
    path = tmp_path / "captions.csv"
    lines = [
        f"{colours.photos / name}.png,{caption},{group}"
        for name, caption, group in (
            ("red", "red", "right"), ("green", "green", "right"), ("blue", "blue", "right"),
            ("black", "white", "wrong"), ("white", "black", "wrong"), ("yellow", "yellow", ""),
        )
    ]  # fmt: skip
    path.write_text("\n".join(["image,caption,group", *lines]))
    told, page = tmp_path / "told.json", tmp_path / "page.html"
    asked = ("evaluate", path, "--model", "fake", "--by", "group")
    done = run(*asked, "--json", told, "--report", page)
    assert "by group, %" in done.out
    assert "1 caption without a value: in no group" in done.out
    assert "largest gap of R@1: +100.00 points" in done.out
    groups = json.loads(told.read_text())["groups"]
    assert (groups["column"], groups["left_out"], len(groups["rows"])) == ("group", 1, 4)
    assert groups["rows"][0]["recall@1"]["value"] == 1.0
    assert {gap["worst"] for gap in groups["gaps"] if gap["k"] == 1} == {"wrong"}
    shown = parse(page).text
    assert "By group, in percent" in shown
    assert "served alike" in shown
    plain = run("evaluate", path, "--model", "fake", "--json", "-")
    assert "groups" not in json.loads(plain.out)
    assert "--by takes a caption file" in run("evaluate", "--by", "group").err
