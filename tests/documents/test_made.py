"""The pages that list what there is are those of this program, and leave nothing out."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

import clipseek
from tests.support.commands import all_commands
from tests.support.documents import made
from tests.support.documents.markdown import paragraphs, prose
from tests.support.places import ROOT


@pytest.mark.parametrize("page", made.PAGES, ids=lambda page: page.name)
def test_a_page_is_up_to_date(page: Path) -> None:
    assert page.read_text(encoding="utf-8") == made.fresh(page), "make docs writes it anew"


def test_a_page_keeps_what_a_person_wrote(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"# Mine\n\n{made.MADE}\n\nold\n", encoding="utf-8")
    monkeypatch.setitem(made.PAGES, page, lambda: "new")
    assert made.fresh(page) == f"# Mine\n\n{made.MADE}\n\nnew\n"


@pytest.mark.parametrize(("words", "command"), all_commands().items(), ids=lambda part: str(part))
def test_every_flag_of_a_command_is_in_its_section(words: str, command: Any) -> None:
    name = f"clipseek {words}".strip()
    section = _sections(ROOT / "docs" / "cli.md", "## ")[name]
    for parameter in command.params:
        for spelling in (*parameter.opts, *parameter.secondary_opts):
            if spelling.startswith("-") and (not words or spelling != "--help"):
                assert re.search(rf"`{spelling}[` ]", section), f"{name} {spelling}"


def test_every_public_name_has_a_section_with_its_members() -> None:
    sections = _sections(ROOT / "docs" / "python.md", "### ")
    assert clipseek.__version__
    for name in set(clipseek.__all__) - {"__version__"}:
        assert name in sections
    agreed = (ROOT / "tests" / "data" / "public-api.txt").read_text(encoding="utf-8")
    page = (ROOT / "docs" / "python.md").read_text(encoding="utf-8")
    assert [line for line in agreed.splitlines() if line.strip() not in page] == []


def test_every_endpoint_and_answer_has_a_section() -> None:
    described = json.loads((ROOT / "serving" / "openapi.json").read_text(encoding="utf-8"))
    sections = _sections(ROOT / "docs" / "http.md", "### ")
    for path, methods in described["paths"].items():
        for method, operation in methods.items():
            section = sections[f"{method.upper()} {path}"]
            for parameter in operation.get("parameters", []):
                assert f"`{parameter['name']}`" in section
    assert described["components"]["schemas"].keys() <= sections.keys()


def test_texts_of_the_program_show_as_they_are_written() -> None:
    assert prose("as --after, in <dir>_*.gif") == r"as `--after`, in \<dir\>\_\*.gif"
    assert prose("`a_b|c` of x|y - z") == r"`a_b|c` of x\|y - z"
    assert prose("two-way /a-b ./-c 1-n") == "two-way /a-b ./-c 1-n"
    assert paragraphs("one\nline\n\ntwo") == "one line\n\ntwo"


def _sections(page: Path, mark: str) -> dict[str, str]:
    parts = re.split(rf"^{mark}", page.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return {part.partition("\n")[0]: part for part in parts[1:]}
