"""The guard knows the benchmarks, and says in a sentence where an evaluation leaves papers."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from searchengine.datasets.dataset import CaptionedImage, Dataset, choose_split, read_dataset
from searchengine.evaluation import benchmarks
from searchengine.evaluation.benchmarks import (
    BENCHMARKS,
    COCO,
    Benchmark,
    dataset_sha256,
    fingerprint,
    identity,
    recognise,
)
from searchengine.evaluation.guard import Usage, guard
from tests.support.places import SHARED

DATA = SHARED / "data"
"""Real caption files, where they lie beside the checkout."""

COCO_TEST = ("formats", "coco_karpathy_test5k", "dataset_coco_test5k.json")
F30K_TEST = ("formats", "flickr30k_karpathy_test1k", "dataset_flickr30k_test.json")
F8K_DEV = ("flickr8k_dev", "dataset_flickr8k.json")
VAL2017 = ("formats", "coco_captions_val2017", "captions_val2017.json")


def shared(*parts: str) -> Path:
    path = DATA.joinpath(*parts)
    if not path.exists():
        pytest.skip(f"{path.name} is not beside the checkout")
    return path


def read(*parts: str) -> Dataset:
    return read_dataset(shared(*parts))


def raw(*parts: str) -> Any:
    return json.loads(shared(*parts).read_text(encoding="utf-8"))


def make(
    files: Sequence[str], captions: int = 5, *, name: str | None = None, split: str | None = None
) -> Dataset:
    texts = tuple(f"caption {k}" for k in range(captions))
    images = tuple(CaptionedImage(file, file, texts, split) for file in files)
    splits = {} if split is None else {split: len(images)}
    return Dataset(Path("x"), "csv", name, images, splits, 0, 0, 0, 0, 0, 0)


def said(dataset: Dataset, split: str | None = None, usage: Usage | None = None) -> list[str]:
    name, images = choose_split(dataset, split)
    sentences = guard(dataset, name, images, usage or Usage())
    assert all("\n" not in sentence and not sentence.endswith(".") for sentence in sentences)
    return sentences


def flickr8k_names(n: int) -> list[str]:
    return [f"{1000000000 + i}_{i:010x}.jpg" for i in range(n)]


def flickr30k_names(n: int) -> list[str]:
    return [f"{36979 + i}.jpg" for i in range(n)]


def coco_names(n: int) -> list[str]:
    return [f"COCO_val2014_{i:012d}.jpg" for i in range(n)]


@pytest.fixture
def known(monkeypatch: pytest.MonkeyPatch) -> Dataset:
    """Four images that papers report, for tests without the real files."""
    dataset = make(coco_names(4), captions=6)
    benchmark = Benchmark("Four", COCO, 4, fingerprint(dataset.images), True)
    monkeypatch.setattr(benchmarks, "BENCHMARKS", (*BENCHMARKS, benchmark))
    return dataset


@pytest.mark.parametrize(
    ("key", "wanted"),
    [
        ("val2014/COCO_val2014_000000391895.jpg", "391895"),
        ("COCO_train2014_000000391895.jpg", "391895"),
        ("000000391895.jpg", "391895"),
        ("000000391895", "391895"),
        ("391895", "391895"),
        ("Images/2090545563_a4e66ec76b.jpg", "2090545563"),
        ("2090545563_a4e66ec76b", "2090545563"),
        ("2258277193_586949ec62.jpg.1", "2258277193"),
        ("flickr30k-images/1007129816.jpg", "1007129816"),
        ("1007129816.png", "1007129816"),
        ("1007129816", "1007129816"),
        ("photos/IMG_0012.JPG", "IMG_0012"),
        ("v1.2", "v1.2"),
        ("0012.jpg", "0012"),
    ],
)
def test_one_image_has_one_identity(key: str, wanted: str) -> None:
    assert identity(key) == wanted


def test_the_fingerprint_is_that_of_the_sorted_identities() -> None:
    images = make(["x/10.jpg", "COCO_val2014_000000000009.jpg", "b.jpg"]).images
    wanted = hashlib.sha256(b"10\n9\nb").hexdigest()
    assert fingerprint(images) == fingerprint(images[::-1]) == wanted
    assert fingerprint(images[:2]) != wanted


def test_the_hash_of_a_dataset_covers_the_captions_that_are_asked() -> None:
    one = CaptionedImage("2.jpg", "2.jpg", ("A  dog\n.", "x"), None)
    two = CaptionedImage("a/10.jpg", "a/10.jpg", ("é",), "test")
    text = "10\té\n2\tA dog .\n2\tx\n"
    assert dataset_sha256([one, two]) == hashlib.sha256(text.encode()).hexdigest()
    assert dataset_sha256([two, one], 2) == dataset_sha256([one, two])
    shorter = hashlib.sha256("10\té\n2\tA dog .\n".encode()).hexdigest()
    assert dataset_sha256([one, two], 1) == shorter


def test_the_table_is_sound() -> None:
    assert len({known.name for known in BENCHMARKS}) == len(BENCHMARKS)
    assert len({known.sha256 for known in BENCHMARKS}) == len(BENCHMARKS)
    assert all(len(known.sha256) == 64 for known in BENCHMARKS)
    assert {known.name for known in BENCHMARKS if known.reported} == {
        "Flickr30k Karpathy test",
        "COCO Karpathy test",
        "Flickr8k test",
    }


@pytest.mark.parametrize(
    ("parts", "name"),
    [
        (COCO_TEST, "COCO Karpathy test"),
        (("formats", "vsepp_coco", "testall_ids.txt"), "COCO Karpathy test"),
        (F30K_TEST, "Flickr30k Karpathy test"),
        (("formats", "vsepp_f30k", "test_caps.txt"), "Flickr30k Karpathy test"),
        (VAL2017, "COCO val2017"),
        (F8K_DEV, "Flickr8k dev"),
        (("flickr8k_dev", "captions.txt"), "Flickr8k dev"),
        (("flickr8k_dev", "Flickr8k.token.txt"), "Flickr8k dev"),
    ],
)
def test_real_files_are_recognised(parts: tuple[str, ...], name: str) -> None:
    images = read(*parts).images
    assert recognise(images) == recognise(images[::-1]) == name
    assert recognise(images[1:]) is None
    stranger = replace(images[0], key="stranger.jpg")
    assert recognise((stranger, *images[1:])) is None


def test_the_fingerprints_agree_with_a_second_count() -> None:
    """From the raw files with nothing of this project's readers."""
    mapped = ("formats", "vsepp_f30k", "id_mapping.json")
    coco, f30k, mapping = (raw(*parts) for parts in (COCO_TEST, F30K_TEST, mapped))
    hashes = {known.name: known.sha256 for known in BENCHMARKS}

    def sha256(names: list[str]) -> str:
        return hashlib.sha256("\n".join(sorted(names)).encode()).hexdigest()

    assert (
        sha256([str(image["cocoid"]) for image in coco["images"]]) == hashes["COCO Karpathy test"]
    )
    names = [image["filename"].removesuffix(".jpg") for image in f30k["images"]]
    assert sha256(names) == hashes["Flickr30k Karpathy test"]
    everything = [name.removesuffix(".jpg") for name in mapping.values()]
    assert sha256(everything) == hashes["Flickr30k, all splits of Karpathy"]


