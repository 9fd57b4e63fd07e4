"""A folder as people have them, to go through clipseek with as a newcomer.

    python -m benchmarks.messy_folder DIR [--files 2000]

Made of the sample photos, always the same for a number of files: scaled, turned and cropped photos
in every form a camera or a program writes, bursts and copies, names of all kinds, deep folders,
sidecars, what other programs leave behind, and files that are damaged, empty, links, no pictures,
or pictures of enormous size. What must come of it is printed: how many files of each kind.
"""

from __future__ import annotations

import argparse
import io
import os
import random
import struct
import zlib
from collections import Counter
from pathlib import Path

import pillow_heif
from PIL import Image, ImageEnhance

PHOTOS = Path(__file__).parents[1] / "sample_data" / "photos"
FOLDERS = (
    "2019", "2019/Summer in Portugal", "2021/Hochzeit Jörg & Änne", "Фото/Дача", "写真/京都",
    "Camera Uploads", "DCIM/100APPLE", "DCIM/101_PANA", "WhatsApp Images/Sent",
    "old computer/My Documents/My Pictures/from old phone/backup (2)/DCIM/Camera",
    "Screenshots", "work/#receipts", "with 'quotes' and \"more\"", "emoji 🎉 party",
)  # fmt: skip
NAMES = (
    "IMG_{n:04d}", "DSC{n:05d}", "{n:08d}_o", "IMG-2019{m:02d}{d:02d}-WA{n:04d}",
    "Screenshot 2021-{m:02d}-{d:02d} at 10.{d:02d}.{m:02d}", "photo ({n})", "Foto {n} äöü", "図{n}",
    "PXL_2022{m:02d}{d:02d}_{n:09d}", "a very long name that somebody once gave to a photo {n}",
    "-rf {n}", "100%{n} & more; #1", "trailing space {n} ",
)  # fmt: skip
KINDS = (
    ("jpg", 52), ("JPG", 12), ("png", 8), ("heic", 8), ("webp", 4), ("gif", 2), ("tif", 2),
    ("bmp", 1), ("avif", 2), ("jpeg", 3), ("txt", 2), ("mov", 2), ("xmp", 2),
)  # fmt: skip
ODD = 40
"""One file of so many is odd: one of the functions in `MISHAPS` makes it."""


