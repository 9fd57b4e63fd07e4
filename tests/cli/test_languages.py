"""One row a language: each the numbers of its own file; and captions that are cut."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from searchengine import load_encoder
from searchengine.evaluation.tasks.lengths import about_lengths, cut_share
from tests.conftest import Run, Workbench

WORDS = {
    "en": {"red": ["red", "a red wall"], "blue": ["blue"], "green": ["green and blue"]},
    "xx": {"red": ["blue"], "blue": ["blue"], "white": ["white snow"]},
}


@pytest.fixture
def file(bench: Workbench) -> Path:
    rows = ["image,caption,language"]
    for language, own in WORDS.items():
        for name, texts in own.items():
            bench.paint(f"{name}.png", name)
            rows += [f"{name}.png,{text},{language}" for text in texts]
    path = bench.photos / "captions.csv"
    path.write_text("\n".join(rows))
    return path


def test_each_row_is_what_its_own_file_gives(run: Run, file: Path, bench: Workbench) -> None:
    done = run("evaluate", file, "-k", "1,2", "--json", "-")
    assert done.code == 0, done.err
    found = json.loads(done.out)["languages"]
    assert list(found) == ["en", "xx"]
    for language, own in WORDS.items():
        alone = bench.photos / f"{language}.csv"
        lines = [f"{name}.png,{text}" for name, texts in own.items() for text in texts]
        alone.write_text("\n".join(["image,caption", *lines]))
        wanted = json.loads(run("evaluate", alone, "-k", "1,2", "--json", "-").out)
        for name, share in found[language]["metrics"].items():
            if name != "mean_recall":
                assert share == wanted["metrics"][name], (language, name)
        assert found[language]["intervals_95"] == wanted["intervals_95"]
    assert found["xx"]["metrics"]["image_retrieval_recall@1"] == pytest.approx(2 / 3)


def test_the_table_and_what_does_not_go_with_it(run: Run, file: Path) -> None:
    done = run("evaluate", file)
    lines = [" ".join(line.split()) for line in done.out.splitlines()]
    assert lines[0].startswith("language, % Text \N{RIGHTWARDS ARROW} image, R@1 95 % CI R@5 R@10")
    assert [line.split()[0] for line in lines[1:]] == ["en", "xx"]
    assert lines[1].endswith("0.0 3 4")
    assert "captions.csv: 2 languages; fake (float32) on cpu" in done.err
    done = run("evaluate", file, "--positives", "eccv")
    assert (done.code, done.out) == (2, "")
    assert "take a row each" in done.err.replace("\n", " ")


def test_captions_that_are_cut_are_counted() -> None:
    encoder = load_encoder("starter", device="cpu", precision="float32")
    short = "two brown dogs with red collars run over the wet grass of a meadow by the river"
    long = f"{short} while a man in a green coat and a woman with a blue umbrella look at them " * 2
    assert cut_share([short, long, "a dog", f"{long}."], encoder) == 0.5
    assert cut_share(["a dog"] * 3, encoder) == 0
    assert about_lengths(0, 3) is None
    said = about_lengths(0.5, 4)
    assert said is not None
    assert said.startswith("50.0% of the 4 captions are longer than the encoder reads")
