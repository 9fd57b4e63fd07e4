"""README.md shows what the program prints, and names every command."""

from __future__ import annotations

import pytest

from searchengine.models import STARTER_DIR
from tests.readme import README, masked, run_blocks


@pytest.mark.skipif(
    not (STARTER_DIR / "open_clip_model.safetensors").exists(), reason="no starter weights here"
)
def test_console_blocks_show_real_output() -> None:
    text = README.read_text(encoding="utf-8")
    assert masked(run_blocks(text)) == masked(text), "make readme writes it anew"


def test_every_command_is_shown() -> None:
    text = README.read_text(encoding="utf-8")
    commands = ("index", "search", "describe", "captions add", "info", "failures", "remove")
    for command in (*commands, "models"):
        assert f"$ clipseek {command}" in text
