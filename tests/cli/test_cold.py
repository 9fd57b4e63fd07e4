"""What a command may load before it answers: by module, so that a busy machine does not fail it."""

from __future__ import annotations

import ast
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest
from typer.core import TyperGroup
from typer.main import get_command

from cli.main import _program_for, app
from indexers.walk import Walk
from searchengine.encoders.interface import Encoder
from searchengine.encoders.text.encoder import TOWER_FILE, load_for_texts
from searchengine.types import SpaceInfo
from serving.apart.process import THREAD_COUNTS
from tests.support.libraries import imagined_files, list_files
from tests.support.places import ROOT

TORCH = {"torch", "torchvision", "open_clip", "timm", "transformers", "huggingface_hub"}
MODEL = TORCH | {"openvino"}
UNNEEDED = MODEL | {
    "faiss", "PIL", "scipy", "safetensors", "ftfy", "regex", "tqdm", "filelock", "rich",
}  # fmt: skip
"""Of a search by plain words in a library without an index."""
MOST_MODULES, MOST_FOR_HELP = 660, 220
"""As measured, and a tenth more: numpy, SQLAlchemy and typer bring most. What they take is in
`benchmarks.cold_search`."""
PHOTO = ROOT / "sample_data" / "photos" / "animals" / "orange-kitten.jpg"
SPY = """
import sys
from cli.main import main
try:
    main()
finally:
    print(*sys.modules, file=sys.stderr)
"""


class Spied(NamedTuple):
    out: str
    modules: set[str]

    @property
    def packages(self) -> set[str]:
        return {name.split(".")[0] for name in self.modules}


def spy(library: Path, *arguments: object) -> Spied:
    """A command in a process of its own, and every module it loaded."""
    done = subprocess.run(
        [sys.executable, "-c", SPY, *map(str, arguments)],
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
        env={**os.environ, "CLIPSEEK_LIBRARY": str(library), "HF_HUB_OFFLINE": "1"},
    )
    *notes, modules = done.stderr.splitlines()
    return Spied(done.stdout + "".join(notes), set(modules.split()))


@pytest.fixture
def library(tmp_path: Path) -> Path:
    info = SpaceInfo(1, "starter", "starter", 0, "float32", "")
    starter = load_for_texts(info, tmp_path)
    assert starter is not None
    list_files(tmp_path / "library", starter, imagined_files(50))
    return tmp_path / "library"


def test_help_loads_nothing_but_the_command_line(library: Path) -> None:
    spied = spy(library, "--help")
    assert not spied.packages & (UNNEEDED | {"numpy", "sqlalchemy", "platformdirs"})
    assert len(spied.modules) <= MOST_FOR_HELP, sorted(spied.packages)


@pytest.mark.parametrize("name", ["search", "label", "snapshots", "evaluate"])
def test_only_the_command_that_is_meant_is_built(name: str) -> None:
    """And it is the same as among all the others."""
    one, every = (get_command(_program_for(given)) for given in ([name, "x"], []))
    assert isinstance(one, TyperGroup)
    assert isinstance(every, TyperGroup)
    assert list(one.commands) == [name]
    alone, among = one.commands[name], every.commands[name]
    assert [it.opts for it in alone.params] == [it.opts for it in among.params]
    for given in (["--help"], ["--version", name], ["nothing"]):
        assert _program_for(given) is app


def test_a_search_hardly_looks_for_garbage(library: Path) -> None:
    """With Python's own threshold it would do so 150 times."""
    code = "import gc; from cli.main import main\ntry: main()\nfinally: print(gc.get_stats())"
    done = subprocess.run(
        [sys.executable, "-c", code, "search", "a dog"],
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
        env={**os.environ, "CLIPSEEK_LIBRARY": str(library), "HF_HUB_OFFLINE": "1"},
    )
    looks = ast.literal_eval(done.stdout.splitlines()[-1])
    assert sum(generation["collections"] for generation in looks) < 50


FIND_NUMPY = """
import os, sys
from cli.main import main

class Looking:
    def find_spec(self, name, *_):
        if name == "numpy":
            print("threads of numpy:", os.environ.get("OPENBLAS_NUM_THREADS"), file=sys.stderr)

sys.meta_path.insert(0, Looking())
main()
"""


