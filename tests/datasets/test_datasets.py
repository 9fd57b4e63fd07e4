"""Caption files in every format, whole and broken, and the images that belong to them."""

from __future__ import annotations

import contextlib
import csv
import gc
import io
import json
import random
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from searchengine.datasets import dataset as datasets
from searchengine.datasets.dataset import (
    FORMATS,
    CaptionedImage,
    Dataset,
    choose_split,
    read_dataset,
)
from searchengine.datasets.images import find_images, likely_directories
from searchengine.datasets.text_files import read_captions, read_texts
from searchengine.errors import CaptionFileError, InputError, PathNotFoundError
from tests.support.places import SHARED

DATA = SHARED / "data"
"""Real caption files, where they lie beside the checkout."""

Write = Callable[..., Path]

TWO = {"a.jpg": ("A dog .", "One dog ."), "b.jpg": ("A cat .", "A café, with a cat .")}

KARPATHY = {
    "dataset": "flickr8k",
    "images": [
        {
            "filename": name,
            "imgid": number,
            "split": "test",
            "sentences": [{"raw": caption, "tokens": caption.split()} for caption in captions],
        }
        for number, (name, captions) in enumerate(TWO.items())
    ],
}

COCO = {
    "info": {"year": 2017},
    "annotations": [
        {"id": 10 * number + k, "image_id": number, "caption": f" {caption}\n"}
        for k in range(2)
        for number, captions in ((7, TWO["a.jpg"]), (9, TWO["b.jpg"]))
        for caption in [captions[k]]
    ],
    "images": [{"id": 7, "file_name": "a.jpg"}, {"id": 9, "file_name": "b.jpg"}],
}

ROWS = [(name, k, caption) for name, captions in TWO.items() for k, caption in enumerate(captions)]

CONTENTS = {
    "karpathy": json.dumps(KARPATHY),
    "coco": json.dumps(COCO),
    "token": "".join(f"{name}#{k}\t{caption}\n" for name, k, caption in ROWS),
    "kaggle": "image_name| comment_number| comment\n"
    + "".join(f"{name}| {k}| {caption}\n" for name, k, caption in ROWS),
    "csv": "image,caption\na.jpg,A dog .\na.jpg,One dog .\nb.jpg,A cat .\n"
    'b.jpg,"A café, with a cat ."\n',
    "jsonl": "".join(
        json.dumps({"image": name, "caption": caption}, ensure_ascii=False) + "\n"
        for name, _, caption in ROWS
    ),
}


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def make(content: str | bytes, name: str = "captions") -> Path:
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return make


def captions_of(dataset: Dataset) -> dict[str, tuple[str, ...]]:
    return {image.file: image.captions for image in dataset.images}


def shared(*parts: str) -> Path:
    path = DATA.joinpath(*parts)
    if not path.exists():
        pytest.skip(f"{path.name} is not beside the checkout")
    return path


@pytest.mark.parametrize("form", CONTENTS)
@pytest.mark.parametrize("change", ["plain", "bom", "crlf", "no end"])
@pytest.mark.parametrize("asked", ["auto", "itself"])
def test_every_format_says_the_same(write: Write, form: str, change: str, asked: str) -> None:
    content = CONTENTS[form]
    content = {
        "plain": content,
        "bom": "\ufeff" + content,
        "crlf": content.replace("\n", "\r\n"),
        "no end": content.rstrip("\n"),
    }[change]
    dataset = read_dataset(write(content), form if asked == "itself" else "auto")
    assert dataset.format == form
    assert captions_of(dataset) == TWO
    assert [image.key for image in dataset.images] == list(TWO)
    assert set(dataset.counts.values()) == {2, 4, 0}


@pytest.mark.parametrize("asked", ["auto", "csv"])
@pytest.mark.parametrize("end", ["\r", "\n"])
def test_csv_may_have_the_lines_of_an_old_mac_and_begin_with_empty_ones(
    write: Write, asked: str, end: str
) -> None:
    dataset = read_dataset(write(end * 2 + CONTENTS["csv"].replace("\n", end)), asked)
    assert captions_of(dataset) == TWO


