"""Files of names: what is read, and what is refused with its line."""

from __future__ import annotations

from pathlib import Path

import pytest

from searchengine.errors import InputError
from searchengine.labels.background import background, beside
from searchengine.labels.names import (
    SHIPPED,
    Name,
    above,
    depths,
    kept_name,
    parse_names,
    read_names,
    shipped_names,
)


def test_synonyms_broader_names_and_comments() -> None:
    text = """
    # animals
    golden retriever = goldie < dog = hound   # a kind of dog
    dog < animal
    car =  motor   car
    """
    assert parse_names(text) == (
        Name("dog", ("hound",), "animal"),
        Name("golden retriever", ("goldie",), "dog"),
        Name("animal"),
        Name("car", ("motor car",)),
    )


def test_letters_and_their_marks_are_one_name_however_they_are_written() -> None:
    assert parse_names("café\ncafe\u0301 = coffee house") == (Name("café", ("coffee house",)),)


def test_a_chain_names_all_of_its_parts() -> None:
    names = parse_names("golden retriever < dog < animal\nDog < Animal")
    known = {each.name: each for each in names}
    assert list(known) == ["animal", "dog", "golden retriever"]
    assert [each.name for each in above(known["golden retriever"], known)] == ["dog", "animal"]
    assert depths(names) == {"animal": 0, "dog": 1, "golden retriever": 2}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "names: no names in it; write one name a line"),
        ("# nothing\n\n", "no names in it"),
        ("dog\ncat = ", "line 2: a name is missing beside = or <"),
        ("dog\n< animal", "line 2: a name is missing"),
        ("dog = hound\nhound", "line 2: 'hound' is a word for 'dog' already"),
        ("dog < animal\ndog < pet", "line 2: 'dog' is a kind of 'animal' already"),
        ("dog < animal < dog", "'dog' is broader than itself"),
        ("d" * 201, "line 1: a name of 201 characters; 200 at most"),
        ("dog\x1b[2J", "line 1: a name with characters that cannot be printed"),
        ("\n".join(f"name {n}" for n in range(20_001)), "20,001 names, over the limit of 20,000"),
    ],
)
def test_what_is_refused(text: str, message: str) -> None:
    with pytest.raises(InputError) as caught:
        parse_names(text)
    assert message in str(caught.value)


def test_a_file_that_is_no_text(tmp_path: Path) -> None:
    path = tmp_path / "names.txt"
    path.write_bytes(b"dog\nb\xe4r\n")
    with pytest.raises(InputError, match=r"names\.txt, line 2: not UTF-8 text; save it as UTF-8"):
        read_names(path)
    path.write_bytes(b"\xef\xbb\xbfdog\r\nb\xc3\xa4r\r\n")
    assert [each.name for each in read_names(path)] == ["dog", "bär"]


@pytest.mark.parametrize("name", SHIPPED)
def test_the_sets_that_ship(name: str) -> None:
    names = shipped_names(name)
    assert len(names) >= 14
    if name == "imagenet":
        from open_clip import IMAGENET_CLASSNAMES

        assert [each.name for each in names] == list(dict.fromkeys(IMAGENET_CLASSNAMES))
        assert beside(names) == ()


def test_no_other_set_ships() -> None:
    with pytest.raises(
        InputError, match="no label set 'pets' ships; there is: documents, imagenet"
    ):
        shipped_names("pets")


def test_kinds_of_a_name_count_for_it_and_others_against_it() -> None:
    names = parse_names("hound = Dog\nterrier < hound\ntench")
    of = {other.name: other.kind_of for other in beside(names)}
    assert of["Golden Retriever"] == "hound"
    assert of["Scottish Terrier"] == "terrier", "the nearest of two"
    assert of["tabby cat"] is None
    assert "tench" not in of, "it is one of the names itself"
    assert len(of) == len(background()) - 1


def test_one_name_in_composed_and_decomposed_form_is_one_name() -> None:
    assert [each.name for each in parse_names("caf\u00e9\ncafe\u0301\nCAFE\u0301")] == ["caf\u00e9"]


@pytest.mark.parametrize("name", ["", " ", "x" * 201, "a\x1b[31m", "\udcff"])
def test_a_name_that_no_list_can_show_is_refused(name: str) -> None:
    with pytest.raises(InputError, match=r"a name of 201|an empty name|cannot be printed"):
        kept_name(name)
