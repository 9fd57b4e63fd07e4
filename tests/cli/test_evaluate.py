"""`clipseek evaluate` as a person or a script meets it: tables, notes, JSON, page, errors."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from cli import options
from searchengine.errors import InputError
from searchengine.images import decode
from tests.conftest import Run, Workbench
from tests.support.pages import parse
from tests.support.places import ROOT

SAMPLES = ROOT / "sample_data"


KS = (1, 5, 10)


class Real(NamedTuple):
    """One run with the real encoder, and what it wrote."""

    out: list[str]
    err: list[str]
    record: dict[str, Any]
    page: Path


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Real:
    place = tmp_path_factory.mktemp("evaluate")
    command = ["evaluate", SAMPLES / "captions.csv", "--images", SAMPLES / "photos"]
    command += ["--model", "starter", "--device", "cpu", "--through", "both"]
    command += ["--json", place / "numbers.json", "--report", place / "report.html"]
    done = subprocess.run(
        [sys.executable, "-m", "cli", *map(str, command)],
        cwd=ROOT,
        env={**os.environ, "CLIPSEEK_LIBRARY": str(place / "library"), "HF_HUB_OFFLINE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    record = json.loads((place / "numbers.json").read_text(encoding="utf-8"))
    return Real(done.stdout.splitlines(), done.stderr.splitlines(), record, place / "report.html")


def test_stdout_is_tables(real: Real) -> None:
    assert " ".join(real.out[0].split()) == (
        "retrieval, % R@1 95 % CI R@5 95 % CI R@10 95 % CI median rank MRR ties"
    )
    metrics = real.record["metrics"]
    for line, name in ((real.out[1], "image_retrieval"), (real.out[2], "text_retrieval")):
        cells = line.split("  ", 1)[1].split()
        assert cells[0] == f"{100 * metrics[f'{name}_recall@1']:.2f}"
        low, high = real.record["intervals_95"][f"{name}_recall@1"]
        assert cells[1] == f"{100 * low:.1f}\N{EN DASH}{100 * high:.1f}"
        assert cells[-1] == str(metrics[f"{name}_tied"])
    recalls = [metrics[f"{way}_retrieval_recall@{k}"] for way in ("image", "text") for k in KS]
    assert real.out[3] == f"RSUM {100 * sum(recalls):.2f}"
    assert metrics["rsum"] == pytest.approx(100 * sum(recalls))
    assert real.out[4] == ""
    assert real.out[5].split("  ")[0] == "own captions found, %"
    assert real.out[6].split()[-1] == f"{100 * metrics['text_retrieval_true_recall@10']:.2f}"
    assert len(real.out) == 7, "no ways: an index needs more images"


def test_stderr_says_what_was_measured_and_what_could_not_be(real: Real) -> None:
    assert real.err[0] == (
        f"{SAMPLES / 'captions.csv'}: 59 images, 118 captions, read as csv; starter-256 (float32) "
        "on cpu"
    )
    assert real.err[1].startswith("warning: An index needs 256 images to be trained on and there")
    assert real.err[2:] == [f"the page: {real.page}"]


def test_the_json_has_the_keys_of_clip_benchmark(real: Real) -> None:
    record = real.record
    assert list(record)[:6] == [
        "dataset", "model", "pretrained", "task", "language", "metrics",
    ]  # fmt: skip
    assert (record["model"], record["pretrained"]) == ("starter-256", "")
    assert (record["task"], record["language"]) == ("zeroshot_retrieval", "en")
    assert record["dataset"] == str(SAMPLES / "captions.csv")
    assert list(record["metrics"])[:6] == [
        f"{direction}_retrieval_recall@{k}" for direction in ("image", "text") for k in (1, 5, 10)
    ]
    assert 0.5 < record["metrics"]["image_retrieval_recall@5"] <= 1
    assert set(record["health"]) >= {"modality_gap", "alignment", "ranking_accuracy"}
    (exact,) = record["ways"]
    assert list(exact) == [
        "way", "direction", "recall", "agreement", "queries_per_second", "p50_ms", "p99_ms",
        "bytes_per_image",
    ]  # fmt: skip
    assert (exact["way"], exact["agreement"]) == ("exact", {"1": 1.0, "5": 1.0, "10": 1.0})


def test_the_protocol_has_all_it_takes_to_measure_again(real: Real) -> None:
    protocol = real.record["protocol"]
    assert set(protocol) == {
        "dataset", "file", "format", "split", "images", "captions", "captions_per_image", "counts",
        "sha256", "encoder", "checkpoint", "precision", "device", "prompt", "ties", "distractors",
        "versions",
    }  # fmt: skip
    assert (protocol["images"], protocol["captions"]) == (59, 118)
    assert len(protocol["sha256"]) == 64
    assert len(protocol["checkpoint"]) == 16
    assert protocol["counts"]["missing images"] == 0
    assert protocol["versions"]["clipseek"]


def test_the_page_is_there(real: Real) -> None:
    page = parse(real.page)
    assert page.one("h1").text == "captions.csv"
    warnings = [s for s in page.all("section") if s.attributes["aria-labelledby"] == "warnings"]
    assert "An index needs 256 images" in warnings[0].text


@pytest.fixture
def captions(bench: Workbench) -> Path:
    """Three pictures with two captions each, and the file that says so."""
    lines = ["image,caption"]
    for name in ("red", "green", "blue"):
        bench.paint(f"{name}.png", name)
        lines += [f"{name}.png,a {name} wall", f"{name}.png,{name}"]
    path = bench.photos / "captions.csv"
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


def test_json_on_stdout_is_nothing_but_json(run: Run, captions: Path) -> None:
    done = run("evaluate", captions, "--model", "fake", "--json", "-", "--limit", 2)
    record = json.loads(done.out)
    assert record["metrics"]["image_retrieval_recall@1"] == 1
    assert "2 images, 4 captions, read as csv; fake (float32) on cpu" in done.err
    assert "warning: Only the first 2 of 3 images are used" in done.err
    assert "retrieval, %" not in done.err


def test_numbers_that_are_none_are_null(run: Run, captions: Path) -> None:
    done = run("evaluate", captions, "--model", "fake", "--json", "-", "--limit", 1)
    health = json.loads(done.out, parse_constant=pytest.fail)["health"]
    assert health["uniformity_images"] is None
    assert health["random_pair_cosine"] is None
    assert health["true_pair_cosine"] > 0.9


def test_what_is_odd_is_told(run: Run, captions: Path) -> None:
    text = captions.read_text(encoding="utf-8")
    captions.write_text(f"{text}\ngone.png,nothing\nred.png,red\n", encoding="utf-8")
    done = run("evaluate", captions, "--model", "fake", "-k", "1", "--captions-per-image", 2)
    assert (
        "found on the way: captions an image has twice: 1; missing images: 1; captions of missing "
        "images: 1; captions beyond the number asked: 1\n"
    ) in done.err
    assert "warning: 1 of 4 images is missing" in done.err
    assert done.out.splitlines()[0].split()[2:5] == ["R@1", "95", "%"]


def test_ks_prompt_and_all_captions(run: Run, captions: Path) -> None:
    arguments = ["-k", "3,1,3", "--captions-per-image", "all", "--prompt", "a photo of {}"]
    record = json.loads(run("evaluate", captions, *arguments, "--json", "-").out)
    assert [key for key in record["metrics"] if "image_retrieval_recall" in key] == [
        "image_retrieval_recall@1",
        "image_retrieval_recall@3",
    ]
    assert record["protocol"]["captions_per_image"] == "all"
    assert record["protocol"]["prompt"] == "a photo of {}"


def test_the_ways_are_a_table(run: Run, bench: Workbench, captions: Path) -> None:
    for number in range(254):
        bench.paint(f"more/{number}.png", (number, 255 - number, 90))
    run("index", bench.photos)
    done = run("evaluate", captions, "--through", "both", "--distractors", bench.library_path)
    assert "and 254 further images as wrong answers" in done.err
    assert "warning: A library of fewer than 100,000 images is searched exactly" in done.err
    head, *ways = done.out.split("\n\n")[2].splitlines()
    assert " ".join(head.split()) == (
        "text queries R@1 R@5 R@10 agreement@1 agreement@5 agreement@10 queries/s p50 ms p99 ms "
        "bytes/image"
    )
    assert [way.split("  ")[0] for way in ways] == ["exact", "index", "index, not re-scored"]
    assert ways[0].split()[4:7] == ["100.00"] * 3


def test_the_encoder_is_that_of_the_library(
    run: Run, bench: Workbench, captions: Path, tmp_path: Path
) -> None:
    bench.encoder.name = "of-the-library"
    run("index", bench.photos, "--model", "of-the-library")
    assert "; of-the-library (float32) on cpu" in run("evaluate", captions).err
    bench.encoder.name = "fake"
    elsewhere = tmp_path / "nowhere"
    done = run("evaluate", captions, "--library", elsewhere)
    assert (done.code, done.out) == (1, "")
    assert f"no library at {elsewhere}" in done.err


def test_a_picture_over_the_limit_is_left_out(
    run: Run, bench: Workbench, captions: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    large = bench.paint("green.png", "green", size=(400, 300))
    done = run("evaluate", captions, "--max-megapixels", "0.1", "--workers", 1)
    assert f"skipping {large}: " in done.err
    assert "over the limit of 0.1; raise it with --max-megapixels" in done.err
    assert "found on the way: unreadable images: 1; captions of unreadable images: 2" in done.err
    assert "2 images, 4 captions" in done.err
    assert "unreadable" not in run("evaluate", captions).err
    seen: list[int] = []

    def pool(workers: int, thread_name_prefix: str) -> ThreadPoolExecutor:
        seen.append(workers)
        return ThreadPoolExecutor(workers, thread_name_prefix)

    monkeypatch.setattr("searchengine.embedding.stream.ThreadPoolExecutor", pool)
    assert run("evaluate", captions, "--workers", 3).code == 0
    assert seen == [3]


def test_the_limits_are_those_of_index(run: Run) -> None:
    assert options.MAX_MEGAPIXELS == decode.MAX_MEGAPIXELS
    lines = {
        flag: {
            " ".join(line.split())
            for command in ("index", "evaluate")
            for line in run(command, "--help").out.splitlines()
            if line.split()[:1] == [flag]
        }
        for flag in ("--workers", "--max-megapixels")
    }
    assert [len(texts) for texts in lines.values()] == [1, 1], lines


def test_removed_images_are_no_distractors(run: Run, bench: Workbench, captions: Path) -> None:
    for name in ("navy", "olive", "pink"):
        bench.paint(f"more/{name}.png", name)
    run("index", bench.photos)
    arguments = ["evaluate", captions, "--distractors", bench.library_path, "--json", "-"]
    assert json.loads(run(*arguments).out)["protocol"]["distractors"] == 3
    run("remove", bench.photos / "more" / "navy.png")
    assert json.loads(run(*arguments).out)["protocol"]["distractors"] == 2


def test_judgements_of_ones_own(run: Run, captions: Path, tmp_path: Path) -> None:
    file = tmp_path / "mine.qrels"
    names = [path.name for path in sorted(captions.parent.glob("*.png"))]
    file.write_text("\n".join(f"{name}#0 0 {name} 1" for name in names) + f"\n{names[0]}#0 0 x 1")
    page = tmp_path / "report.html"
    done = run(
        "evaluate", captions, "--positives", file, "--json", tmp_path / "a.json", "--report", page
    )
    assert done.code == 0, done.err
    head = next(line for line in done.out.splitlines() if line.startswith("mine.qrels, %"))
    assert head.split()[2:6] == ["R@1", "95", "%", "CI"]
    assert "mAP@R" in head
    assert "not in the gallery, and never found: 1 right answer" in done.out
    written = json.loads((tmp_path / "a.json").read_text())
    assert written["captions_cut"] == 0
    [judged] = written["judged"]
    assert judged["image_retrieval"]["queries"] == len(names)
    assert 0 < judged["image_retrieval"]["metrics"]["map@r"] <= 1
    assert "By the judgements of mine.qrels" in page.read_text("utf-8")
    file.write_text("a 0 b 1")
    done = run("evaluate", captions, "--positives", file)
    assert (done.code, done.out) == (1, "")
    assert "names a caption and an image that are asked" in done.err


def test_a_library_with_copies_of_the_test_images_gives_the_numbers_of_one_without(
    run: Run, bench: Workbench, captions: Path
) -> None:
    for name in ("navy", "olive", "pink"):
        bench.paint(f"more/{name}.png", name)
    run("index", bench.photos / "more")
    arguments = ["evaluate", captions, "--distractors", bench.library_path, "--json", "-"]
    without = json.loads(run(*arguments).out)
    for image in captions.parent.glob("*.png"):
        shutil.copy(image, bench.photos / "more" / f"copy-of-{image.name}")
    run("index", bench.photos / "more")
    done = run(*arguments)
    result = json.loads(done.out)
    assert result["metrics"] == without["metrics"]
    assert result["intervals_95"] == without["intervals_95"]
    assert result["protocol"]["distractors"] == without["protocol"]["distractors"] == 3
    assert "test images in the library, no distractors: 3" in done.err
    assert "and 3 further images as wrong answers" in done.err


def test_distractors_of_another_encoder_are_refused_before_anything_is_encoded(
    run: Run, bench: Workbench, captions: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run("index", bench.photos)
    monkeypatch.setattr(
        bench.encoder, "encode_pixels", lambda _pixels: pytest.fail("it was encoded")
    )
    arguments = ["evaluate", captions, "--distractors", bench.library_path, "--model"]
    bench.encoder.name = "other"
    done = run(*arguments, "other")
    assert (done.code, done.out) == (1, "")
    assert "no space 'other'" in done.err
    assert "it has: fake; add one" in done.err
    bench.encoder.name, bench.encoder.fingerprint = "fake", "changed"
    done = run(*arguments, "fake")
    assert (done.code, done.out) == (1, "")
    assert "space 'fake' was made by fake with weights fake" in done.err


def test_no_encoder_is_loaded_where_there_is_nothing_to_encode(
    run: Run, bench: Workbench, captions: Path, tmp_path: Path
) -> None:
    for wrong in (["--split", "test"], ["--images", tmp_path / "x"], ["--prompt", "a photo"]):
        assert run("evaluate", captions, "--model", "fake", *wrong).code == 1
    assert bench.loads == 0
    assert run("evaluate", captions, "--model", "fake").code == 0
    assert bench.loads == 1


ERRORS = [
    (["gone.csv"], 1, "gone.csv: no such file or directory"),
    (["{captions}", "--split", "test"], 1, "no split 'test'; the file names no splits"),
    (["{captions}", "--images", "nowhere"], 1, "nowhere: no such file or directory"),
    (["{captions}", "--format", "xml"], 1, "unknown format 'xml'"),
    (["{captions}", "--through", "faiss"], 1, "unknown way 'faiss'"),
    (["{captions}", "--prompt", "a photo"], 1, "has no {} where the caption goes"),
    (["{captions}", "--distractors", "nowhere"], 1, "no library at"),
    (["{captions}", "--json", "nowhere/x.json"], 1, "nowhere/x.json: there is no directory nowh"),
    (["{captions}", "--json", "."], 1, "cannot write .: it is a directory; choose another FILE"),
    (["{captions}", "--report", "nowhere/x.html"], 1, "there is no directory nowhere"),
    (["{captions}", "--report", "x.jpg"], 1, "cannot write x.jpg: it has the name of an image"),
    (["{captions}", "--results", "x.jpg"], 1, "x.jpg is no directory; choose another DIR"),
    (["{captions}", "--vectors", "x.jpg/y"], 1, "x.jpg is no directory; choose another DIR"),
    (["{captions}", "--json", "a", "--report", "./a"], 1, "cannot write a twice"),
    (["{captions}", "--json", "a", "--results", "a"], 1, "cannot write a twice"),
    (["{captions}", "--report", "{captions}"], 1, "it is read; choose another FILE"),
    (["{captions}", "--device", "tpu"], 2, "'tpu' is none of auto, cpu, cuda, mps"),
    (["{captions}", "--precision", "int4"], 2, "'int4' is none of auto, float32, bfloat16"),
    (["{captions}", "--model", "b", "--through", "both"], 2, "compared by R@K alone"),
    (["{captions}", "--by", "nothing"], 1, "has a value for 'nothing'; there is: image, caption"),
    (["{captions}", "-k", "0"], 2, "Invalid value for --k: '0' is no whole number above 0"),
    (["{captions}", "-k", "1,,5"], 2, "Invalid value for --k: '' is no whole number"),
    (["{captions}", "--captions-per-image", "five"], 2, "--captions-per-image: 'five' is no"),
    (["{captions}", "--limit", "0"], 2, "--limit"),
    (["{captions}", "--workers", "0"], 2, "--workers"),
    (["{captions}", "--max-megapixels", "0"], 2, "--max-megapixels"),
    ([], 1, "no library at"),
]


@pytest.mark.parametrize(("arguments", "code", "message"), ERRORS, ids=lambda v: str(v)[:40])
def test_errors_come_before_the_work_in_one_line(
    run: Run,
    bench: Workbench,
    captions: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    code: int,
    message: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "x.jpg").write_bytes(b"a photo")
    monkeypatch.setattr(
        bench.encoder, "encode_pixels", lambda _pixels: pytest.fail("it was encoded"), raising=False
    )
    filled = [argument.replace("{captions}", str(captions)) for argument in arguments]
    done = run("evaluate", *filled, "--model", "fake")
    assert (done.code, done.out) == (code, "")
    assert message in done.err
    if code == 1:
        assert done.err.startswith("clipseek: ")
        assert done.err.count("\n") == 1


def test_a_place_that_may_not_be_written(
    run: Run, captions: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "access", lambda _path, mode: mode != os.W_OK)  # also for root
    done = run("evaluate", captions, "--model", "fake", "--json", tmp_path / "x.json")
    assert done.code == 1
    assert "permission denied; choose another FILE" in done.err


def test_numbers_are_printed_even_where_the_disk_is_full(
    run: Run, captions: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise InputError("cannot write x.json: no space left on device; choose another FILE")

    monkeypatch.setattr("cli.commands.evaluating.record.write", full)
    done = run("evaluate", captions, "--model", "fake", "--json", tmp_path / "x.json")
    assert done.code == 1
    assert done.out.startswith("retrieval, %")
    assert done.err.splitlines()[-1].startswith("clipseek: cannot write x.json")
