"""The words around a name: an encoder knows things best in the words it was trained with."""

from __future__ import annotations

ARTICLES = ("a", "an", "the")


def in_template(template: str, name: str) -> str:
    """A name in the words of a template: `a/an` becomes its article, `{}` the name itself.

    A vowel letter takes "an", as in the captions that `starter` learned names from; a name that
    begins with an article of its own gets no second one.
    """
    words = name.split()
    if words and words[0].lower() in ARTICLES:
        template = template.replace("a/an ", "")
    article = "an" if name[:1].lower() in "aeiou" else "a"
    return template.replace("a/an", article).replace("{}", name)
