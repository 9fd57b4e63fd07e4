"""A vision model behind an OpenAI-compatible server (Ollama, llama.cpp, vLLM), asked by picture.

The protocol: POST {url}/chat/completions with one message of a text and an image as a data URI
(https://platform.openai.com/docs/api-reference/chat). Nothing is asked twice: where an answer is
lost, the picture's failure is kept, and another run may ask.
"""

from __future__ import annotations

import base64
import ipaddress
import json
import urllib.error
import urllib.request
from collections.abc import Sequence
from http.client import HTTPException
from typing import Any
from urllib.parse import urlsplit

from PIL import Image

from searchengine.errors import InputError
from searchengine.images.thumbnails import make_thumbnail
from searchengine.readers.cleaned import cleaned
from searchengine.readers.interface import PictureRefusedError, ReaderError
from searchengine.types import MODEL

SIDE = 768
"""Pixels of the longer side of what is sent: models see no more, and it costs by the pixel."""

SECONDS = 120.0
"""A picture on a slow machine; a server that answers no sooner is taken for hung."""

MOST_REPLY = 1_000_000
"""Bytes of a reply that are read."""

MOST_TOKENS = 300

CAPTION = "Describe this photo in one plain sentence of at most 25 words."
"""What is asked for a caption."""


class VisionServer:
    """One model of one server."""

    side = SIDE

    def __init__(
        self, url: str, model: str, *, question: str = CAPTION, allow_remote: bool = False
    ) -> None:
        """Nothing is sent yet.

        Raises InputError for what is no http address, and for one that is not on this machine
        unless `allow_remote`.
        """
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise InputError(f"{url!r} is no address of a server, as http://127.0.0.1:11434/v1")
        self.is_local = is_loopback(parts.hostname)
        if not self.is_local and not allow_remote:
            raise InputError(
                f"{parts.hostname} is not this machine, and pictures would be sent there; if you "
                "want that, add --allow-remote"
            )
        self.source = MODEL + cleaned(model)
        self.state = question
        self._url, self._model, self._question = url.rstrip("/"), model, question
        handlers: list[urllib.request.BaseHandler] = [_NoRedirect()]
        if self.is_local:
            handlers.append(urllib.request.ProxyHandler({}))
        self._opener = urllib.request.build_opener(*handlers)

    def read(self, picture: Image.Image) -> Sequence[str]:
        """The answer to the question about a picture; none where it is empty.

        Raises PictureRefusedError where the server refuses this one, and ReaderError where it is
        not there, knows no such model, or takes nobody.
        """
        request = urllib.request.Request(
            f"{self._url}/chat/completions",
            data=json.dumps(self._body(picture)).encode("utf-8"),
            headers={"content-type": "application/json"},
        )
        try:
            with self._opener.open(request, timeout=SECONDS) as reply:
                data = reply.read(MOST_REPLY + 1)
        except urllib.error.HTTPError as error:
            raise self._refusal(error) from error
        except TimeoutError as error:
            raise PictureRefusedError(f"no answer within {SECONDS:g} seconds") from error
        except (OSError, HTTPException) as error:
            reason = cleaned(str(getattr(error, "reason", error)))
            raise ReaderError(f"the server at {self._url} cannot be asked: {reason}") from error
        answer = cleaned(_answer_in(data))
        return [answer] if answer else []

    def _body(self, picture: Image.Image) -> dict[str, Any]:
        jpeg = base64.b64encode(make_thumbnail(picture, SIDE).jpeg).decode("ascii")
        content = [
            {"type": "text", "text": self._question},
            {"type": "image_url", "image_url": {"url": f"data:image/jpeg;base64,{jpeg}"}},
        ]
        return {
            "model": self._model,
            "messages": [{"role": "user", "content": content}],
            "max_tokens": MOST_TOKENS,
            "temperature": 0,
            "stream": False,
        }

    def _refusal(self, error: urllib.error.HTTPError) -> Exception:
        said = cleaned(error.read(1_000).decode("utf-8", "replace"))[:200]
        line = f"the server answers {error.code}{': ' + said if said else ''}"
        if error.code in (400, 413, 415, 422, 500):
            return PictureRefusedError(line)
        return ReaderError(f"{self._url}: {line}")


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """Pictures go to the server that was named, and to no other."""

    def redirect_request(self, *_: Any, **__: Any) -> None:  # noqa: ANN401 - urllib's
        """No other request."""


def is_loopback(host: str) -> bool:
    """Whether a host is this machine by its name: nothing is looked up."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.rstrip(".").lower() == "localhost"


def _answer_in(data: bytes) -> str:
    if len(data) > MOST_REPLY:
        raise PictureRefusedError(f"the answer has over {MOST_REPLY:,} bytes")
    try:
        text = json.loads(data)["choices"][0]["message"]["content"]
    except (ValueError, KeyError, IndexError, TypeError, RecursionError) as error:
        raise PictureRefusedError("the answer is none of this protocol") from error
    return text if isinstance(text, str) else ""