@pytest.mark.parametrize("line", ["x" * 200_000, 'a "b', '"image,caption'])
def test_a_first_line_that_no_csv_has_is_no_known_format(write: Write, line: str) -> None:
    with pytest.raises(CaptionFileError, match="no known format begins with"):
        read_dataset(write(line + "\n"))


def test_a_column_that_comes_twice_is_refused(write: Write) -> None:
    path = write("image,caption,caption\na.jpg,A dog .,One dog .\n")
    with pytest.raises(CaptionFileError, match="two columns are called 'caption'; rename one"):
        read_dataset(path)
    with pytest.raises(CaptionFileError, match="two columns are called 'caption'; rename one"):
        read_captions(path)
    assert read_captions(write("image,caption,,\na.jpg,A dog .,,\n"))[0][1] == "A dog ."


def test_two_files_of_one_coco_id_are_refused(write: Write) -> None:
    images = [{"id": 1, "file_name": "a.jpg"}, {"id": 1, "file_name": "b.jpg"}]
    captions = [{"image_id": 1, "caption": "A dog ."}]
    path = write(json.dumps({"images": images, "annotations": captions}))
    with pytest.raises(CaptionFileError, match="two files have the id 1"):
        read_dataset(path)


@pytest.mark.parametrize("half", ["test_caps.txt", "test_ids.txt"])
@pytest.mark.parametrize("repeated", [True, False])
def test_the_vsepp_pair_with_a_mapping(
    write: Write, tmp_path: Path, half: str, repeated: bool
) -> None:
    write("".join(f"{caption}\r\n" for _, _, caption in ROWS), "test_caps.txt")
    write("25\n25\n34\n34\n" if repeated else "25\n34\n", "test_ids.txt")
    write(json.dumps({"25": "a.jpg", "34": "b.jpg", "1": "c.jpg"}), "id_mapping.json")
    dataset = read_dataset(tmp_path / half)
    assert (dataset.format, captions_of(dataset)) == ("vsepp", TWO)


def test_the_vsepp_pair_of_coco_has_numbers_for_keys(write: Write) -> None:
    write("A dog .\nA cat .\n", "testall_caps.txt")
    path = write("391895\n60623", "testall_ids.txt")
    assert read_dataset(path).images == (
        CaptionedImage("391895", "000000391895.jpg", ("A dog .",), None),
        CaptionedImage("60623", "000000060623.jpg", ("A cat .",), None),
    )


@pytest.mark.parametrize(
    ("captions", "ids", "mapping", "message"),
    [
        ("a\nb\nc\n", "1\n2\n", None, "2 ids for the 3 captions of x_caps.txt"),
        ("", "1\n", None, "1 ids for the 0 captions"),
        ("a\nb\n", "1\n\n2\n", None, "3 ids for the 2 captions"),
        ("a\n", "one\n", None, "'one' is no number, and no id_mapping.json"),
        ("a\nb\nc\n", "1\n2\n3\n", {"1": "a", "2": "b"}, "1 of 3 ids are not in id_mapping.json"),
        ("a\n" * 100, "".join(f"{n}\n" for n in range(1, 101)), None, "100 ids up to 100 are"),
        ("a\n", "1\n", ["a"], "not an object with a file name for every id"),
        ("a\n", None, None, "x_ids.txt: no such file"),
    ],
)
def test_a_broken_vsepp_pair(
    write: Write, captions: str, ids: str | None, mapping: object, message: str
) -> None:
    path = write(captions, "x_caps.txt")
    if ids is not None:
        write(ids, "x_ids.txt")
    if mapping is not None:
        write(json.dumps(mapping), "id_mapping.json")
    with pytest.raises(InputError, match=message):
        read_dataset(path, "vsepp")


def test_a_name_that_is_no_half_of_a_pair(write: Write) -> None:
    with pytest.raises(CaptionFileError, match=r"give NAME_caps\.txt or NAME_ids\.txt"):
        read_dataset(write("a"), "vsepp")


