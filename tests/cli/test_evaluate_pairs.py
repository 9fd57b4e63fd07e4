"""`clipseek evaluate-pairs`: numbers of an independent script, kinds, and pictures that lack."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageOps

from searchengine import load_encoder
from tests.conftest import Run, Workbench
from tests.support.places import ROOT

SAMPLES = ROOT / "sample_data"


def sugarcrepe(place: Path) -> dict[str, list[dict[str, str]]]:
    """Seven files on the sample photos, whose wrong captions are those of other photos."""
    with (SAMPLES / "captions.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    kinds = {}
    for number, kind in enumerate(
        ("add_att", "add_obj", "replace_att", "replace_obj", "replace_rel", "swap_att", "swap_obj")
    ):
        kinds[kind] = [
            {
                "filename": row["image"],
                "caption": row["caption"],
                "negative_caption": rows[(place_ + 2 + number) % len(rows)]["caption"],
            }
            for place_, row in enumerate(rows)
            if place_ % 7 == number
        ]
        entries = {str(n): entry for n, entry in enumerate(kinds[kind])}
        entries["gone"] = {"filename": "gone.jpg", "caption": "a", "negative_caption": "b"}
        (place / f"{kind}.json").write_text(json.dumps(entries), "utf-8")
    return kinds


def test_sugarcrepe_is_what_a_script_of_ten_lines_says(
    run: Run, tmp_path: Path, bench: Workbench, monkeypatch: pytest.MonkeyPatch
) -> None:
    encoder = load_encoder("starter", device="cpu", precision="float32")
    monkeypatch.setattr(bench, "load", lambda _name: encoder)
    kinds = sugarcrepe(tmp_path)
    done = run("evaluate-pairs", tmp_path, "--images", SAMPLES / "photos", "--json", "-")
    assert done.code == 0, done.err
    found = json.loads(done.out)
    wanted = {}
    for kind, entries in kinds.items():
        right = 0
        for entry in entries:
            with Image.open(SAMPLES / "photos" / entry["filename"]) as image:
                picture = encoder.encode_images([ImageOps.exif_transpose(image).convert("RGB")])[0]
            positive, negative = encoder.encode_texts([entry["caption"], entry["negative_caption"]])
            right += bool(picture @ positive > picture @ negative)
        wanted[kind] = right / len(entries)
    assert {kind: found["kinds"][kind]["accuracy"]["text"] for kind in kinds} == wanted
    assert found["metrics"]["mean_of_kinds_text_acc"] == pytest.approx(
        np.mean(list(wanted.values()))
    )
    assert found["metrics"]["acc"] == pytest.approx(
        sum(wanted[kind] * len(kinds[kind]) for kind in kinds) / sum(map(len, kinds.values()))
    )
    assert 0.6 < found["metrics"]["acc"] < 1, "neither trivial nor broken"
    assert all(
        each["without_picture"] == 1 for kind, each in found["kinds"].items() if kind in kinds
    )
    assert found["kinds"]["all"]["without_picture"] == 7
    assert "left out: 7 choices without a picture" in done.err


@pytest.fixture
def colours(bench: Workbench) -> Path:
    for name in ("red", "blue"):
        bench.paint(f"{name}.png", name)
    half = Image.new("RGB", (40, 30), "red")
    half.paste("blue", (20, 0, 40, 30))
    half.save(bench.photos / "half.png")
    return bench.photos


def test_winoground_and_its_table(run: Run, colours: Path) -> None:
    names = {"image_0": "red", "image_1": "blue"}
    good = {**names, "caption_0": "red", "caption_1": "blue", "tag": "x", "collapsed_tag": "Object"}
    poor = {**good, "caption_0": "blue", "caption_1": "red", "collapsed_tag": "Relation"}
    file = colours / "examples.jsonl"
    file.write_text("\n".join(json.dumps(each) for each in (good, good, poor)))
    done = run("evaluate-pairs", file)
    lines = done.out.replace("\N{EN DASH}", "-").splitlines()
    head, *rows = (" ".join(line.split()) for line in lines)
    assert head == (
        "right, % text 95 % CI chance image 95 % CI chance group 95 % CI chance choices without "
        "picture"
    )
    assert rows[0].startswith("Object 100.00 100.0-100.0 25.00 100.00")
    assert rows[1].startswith("Relation 0.00 0.0-0.0 25.00 0.00")
    assert rows[2].startswith("mean of kinds 50.00 - - 50.00")
    assert rows[3].startswith("all 66.67 ")
    assert rows[3].endswith("16.67 3 0")


def test_a_file_that_is_given_twice_is_measured_once(run: Run, colours: Path) -> None:
    entry = {"image": "red.png", "captions": ["red", "blue"], "kind": None}
    file = colours / "mine.json"
    file.write_text(json.dumps([entry]))
    done = run("evaluate-pairs", file, colours, "--json", "-")
    found = json.loads(done.out)
    assert found["dataset"] == "mine.json"
    assert {kind: each["choices"] for kind, each in found["kinds"].items()} == {"mine": 1, "all": 1}


def test_aro_looks_at_the_box_alone(run: Run, colours: Path) -> None:
    box = {"bbox_x": 0, "bbox_y": 0, "bbox_w": 15, "bbox_h": 30}
    entry = {"image_path": "half.png", "relation_name": "on", **box}
    entries = [
        {**entry, "true_caption": "red", "false_caption": "blue"},
        {**entry, "true_caption": "blue", "false_caption": "red", "bbox_x": 25},
        {**entry, "true_caption": "blue", "false_caption": "red", "bbox_x": 400},
    ]
    file = colours / "visual_genome_relation.json"
    file.write_text(json.dumps(entries))
    done = run("evaluate-pairs", file, "--json", "-")
    found = json.loads(done.out)
    assert found["metrics"] == {"acc": 1, "text_acc": 1}
    assert found["kinds"]["all"]["without_picture"] == 1
    assert "lies outside of the picture, which is 40 x 30" in done.err


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["none.json"], 1, "none.json: no such file"),
        (["captions.csv"], 1, "not JSON"),
        (["right.json"], 1, "none of the 1 images"),
        (["right.json", "--prompt", "x"], 1, "has no {} where the caption goes"),
        ([], 2, "Missing argument 'FILE...'"),
    ],
)
def test_wrong_input_is_one_line(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], code: int,
    said: str,
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    (tmp_path / "captions.csv").write_text("image,caption\na.jpg,x\n")
    (tmp_path / "right.json").write_text('[{"image": "a.jpg", "captions": ["x", "y"]}]')
    done = run("evaluate-pairs", *arguments)
    assert (done.code, done.out) == (code, "")
    assert said in done.err
