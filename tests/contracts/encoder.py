"""What every encoder must do, whatever computes it: `searchengine.encoders.interface`, as tests.

A class of tests for an implementation inherits one of these and overrides `loaded`.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import ClassVar

import numpy as np
import pytest
from PIL import Image

from searchengine.encoders.interface import Encoder, TextEncoder
from searchengine.errors import UnreadableImageError
from searchengine.types import Vectors

TEXTS = (
    "a red car in the snow",
    "two green dogs",
    "",
    "blue",
    "the black cat " * 9,
    "красный дом и синее небо",
    "赤い花",
    "زهرة حمراء",
    "🙂 e\u0301 ﬁ\n\ttabs\u00a0and\u200djoiners",
)
SIZES = ((64, 64), (300, 200), (31, 400), (1, 1), (600, 4), (3, 2))
MODES = ("L", "LA", "P", "RGBA", "1")


def pictures() -> list[Image.Image]:
    """RGB pictures of many shapes, each of other pixels."""
    random = np.random.default_rng(7)
    return [
        Image.fromarray(random.integers(0, 256, (height, width, 3), dtype=np.uint8))
        for width, height in SIZES
    ]


def assert_unit_rows(rows: Vectors, n: int, d: int) -> None:
    """Shape (n, d), float32, C-contiguous, each row of length 1."""
    assert rows.shape == (n, d)
    assert rows.dtype == np.float32
    assert rows.flags.c_contiguous
    np.testing.assert_allclose(np.linalg.norm(rows, axis=1), np.ones(n), atol=1e-5)


class TextEncoderContract:
    """What `TextEncoder` promises."""

    atol: ClassVar[float] = 1e-5
    """By how much rows may differ that were computed in other batches."""

    @pytest.fixture
    def loaded(self) -> tuple[TextEncoder, TextEncoder]:
        """The same encoder, loaded twice."""
        raise NotImplementedError

    @pytest.fixture
    def texts(self, loaded: tuple[TextEncoder, TextEncoder]) -> TextEncoder:
        """The encoder that texts are given to."""
        return loaded[0]

    def test_texts_become_unit_rows(self, texts: TextEncoder) -> None:
        assert_unit_rows(texts.encode_texts(TEXTS), len(TEXTS), texts.dim)
        assert_unit_rows(texts.encode_texts(list(TEXTS[:1])), 1, texts.dim)

    def test_no_texts_no_rows(self, texts: TextEncoder) -> None:
        assert_unit_rows(texts.encode_texts([]), 0, texts.dim)

    def test_other_texts_have_other_rows(self, texts: TextEncoder) -> None:
        rows = texts.encode_texts(["red", "green", "blue"])
        assert (rows @ rows.T)[~np.eye(3, dtype=bool)].max() < 0.9999

    def test_the_same_texts_have_the_same_rows(self, texts: TextEncoder) -> None:
        np.testing.assert_array_equal(texts.encode_texts(TEXTS), texts.encode_texts(TEXTS))

    def test_rows_of_texts_stand_in_their_order(self, texts: TextEncoder) -> None:
        rows = texts.encode_texts(TEXTS)
        turned = texts.encode_texts(TEXTS[::-1])
        np.testing.assert_allclose(turned[::-1], rows, atol=self.atol)

    def test_a_text_does_not_depend_on_those_beside_it(self, texts: TextEncoder) -> None:
        rows = texts.encode_texts(TEXTS)
        for text, row in zip(TEXTS, rows, strict=True):
            np.testing.assert_allclose(texts.encode_texts([text])[0], row, atol=self.atol)

    def test_long_texts_are_cut(self, texts: TextEncoder) -> None:
        rows = texts.encode_texts(["red dog " * 400, "red dog " * 4_000])
        assert_unit_rows(rows, 2, texts.dim)
        np.testing.assert_allclose(rows[0], rows[1], atol=self.atol)

    def test_a_second_load_is_the_same_encoder(
        self, loaded: tuple[TextEncoder, TextEncoder]
    ) -> None:
        first, second = loaded
        assert first is not second
        assert (first.name, first.dim) == (second.name, second.dim)
        assert first.fingerprint == second.fingerprint != ""
        np.testing.assert_array_equal(first.encode_texts(TEXTS), second.encode_texts(TEXTS))


class EncoderContract(TextEncoderContract):
    """What `Encoder` promises."""

    @pytest.fixture
    def loaded(self) -> tuple[Encoder, Encoder]:
        """The same encoder, loaded twice."""
        raise NotImplementedError

    @pytest.fixture
    def encoder(self, loaded: tuple[Encoder, Encoder]) -> Encoder:
        """The encoder that pictures are given to."""
        return loaded[0]

    def test_says_where_it_runs_and_how(self, loaded: tuple[Encoder, Encoder]) -> None:
        first, second = loaded
        assert first.device in ("cpu", "cuda", "mps")
        assert first.precision in ("float32", "bfloat16", "float16")
        assert (first.device, first.precision) == (second.device, second.precision)
        assert first.input_size == second.input_size
        assert first.logit_scale == second.logit_scale > 1

    def test_pictures_of_any_shape_become_one(self, encoder: Encoder) -> None:
        pixels = [encoder.preprocess(picture) for picture in pictures()]
        [(height, width, channels)] = {array.shape for array in pixels}
        assert max(height, width) == encoder.input_size
        assert channels == 3
        assert {array.dtype for array in pixels} == {np.dtype(np.uint8)}

    @pytest.mark.parametrize("mode", MODES)
    def test_a_picture_of_any_mode_is_its_rgb(self, encoder: Encoder, mode: str) -> None:
        picture = pictures()[1].convert(mode)
        wanted = encoder.preprocess(picture.convert("RGB"))
        np.testing.assert_array_equal(encoder.preprocess(picture), wanted)

    def test_preprocessing_leaves_the_picture_alone(self, encoder: Encoder) -> None:
        picture = pictures()[1]
        before = picture.copy()
        encoder.preprocess(picture)
        assert picture == before

    def test_preprocessing_from_several_threads(self, encoder: Encoder) -> None:
        many = pictures() * 8
        with ThreadPoolExecutor(8) as pool:
            threaded = list(pool.map(encoder.preprocess, many))
        for pixels, picture in zip(threaded, many, strict=True):
            np.testing.assert_array_equal(pixels, encoder.preprocess(picture))

    def test_pictures_become_unit_rows(self, encoder: Encoder) -> None:
        assert_unit_rows(encoder.encode_images(pictures()), len(SIZES), encoder.dim)
        assert_unit_rows(encoder.encode_images(tuple(pictures()[:1])), 1, encoder.dim)

    def test_no_pictures_no_rows(self, encoder: Encoder) -> None:
        assert_unit_rows(encoder.encode_images([]), 0, encoder.dim)
        assert_unit_rows(encoder.encode_pixels([]), 0, encoder.dim)

    def test_images_are_preprocessed_and_encoded(self, encoder: Encoder) -> None:
        pixels = [encoder.preprocess(picture) for picture in pictures()]
        np.testing.assert_array_equal(
            encoder.encode_images(pictures()), encoder.encode_pixels(pixels)
        )

    def test_other_pictures_have_other_rows(self, encoder: Encoder) -> None:
        rows = encoder.encode_images([Image.new("RGB", (50, 40), c) for c in ("red", "blue")])
        assert rows[0] @ rows[1] < 0.9999

    def test_the_same_pictures_have_the_same_rows(self, encoder: Encoder) -> None:
        np.testing.assert_array_equal(
            encoder.encode_images(pictures()), encoder.encode_images(pictures())
        )

    def test_rows_of_pictures_stand_in_their_order(self, encoder: Encoder) -> None:
        rows = encoder.encode_images(pictures())
        turned = encoder.encode_images(pictures()[::-1])
        np.testing.assert_allclose(turned[::-1], rows, atol=self.atol)

    def test_a_picture_does_not_depend_on_those_beside_it(self, encoder: Encoder) -> None:
        rows = encoder.encode_images(pictures() * 4)  # more than go through a model at once
        for picture, row in zip(pictures() * 4, rows, strict=True):
            np.testing.assert_allclose(encoder.encode_images([picture])[0], row, atol=self.atol)

    def test_a_second_load_gives_pictures_the_same_rows(
        self, loaded: tuple[Encoder, Encoder]
    ) -> None:
        first, second = (encoder.encode_images(pictures()) for encoder in loaded)
        np.testing.assert_array_equal(first, second)


class ModelContract(EncoderContract):
    """What `Encoder` promises where a picture's shorter side is resized to a model's input."""

    def test_thin_strips_are_refused_before_they_fill_the_memory(self, encoder: Encoder) -> None:
        for size in ((1, 30_000), (30_000, 1)):
            with pytest.raises(UnreadableImageError, match=f"{size[0]} x {size[1]} pixels"):
                encoder.preprocess(Image.new("RGB", size))