def test_json_lines_take_lists_splits_and_a_json_list(write: Write) -> None:
    lines = [
        {"image": "val/a.jpg", "captions": list(TWO["a.jpg"]), "split": "restval"},
        {"image": "./b.jpg", "caption": list(TWO["b.jpg"])},
    ]
    several = read_dataset(write("\n".join(map(json.dumps, lines))))
    whole = read_dataset(write(json.dumps(lines, indent=1)))
    assert several.images == whole.images
    assert several.images == (
        CaptionedImage("val/a.jpg", "val/a.jpg", TWO["a.jpg"], "train"),
        CaptionedImage("b.jpg", "b.jpg", TWO["b.jpg"], None),
    )
    assert (several.format, whole.format) == ("jsonl", "jsonl")


def test_a_line_separator_inside_a_caption_ends_no_line(write: Write) -> None:
    line = json.dumps({"image": "a.jpg", "caption": "a\u2028b\x85c"}, ensure_ascii=False)
    assert captions_of(read_dataset(write(line))) == {"a.jpg": ("a\u2028b\x85c",)}
    path = write(line)
    assert read_captions(path) == [(str(path.with_name("a.jpg")), "a\u2028b\x85c")]
    token = write("a.jpg#0\tone\u2028two\n")
    assert captions_of(read_dataset(token)) == {"a.jpg": ("one\u2028two",)}


def test_commas_without_quotes_are_mended_and_counted(write: Write) -> None:
    path = write('image,caption\na.jpg,A dog, a "good" one, runs\nb.jpg,A cat\n')
    dataset = read_dataset(path)
    assert captions_of(dataset) == {"a.jpg": ('A dog, a "good" one, runs',), "b.jpg": ("A cat",)}
    assert dataset.mended_lines == 1
    assert [caption for _, caption in read_captions(path)] == ['A dog, a "good" one, runs', "A cat"]


def test_the_line_of_flickr30k_without_its_second_bar(write: Write) -> None:
    dataset = read_dataset(
        write(
            "image_name| comment_number| comment\n"
            "2199200615.jpg| 3| A dog | runs .\n"
            "2199200615.jpg| 4   A dog runs across the grass .\n"
        )
    )
    assert captions_of(dataset) == {
        "2199200615.jpg": ("A dog | runs .", "A dog runs across the grass .")
    }
    assert dataset.mended_lines == 1


def test_the_name_of_flickr8k_that_has_no_file_is_another_image(write: Write) -> None:
    ghost = "2258277193_586949ec62.jpg.1"
    dataset = read_dataset(write(f"{ghost}#0\tpeople\n{ghost[:-2]}#0\tpeople\n"))
    assert [image.key for image in dataset.images] == [ghost, ghost[:-2]]


def test_what_is_wrong_is_counted(write: Write) -> None:
    content = json.loads(json.dumps(COCO))
    content["images"] += [{"id": 11, "file_name": "c.jpg"}, {"id": 9, "file_name": "b.jpg"}]
    content["annotations"] += [
        {"image_id": 9, "caption": "A cat ."},
        {"image_id": 9, "caption": "  "},
        {"image_id": 12, "caption": "of an image that is not listed"},
    ]
    dataset = read_dataset(write(json.dumps(content)))
    assert captions_of(dataset) == {**TWO, "b.jpg": (*TWO["b.jpg"], "A cat .")}
    assert dataset.counts == {
        "images in the file": 2,
        "captions in the file": 5,
        "images listed twice": 1,
        "captions an image has twice": 1,
        "empty captions": 2,
        "images without captions": 1,
        "captions of unlisted images": 1,
        "mended lines": 0,
    }


def test_an_image_listed_twice_gains_only_new_captions(write: Write) -> None:
    again = {"filename": "a.jpg", "sentences": [{"raw": "A dog ."}, {"raw": "Another ."}]}
    content = {"images": [*KARPATHY["images"], again]}
    dataset = read_dataset(write(json.dumps(content)))
    assert captions_of(dataset)["a.jpg"] == (*TWO["a.jpg"], "Another .")
    assert (dataset.duplicate_images, dataset.duplicate_captions) == (1, 0)
    assert dataset.splits == {"test": 2}


