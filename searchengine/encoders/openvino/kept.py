"""Towers exported on this machine, kept in the user's cache by the fingerprint of their weights.

`towers/<fingerprint>/`: `towers.json` with the facts, the checkpoint they came from and the
checksums of the graphs; `image.xml` and `image.bin`, `text.xml` and `text.bin`, OpenVINO's
graphs and their weights in float16; the same with `-int8` in their names, where they pass the
guard; `text_tower.safetensors`, where the text tower is of a kind that numpy computes, else
`tokens.safetensors`: the table whose rows the graph of the texts takes, and the tokenizer where
that is not CLIP's. Deletable: an encoder is exported again when it is next loaded.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from searchengine.encoders.openvino.runtime import INT8
from searchengine.encoders.openvino.towers import (
    IMAGE,
    UNUSABLE,
    DamagedTowersError,
    TowerFacts,
    graph_name,
)
from searchengine.encoders.openvino.weights import Weights
from searchengine.encoders.preprocess import Preprocessing
from searchengine.encoders.text.encoder import TOWER_FILE
from searchengine.encoders.text.tensors import (
    Tensor,
    TensorFile,
    checksum_of,
    with_row_checksums,
    write_tensors,
)
from searchengine.paths import user_cache

FORMAT = 4
"""Of the directory. One of another format is as none, and written anew."""

GRAPH_SUFFIXES = (".xml", ".bin")

FACTS_FILE = "towers.json"
TOKENS_FILE = "tokens.safetensors"


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A file of an encoder as it was when its towers were exported."""

    path: str
    size: int
    """In bytes."""
    mtime_ns: int

    @classmethod
    def of(cls, path: Path) -> Checkpoint:
        """As it is now. Raises OSError."""
        found = path.stat()
        return cls(str(path), found.st_size, found.st_mtime_ns)

    def is_there(self) -> bool:
        """Whether the file is still the one that was exported."""
        try:
            return Checkpoint.of(Path(self.path)) == self
        except OSError:
            return False


@dataclass(frozen=True, slots=True)
class KeptTowers:
    """Those of one directory."""

    directory: Path
    facts: TowerFacts
    checksums: dict[str, str]
    refused: str
    """Why OpenVINO does not take them, or nothing: there are no graphs then."""
    version: str
    """OpenVINO's, which exported or refused them."""

    @property
    def text_tower(self) -> Path | None:
        """A file for `searchengine.encoders.text`, where the tower is one it computes."""
        path = self.directory / TOWER_FILE
        return path if path.is_file() else None

    @property
    def has_int8(self) -> bool:
        """Whether its towers have graphs in int8, which passed the guard."""
        return f"{graph_name(IMAGE, INT8)}.xml" in self.checksums

    def forget(self) -> None:
        """Delete them; they are exported again when their encoder is next loaded."""
        shutil.rmtree(self.directory, ignore_errors=True)

    def graph(self, tower: str) -> bytes:
        """OpenVINO's description of a tower. Raises OSError and DamagedTowersError."""
        return self._verified(f"{tower}.xml").data.tobytes()

    def weights(self, tower: str) -> Weights:
        """What the graph reads. Raises OSError and DamagedTowersError."""
        return self._verified(f"{tower}.bin")

    def tokens(self) -> tuple[Mapping[str, Tensor], Mapping[str, str]]:
        """See `Towers`. Raises OSError and DamagedTowersError."""
        file = tokens_in(self.directory)
        if file.notes.get("crc32") != file.checksum:
            raise DamagedTowersError(f"the tokens in {self.directory} are not as they were written")
        return file, file.notes

    def _verified(self, name: str) -> Weights:
        """A file, compared with its checksum."""
        weights = Weights.of_file(self.directory / name)
        if weights.checksum != self.checksums[name]:
            raise DamagedTowersError(f"{self.directory / name} is not as it was written")
        return weights


def keep_tokens(
    directory: Path,
    table: Mapping[str, Tensor],
    tokenizer: Mapping[str, Tensor],
    notes: Mapping[str, str],
) -> None:
    """Write what `tokens_in` reads, where no text tower has it. Raises OSError."""
    tensors = {**with_row_checksums(table), **tokenizer}
    told = {**notes, "crc32": checksum_of(tensors)}
    write_tensors(directory / TOKENS_FILE, tensors, told)


def tokens_in(directory: Path) -> TensorFile:
    """The file with the table and the tokenizer. Raises OSError and UnreadableTensorsError."""
    tower = directory / TOWER_FILE
    return TensorFile(tower if tower.is_file() else directory / TOKENS_FILE)


def find(name: str) -> KeptTowers | None:
    """The towers of an encoder by name, if its checkpoint is still the file they came from."""
    found = (_read(directory) for directory in _directories())
    return next((towers for towers in found if towers and towers.facts.name == name), None)


def keep(
    facts: TowerFacts, checkpoint: Sequence[Path], version: str, fill: Callable[[Path], str]
) -> None:
    """Make the directory of an encoder: `fill` writes the files, or returns why it cannot.

    `checkpoint` are the files of the encoder. Raises OSError where something cannot be written.
    """
    home = _home()
    home.mkdir(parents=True, exist_ok=True)
    made = Path(tempfile.mkdtemp(prefix=".new-", dir=home))
    try:
        refused = fill(made)
        told = {
            "format": FORMAT,
            **asdict(facts),
            "checkpoint": [asdict(Checkpoint.of(path)) for path in checkpoint],
            "checksums": {
                path.name: Weights.of_file(path).checksum
                for path in sorted(made.iterdir())
                if path.suffix in GRAPH_SUFFIXES  # the others have checksums in themselves
            },
            "refused": refused,
            "openvino": version,
        }
        (made / FACTS_FILE).write_text(json.dumps(told, indent=1), encoding="utf-8")
        place = home / facts.fingerprint
        shutil.rmtree(place, ignore_errors=True)
        with suppress(OSError):  # another process was quicker
            made.rename(place)
    finally:
        shutil.rmtree(made, ignore_errors=True)


def _directories() -> Iterator[Path]:
    with suppress(OSError):
        yield from (path for path in _home().iterdir() if not path.name.startswith("."))


def _read(directory: Path) -> KeptTowers | None:
    """None for what is not whole, of another format, or of a checkpoint that is another by now."""
    try:
        told: dict[str, Any] = json.loads((directory / FACTS_FILE).read_text(encoding="utf-8"))
        files = [Checkpoint(**each) for each in told["checkpoint"]]
        if told["format"] != FORMAT or not all(file.is_there() for file in files):
            return None
        facts = TowerFacts(
            name=str(told["name"]),
            fingerprint=str(told["fingerprint"]),
            dim=int(told["dim"]),
            logit_scale=float(told["logit_scale"]),
            preprocessing=Preprocessing.of(told["preprocessing"]),
            context=None if told["context"] is None else int(told["context"]),
        )
        return KeptTowers(
            directory, facts, dict(told["checksums"]), str(told["refused"]), str(told["openvino"])
        )
    except UNUSABLE:
        return None


def _home() -> Path:
    return user_cache("towers")
