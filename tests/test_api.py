"""What the package offers to programs is what was agreed on."""

from __future__ import annotations

from difflib import unified_diff
from pathlib import Path

import pytest

from tests.support.api import FILE, PACKAGE, public_api

MODULE = '''
from __future__ import annotations
from dataclasses import dataclass
from enum import Enum

__all__ = ["AskedError", "Colour", "Door", "Point", "VERSION", "ask"]
VERSION = "1.0"
hidden = 7

def ask(what: str | None, /, *rest: int, k: int = 5, by: str = "a b", load=print) -> Door:
    pass

class AskedError(Exception):
    """No way to make it but Python's."""

class Base:
    def __init__(self, path: str) -> None:
        self.path, self._hidden = path, 1

    def close(self, now: bool = True) -> None: ...

class Door(Base):
    kind = "wooden"

    @property
    def width(self) -> float: ...

    @classmethod
    def made(cls, of: list[str]) -> Door: ...

    def __len__(self) -> int: ...
    def __eq__(self, other: object) -> bool: ...
    def _secret(self) -> None: ...

class Colour(Enum):
    RED = 1

@dataclass(frozen=True)
class Point:
    x: float
    y: float = 0.0
'''
WANTED = """\
class AskedError(Exception)
class Colour(Enum)
    RED
class Door(Base)
    classmethod made(of: list[str]) -> Door
    def __init__(path: str) -> None
    def __len__(self) -> int
    def close(self, now: bool = True) -> None
    kind
    path
    width: float
class Point
    def __init__(x: float, y: float = 0.0) -> None
    x: float
    y: float
VERSION: str
def ask(what: str | None, /, *rest: int, k: int = 5, by: str = 'a b', load=...) -> Door
"""


def test_every_kind_of_name_is_written_down(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "offered.py").write_text(MODULE, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    assert public_api("offered") == WANTED


def test_the_public_api_is_the_one_agreed_on() -> None:
    agreed = FILE.read_text(encoding="utf-8").splitlines()
    now = public_api(PACKAGE).splitlines()
    difference = "\n".join(unified_diff(agreed, now, "agreed on", "now", lineterm="", n=0))
    assert not difference, (
        f"{difference}\nIf this is meant: say it in CHANGELOG.md, change the version with it, and "
        "run: python -m tests.support.api --write"
    )
