"""A server that speaks the chat protocol for vision models, and remembers what it was asked."""

from __future__ import annotations

import base64
import io
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from PIL import Image


@dataclass
class Vision:
    """What it was sent, and how it answers."""

    url: str = ""
    asked: list[dict[str, Any]] = field(default_factory=list)
    answer: Callable[[Image.Image], tuple[int, bytes]] = field(
        default=lambda picture: (200, reply(f"a picture of {picture.width} pixels"))
    )

    @property
    def pictures(self) -> list[Image.Image]:
        """The pictures it was sent, decoded."""
        return [picture_in(each) for each in self.asked]


def reply(content: object) -> bytes:
    """What a server answers with."""
    return json.dumps({"choices": [{"message": {"content": content}}]}).encode()


def picture_in(asked: dict[str, Any]) -> Image.Image:
    """The picture of a request."""
    [_, image] = asked["messages"][0]["content"]
    head, _, data = image["image_url"]["url"].partition(",")
    assert head == "data:image/jpeg;base64"
    return Image.open(io.BytesIO(base64.b64decode(data)))


@contextmanager
def vision() -> Iterator[Vision]:
    """One that listens on this machine."""
    made = Vision()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            made.asked.append(body | {"path": self.path})
            status, data = made.answer(picture_in(body))
            self.send_response(status)
            if status == 302:
                self.send_header("location", "http://127.0.0.1:9/elsewhere")
            self.send_header("content-length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    made.url = f"http://127.0.0.1:{server.server_port}/v1"
    try:
        yield made
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