def test_one_dataset_in_several_formats_has_one_hash() -> None:
    karpathy, pair = read(*COCO_TEST), read("formats", "vsepp_coco", "testall_caps.txt")
    assert dataset_sha256(karpathy.images, 5) == dataset_sha256(pair.images, 5)
    dev = [read("flickr8k_dev", name) for name in ("captions.txt", "Flickr8k.token.txt")]
    assert len({dataset_sha256(one.images) for one in (*dev, read(*F8K_DEV))}) == 1


@pytest.mark.parametrize("parts", [COCO_TEST, F30K_TEST])
def test_the_protocol_of_papers_needs_no_sentence(parts: tuple[str, ...]) -> None:
    assert said(read(*parts)) == []


def test_dev_is_not_what_papers_report() -> None:
    (sentence,) = said(read(*F8K_DEV))
    assert sentence == (
        "These are the 1,000 images of Flickr8k dev, but papers report the 1,000 images of its "
        "test split: do not set these numbers beside published ones, or evaluate a file of that "
        "split"
    )


def test_val2017_is_not_what_papers_report() -> None:
    images, captions = said(read(*VAL2017), usage=Usage(captions_per_image=None))
    assert images.startswith("These are the 5,000 images of COCO val2017, but papers report the")
    assert captions == (
        "25,014 captions are asked, up to 7 of an image, but papers ask the first five (25,000), "
        "though CLIP_benchmark and open_clip ask all: "
        "use --captions-per-image 5, or say which"
    )


