"""Pictures and links in a terminal, told by the escape sequences that it is sent."""

from __future__ import annotations

import base64
import io
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from cli.terminal import linked
from tests.conftest import Run, Workbench
from tests.support.places import ROOT
from tests.support.terminals import started

pytest.importorskip("textual_image", reason="textual-image is not installed: the extra terminal")

FOOD = ROOT / "sample_data" / "photos" / "food"
ATTRIBUTES, SIXEL = "\x1b[?62;22c", "\x1b[?62;4;22c"
KITTY = "\x1b_Gi=1;OK\x1b\\"
"""What terminals answer: without and with Sixel, and to the question of Kitty's protocol."""


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("library")
    subprocess.run(
        [sys.executable, "-m", "cli", "index", FOOD, "--model", "starter", "--library", place],
        check=True,
        capture_output=True,
        cwd=ROOT,
    )
    return place


def shown(library: Path, answers: str, *words: str) -> str:
    """What a terminal of 100 columns is sent, which has these answers to what it is asked."""
    environment = {**os.environ, "TERM": "xterm-256color", "COLORTERM": "truecolor"}
    environment.pop("NO_COLOR", None)
    program = [sys.executable, "-m", "cli", "search", "a cup of coffee", "--library", library]
    process, terminal = started(
        [*program, *words],
        typed=answers,  # before it is asked: it waits a tenth of a second
        cwd=ROOT,
        env={**environment, "COLUMNS": "100"},
    )
    sent = b""
    try:
        while piece := os.read(terminal, 65_536):
            sent += piece
    except OSError:  # how Linux says that the other end was closed
        pass
    finally:
        os.close(terminal)
    assert process.wait() == 0, sent
    return sent.decode()


def test_a_terminal_with_sixel_gets_a_picture_a_hit(library: Path) -> None:
    sent = shown(library, SIXEL, "--preview", "-k", "2")
    assert len(re.findall(r"\x1bP[\d;]*q", sent)) == 2
    assert "1  coffee-cup.jpg\r\n" in sent
    assert "\x1b_G" not in sent.replace("\x1b_Gi=1;OK", "")


def test_one_with_kittys_protocol_gets_the_picture_itself(library: Path) -> None:
    sent = shown(library, ATTRIBUTES + KITTY, "--preview", "-k", "1")
    parts = re.findall(r"\x1b_Gi=\d+,m=[01],f=100,q=2;([^\x1b]*)\x1b\\", sent)
    picture = Image.open(io.BytesIO(base64.b64decode("".join(parts))))
    with Image.open(FOOD / "coffee-cup.jpg") as original:
        assert picture.width / picture.height == pytest.approx(
            original.width / original.height, rel=0.05
        )
    assert picture.height == 12 * 20
    assert "\U0010eeee" in sent, "where it stands"
    assert not re.search(r"\x1bP[\d;]*q", sent)


def test_any_other_gets_blocks_of_colour(library: Path) -> None:
    sent = shown(library, ATTRIBUTES, "--preview", "-k", "1")
    assert len(re.findall(r"\x1b\[[^m]*48;2;\d+;\d+;\d+[^m]*m.", sent)) > 50


def test_paths_are_links_and_columns_fit(library: Path) -> None:
    sent = shown(library, "", "-k", "1")
    path = FOOD / "coffee-cup.jpg"
    [(address, text)] = re.findall(r"\x1b\]8;;([^\x1b]+)\x1b\\([^\x1b]*)\x1b\]8;;\x1b\\", sent)
    assert address == path.as_uri()
    assert text.endswith("coffee-cup.jpg")
    [row] = [line for line in sent.splitlines() if "\x1b]8;;" in line]
    assert len(re.sub(r"\x1b\]8;;[^\x1b]*\x1b\\", "", row)) <= 100


def test_a_link_is_of_ascii_and_its_text_as_it_was() -> None:
    assert linked("真.jpg", "file:///%E7%9C%9F.jpg") == (
        "\x1b]8;;file:///%E7%9C%9F.jpg\x1b\\真.jpg\x1b]8;;\x1b\\"
    )


def test_pictures_need_a_terminal(run: Run, colours: Workbench) -> None:
    done = run("search", "red", "--preview")
    assert (done.code, "and this is none; for a page: --html FILE" in done.err) == (2, True)
    done = run("search", "red", "--preview", "--json")
    assert (done.code, "--preview and --json: choose one" in done.err) == (2, True)
    assert "\x1b" not in run("search", "red").out, "no links to a pipe"
