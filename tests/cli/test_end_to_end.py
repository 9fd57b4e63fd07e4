"""The installed command in processes of its own, with real encoders, signals, servers and disks."""

from __future__ import annotations

import http.server
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from PIL import Image

from tests.support.libraries import check_library
from tests.support.places import ROOT

PHOTOS = ROOT / "sample_data" / "photos"


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """No cached model, and a hub that refuses at once."""
    return {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "CLIPSEEK_LIBRARY": str(tmp_path / "library"),
        "HF_HOME": str(tmp_path / "cache"),
        "HF_HUB_OFFLINE": "0",
        "HF_ENDPOINT": "http://127.0.0.1:9",
    }


def clipseek(environment: dict[str, str], *arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "cli", *map(str, arguments)],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


def test_without_a_network_the_starter_is_chosen_loudly_and_works(
    environment: dict[str, str], tmp_path: Path
) -> None:
    shutil.copytree(PHOTOS / "food", tmp_path / "food")
    done = clipseek(environment, "index", tmp_path / "food", "--json")
    assert done.returncode == 0, done.stderr
    assert "is not downloaded yet" in done.stderr
    assert "clipseek index PATH --model ViT-B-32-SigLIP2-256/webli" in done.stderr
    report = json.loads(done.stdout)
    assert (report["space"], report["indexed"]) == ("starter-256", 3)
    asking = f"exec {sys.executable} -m cli search -i <&-"
    silent = subprocess.run(["sh", "-c", asking], env=environment, capture_output=True, check=False)
    assert (silent.returncode, silent.stdout) == (0, b""), silent.stderr
    photo, texts = next((tmp_path / "food").iterdir()), tmp_path / "texts.txt"
    for written, is_said in (("\u72d7", True), ("dog", False)):
        texts.write_text(written, encoding="utf-8")
        for command in (["describe", photo, "--texts"], ["tag", "--names"]):
            asked = clipseek(environment, *command, texts)
            assert asked.returncode == 0
            assert ("written in Chinese" in asked.stderr) == is_said
    found = clipseek(environment, "search", "a cup of coffee", "-k1", "--paths")
    assert found.stdout == f"{tmp_path / 'food' / 'coffee-cup.jpg'}\n"


@pytest.mark.timeout(900)
def test_a_real_clip_architecture_from_a_checkpoint_file(
    environment: dict[str, str], tmp_path: Path
) -> None:
    """Random weights: an image is still best found by its pixels, and encoded by a ViT-B/32."""
    import open_clip
    import torch
    from safetensors.torch import save_file

    torch.manual_seed(0)
    state = open_clip.create_model("ViT-B-32").state_dict()
    save_file({name: value.half() for name, value in state.items()}, tmp_path / "w.safetensors")
    model = f"ViT-B-32/{tmp_path / 'w.safetensors'}"
    done = clipseek(environment, "index", PHOTOS / "animals", "--model", model, "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["indexed"] >= 10
    moose = PHOTOS / "animals" / "moose.jpg"
    saved_again = tmp_path / "moose.png"  # the file itself would be no hit
    Image.open(moose).save(saved_again)
    found = clipseek(environment, "search", saved_again, "-k2", "--json").stdout
    hits = [json.loads(line) for line in found.splitlines()]
    assert hits[0]["path"] == str(moose)
    assert hits[0]["score"] == pytest.approx(1, abs=2e-3)
    [space] = json.loads(clipseek(environment, "info", "--json").stdout)["spaces"]
    assert (space["dim"], space["encoder"]) == (512, model)


@pytest.mark.parametrize(
    ("model", "message"),
    [
        ("ViT-B-33/openai", "unknown encoder 'ViT-B-33/openai'"),
        ("ViT-B-32/laion2b_s34b_b79k", "the weights of ViT-B-32/laion2b_s34b_b79k are not"),
        ("ViT-B-32/nowhere.pt", "nowhere.pt"),
    ],
)
def test_encoders_that_cannot_be_had(
    environment: dict[str, str], tmp_path: Path, model: str, message: str
) -> None:
    done = clipseek(environment, "index", PHOTOS / "food", "--model", model)
    assert done.returncode == 1
    assert done.stderr.startswith("clipseek: ")
    assert message in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.fixture
def web(tmp_path: Path) -> Iterator[str]:
    """A web server on loopback with a cup of coffee that is no file of the sample photos."""
    (tmp_path / "web").mkdir()
    Image.open(PHOTOS / "food" / "coffee-cup.jpg").save(tmp_path / "web" / "a cup.png")
    handler = partial(http.server.SimpleHTTPRequestHandler, directory=tmp_path / "web")
    handler.func.log_message = lambda *_: None  # type: ignore[attr-defined]
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_an_image_on_the_web_is_a_term(environment: dict[str, str], web: str) -> None:
    clipseek(environment, "index", PHOTOS / "food", "--model", "starter")
    done = clipseek(environment, "search", f"{web}/a cup.png", "-k1", "--paths")
    assert done.stdout == f"{PHOTOS / 'food' / 'coffee-cup.jpg'}\n", done.stderr
    missing = clipseek(environment, "search", f"{web}/none.jpg")
    assert (missing.returncode, missing.stdout) == (1, "")
    assert "cannot fetch" in missing.stderr
    assert missing.stderr.count("\n") == 1


def test_ctrl_c_ends_with_one_line_and_a_valid_library(
    environment: dict[str, str], tmp_path: Path
) -> None:
    for number in range(60):
        folder = tmp_path / "many" / f"{number:02}"
        shutil.copytree(PHOTOS / "animals", folder)
        for path in folder.iterdir():
            with path.open("ab") as file:
                file.write(number.to_bytes(4, "big"))
    command = [sys.executable, "-m", "cli", "index", str(tmp_path / "many"), "--model", "starter"]
    with subprocess.Popen(
        command,
        env=environment,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # ignored in a background
    ) as process:
        _wait_for(lambda: _images(tmp_path / "library") > 0)
        process.send_signal(signal.SIGINT)
        _, complaints = process.communicate(timeout=60)
    assert process.returncode == 130
    assert complaints.strip() == "stopped; what was done is saved. Run it again to go on."
    assert 0 < check_library(tmp_path / "library") < 60 * 17


def _images(library: Path) -> int:
    return check_library(library) if (library / "spaces").exists() else 0


def _wait_for(condition: object, seconds: float = 90) -> None:
    assert callable(condition)
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "nothing happened"
        time.sleep(0.2)


def test_a_full_disk_says_so_and_loses_nothing(environment: dict[str, str], tmp_path: Path) -> None:
    small = tmp_path / "small-disk"
    small.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=400k", "tmpfs", str(small)]
    if os.name != "posix" or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("cannot mount a small disk here: needs root on Linux")
    try:
        environment["CLIPSEEK_LIBRARY"] = str(small / "library")
        script = "import tests.support.crash as c, sys; c.fill_up(*map(c.Path, sys.argv[1:]))"
        done = subprocess.run(
            [sys.executable, "-c", script, str(tmp_path / "photos"), str(small / "library")],
            env=environment,
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
        assert "StorageFullError: no space left on the disk of library" in done.stderr
        listed = check_library(small / "library")
        assert listed > 0
        subprocess.run(["mount", "-o", "remount,size=8m", str(small)], check=True)
        subprocess.run(
            [sys.executable, "-c", script, str(tmp_path / "photos"), str(small / "library")],
            env=environment,
            cwd=ROOT,
            check=True,
            capture_output=True,
        )
        assert check_library(small / "library") > listed
    finally:
        subprocess.run(["umount", str(small)], check=True)