BROKEN = {
    "": "the file is empty",
    " \n\n": "the file is empty",
    '{"info": {"year": 2017}, "images": [{"id": 0, "file': "was it downloaded whole",
    '{\n "images": [\n': "was it downloaded whole",
    "hello\nworld\n": "line 1: no known format begins with 'hello'",
    "\n\na,b\n1,2\n": "line 3: no known format begins with 'a,b'",
    "image,caption\n": r"no captions in it \(read as csv\)",
    "image,caption\na.jpg, \n": "no captions in it",
    "image,caption\na.jpg,x\nb.jpg\n": "line 3: needs an image and a caption",
    "image,caption\n ,x\n": "line 2: needs an image and a caption",
    "image,caption,split\na.jpg,x,test\nb.jpg,one, two,test\n": "line 3: 4 fields under 3 columns",
    'image,caption\na.jpg,"one" dog\n': "line 2: not CSV",
    'image,caption\na.jpg,"never closed\nb.jpg,x\n': "line 3: not CSV",
    "a.jpg#0\tx\na.jpg#1 y\n": r"line 2: needs name#number, a tab and a caption, not 'a.jpg#1 y'",
    "a.jpg#0\tx\na.jpg\ty\n": "line 2: needs name#number",
    "image_name| comment_number| comment\na.jpg| 0| x\na.jpg, 1, y\n": "line 3: needs an image_",
    "image_name| comment_number| comment\na.jpg| 0x\n": "line 2: needs an image_name",
    '{"image": "a.jpg"}\n': "line 1: needs an image, and a caption",
    '{"image": "a.jpg", "caption": "x"}\n{broken\n': "line 2: not JSON",
    '{"image": "a.jpg", "caption": "x"}\n[1]\n': "line 2: needs an image",
    '{"image": " ", "caption": "x"}\n': "line 1: needs an image",
    '{"image": "a.jpg", "captions": [1]}\n': "line 1: needs an image",
    '{"image": "a.jpg", "captions": {"x": 1}}\n': "line 1: needs an image",
    '[{"image": "a.jpg", "caption": "x"}, {"image": 1, "caption": "x"}]': "entry 2: needs an image",
    '[{"image": "a.jpg", "caption": "x"}, ': "not JSON: .* was it downloaded whole",
    '{"images": [{"sentences": [{"raw": "x"}]}]}': "image 1: needs a filename, and sentences",
    '{"images": [{"filename": "a", "sentences": [{"tokens": []}]}]}': "image 1: needs a filename",
    '{"images": [{"filename": "a", "sentences": 5}]}': "image 1: needs a filename",
    '{"images": ["sentences"], "sentences": 1}': "image 1: needs a filename",
    '{"images": {"sentences": []}}': "JSON without a list of images",
    '{"images": [], "annotations": {}}': "JSON without a list of annotations",
    '{"images": [], "annotations": []}': "no captions in it",
    '{"images": [{"id": 1}], "annotations": []}': "an entry is not as it should be .'file_name'",
    '{"images": [], "annotations": [{"caption": "x"}]}': "an entry is not as it should be",
    '{"images": [], "annotations": [{"image_id": [1], "caption": "x"}]}': "is not as it should",
    '{"0": "a.jpg"}': "no known format begins with",
    "[" * 100_000 + '"image":': "not JSON",
}


@pytest.mark.parametrize(("content", "message"), BROKEN.items(), ids=lambda text: text[:30])
def test_a_broken_file_says_what_and_where(write: Write, content: str, message: str) -> None:
    path = write(content)
    with pytest.raises(CaptionFileError, match=message) as caught:
        read_dataset(path)
    assert "\n" not in str(caught.value)
    assert str(caught.value).startswith(str(path))


def test_reading_leaves_the_collector_as_it_was(write: Write) -> None:
    for content in ("nonsense", CONTENTS["csv"]):
        with contextlib.suppress(CaptionFileError):
            read_dataset(write(content))
        assert gc.isenabled()
    gc.disable()
    try:
        read_dataset(write(CONTENTS["csv"]))
        assert not gc.isenabled()
    finally:
        gc.enable()


