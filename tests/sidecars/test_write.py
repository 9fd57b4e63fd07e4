from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from searchengine.errors import InputError
from searchengine.sidecars.write import add_keywords


def added(picture: Path, name: str) -> bool:
    return add_keywords(picture, [name], [[name]])


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    path = tmp_path / "photos" / "a.jpg"
    path.parent.mkdir()
    path.touch()
    return path


def test_a_sidecar_keeps_its_permissions_and_a_link_leads_where_it_led(
    picture: Path, tmp_path: Path
) -> None:
    kept = tmp_path / "kept.xmp"
    sidecar = picture.with_name("a.jpg.xmp")
    assert added(picture, "dog")
    sidecar.rename(kept)
    sidecar.symlink_to(kept)
    kept.chmod(0o660)
    assert added(picture, "cat")
    assert sidecar.is_symlink()
    assert stat.S_IMODE(kept.stat().st_mode) == 0o660
    assert "<rdf:li>cat</rdf:li>" in kept.read_text("utf-8")


def test_a_sidecar_that_may_not_be_written_stays(
    picture: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert added(picture, "dog")
    monkeypatch.setattr(os, "access", lambda _path, mode: mode != os.W_OK)  # also for root
    assert not added(picture, "dog"), "nothing is to be written"
    with pytest.raises(InputError, match=r"a\.jpg\.xmp: permission denied"):
        added(picture, "cat")
    assert "cat" not in picture.with_name("a.jpg.xmp").read_text("utf-8")


def test_a_picture_that_is_gone_gets_none(picture: Path) -> None:
    picture.unlink()
    with pytest.raises(InputError, match=r"a\.jpg: no such file"):
        added(picture, "dog")
    assert list(picture.parent.iterdir()) == []
