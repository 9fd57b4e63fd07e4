"""Selection tasks read: the form of each benchmark, several files, and what is wrong in one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from searchengine.datasets.selection import Choice, read_selection
from searchengine.errors import CaptionFileError, InputError, PathNotFoundError

SUGARCREPE = {
    "0": {"filename": "1.jpg", "caption": "a girl", "negative_caption": "a boy"},
    "3": {"filename": "2.jpg", "caption": "a cat", "negative_caption": "two cats"},
}
RELATION = {
    "image_id": "2373554",
    "image_path": "2373554.jpg",
    "bbox_x": 10,
    "bbox_y": 20,
    "bbox_w": 30,
    "bbox_h": 40,
    "relation_name": "on",
    "true_caption": "the cup is on the table",
    "false_caption": "the table is on the cup",
}
ATTRIBUTION = {**RELATION, "attributes": ["white", "large"]} | {"relation_name": None}
WINOGROUND = {
    "id": 0,
    "image_0": "ex_0_img_0",
    "image_1": "ex_0_img_1",
    "caption_0": "an old person kisses a young person",
    "caption_1": "a young person kisses an old person",
    "tag": "Adjective-Age",
    "collapsed_tag": "Object",
}


def written(path: Path, value: Any, lines: bool = False) -> Path:
    path.write_text("\n".join(map(json.dumps, value)) if lines else json.dumps(value), "utf-8")
    return path


def test_sugarcrepe_is_a_file_a_kind_or_their_directory(tmp_path: Path) -> None:
    for name in ("swap_att", "add_obj"):
        written(tmp_path / f"{name}.json", SUGARCREPE)
    task = read_selection([tmp_path])
    assert (task.format, task.least) == ("sugarcrepe", 1)
    assert [choice.kind for choice in task.choices] == ["add_obj"] * 2 + ["swap_att"] * 2
    assert task.choices[1] == Choice("add_obj", ("2.jpg",), ("a cat", "two cats"))
    one = read_selection([tmp_path / "swap_att.json"])
    assert (one.name, len(one.choices)) == ("swap_att.json", 2)


def test_aro_has_boxes_and_puts_the_right_caption_first(tmp_path: Path) -> None:
    task = read_selection([written(tmp_path / "visual_genome_relation.json", [RELATION])])
    captions = ("the cup is on the table", "the table is on the cup")
    assert task.choices == (Choice("on", ("2373554.jpg",), captions, (10, 20, 40, 60)),)
    assert task.least == 1
    task = read_selection([written(tmp_path / "visual_genome_attribution.json", [ATTRIBUTION])])
    assert task.choices[0].kind == "white, large"
    assert task.least == 25


@pytest.mark.parametrize("lines", [True, False])
def test_winoground(tmp_path: Path, lines: bool) -> None:
    task = read_selection([written(tmp_path / "examples.jsonl", [WINOGROUND] * 2, lines)])
    assert (task.format, len(task.choices)) == ("winoground", 2)
    assert task.choices[0].images == ("ex_0_img_0.png", "ex_0_img_1.png")
    assert task.choices[0].kind == "Object"


@pytest.mark.parametrize("size", [1, 2])
def test_ones_own(tmp_path: Path, size: int) -> None:
    entries = [
        {"image": "a.jpg", "captions": ["one", "two", "three"], "kind": "count"},
        {"images": ["a.jpg", "b.jpg"], "captions": ["one"]},
    ][:size]
    task = read_selection([written(tmp_path / "mine.jsonl", entries, lines=True)])
    assert task.choices[0] == Choice("count", ("a.jpg",), ("one", "two", "three"))
    assert [choice.kind for choice in task.choices[1:]] == ["mine"] * (size - 1)


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ([], "no choices in it"),
        ([1], "no selection task that is known"),
        ({"images": []}, "no selection task that is known"),
        ([{"image": "a.jpg", "caption": "x"}], "no selection task that is known"),
        ([RELATION, {"image_path": "x"}], "entry 2: not as it should be: 'true_caption'"),
        ([{**RELATION, "bbox_w": None}], "entry 1: not as it should be"),
        ({**SUGARCREPE, "4": {**SUGARCREPE["0"], "caption": " "}}, "entry 4: not as it should"),
        ([{"image": "a", "captions": ["x"]}], "nothing to choose between"),
        ([{"image": "a", "captions": "xy"}], "images and captions are lists"),
        ([{"image": 7, "captions": ["x", "y"]}], "every image and caption is a text"),
        ([{"image": "a", "captions": ["\ud800", "y"]}], "half a character"),
    ],
)
def test_what_is_wrong_is_said(tmp_path: Path, value: Any, said: str) -> None:
    file = written(tmp_path / "wrong.json", value)
    with pytest.raises(CaptionFileError, match=said):
        read_selection([file])


def test_other_files(tmp_path: Path) -> None:
    text = tmp_path / "text.json"
    text.write_text("nothing\n")
    with pytest.raises(CaptionFileError, match="line 1: not JSON"):
        read_selection([text])
    with pytest.raises(PathNotFoundError):
        read_selection([tmp_path / "none.json"])
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="no JSON files in it"):
        read_selection([tmp_path / "empty"])
    two = [written(tmp_path / "a.json", SUGARCREPE), written(tmp_path / "b.json", [RELATION])]
    with pytest.raises(InputError, match="several tasks"):
        read_selection(two)