def test_a_file_that_is_not_utf8_says_the_line(write: Write) -> None:
    path = write(b"a.jpg#0\tx\nb.jpg#0\tcaf\xe9\n")
    with pytest.raises(CaptionFileError, match="line 2: not UTF-8 text; save it as UTF-8"):
        read_dataset(path)
    with pytest.raises(CaptionFileError, match="line 2: not UTF-8"):
        read_texts(path)


def test_no_file_and_no_format(write: Write, tmp_path: Path) -> None:
    with pytest.raises(PathNotFoundError, match="no such file"):
        read_dataset(tmp_path / "gone.json")
    with pytest.raises(InputError, match="unknown format 'xml'; known are auto, karpathy, coco,"):
        read_dataset(write(CONTENTS["csv"]), "xml")


@pytest.mark.parametrize("form", [name for name in FORMATS if name not in ("auto", "csv")])
def test_a_format_asked_for_is_not_guessed(write: Write, form: str) -> None:
    with pytest.raises(CaptionFileError):
        read_dataset(write(CONTENTS["csv"]), form)


WORDS = st.text(
    st.characters(exclude_categories=("Cs", "Cc", "Zl", "Zp")), min_size=1, max_size=20
).filter(lambda text: text.strip() == text)


@settings(max_examples=50)
@given(captions=st.lists(st.lists(WORDS, min_size=1, max_size=4), min_size=1, max_size=4))
def test_what_is_written_is_read(
    captions: list[list[str]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    wanted = {f"{number}.jpg": tuple(texts) for number, texts in enumerate(captions)}
    rows = [(name, k, text) for name, texts in wanted.items() for k, text in enumerate(texts)]
    table = io.StringIO()
    csv.writer(table).writerows([("image", "caption"), *((name, text) for name, _, text in rows)])
    images = [
        {"filename": name, "sentences": [{"raw": text} for text in texts]}
        for name, texts in wanted.items()
    ]
    contents = {
        "csv": table.getvalue(),
        "token": "".join(f"{name}#{k}\t{text}\n" for name, k, text in rows),
        "kaggle": "image_name| comment_number| comment\n"
        + "".join(f"{name}| {k}| {text}\n" for name, k, text in rows),
        "jsonl": "".join(json.dumps({"image": n, "captions": c}) + "\n" for n, c in wanted.items()),
        "karpathy": json.dumps({"images": images}, ensure_ascii=False),
    }
    path = tmp_path_factory.mktemp("round") / "captions"
    for form, content in contents.items():
        path.write_text(content, encoding="utf-8", newline="")
        dataset = read_dataset(path)
        assert (dataset.format, captions_of(dataset)) == (form, wanted)
        assert dataset.duplicate_captions == len(rows) - len({(n, text) for n, _, text in rows})


def with_splits(*splits: str | None) -> Dataset:
    images = tuple(CaptionedImage(f"{n}.jpg", f"{n}.jpg", ("x",), s) for n, s in enumerate(splits))
    sizes = {split: splits.count(split) for split in splits if split is not None}
    return Dataset(Path("d.json"), "karpathy", None, images, sizes, 0, 0, 0, 0, 0, 0)


@pytest.mark.parametrize(
    ("splits", "asked", "name", "chosen"),
    [
        (("train", "test", "val", "test"), None, "test", [1, 3]),
        (("train", "test", "val"), "val", "val", [2]),
        (("train", "test", "train"), "restval", "train", [0, 2]),
        (("train", "test", None), "all", "all", [0, 1, 2]),
        (("val", "val"), None, "val", [0, 1]),
        ((None, None), None, None, [0, 1]),
        ((None, "test"), None, "test", [1]),
        (("all", "test"), "all", "all", [0]),
    ],
)
def test_the_split_that_is_chosen(
    splits: tuple[str | None, ...], asked: str | None, name: str | None, chosen: list[int]
) -> None:
    dataset = with_splits(*splits)
    assert choose_split(dataset, asked) == (name, tuple(dataset.images[i] for i in chosen))


@pytest.mark.parametrize(
    ("splits", "asked", "message"),
    [
        (
            ("train", "val", "train"),
            None,
            r"d.json: no test split; say --split: there is train \(2 images\), val \(1 images\), "
            r"and all \(3\)",
        ),
        (("val", None), None, r"there is val \(1 images\), and all \(2\)"),
        (("train", "test"), "dev", r"no split 'dev'; there is train"),
        ((None,), "test", "no split 'test'; the file names no splits: leave --split away"),
    ],
)
def test_a_split_that_is_not_there(
    splits: tuple[str | None, ...], asked: str | None, message: str
) -> None:
    with pytest.raises(InputError, match=message):
        choose_split(with_splits(*splits), asked)


def test_restval_is_train(write: Write) -> None:
    content = json.loads(json.dumps(KARPATHY))
    content["images"][0] |= {"split": "restval", "filepath": "val2014"}
    dataset = read_dataset(write(json.dumps(content)))
    assert dataset.splits == {"train": 1, "test": 1}
    assert dataset.images[0].file == dataset.images[0].key == "val2014/a.jpg"
    assert choose_split(dataset)[1][0].file == "b.jpg"


def images_of(*files: str) -> list[CaptionedImage]:
    return [CaptionedImage(file, file, ("x",), None) for file in files]


def touch(root: Path, *files: str) -> list[Path]:
    paths = [root / file for file in files]
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return paths


def test_images_are_found_by_path_then_by_name_then_below(tmp_path: Path) -> None:
    path, name, below = touch(tmp_path, "val2014/a.jpg", "b.jpg", "deep/er/c.jpg")
    touch(tmp_path, "deep/a.jpg", "deep/b.jpg")
    images = images_of("val2014/a.jpg", "val2014/b.jpg", "c.jpg", "gone.jpg")
    found = find_images(images, tmp_path, tmp_path / "x.json")
    assert found == [path, name, below, None]


def test_a_name_that_two_images_have_is_no_proof(tmp_path: Path) -> None:
    (right,) = touch(tmp_path, "a/1.jpg")
    touch(tmp_path, "1.jpg", "deep/1.jpg")
    assert find_images(images_of("a/1.jpg", "b/1.jpg"), tmp_path, tmp_path) == [right, None]


def test_a_name_at_two_places_is_an_error(tmp_path: Path) -> None:
    touch(tmp_path, "small/1.jpg", "large/1.jpg")
    with pytest.raises(InputError, match=r"1.jpg is at 2 places below .*large.*small.*--images"):
        find_images(images_of("1.jpg"), tmp_path, tmp_path)


@pytest.mark.parametrize("file", ["val2014/COCO_val2014_000000391895.jpg", "000000391895.jpg"])
@pytest.mark.parametrize(
    "place",
    [
        "COCO_val2014_000000391895.jpg",
        "000000391895.jpg",
        "val2014/COCO_val2014_000000391895.jpg",
        "train2014/COCO_train2014_000000391895.jpg",
        "val2017/000000391895.jpg",
    ],
)
def test_coco_images_are_found_under_the_names_of_both_releases(
    tmp_path: Path, file: str, place: str
) -> None:
    paths = touch(tmp_path, place)
    assert find_images(images_of(file), tmp_path, tmp_path) == paths


def test_linked_directories_are_walked_once(tmp_path: Path) -> None:
    touch(tmp_path, "real/deep/a.jpg")
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "linked").symlink_to(tmp_path / "real")
    (tmp_path / "real" / "loop").symlink_to(tmp_path / "real")
    found = find_images(images_of("a.jpg"), tmp_path / "images", tmp_path)
    assert found == [tmp_path / "images" / "linked" / "deep" / "a.jpg"]


@pytest.mark.parametrize("place", ["a.jpg", "images/a.jpg", "Images/a.jpg", "../val2014/a.jpg"])
def test_without_a_directory_the_usual_ones_are_tried(tmp_path: Path, place: str) -> None:
    captions = tmp_path / "annotations" / "captions.json"
    captions.parent.mkdir()
    (path,) = touch(captions.parent, place)
    assert find_images(images_of("a.jpg"), None, captions) == [path.resolve()]
    assert path.parent.resolve() in {root.resolve() for root in likely_directories(captions)}


def test_without_a_directory_nothing_is_walked(tmp_path: Path) -> None:
    touch(tmp_path, "unusual/a.jpg")
    with pytest.raises(InputError, match=r"none of the 1 images .* first being a.jpg; .*--images"):
        find_images(images_of("a.jpg"), None, tmp_path / "x.csv")


def test_absolute_paths_and_no_such_directory(tmp_path: Path) -> None:
    (path,) = touch(tmp_path, "somewhere/a.jpg")
    assert find_images(images_of(str(path)), None, tmp_path / "x.csv") == [path]
    with pytest.raises(PathNotFoundError, match="nowhere: no such file"):
        find_images(images_of("a.jpg"), tmp_path / "nowhere", tmp_path)
    with pytest.raises(InputError, match=r"is below .*somewhere"):
        find_images(images_of("b.jpg"), tmp_path / "somewhere", tmp_path)


def test_a_file_as_long_as_flickr30k(write: Write) -> None:
    """158,915 lines; the counts hold whatever the order of the lines."""
    lines = [f"{n}.jpg#{k}\tcaption {k} of {n} .\n" for n in range(31_783) for k in range(5)]
    random.Random(7).shuffle(lines)
    lines[100] = lines[100].split("\t")[0] + "\t \n"
    dataset = read_dataset(write("".join(lines)))
    assert len(lines) == 158_915
    assert len(dataset.images) == 31_783
    assert sum(len(image.captions) for image in dataset.images) == 158_914
    assert (dataset.empty_captions, dataset.duplicate_captions) == (1, 0)


REAL = [
    (("formats", "coco_karpathy_test5k", "dataset_coco_test5k.json"), "karpathy", 5000, 25_000),
    (
        ("formats", "flickr30k_karpathy_test1k", "dataset_flickr30k_test.json"),
        "karpathy",
        1000,
        5000,
    ),
    (("formats", "vsepp_coco", "testall_caps.txt"), "vsepp", 5000, 25_000),
    (("formats", "vsepp_f30k", "test_ids.txt"), "vsepp", 1000, 5000),
    (("formats", "coco_captions_val2017", "captions_val2017.json"), "coco", 5000, 25_014),
    (("flickr8k_dev", "Flickr8k.token.txt"), "token", 1000, 5000),
    (("flickr8k_dev", "captions.txt"), "csv", 1000, 5000),
    (("flickr8k_dev", "dataset_flickr8k.json"), "karpathy", 1000, 5000),
]


@pytest.mark.parametrize(("parts", "form", "images", "captions"), REAL, ids=lambda v: str(v)[-40:])
def test_real_files(parts: tuple[str, ...], form: str, images: int, captions: int) -> None:
    dataset = read_dataset(shared(*parts))
    assert dataset.format == form
    assert len(dataset.images) == images
    assert sum(len(image.captions) for image in dataset.images) == captions
    assert dataset.mended_lines == dataset.empty_captions == dataset.stray_captions == 0


def test_the_three_files_of_flickr8k_dev_agree_and_their_images_are_there() -> None:
    paths = [shared(*parts) for parts, *_ in REAL if parts[0] == "flickr8k_dev"]
    token, table, karpathy = (read_dataset(path) for path in paths)
    assert captions_of(token) == captions_of(table) == captions_of(karpathy)
    assert (karpathy.name, karpathy.splits, token.splits) == ("flickr8k", {"val": 1000}, {})
    found = find_images(token.images, None, paths[0])
    assert all(path is not None and path.is_file() for path in found)
    assert [path.name for path in found if path] == [image.file for image in token.images]


def test_every_format_has_a_test() -> None:
    assert {*CONTENTS, "vsepp", "auto"} == set(datasets.FORMATS)
