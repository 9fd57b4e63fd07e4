from __future__ import annotations

import shutil
import subprocess
import unicodedata
from pathlib import Path

import pytest

from indexers.left_out.globs import git_glob, plain_glob
from indexers.left_out.ignore_files import read_ignore_files
from indexers.left_out.rules import WalkRules, first_match
from indexers.walk import Walk

RULES = {
    "*a*a*b": ("xaxaxb", "aab"),
    "a*/**/b?": ("a/b1", "ax/y/z/b2"),
    "b**/c": ("bx/y/c", "b/c"),
    "x**y": ("x1y", "xy"),
    "**/c/": (),
    "/**/d": ("d", "q/d"),
    "[[:alpha:]][!0-9]": ("ab", "z-"),
    "[z-a]": ("z", "q/z"),
    "[]-]": ("]", "-"),
    "[\\]x]": ("]", "x"),
    "[a/c]": ("a", "c"),
    "[open": (),
    "[[:no:]]": (),
    "\\*\\!": ("*!",),
    "end\\ ": ("end ",),
    "end  ": ("end",),
    "\\#a": ("#a",),
    "p/*": ("p/1",),
    "/": (),
}
"""Rules as lines of .gitignore, and which of all these paths each leaves out."""
OTHERS = ("q/c", "bx/yc", "x/y", "p", "a/b", "[open", "5", "end\t", "q/aab/b", "/".join("zp1"))


def test_rules_are_those_of_git(tmp_path: Path) -> None:
    if shutil.which("git") is None:
        pytest.skip("git is not installed")
    subprocess.run(["git", "init", "-q", tmp_path], check=True)
    paths = sorted({*OTHERS, *(path for paths in RULES.values() for path in paths)})
    for rule, ours in RULES.items():
        (tmp_path / ".gitignore").write_text(rule + "\n")
        asked = subprocess.run(
            ["git", "-C", tmp_path, "check-ignore", "-z", "--no-index", "--stdin"],
            input="\0".join(paths),
            capture_output=True,
            text=True,
            check=False,
        )
        (tmp_path / ".clipseekignore").write_text(rule + "\n")
        _, (ignoring,) = read_ignore_files(str(tmp_path), [".clipseekignore"])
        left_out = {
            path
            for path in paths
            if any(
                ignoring.decides(f"{tmp_path}/{part}", is_dir=part != path)
                for part in (path[:end] for end in _ends(path))
            )
        }
        assert left_out == set(asked.stdout.split("\0")) - {""}, rule
        assert left_out >= set(ours), rule


def _ends(path: str) -> list[int]:
    return [at for at, character in enumerate(path) if character == "/"] + [len(path)]


@pytest.mark.parametrize("wildcard", ["*", "**", "**/", "?*"])
@pytest.mark.parametrize("path", ["a" * 255, "a/" * 200 + "a"])
def test_no_glob_takes_for_ever(wildcard: str, path: str) -> None:
    for compiled in (plain_glob, git_glob):
        glob = compiled(f"{wildcard}a" * 30 + "*b")
        assert not glob.fullmatch(path)
        shortest = wildcard.replace("*", "").replace("?", "x") + "a"
        assert glob.fullmatch((shortest * 30).removeprefix("/") + "b")


@pytest.mark.parametrize(
    ("glob", "matching", "other"),
    [
        ("a**b", "ax/yb", "ax/yc"),
        ("[z-a].png", "z.png", "a.png"),
        ("[!a].png", "b.png", "/.png"),
        ("a\\b", "a\\b", "ab"),
        ("a[b", "a[b", "ab"),
        ("*", "a", "x/a"),
    ],
)
def test_globs_of_exclude(glob: str, matching: str, other: str) -> None:
    assert first_match((f"./{glob}",), matching, matching, is_dir=False)
    assert not first_match((f"./{glob}",), other, other, is_dir=False)


def test_lines_end_as_they_do_for_git_and_accents_are_one(tmp_path: Path) -> None:
    nfc, nfd = (unicodedata.normalize(form, "Été") for form in ("NFC", "NFD"))
    for name in (f"{nfd}/a.jpg", "b\u2028c.jpg", "c.jpg"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    rules = tmp_path / ".clipseekignore"
    rules.write_text(f"{nfc}/\r\nb\u2028c.jpg\n", encoding="utf-8")
    assert [Path(file.path).name for file in Walk([tmp_path], WalkRules())] == ["c.jpg"]
