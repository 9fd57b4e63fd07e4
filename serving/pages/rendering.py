"""Templates to pages: the home of Jinja2 in the server."""

from __future__ import annotations

from functools import cache
from http import HTTPStatus
from pathlib import Path

import jinja2
from starlette.responses import Response

from serving.problems import Problem
from serving.replies import file_url, thumbnail_url


class HtmlResponse(Response):
    """A page in UTF-8. Names of files that are not UTF-8 come as lone surrogates: shown as ?."""

    media_type = "text/html"

    def render(self, content: str) -> bytes:
        """The page as it is sent."""
        return content.encode("utf-8", "replace")


@cache
def _templates() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).with_name("templates")),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals.update(thumbnail_url=thumbnail_url, file_url=file_url)
    return environment


def render(name: str, status: int = HTTPStatus.OK, **values: object) -> HtmlResponse:
    """The page that a template makes of these values."""
    return HtmlResponse(_templates().get_template(name).render(values), status)


def render_problem(problem: Problem) -> HtmlResponse:
    """A page that says what went wrong."""
    return render("problem.html", problem.status, problem=problem)
