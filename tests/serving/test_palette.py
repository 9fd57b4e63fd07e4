"""One palette: every page takes its colours from it, and text can be read on every ground."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import cli.pages
import serving.pages
from tests.conftest import Workbench
from tests.support.serving import visit

STATIC = Path(serving.pages.__file__).parent / "static"
PALETTE = STATIC / "palette.css"
SHEETS = [STATIC / "style.css", *(Path(cli.pages.__file__).parent / "templates").glob("*.css")]
READABLE = 4.5
"""Contrast of text, by WCAG 2.2, 1.4.3."""

GROUNDS = {
    "ink": ("paper", "raised", "plate", "warn"),
    "faint": ("paper", "raised", "plate"),
    "accent": ("paper", "raised", "plate"),
    "second": ("paper",),
    "on-accent": ("accent",),
    "photo-ink": ("photo-ground", "photo-ring"),
}
"""What is written on what."""

Palette = dict[str, str]


def schemes() -> dict[str, Palette]:
    light, dark = re.split(
        r"@media screen and \(prefers-color-scheme: dark\)",
        PALETTE.read_text("utf-8").partition("@media print")[0],
    )
    of_light, of_dark = (dict(re.findall(r"--([\w-]+): ([^;]+);", half)) for half in (light, dark))
    return {"light": of_light, "dark": of_light | of_dark}


def rgb(colour: str) -> list[float]:
    digits = colour.removeprefix("#")
    if len(digits) == 3:
        digits = "".join(2 * digit for digit in digits)
    return [int(digits[start : start + 2], 16) for start in (0, 2, 4)]


def contrast(one: list[float], other: list[float]) -> float:
    """Between 1 and 21; the formula of WCAG 2.2."""

    def luminance(colour: list[float]) -> float:
        shares = [part / 255 for part in colour]
        linear = [s / 12.92 if s <= 0.04045 else ((s + 0.055) / 1.055) ** 2.4 for s in shares]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def test_contrast_is_that_of_known_pairs() -> None:
    assert contrast(rgb("#000"), rgb("#fff")) == pytest.approx(21)
    assert contrast(rgb("#777777"), rgb("#fff")) == pytest.approx(4.48, abs=0.005)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_can_be_read_on_every_ground(scheme: str) -> None:
    palette = schemes()[scheme]
    low = {
        (text, ground): found
        for text, grounds in GROUNDS.items()
        for ground in grounds
        if (found := contrast(rgb(palette[text]), rgb(palette[ground]))) < READABLE
    }
    assert not low


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_numbers_of_a_matrix_can_be_read_on_its_deepest_shade(scheme: str) -> None:
    palette = schemes()[scheme]
    heat, (accent, paper) = float(palette["heat"]), (rgb(palette[n]) for n in ("accent", "paper"))
    shade = [heat * a + (1 - heat) * p for a, p in zip(accent, paper, strict=True)]
    assert contrast(rgb(palette["ink"]), shade) >= READABLE


def test_no_other_style_sheet_has_colours_or_unknown_names() -> None:
    assert len(SHEETS) == 4
    palette = schemes()["light"]
    for sheet in SHEETS:
        text = sheet.read_text("utf-8")
        assert not re.findall(r"#[0-9a-fA-F]{3,8}\b(?=[^{]*})|\b(?:rgba?|hsla?)\(", text), sheet
        own = set(re.findall(r"(--[\w-]+):", text)) | {"--ratio", "--v"}
        assert set(re.findall(r"var\((--[\w-]+)", text)) <= own | {f"--{name}" for name in palette}
        assert not own & {f"--{name}" for name in palette}


def test_the_served_page_links_the_palette_before_what_uses_it(colours: Workbench) -> None:
    with visit(colours) as client:
        sheets = re.findall(r'<link rel="stylesheet" href="([^"]+)"', client.get("/").text)
        assert sheets == ["/static/palette.css", "/static/style.css"]
        answer = client.get(sheets[0])
    assert answer.headers["content-type"].startswith("text/css")
    assert answer.text == PALETTE.read_text("utf-8")
