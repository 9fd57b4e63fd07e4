"""Judgements read: both directions, every form, ids that are of both kinds, and what is wrong."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from searchengine.datasets.positives import Pairs, read_positives
from searchengine.errors import CaptionFileError, MissingExtraError, PathNotFoundError

CAPTIONS = {"10": 0, "11": 1, "12": 2, "7": 3}
IMAGES = {"1": 0, "2": 1, "7": 2}
"""7 is the id of a caption and of an image, as ids of COCO may be."""

BY_CAPTION = {"10": [1, 2], "11": [7], "7": [7, 1]}
BY_IMAGE = {"1": [10], "2": [10, 12]}


def triples(pairs: Pairs) -> list[tuple[int, int, float]]:
    return sorted(
        zip(pairs.captions.tolist(), pairs.images.tolist(), pairs.gains.tolist(), strict=True)
    )


ASKED = [(0, 0, 1.0), (0, 1, 1.0), (1, 2, 1.0), (3, 0, 1.0), (3, 2, 1.0)]
FOUND = [(0, 0, 1.0), (0, 1, 1.0), (2, 1, 1.0)]


def test_json_of_both_directions(tmp_path: Path) -> None:
    file = tmp_path / "right.json"
    file.write_text(json.dumps({"caption_to_image": BY_CAPTION, "image_to_caption": BY_IMAGE}))
    found = read_positives(str(file), CAPTIONS, IMAGES)
    assert (found.name, found.unknown) == ("right.json", 0)
    assert (triples(found.by_caption), triples(found.by_image)) == (ASKED, FOUND)


@pytest.mark.parametrize("given", ["mine_caption_to_image.json", "mine_image_to_caption.json"])
def test_a_file_a_direction_is_read_with_the_other_beside_it(tmp_path: Path, given: str) -> None:
    (tmp_path / "mine_caption_to_image.json").write_text(json.dumps(BY_CAPTION))
    (tmp_path / "mine_image_to_caption.json").write_text(json.dumps(BY_IMAGE))
    found = read_positives(str(tmp_path / given), CAPTIONS, IMAGES)
    assert (triples(found.by_caption), triples(found.by_image)) == (ASKED, FOUND)


def test_one_direction_alone_is_turned_around(tmp_path: Path) -> None:
    file = tmp_path / "right.json"
    file.write_text(json.dumps(BY_CAPTION))
    found = read_positives(str(file), CAPTIONS, IMAGES)
    assert triples(found.by_caption) == triples(found.by_image) == ASKED


def test_qrels_of_both_directions_in_one_file(tmp_path: Path) -> None:
    lines = [f"{q} 0 {a} 1" for rows in (BY_CAPTION, BY_IMAGE) for q in rows for a in rows[q]]
    file = tmp_path / "mine.qrels"
    file.write_text("\n".join([*lines, "10 0 7 0", "nobody 0 1 1", "12 0 elsewhere 2"]))
    found = read_positives(str(file), CAPTIONS, IMAGES)
    assert triples(found.by_caption) == sorted([*ASKED, (0, 2, 0.0), (2, -1, 2.0)])
    assert triples(found.by_image) == FOUND
    assert found.unknown == 1


def test_grades(tmp_path: Path) -> None:
    file = tmp_path / "graded.json"
    file.write_text(json.dumps({"10": {"1": 3, "2": 0.5}}))
    found = read_positives(str(file), CAPTIONS, IMAGES)
    assert triples(found.by_caption) == [(0, 0, 3.0), (0, 1, 0.5)]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("10 0 1", "line 1: neither JSON nor a line of qrels"),
        ("10 0 1 1\n10 0 2 much", "line 2: neither JSON nor a line of qrels"),
        ("{", "not JSON"),
        ('{"10": "1"}', "query 10: needs a list of the ids of its answers"),
        ('{"10": [[1]]}', r"query 10: \[1\] is no id"),
        ('{"10": {"1": "x"}}', "is no id with a number"),
        ('{"10": {"1": NaN}}', "is no id with a number"),
        ("10 0 1 nan", "line 1: neither JSON nor a line of qrels"),
        ("10 0 1 inf", "line 1: neither JSON nor a line of qrels"),
        ('{"caption_to_image": []}', "needs an object of queries"),
        ('{"a": ["b"]}', "captions are called like '10', images like '1'"),
        ("", "none of its 0 pairs"),
    ],
)
def test_what_is_wrong_is_said(tmp_path: Path, text: str, said: str) -> None:
    file = tmp_path / "wrong"
    file.write_text(text)
    with pytest.raises(CaptionFileError, match=said):
        read_positives(str(file), CAPTIONS, IMAGES)


def test_no_file_and_no_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(PathNotFoundError):
        read_positives(str(tmp_path / "none"), CAPTIONS, IMAGES)
    monkeypatch.setattr("importlib.util.find_spec", lambda _name: None)
    with pytest.raises(MissingExtraError, match=r"clipseek\[benchmarks\]"):
        read_positives("eccv", CAPTIONS, IMAGES)


@pytest.mark.parametrize(("name", "pairs"), [("eccv", 11279), ("cxc", 35585)])
def test_the_package_is_read_by_name(name: str, pairs: int) -> None:
    pytest.importorskip("eccv_caption", reason="pip install eccv-caption")
    captions = {"552666": 0, "732091": 1}
    images = {"445512": 0, "205636": 1, "373119": 2}
    found = read_positives(name, captions, images)
    assert found.name == name
    assert len(found.by_caption) < pairs
    pair = {"eccv": (0, 0, 1.0), "cxc": (1, 1, 1.0)}[name]
    assert pair in triples(found.by_caption)