@pytest.mark.parametrize(
    ("dataset", "split", "words"),
    [
        (make(flickr8k_names(300), split="val"), None, "named like Flickr8k's in the split 'val'"),
        (make(coco_names(300), split="train"), None, "named like COCO's in the split 'train'"),
        (make(["a.jpg"], name="flickr30k", split="val"), None, "of Flickr30k in the split 'val'"),
        (make(flickr30k_names(1014)), None, "as many as Karpathy's val split"),
        (make(flickr30k_names(1000)), None, "1,000 images named like Flickr30k's that are no test"),
        (make(flickr8k_names(1000)), None, "1,000 images named like Flickr8k's that are no test"),
        (make(coco_names(5000)), None, "known here; Karpathy's val split is one such"),
        (make(flickr30k_names(31_783)), None, "31,783 images named like Flickr30k's, as many"),
        (make(flickr30k_names(31_014)), None, "as many as Karpathy's three splits together"),
        (make(flickr8k_names(8000)), None, "as many as its three splits together"),
        (make(flickr8k_names(8091)), None, "as many as the whole dataset"),
        (
            make([*flickr8k_names(8091), "2258277193_586949ec62.jpg.1"]),
            None,
            "the whole dataset with the name that has no file",
        ),
        (make(coco_names(40_504)), None, "as many as the whole of val2014"),
        (make(coco_names(123_287), captions=1, name="coco"), None, "as many as the whole dataset"),
        (make(coco_names(7), split="test"), "all", "all splits of the file together"),
    ],
    ids=lambda value: str(value)[-40:],
)  # fmt: skip
def test_other_images_than_those_of_papers(dataset: Dataset, split: str | None, words: str) -> None:
    sentence = said(dataset, split)[0]
    assert words in sentence
    assert "but papers report the" in sentence
    assert "do not set these numbers beside published ones, or evaluate" in sentence


def test_the_way_out_is_the_test_split_where_the_file_has_one() -> None:
    val, test = make(flickr8k_names(6), split="val"), make(flickr8k_names(9)[6:], split="test")
    both = replace(val, images=val.images + test.images, splits={"val": 6, "test": 3})
    assert said(both, "val")[0].endswith("or evaluate that split with --split test")
    assert said(both, "all")[0].endswith("or evaluate that split with --split test")
    assert said(both, "test")[0].endswith("or evaluate a file of that split")


@pytest.mark.parametrize(
    "files",
    [
        ["dog.jpg", "cat.jpg"],
        [f"IMG_{n:04d}.JPG" for n in range(1000)],
        flickr30k_names(999),
        [*flickr8k_names(999), "mine.jpg"],
    ],
    ids=len,
)
@pytest.mark.parametrize("captions", [1, 7])
def test_your_own_images_are_left_alone(files: list[str], captions: int) -> None:
    assert said(make(files, captions, split="val"), usage=Usage(captions_per_image=None)) == []


@pytest.mark.parametrize(
    ("in_file", "asked", "words"),
    [
        (6, 5, None),
        (5, None, None),
        (6, None, "24 captions are asked, up to 6 of an image, but papers ask the first five (20)"),
        (6, 1, "Only one caption of each image is asked, but papers ask five"),
        (1, None, "use a file with all captions"),
        (5, 1, "use --captions-per-image 5"),
        (6, 4, "16 captions are asked, but papers ask 20, five of every image: the numbers cannot"),
        (4, 5, "use a file with all captions"),
    ],
)
def test_how_many_captions_are_asked(
    known: Dataset, in_file: int, asked: int | None, words: str | None
) -> None:
    texts = tuple(f"caption {k}" for k in range(in_file))
    images = tuple(replace(image, captions=texts) for image in known.images)
    sentences = said(replace(known, images=images), usage=Usage(captions_per_image=asked))
    assert len(sentences) == (words is not None)
    assert words is None or words in sentences[0]


def test_the_first_captions_of_a_real_benchmark() -> None:
    (sentence,) = said(read(*F30K_TEST), usage=Usage(captions_per_image=1))
    assert sentence.startswith("Only one caption of each image is asked, but papers ask five")


@pytest.mark.parametrize(
    ("usage", "words"),
    [
        (Usage(missing_images=3), "3 of 4 images are missing, so this is another and smaller"),
        (Usage(limit=2), "Only the first 2 of 4 images are used"),
        (Usage(limit=4), None),
        (Usage(precision="bfloat16", tied_share=0.034), "3.4% of the queries are tied in bfloat16"),
        (Usage(precision="float16", tied_share=0.0101), "1.0% of the queries are tied in float16"),
        (Usage(precision="float16", tied_share=0.01), None),
        (Usage(precision="float32", tied_share=0.5), None),
    ],
)
@pytest.mark.parametrize("own", [True, False])
def test_what_was_left_out_and_ties(
    known: Dataset, usage: Usage, words: str | None, own: bool
) -> None:
    sentences = said(make(["a.jpg", "b.jpg", "c.jpg", "d.jpg"]) if own else known, usage=usage)
    assert len(sentences) == (words is not None)
    assert words is None or words in sentences[0]


def test_every_fault_at_once_is_said_in_one_order() -> None:
    usage = Usage(1, 100, 2, "bfloat16", 0.2)
    starts = [sentence.split()[0] for sentence in said(make(flickr8k_names(8000)), usage=usage)]
    assert starts == ["These", "Only", "2", "Only", "20.0%"]
