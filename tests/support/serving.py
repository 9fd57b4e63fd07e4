"""A visitor of `clipseek serve`, in this process: the application over the bench's library."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from PIL import Image
from starlette.testclient import TestClient

from serving.access import Endpoint
from serving.app import make_app
from tests.conftest import Workbench

PORT = 8765
HERE = Endpoint("127.0.0.1", "127.0.0.1", PORT, None)


@contextmanager
def visit(
    bench: Workbench, endpoint: Endpoint = HERE, index_command: Sequence[str] = ()
) -> Iterator[TestClient]:
    """A client of the application; it follows no redirect."""
    with (
        bench.open() as library,
        TestClient(
            make_app(library, endpoint, bench.library_path.parent / "thumbnails", index_command),
            base_url=f"http://{endpoint.name}:{endpoint.port}",
            follow_redirects=False,
        ) as client,
    ):
        yield client


def png(colour: str | tuple[int, int, int], size: tuple[int, int] = (30, 20)) -> bytes:
    """The bytes of a picture of one colour."""
    buffer = io.BytesIO()
    Image.new("RGB", size, colour).save(buffer, "PNG")
    return buffer.getvalue()


def names(answer: dict[str, list[dict[str, str]]]) -> list[str]:
    """The file names of the hits of an answer."""
    return [Path(hit["path"]).name for hit in answer["hits"]]
