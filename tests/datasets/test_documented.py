"""The hashes that docs/evaluation.md gives are those of the real files."""

from __future__ import annotations

import hashlib
import importlib.util
import re
from pathlib import Path

import pytest

from searchengine.datasets.dataset import choose_split, read_dataset
from searchengine.evaluation.benchmarks import dataset_sha256
from tests.support.places import ROOT, SHARED

DOCUMENT = (ROOT / "docs" / "evaluation.md").read_text("utf-8")

HASHES = {
    row[1]: row[2]
    for row in re.finditer(r"^\| ([^|]+?) \|.* `([0-9a-f]{64})` \|$", DOCUMENT, re.MULTILINE)
}


@pytest.mark.parametrize(
    ("name", "file", "split"),
    [
        ("COCO, Karpathy's test", "formats/coco_karpathy_test5k/dataset_coco_test5k.json", None),
        ("COCO, Karpathy's test", "formats/vsepp_coco/testall_caps.txt", None),
        ("COCO val2017", "formats/coco_captions_val2017/captions_val2017.json", None),
        ("Flickr30k, Karpathy's test", "formats/vsepp_f30k/test_caps.txt", None),
        ("Flickr8k, dev", "flickr8k_dev/dataset_flickr8k.json", "val"),
    ],
)
def test_of_data_sets(name: str, file: str, split: str | None) -> None:
    path = SHARED / "data" / file
    if not path.exists():
        pytest.skip(f"NO REAL FILES beside the checkout: {path}")
    _, images = choose_split(read_dataset(path), split)
    assert dataset_sha256([image.first(5) for image in images]) == HASHES[name]


def test_of_judgements() -> None:
    package = importlib.util.find_spec("eccv_caption")
    if package is None or package.origin is None:
        pytest.skip("NOT INSTALLED: pip install 'clipseek[benchmarks]'")
    files = sorted((Path(package.origin).parent / "data").glob("[ec]*_to_*.json"))
    assert len(files) == 4
    for file in files:
        assert hashlib.sha256(file.read_bytes()).hexdigest() == HASHES[f"`{file.name}`"]
