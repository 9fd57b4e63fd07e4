"""Captions in several languages: columns, folders, Crossmodal-3600, and files of one language."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from searchengine.datasets.languages import read_languages
from searchengine.errors import CaptionFileError


def captions(path: Path) -> dict[str, dict[str, tuple[str, ...]]]:
    return {
        language: {image.file: image.captions for image in dataset.images}
        for language, dataset in read_languages(path).items()
    }


BOTH: dict[str, dict[str, tuple[str, ...]]] = {
    "en": {"1.jpg": ("a dog", "dogs"), "2.jpg": ("a cat",)},
    "de": {"1.jpg": ("ein Hund",)},
}


@pytest.mark.parametrize(
    "text",
    [
        "image,caption,language\n1.jpg,a dog,en\n1.jpg,ein Hund,de\n"
        "1.jpg,dogs,en\n2.jpg,a cat,en\n",
        '{"image": "1.jpg", "captions": ["a dog", "dogs"], "language": "en"}\n'
        '{"image": "1.jpg", "caption": "ein Hund", "language": "de"}\n'
        '{"image": "2.jpg", "caption": "a cat", "language": "en"}\n',
        '{"image/key": "1", "en": {"caption": ["a dog", "dogs"]}, '
        '"de": {"caption": ["ein Hund"]}}\n'
        '{"image/key": "2", "image/locale": "en", "en": {"caption": ["a cat"]}}\n',
    ],
)
def test_a_file_with_languages(tmp_path: Path, text: str) -> None:
    file = tmp_path / "captions"
    file.write_text(text, "utf-8")
    assert captions(file) == BOTH


def test_a_folder_of_files(tmp_path: Path) -> None:
    for name, own in (("test_en.csv", BOTH["en"]), ("captions.de.csv", BOTH["de"])):
        rows = [f"{image},{text}" for image, texts in own.items() for text in texts]
        (tmp_path / name).write_text("\n".join(["image,caption", *rows]))
    (tmp_path / "1.jpg").touch()
    assert captions(tmp_path) == BOTH


@pytest.mark.parametrize(
    "text",
    ["image,caption\n1.jpg,x\n", '{"image": "1.jpg", "caption": "x"}', '{\n"images": []}', "", "{"],
)
def test_files_of_one_language_are_none(tmp_path: Path, text: str) -> None:
    file = tmp_path / "captions"
    file.write_text(text)
    assert read_languages(file) == {}
    assert read_languages(tmp_path / "none") == {}


@pytest.mark.parametrize(
    "text",
    [
        "image,caption,language\n1.jpg\n",
        json.dumps({"image": "1", "caption": 3, "language": "en"}),
        json.dumps({"image": "1", "caption": "x", "language": "en"}) + "\n[]",
        json.dumps({"image/key": "1", "en": {"caption": [3]}}),
    ],
)
def test_what_is_wrong_is_said(tmp_path: Path, text: str) -> None:
    file = tmp_path / "captions"
    file.write_text(text)
    with pytest.raises(CaptionFileError, match=r"line [12]: "):
        read_languages(file)
