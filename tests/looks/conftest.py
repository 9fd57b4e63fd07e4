"""Pictures of the photos that a module of tests names, `PHOTOS`, and their looks."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from searchengine.looks.look import Looks, look_of


@pytest.fixture(scope="module")
def pictures(request: pytest.FixtureRequest) -> list[Image.Image]:
    return [Image.open(path).convert("RGB") for path in request.module.PHOTOS]


@pytest.fixture(scope="module")
def looks(pictures: list[Image.Image]) -> Looks:
    return np.stack([look_of(picture) for picture in pictures])
