"""The same words have the same hits and notes: in the command line, the API and on the page."""

from __future__ import annotations

import json
from pathlib import Path
from urllib.parse import urlencode

import numpy as np

from tests.conftest import Run, Workbench
from tests.serving.test_api import get
from tests.serving.test_pages import page_of, tiles
from tests.support.damage import set_row
from tests.support.serving import visit

READ_ALIKE = [
    "red", "red + green", "red - green", "red + 3:green - blue", ".5:red + blue", "10:10",
    "a 16:9 photo in red", "2001: a red odyssey", "3:00 pm red", "2:red", "2: red", '"2:red"',
    '"red - blue"', 'blue - "2:1 red"', "red -blue", "red-blue", "no red", "red 3:green",
    "- blue", "red - blue - green", '2:"red + blue" - green', "red,blue", "a 'red' wall",
    "C++ red", "50% red", "red\u00a0blue", "rot \u732b red", "red *", "red ?", "red & blue",
    "<b>red</b>",
]  # fmt: skip

REFUSED = ["red - red", "+ + red", "red + + blue", "2000:red + blue", "0:red + blue"]


def test_what_is_typed_means_the_same_everywhere(colours: Workbench, run: Run) -> None:
    with visit(colours) as client:
        for typed in READ_ALIKE:
            answer = get(client, "/api/search", q=typed)
            page = page_of(client, f"/?{urlencode({'q': typed})}")
            assert tiles(page) == [Path(hit["path"]).name for hit in answer["hits"]], typed
            shown = [" ".join(item.text.split()) for item in page.all("li") if is_note(item.text)]
            said = [f"{note}.".lower() for note in answer["notes"]]
            assert [note.lower() for note in shown] == said, typed
            for words in ([typed], typed.split(" "))[: 1 if '"' in typed else 2]:
                done = run("search", "--json", "--", *words)
                assert [json.loads(hit) for hit in done.out.splitlines()] == answer["hits"], words
                assert done.err.splitlines() == answer["notes"], words


def is_note(text: str) -> bool:
    return "part of the text" in text or "encoders hardly read" in text.lower()


def test_what_is_refused_is_refused_everywhere(colours: Workbench, run: Run) -> None:
    with visit(colours) as client:
        for typed in REFUSED:
            done = run("search", "--", typed)
            answer = client.get("/api/search", params={"q": typed})
            assert (done.code, answer.status_code) == (1, 400), typed
            assert done.err == f"clipseek: {answer.json()['detail']}\n"
            page_of(client, f"/?{urlencode({'q': typed})}", 400)


def test_files_that_are_gone_are_told(colours: Workbench, run: Run) -> None:
    (colours.photos / "red.png").unlink()
    with visit(colours) as client:
        told = get(client, "/api/search", q="red")["notes"]
        assert told == run("search", "red").err.splitlines()
        assert told[0].startswith("1 hit is left out as the files are gone; ")
        assert "1 hit is left out" in page_of(client, "/?q=red").one("main").text
        assert get(client, "/api/search", q="red", camera="Leica")["notes"] == [
            "no image has a camera named like 'Leica'; there is: none"
        ]


def test_damage_is_told(colours: Workbench) -> None:
    set_row(colours.library_path / "spaces/fake/vectors.f16", 0, np.nan, 8)
    with visit(colours) as client:
        for _ in range(2):
            answer = get(client, "/api/search", q="red")
            assert len(answer["hits"]) == 5
            [note] = answer["notes"]
            assert note.startswith("vectors of space fake are not as they were written")
            assert note.endswith(f"clipseek check --library {colours.library_path}")
        assert "Vectors of space fake are not" in page_of(client, "/?q=red").one("main").text
