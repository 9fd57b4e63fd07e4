"""`clipseek evaluate-classes`: the numbers of open_clip's own procedure, the page, wrong input."""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image, ImageOps

from searchengine import load_encoder
from searchengine.errors import InputError
from searchengine.evaluation.tasks.templates import read_templates
from tests.conftest import Run, Workbench
from tests.support.pages import parse
from tests.support.places import ROOT

PHOTOS = ROOT / "sample_data" / "photos"

MORE = ["buildings", "plants", "vehicles", "sports", "documents"]
"""Names that are offered beside those of the folders of the sample photos."""


def test_the_templates_are_open_clip_s() -> None:
    from open_clip.zero_shot_metadata import OPENAI_IMAGENET_TEMPLATES, SIMPLE_IMAGENET_TEMPLATES

    for name, theirs in (
        ("openai", OPENAI_IMAGENET_TEMPLATES),
        ("simple", SIMPLE_IMAGENET_TEMPLATES),
    ):
        mine = read_templates(name).texts
        assert [text.replace("{}", "tench") for text in mine] == [each("tench") for each in theirs]


class AsOpenClip:
    """An encoder in the place of open_clip's model and tokenizer."""

    def __init__(self, encoder: Any) -> None:
        self.encoder = encoder

    def encode_text(self, texts: Any, normalize: bool) -> torch.Tensor:
        assert normalize
        return torch.from_numpy(self.encoder.encode_texts(texts.texts))


def tokens(texts: list[str]) -> Any:
    kept = SimpleNamespace(texts=texts)
    kept.to = lambda _device: kept
    return kept