def test_a_server_chooses_its_threads_before_numpy_is_loaded(tmp_path: Path) -> None:
    """OpenBLAS reads how many once; see `one_thread_a_question`."""
    given = {name: value for name, value in os.environ.items() if name not in THREAD_COUNTS}
    done = subprocess.run(
        [sys.executable, "-c", FIND_NUMPY, "serve", "--library", tmp_path / "nowhere"],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
        env=given,
    )
    assert "threads of numpy: 1\n" in done.stderr


def test_completion_knows_the_commands(library: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("_CLIPSEEK_COMPLETE", "complete_bash")
    monkeypatch.setenv("COMP_WORDS", "clipseek se")
    monkeypatch.setenv("COMP_CWORD", "1")
    done = subprocess.run(
        [sys.executable, "-m", "cli"], check=False, cwd=ROOT, capture_output=True, text=True
    )
    assert done.stdout.split() == ["search", "serve"]


def test_a_search_by_words_loads_no_model(library: Path) -> None:
    spied = spy(library, "search", "a dog", "-", "2:cat", "--paths", "-k3")
    assert spied.out.count("/photos/0000/IMG_") == 3
    assert not spied.packages & UNNEEDED
    assert "numpy.ma" not in spied.modules, "a fifteenth of the search; np.unique imports it"
    assert len(spied.modules) <= MOST_MODULES, sorted(spied.packages)


def test_words_in_other_alphabets_load_only_what_they_need(library: Path) -> None:
    spied = spy(library, "search", "ein Café", "--paths", "-k1")
    assert spied.out.startswith("/photos/")
    assert spied.packages & UNNEEDED == {"ftfy", "regex"}


def test_a_search_by_a_picture_loads_no_torch(library: Path) -> None:
    spied = spy(library, "search", PHOTO, "+", "a dog", "--paths", "-k1")
    assert spied.out.startswith("/photos/")
    assert spied.packages >= {"openvino", "PIL"}
    assert not spied.packages & TORCH


def test_a_few_new_photos_and_captions_load_no_torch(library: Path, tmp_path: Path) -> None:
    (tmp_path / "new").mkdir()
    photo = shutil.copy(PHOTO, tmp_path / "new")
    indexed = spy(library, "index", tmp_path / "new")
    assert "1 found = 1 indexed" in indexed.out
    captions = tmp_path / "captions.csv"
    captions.write_text(f"image,caption\n{photo},an orange kitten\n", encoding="utf-8")
    added = spy(library, "captions", "add", captions)
    assert "1 caption" in added.out
    described = spy(library, "describe", PHOTO)
    assert "an orange kitten" in described.out
    assert not (indexed.packages | added.packages | described.packages) & TORCH


def test_a_run_with_nothing_to_do_loads_no_model(tmp_path: Path) -> None:
    folder = tmp_path / "photos"
    folder.mkdir()
    for number in range(3):
        (folder / f"{number}.jpg").write_bytes(b"never read")
    starter = load_for_texts(SpaceInfo(1, "starter", "starter", 0, "float32", ""), tmp_path)
    assert starter is not None
    list_files(tmp_path / "library", starter, list(Walk([folder])))
    spied = spy(tmp_path / "library", "index", folder)
    assert "3 found = 0 indexed + 3 unchanged" in spied.out
    assert not spied.packages & (MODEL | {"faiss"})


@pytest.mark.parametrize("kind", ["clip", "siglip"])
def test_the_tower_of_another_encoder_is_used_by_the_next_process(
    tmp_path: Path, kind: str
) -> None:
    """First the encoder, which keeps the tower; then that alone, and with the same answer."""
    from searchengine import load_encoder
    from tests.support.models import make_model, make_siglip

    model = tmp_path / "model"
    name = make_model(model, {}) if kind == "clip" else make_siglip(model)
    encoder: Encoder = load_encoder(name, device="cpu", precision="float32")
    list_files(tmp_path / "library", encoder, imagined_files(50))
    assert not list((tmp_path / "library").rglob(TOWER_FILE))
    first = spy(tmp_path / "library", "search", "a dog", "--paths", "-k3")
    assert "openvino" in first.packages
    assert not first.packages & TORCH
    second = spy(tmp_path / "library", "search", "a dog", "--paths", "-k3")
    assert not second.packages & UNNEEDED
    assert second.out == first.out