def make(directory: Path, files: int) -> Counter[str]:
    """Fill a new directory; returns how many files of each kind there are."""
    pillow_heif.register_heif_opener()
    chance = random.Random(0)
    photos = sorted(path for path in PHOTOS.rglob("*") if path.is_file())
    made: Counter[str] = Counter()
    last = directory
    for n in range(files):
        folder = directory / chance.choice(FOLDERS)
        folder.mkdir(parents=True, exist_ok=True)
        name = chance.choice(NAMES).format(n=n, m=chance.randint(1, 12), d=chance.randint(1, 28))
        if n % ODD == ODD - 1:
            mishap = MISHAPS[n // ODD % len(MISHAPS)]
            mishap(folder / f"{name}.jpg", chance.choice(photos))
            made[mishap.__name__.strip("_").replace("_", " ")] += 1
            continue
        kind = chance.choices([kind for kind, _ in KINDS], [share for _, share in KINDS])[0]
        path = folder / f"{name}.{kind}"
        if kind in ("jpg", "jpeg") and last.is_file() and chance.random() < 0.04:
            path.write_bytes(last.read_bytes())
            made["copies"] += 1
            continue
        _write(path, chance.choice(photos), chance)
        made[kind.lower()] += 1
        last = path if kind == "jpg" else last
    return made


def _write(path: Path, photo: Path, chance: random.Random) -> None:
    """A photo in the form its name says; other kinds are what lies beside photos."""
    kind = path.suffix.lower()[1:]
    if kind == "txt":
        path.write_text("not a picture\n")
        return
    if kind == "mov":
        path.write_bytes(b"\0\0\0\x14ftypqt  " + chance.randbytes(2_000))
        return
    if kind == "xmp":
        path.write_text(SIDECAR.format(word=photo.stem.replace("-", " ")), encoding="utf-8")
        path = path.with_suffix(".jpg")
        kind = "jpg"
    picture = _another(photo, chance)
    form = {"jpg": "JPEG", "jpeg": "JPEG", "tif": "TIFF", "heic": "HEIF"}.get(kind, kind.upper())
    if form == "JPEG" and chance.random() < 0.3:
        picture.save(path, form, exif=_exif(chance))
    else:
        picture.save(path, form)
    when = 1_500_000_000 + chance.randint(0, 200_000_000)
    os.utime(path, (when, when))


def _another(photo: Path, chance: random.Random) -> Image.Image:
    """A picture like this one: cropped, scaled, turned and brightened by chance."""
    picture = Image.open(photo).convert("RGB")
    width, height = picture.size
    left, top = chance.randint(0, width // 5), chance.randint(0, height // 5)
    picture = picture.crop((left, top, width - chance.randint(0, width // 5), height))
    scale = chance.choice((0.2, 0.5, 1.0, 1.0, 1.7))
    picture = picture.resize(
        (max(1, int(picture.width * scale)), max(1, int(picture.height * scale)))
    )
    if chance.random() < 0.2:
        picture = picture.rotate(chance.choice((90, 180, 270)), expand=True)
    return ImageEnhance.Brightness(picture).enhance(chance.uniform(0.6, 1.4))


def _exif(chance: random.Random) -> Image.Exif:
    exif = Image.Exif()
    exif[0x0112] = chance.randint(1, 8)  # orientation
    exif[0x0110] = chance.choice(("iPhone 12", "Pixel 6", "DMC-TZ61", "Canon EOS 600D"))
    day = f"20{chance.randint(10, 24)}:{chance.randint(1, 12):02d}:{chance.randint(1, 28):02d}"
    exif.get_ifd(0x8769)[0x9003] = f"{day} 1{chance.randint(0, 9)}:30:00"
    if chance.random() < 0.3:
        exif.get_ifd(0x8825).update({1: "N", 2: (38.0, 43.0, 0.0), 3: "W", 4: (9.0, 8.0, 0.0)})
    return exif


SIDECAR = (
    '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
    '<rdf:Description xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:subject><rdf:Bag>'
    "<rdf:li>{word}</rdf:li></rdf:Bag></dc:subject></rdf:Description></rdf:RDF></x:xmpmeta>"
)


def _empty(path: Path, _photo: Path) -> None:
    path.touch()


def _cut_short(path: Path, photo: Path) -> None:
    whole = _jpeg(photo)
    path.write_bytes(whole[: len(whole) // 3])


def _text_named_as_a_picture(path: Path, _photo: Path) -> None:
    path.write_text("<html>404 not found</html>")


def _damaged_inside(path: Path, photo: Path) -> None:
    whole = bytearray(_jpeg(photo))
    whole[len(whole) // 2 : len(whole) // 2 + 400] = bytes(400)
    path.write_bytes(whole)


def _png_with_the_name_of_a_jpeg(path: Path, photo: Path) -> None:
    Image.open(photo).save(path, "PNG")


def _link_to_a_photo(path: Path, photo: Path) -> None:
    path.symlink_to(photo)


def _link_that_leads_nowhere(path: Path, _photo: Path) -> None:
    path.symlink_to(path.with_name("gone.jpg"))


def _enormous(path: Path, _photo: Path) -> None:
    """A PNG that says it has 60,000 by 60,000 pixels, in a few bytes."""
    head = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
    parts = ((b"IHDR", head), (b"IDAT", zlib.compress(bytes(1_000))), (b"IEND", b""))
    chunks = (
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in parts
    )
    path.with_suffix(".png").write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(chunks))


def _raw_of_a_camera(path: Path, photo: Path) -> None:
    """TIFF's head with a preview, as in a raw file that cannot be developed."""
    path.with_suffix(".NEF").write_bytes(b"II*\0\x08\0\0\0" + bytes(200) + _jpeg(photo))


def _resource_fork(path: Path, _photo: Path) -> None:
    path.with_name(f"._{path.name}").write_bytes(b"\0\x05\x16\x07" + bytes(100))


def _thumbnail_of_a_program(path: Path, photo: Path) -> None:
    folder = path.parent / "@eaDir"
    folder.mkdir(exist_ok=True)
    (folder / path.name).write_bytes(_jpeg(photo))


def _one_pixel(path: Path, _photo: Path) -> None:
    Image.new("RGB", (1, 1), "white").save(path, "JPEG")


def _panorama(path: Path, photo: Path) -> None:
    Image.open(photo).convert("RGB").resize((9_000, 300)).save(path, "JPEG")


def _not_to_be_read(path: Path, photo: Path) -> None:
    path.write_bytes(_jpeg(photo))
    path.chmod(0)


def _folder_with_the_name_of_a_picture(path: Path, _photo: Path) -> None:
    path.mkdir()


def _jpeg(photo: Path) -> bytes:
    buffer = io.BytesIO()
    Image.open(photo).convert("RGB").save(buffer, "JPEG")
    return buffer.getvalue()


MISHAPS = (
    _empty, _cut_short, _text_named_as_a_picture, _damaged_inside, _png_with_the_name_of_a_jpeg,
    _link_to_a_photo, _link_that_leads_nowhere, _enormous, _raw_of_a_camera, _resource_fork,
    _thumbnail_of_a_program, _one_pixel, _panorama, _not_to_be_read,
    _folder_with_the_name_of_a_picture,
)  # fmt: skip


def main() -> None:
    """Make the folder and say what is in it."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("directory", type=Path)
    parser.add_argument("--files", type=int, default=2_000)
    arguments = parser.parse_args()
    arguments.directory.mkdir(parents=True)
    for kind, count in make(arguments.directory, arguments.files).most_common():
        print(f"{count:5d} {kind}")


if __name__ == "__main__":
    main()
