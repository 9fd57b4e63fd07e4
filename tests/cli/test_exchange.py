"""An evaluation in and out: TREC files, vectors, tars and tables give the numbers of the CSV."""

from __future__ import annotations

import io
import json
import tarfile
from pathlib import Path
from typing import Any

import ir_measures
import numpy as np
import pytest
from ir_measures import Success

from searchengine.datasets.stored_vectors import read_vectors
from searchengine.errors import CaptionFileError
from tests.conftest import Run, Workbench

pa = pytest.importorskip("pyarrow", reason="pip install 'clipseek[parquet]'")
pq = pytest.importorskip("pyarrow.parquet", reason="pip install 'clipseek[parquet]'")

COLOURS = ("red", "green", "blue", "white", "black", "yellow", "cyan", "magenta")


@pytest.fixture
def captions(bench: Workbench) -> Path:
    """Eight pictures, two captions each, of which some name another colour as well."""
    lines = ["image,caption"]
    for place, name in enumerate(COLOURS):
        bench.paint(f"a {name}.png", name)
        other = COLOURS[(place + 3) % len(COLOURS)]
        lines += [f"a {name}.png,{name} {name} {other} {other}", f"a {name}.png,the {name}"]
    path = bench.photos / "captions.csv"
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


def evaluated(run: Run, *arguments: object) -> dict[str, Any]:
    done = run("evaluate", *arguments, "--json", "-")
    assert done.code == 0, done.err
    found: dict[str, Any] = json.loads(done.out)
    return found


def test_runs_and_qrels_say_the_same_to_others(run: Run, captions: Path, tmp_path: Path) -> None:
    place = tmp_path / "results"
    metrics = evaluated(run, captions, "--results", place)["metrics"]
    assert 0.2 < metrics["image_retrieval_recall@1"] < 1
    for way in ("image_retrieval", "text_retrieval"):
        files = str(place / f"{way}.qrels"), str(place / f"{way}.run")
        qrels = list(ir_measures.read_trec_qrels(files[0]))  # type: ignore[no-untyped-call]
        answers = list(ir_measures.read_trec_run(files[1]))  # type: ignore[no-untyped-call]
        said = ir_measures.calc_aggregate([Success @ 5, Success @ 10], qrels, answers)
        for k in (5, 10):
            assert said[Success @ k] == pytest.approx(metrics[f"{way}_recall@{k}"])
    lines = (place / "image_retrieval.run").read_text("utf-8").splitlines()
    assert lines[0].split()[0] == "a%20red.png#0"
    assert len(lines) == 16 * 8
    written = (place / "queries.jsonl").read_text("utf-8").splitlines()
    queries = [json.loads(line) for line in written]
    assert len(queries) == 16 + 8
    recall = np.mean([q["rank"] == 1 for q in queries if q["direction"] == "image_retrieval"])
    assert recall == metrics["image_retrieval_recall@1"]


def test_the_vectors_come_back_with_the_same_numbers(
    run: Run, captions: Path, tmp_path: Path
) -> None:
    place = tmp_path / "vectors"
    first = evaluated(run, captions, "--vectors", place)
    assert np.load(place / "img_emb" / "img_emb_0.npy").shape == (16, 8)
    assert np.load(place / "text_emb" / "text_emb_0.npy").dtype == np.float16
    rows = pq.read_table(place / "metadata" / "metadata_0.parquet").to_pylist()
    assert rows[1] == {"image_path": str(captions.parent / "a red.png"), "caption": "the red"}
    again = evaluated(run, place)
    for name in ("image_retrieval_recall@5", "text_retrieval_recall@5"):
        assert again["metrics"][name] == pytest.approx(first["metrics"][name])
    assert again["protocol"]["encoder"] == again["protocol"]["format"] == "vectors"
    assert again["protocol"]["precision"] == "float16"
    assert (again["protocol"]["images"], again["protocol"]["captions"]) == (8, 16)
    done = run("evaluate", place, "--prompt", "a {}")
    assert (done.code, done.out) == (1, "")
    assert "leave --prompt away" in done.err
    run("index", captions.parent)
    done = run("evaluate", place, "--distractors", captions.parent.parent / "library")
    assert "vectors of an unknown encoder, so no --distractors" in done.err


def test_vectors_that_do_not_fit(run: Run, captions: Path, tmp_path: Path) -> None:
    place = tmp_path / "vectors"
    evaluated(run, captions, "--vectors", place)
    texts = place / "text_emb" / "text_emb_0.npy"
    rows = np.load(texts)
    np.save(texts, rows[:-1])
    with pytest.raises(CaptionFileError, match="16 rows of images, 15 of texts and 16 of metadata"):
        read_vectors(place)
    np.save(texts, rows * 2)
    with pytest.raises(CaptionFileError, match="whose length is not 1"):
        read_vectors(place)
    np.save(texts, np.array(["x"] * 16))
    with pytest.raises(CaptionFileError, match="not rows of numbers"):
        read_vectors(place)
    texts.write_bytes(b"no array")
    with pytest.raises(CaptionFileError, match="no rows of vectors"):
        read_vectors(place)
    texts.unlink()
    with pytest.raises(CaptionFileError, match=r"no \*.npy in it"):
        read_vectors(place)


def test_a_tar_and_a_table_give_the_numbers_of_the_csv(
    run: Run, captions: Path, tmp_path: Path
) -> None:
    plain = evaluated(run, captions)
    tar = tmp_path / "test.tar"
    columns: dict[str, list[Any]] = {"image": [], "captions": []}
    rows = [line.split(",") for line in captions.read_text().splitlines()[1:]]
    with tarfile.open(tar, "w") as archive:
        for file in dict.fromkeys(image for image, _ in rows):
            texts = [text for image, text in rows if image == file]
            data = (captions.parent / file).read_bytes()
            columns["image"].append({"bytes": data, "path": file})
            columns["captions"].append(texts)
            for name, content in ((file, data), (f"{file[:-4]}.txt", "\n".join(texts).encode())):
                member = tarfile.TarInfo(name)
                member.size = len(content)
                archive.addfile(member, io.BytesIO(content))
    table = tmp_path / "test.parquet"
    pq.write_table(pa.table(columns), table)
    for source, kind in ((tar, "webdataset"), (table, "parquet")):
        found = evaluated(run, source, "--report", tmp_path / "page.html")
        assert found["metrics"] == plain["metrics"]
        assert (found["protocol"]["format"], found["protocol"]["file"]) == (kind, str(source))
        assert "data:image/jpeg" in (tmp_path / "page.html").read_text("utf-8")
