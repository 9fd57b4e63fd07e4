"""What a request sends: the parameters in its URL and in its form, and the pictures."""

from __future__ import annotations

import logging

from python_multipart.multipart import parse_options_header
from starlette.datastructures import FormData, UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.types import Message, Receive

from searchengine.errors import InputError
from serving.problems import UploadRefusedError

MULTIPART = "multipart/form-data"
FORMS = ("application/x-www-form-urlencoded", MULTIPART)

MOST_FIELDS = 10_000
"""Of one form, as many images as an album takes at once."""

TAIL = 128
"""Bytes at the end of a form that are looked at: it ends with its boundary, of 70 at most."""

NO_TEXT = "\ufffd"
"""What bytes that are no UTF-8 are read as: something else would be looked for than was asked."""

NO_UTF8 = "is not encoded as UTF-8; encode it so, as browsers do"

WITH_FORMS = frozenset(("POST", "DELETE"))

logging.getLogger("python_multipart").setLevel(logging.CRITICAL)  # what strangers send is no news


async def read_form(request: Request) -> tuple[list[tuple[str, str]], list[bytes]]:
    """The parameters of a request, in its URL and in its form, and the pictures it sends.

    Raises InputError for a form that is broken, and UploadRefusedError for what is no form: it
    would be passed over, and something else done than was asked for.
    """
    pairs = request.query_params.multi_items()
    if request.method not in WITH_FORMS:
        return pairs, []
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind not in FORMS:
        if await request.body():
            named = f"not as {kind}" if kind else "and name its content type"
            raise UploadRefusedError(f"send a form, as {' or '.join(FORMS)}, {named}")
        return pairs, []
    receive = _to_its_end(request) if kind == MULTIPART else request.receive
    try:
        async with Request(request.scope, receive).form(max_fields=MOST_FIELDS) as form:
            return [*pairs, *_texts(form)], [await upload.read() for upload in _uploads(form)]
    except HTTPException as error:  # Starlette's own word for what it cannot read
        raise InputError(f"the form cannot be read: {error.detail.rstrip('.')}") from error
    except UnicodeError as error:  # the sender names the encoding
        raise InputError(f"the form is no text in the encoding that it names: {error}") from error


def _to_its_end(request: Request) -> Receive:
    """The messages of a form in parts. The last raises InputError where the form does not end."""
    _, options = parse_options_header(request.headers["content-type"])
    end = b"--" + options.get(b"boundary", b"") + b"--"
    tail = b""

    async def receive() -> Message:
        nonlocal tail
        message = await request.receive()
        tail = (tail + message.get("body", b"")[-TAIL:])[-TAIL:]
        is_last = message["type"] == "http.request" and not message.get("more_body")
        if is_last and tail and end not in tail:
            raise InputError("the form was cut off before its end; send it again")
        return message

    return receive


def _texts(form: FormData) -> list[tuple[str, str]]:
    texts = [(name, value) for name, value in form.multi_items() if isinstance(value, str)]
    for name, value in texts:
        if NO_TEXT in name + value:
            raise InputError(f"the field {name} {NO_UTF8}")
    return texts


def _uploads(form: FormData) -> list[UploadFile]:
    files = [(name, value) for name, value in form.multi_items() if isinstance(value, UploadFile)]
    for name, _ in files:
        if name != "image":
            raise InputError(f"send the picture in the field image, not in {name!r}")
    return [upload for _, upload in files if upload.size]  # a form sends an empty one for none
