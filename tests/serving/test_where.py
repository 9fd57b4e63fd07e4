"""Maps of where words are seen, to lay over a picture."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image

from searchengine.embedding.heat import Heat
from serving.asking.where import MOST_OPAQUE, drawn, wanted
from tests.conftest import Workbench
from tests.support.serving import visit


def test_a_map_glows_where_the_words_are_seen_and_is_clear_elsewhere() -> None:
    values = np.zeros((4, 8), dtype=np.float32)
    values[1, 6] = 0.4
    light = Image.open(io.BytesIO(drawn(Heat(values), (4000, 2000))))
    assert (light.mode, light.size) == ("RGBA", (512, 256))
    opacity = np.asarray(light.getchannel("A"), dtype=float)
    line, column = np.unravel_index(opacity.argmax(), opacity.shape)
    assert abs(column - 6.5 / 8 * 512) < 20
    assert abs(line - 1.5 / 4 * 256) < 20
    assert opacity.max() / 255 <= MOST_OPAQUE + 0.02
    assert (opacity[:, :256] == 0).all()


def test_what_is_subtracted_is_not_looked_for() -> None:
    assert wanted("a dog + 2:snow - grass") == "a dog snow"


def test_who_has_no_map_is_told_so(colours: Workbench) -> None:
    with visit(colours) as client:
        page = client.get("/images/1?q=red&where=yes", headers={"accept": "text/html"})
        assert page.status_code == 200
        assert "has no map of a picture" in page.text
        assert "no map of a picture" in client.get("/api/images/1/where?q=red").json()["detail"]
        assert "no words" in client.get("/api/images/1/where").json()["detail"]
        assert client.get("/api/images/99/where?q=red").status_code == 404
