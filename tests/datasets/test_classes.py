"""Labelled images and names read: folders, files, and names that fit or do not."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from searchengine.datasets.classes import read_labelled, read_names
from searchengine.errors import CaptionFileError, InputError, PathNotFoundError


def test_a_folder_a_class(tmp_path: Path) -> None:
    for name in (
        "hot_dog/1.jpg",
        "hot_dog/more/2.PNG",
        "cat/x.webp",
        "cat/notes.txt",
        ".git/a.png",
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "loose.jpg").touch()
    found = read_labelled(tmp_path)
    assert [os.path.relpath(file, tmp_path) for file in found.files] == [
        "cat/x.webp",
        "hot_dog/1.jpg",
        "hot_dog/more/2.PNG",
    ]
    assert found.classes == ("cat", "hot_dog", "hot_dog")
    assert read_names(None, found.classes).names == ("cat", "hot dog")


@pytest.mark.parametrize(
    "text",
    [
        "image,class\na.jpg,cat\nb.jpg,hot dog\n",
        "label,image,split\ncat,a.jpg,test\nhot dog,b.jpg,test\n",
        '{"image": "a.jpg", "class": "cat"}\n{"image": "b.jpg", "label": "hot dog"}',
    ],
)
def test_a_file(tmp_path: Path, text: str) -> None:
    file = tmp_path / "labels"
    file.write_text(text)
    found = read_labelled(file)
    assert (found.files, found.classes) == (("a.jpg", "b.jpg"), ("cat", "hot dog"))


def test_a_class_may_be_a_number(tmp_path: Path) -> None:
    file = tmp_path / "labels.jsonl"
    file.write_text('{"image": "a.jpg", "class": 0}\n{"image": "b.jpg", "class": 12}')
    assert read_labelled(file).classes == ("0", "12")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "neither CSV with the columns image and class"),
        ("image,caption\na.jpg,x", "neither CSV with the columns image and class"),
        ("image,class\n", "no images in it"),
        ("image,class\na.jpg\n", "line 2: needs an image and a class"),
        ('{"image": "a.jpg", "class": 3.5}', "line 1: needs an image and a class"),
        ('image,class\n"a.jpg,x', "not CSV"),
    ],
)
def test_what_is_wrong_is_said(tmp_path: Path, text: str, said: str) -> None:
    file = tmp_path / "labels.csv"
    file.write_text(text)
    with pytest.raises(CaptionFileError, match=said):
        read_labelled(file)


def test_nothing_there(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="a folder for each class"):
        read_labelled(tmp_path)
    with pytest.raises(PathNotFoundError):
        read_labelled(tmp_path / "none.csv")


@pytest.mark.parametrize(
    ("text", "names", "numbers", "by_order"),
    [
        ("hot dog\nbird\ncat\n", ("hot dog", "bird", "cat"), {"cat": 2, "hot_dog": 0}, False),
        (
            "hot_dog\ta sausage\ncat\tfeline",
            ("a sausage", "feline"),
            {"hot_dog": 0, "cat": 1},
            False,
        ),
        ("tabby\nhotdog\n", ("tabby", "hotdog"), {"cat": 0, "hot_dog": 1}, True),
    ],
)
def test_names(
    tmp_path: Path, text: str, names: tuple[str, ...], numbers: dict[str, int], by_order: bool
) -> None:
    file = tmp_path / "names.txt"
    file.write_text(text)
    found = read_names(file, ["hot_dog", "cat", "cat"])
    assert (found.names, found.numbers, found.by_order) == (names, numbers, by_order)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("cat\ndog\nbird", "no name for 1 of 2 classes, the first being 'hot_dog'"),
        ("tabby\nhotdog\nthird", "no name for 2 of 2 classes"),
        ("cat\nhot dog\ncat", "'cat' is the name of two classes"),
    ],
)
def test_names_that_do_not_fit(tmp_path: Path, text: str, said: str) -> None:
    file = tmp_path / "names.txt"
    file.write_text(text)
    with pytest.raises(CaptionFileError, match=said):
        read_names(file, ["hot_dog", "cat"])


def test_one_class_is_no_choice() -> None:
    with pytest.raises(CaptionFileError, match="nothing to choose between"):
        read_names(None, ["cat", "cat"])