def test_it_is_open_clip_s_own_procedure(
    run: Run, bench: Workbench, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from open_clip import build_zero_shot_classifier
        from open_clip.zero_shot_metadata import SIMPLE_IMAGENET_TEMPLATES

    encoder = load_encoder("starter", device="cpu", precision="float32")
    monkeypatch.setattr(bench, "load", lambda _name: encoder)
    files = sorted(
        file for file in PHOTOS.glob("*/*") if file.parent.name not in ("raw", "damaged")
    )
    known = sorted({file.parent.name for file in files})
    names = list(dict.fromkeys([*known, *MORE]))
    (tmp_path / "names.txt").write_text("\n".join(names))
    arguments = ["--names", tmp_path / "names.txt", "--templates", "simple", "--json", "-"]
    done = run("evaluate-classes", PHOTOS, *arguments)
    assert done.code == 0, done.err
    found = json.loads(done.out)
    assert len(found["images"]) == len(files)

    model = AsOpenClip(encoder)
    classifier = build_zero_shot_classifier(model, tokens, names, SIMPLE_IMAGENET_TEMPLATES)
    vectors, targets = [], []
    for file in files:
        with Image.open(file) as image:
            picture = ImageOps.exif_transpose(image).convert("RGB")
        vectors.append(encoder.encode_images([picture])[0])
        targets.append(names.index(file.parent.name))
    # open_clip_train.zero_shot's `run` and `accuracy`, of which NumPy refuses a conversion by now
    logits = 100.0 * torch.from_numpy(np.stack(vectors)) @ classifier
    correct = logits.topk(5, 1, True, True)[1].t().eq(torch.tensor(targets).view(1, -1))
    top_1, top_5 = (correct[:k].reshape(-1).float().sum().item() / len(files) for k in (1, 5))
    assert found["metrics"]["acc1"] == pytest.approx(top_1, abs=1e-9)
    assert found["metrics"]["acc5"] == pytest.approx(top_5, abs=1e-9)
    assert 0.2 < top_1 < top_5 < 1, "neither trivial nor broken"


@pytest.fixture
def folders(bench: Workbench) -> Path:
    for name in ("red", "blue", "green"):
        for number in range(4):
            bench.paint(f"{name}/{number}.png", name)
    bench.paint("red/odd.png", "blue")
    (bench.photos / "red" / "bad.jpg").write_bytes(b"no picture")
    return bench.photos


def test_the_tables_and_the_page(run: Run, folders: Path, tmp_path: Path) -> None:
    page = tmp_path / "classes.html"
    done = run("evaluate-classes", folders, "--templates", "a {}", "--probes", "--report", page)
    assert done.code == 0, done.err
    assert f"{folders.name}: 13 images, 3 classes, 1 template (a {{}}); fake" in done.err
    assert "left out: 0 missing, 1 unreadable" in done.err
    lines = [" ".join(line.split()) for line in done.out.splitlines()]
    assert lines[0] == "zero-shot, % top-1 95 % CI top-5 95 % CI mean per class confidence ECE"
    cells = lines[1].split()
    assert (cells[1], cells[3], cells[5]) == ("92.31", "100.00", "93.33")
    assert lines[3].startswith("learned from the images themselves, in 5 folds, % top-1")
    assert [line.split()[0] for line in lines[4:6]] == ["k-NN", "linear"]
    assert lines[-1] == "red blue 1 of 5"
    parsed = parse(page)
    assert parsed.one("h1").text == folders.name
    assert "red taken for blue: 1 of 5 images" in " ".join(parsed.one("main").text.split())


def test_a_file_and_training_images(run: Run, folders: Path, tmp_path: Path) -> None:
    rows = [f"{name}/{n}.png,{name}" for name in ("red", "blue") for n in range(2)]
    file = tmp_path / "labels.csv"
    file.write_text("image,class\n" + "\n".join([*rows, "gone.png,blue"]))
    arguments = ["--images", folders, "--train", folders, "--json", "-"]
    done = run("evaluate-classes", file, *arguments)
    assert done.code == 0, done.err
    found = json.loads(done.out)
    assert found["metrics"]["acc1"] == found["metrics"]["linear_probe_acc1"] == 1
    assert (found["protocol"]["images"], found["protocol"]["missing_images"]) == (4, 1)
    assert found["protocol"]["learned_from"] == f"13 images of {folders.name}"
    assert "1 class without images" in done.err
    leak = "4 of the 4 images are among those of --train too"
    assert f"warning: {leak}" in done.err
    assert [warning for warning in found["warnings"] if warning.startswith(leak)]
    assert "warning: top-5 is 100 whatever the encoder answers: there are 3 classes" in done.err
    other = tmp_path / "other"
    for name in ("red", "blue"):
        (other / name).mkdir(parents=True)
        Image.new("RGB", (30, 20), name).save(other / name / "a.png")
    apart = run("evaluate-classes", file, "--images", folders, "--train", other)
    assert "--train too" not in apart.err


def test_classes_may_be_numbers(run: Run, folders: Path, tmp_path: Path) -> None:
    file = tmp_path / "labels.jsonl"
    entries = [{"image": f"{name}/0.png", "class": n} for n, name in enumerate(("red", "blue"))]
    file.write_text("\n".join(map(json.dumps, entries)))
    done = run("evaluate-classes", file, "--images", folders, "--json", "-")
    assert json.loads(done.out)["protocol"]["classes"] == ["0", "1"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["none"], "none: no such file"),
        (["."], "no images in folders there"),
        (["labels.csv"], "none of the 2 images"),
        (["labels.csv", "--templates", "none.txt"], "none.txt: no such file"),
        (["labels.csv", "--templates", "labels.csv"], "has no {} where the name goes"),
        (["labels.csv", "--json", "no/where.json"], "there is no directory no"),
    ],
)
def test_wrong_input_is_one_line(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], said: str
) -> None:
    place = tmp_path / "empty"
    place.mkdir()
    monkeypatch.chdir(place)
    (place / "labels.csv").write_text("image,class\na.jpg,x\nb.jpg,y\n")
    done = run("evaluate-classes", *arguments)
    assert (done.code, done.out) == (1, "")
    assert said in done.err


def test_templates_of_ones_own(tmp_path: Path) -> None:
    file = tmp_path / "mine.txt"
    file.write_text("a photo of {c}.\n{}, a thing\n")
    found = read_templates(str(file))
    assert (found.name, found.texts) == ("mine.txt", ("a photo of {}.", "{}, a thing"))
    file.write_text("nothing\n")
    with pytest.raises(InputError, match="where the name goes"):
        read_templates(str(file))
