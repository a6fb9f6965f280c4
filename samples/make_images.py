"""Rebuild `images/` and `graph/images/` from the packages that carry the photographs.

`sources.tsv` says which archive holds each photograph, which part of it is kept, whether it is
mirrored and how large it is saved; LICENSES.md says whose it is. Fetch the archives into one folder
first:

    pip download --no-deps --only-binary :all: -d ARCHIVES \
        scikit-image==0.26.0 scikit-learn==1.9.1 matplotlib==3.11.2 scipy==1.9.3
    cd ARCHIVES && apt-get download gcompris-qt-data    # Debian 12, version 3.1-2

The bytes are a function of the archives and of the JPEG encoder in Pillow (13.0.0 for the files
kept here): another Pillow gives the same pictures in slightly other bytes.
"""

import argparse
import bz2
import csv
import io
import struct
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

from PIL import Image

HERE = Path(__file__).parent
FACE = (1024, 768)  # scipy's face.dat is bz2 over bare RGB pixels, without a header


def data_of_deb(path: Path) -> bytes:
    """The `data.tar.*` inside a Debian package, which is an `ar` archive of three members."""
    raw, at = path.read_bytes(), 8
    while at < len(raw):
        name, size = raw[at : at + 16].strip(b" /"), int(raw[at + 48 : at + 58])
        if name.startswith(b"data.tar"):
            return raw[at + 60 : at + 60 + size]
        at += 60 + size + size % 2
    raise ValueError(f"{path.name} holds no data.tar")


def files_of_rcc(raw: bytes) -> Iterator[tuple[str, bytes]]:
    """Path and bytes of each uncompressed file in a Qt resource file."""
    tree, data, names = struct.unpack(">3I", raw[8:20])

    def walk(node: int, parent: str) -> Iterator[tuple[str, bytes]]:
        at = tree + 22 * node
        label, flags = struct.unpack(">IH", raw[at : at + 6])
        length = struct.unpack(">H", raw[names + label : names + label + 2])[0]
        start = names + label + 6
        path = f"{parent}/{raw[start : start + 2 * length].decode('utf-16-be')}" if node else ""
        if flags & 2:
            count, first = struct.unpack(">2I", raw[at + 6 : at + 14])
            for child in range(first, first + count):
                yield from walk(child, path)
        elif not flags & 1:
            begin = data + struct.unpack(">I", raw[at + 10 : at + 14])[0]
            size = struct.unpack(">I", raw[begin : begin + 4])[0]
            yield path, raw[begin + 4 : begin + 4 + size]

    return walk(0, "")


def originals(archives: Path, rows: list[dict[str, str]]) -> dict[str, bytes]:
    """The bytes of each original that `rows` name, keyed `archive/member`."""
    found: dict[str, bytes] = {}
    for archive in sorted({row["archive"] for row in rows}):
        path = next(iter(sorted(archives.glob(f"{archive}*"))), None)
        if path is None:
            raise FileNotFoundError(f"no file {archive}* in {archives}")
        members = sorted({row["member"] for row in rows if row["archive"] == archive})
        if path.suffix == ".whl":
            with zipfile.ZipFile(path) as wheel:
                found |= {f"{archive}/{member}": wheel.read(member) for member in members}
            continue
        with tarfile.open(fileobj=io.BytesIO(data_of_deb(path))) as tar:
            for rcc in sorted({member.split("//")[0] for member in members}):
                handle = tar.extractfile(f"./{rcc}")
                if handle is not None:
                    files = files_of_rcc(handle.read())
                    found |= {f"{archive}/{rcc}/{inner}": raw for inner, raw in files}
    return found


def decode(raw: bytes, member: str) -> Image.Image:
    """An RGB picture, on black where the original is transparent."""
    if member.endswith(".dat"):
        return Image.frombytes("RGB", FACE, bz2.decompress(raw))
    picture = Image.open(io.BytesIO(raw)).convert("RGBA")
    black = Image.new("RGBA", picture.size, (0, 0, 0, 255))
    return Image.alpha_composite(black, picture).convert("RGB")


def save(row: dict[str, str], raw: bytes, out: Path) -> None:
    """Cut the wanted part (fractions of width and height), mirror, shrink and write it as JPEG."""
    picture = decode(raw, row["member"])
    left, top, right, bottom = (float(part) for part in row["crop"].split())
    width, height = picture.size
    box = (round(left * width), round(top * height), round(right * width), round(bottom * height))
    picture = picture.crop(box)
    if row["mirror"] == "yes":
        picture = picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    picture.thumbnail((int(row["side"]), int(row["side"])), Image.Resampling.LANCZOS)
    picture.save(out / row["file"], "JPEG", quality=int(row["quality"]), optimize=True)


def main() -> None:
    """Write every picture of `sources.tsv` below the output folder."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("archives", type=Path, help="folder with the wheels and the Debian package")
    parser.add_argument("--out", type=Path, default=HERE, help="default: beside this script")
    arguments = parser.parse_args()
    with (HERE / "sources.tsv").open(encoding="utf-8", newline="") as handle:
        rows = list(csv.DictReader(handle, delimiter="\t"))
    found = originals(arguments.archives, rows)
    for row in rows:
        (arguments.out / row["file"]).parent.mkdir(parents=True, exist_ok=True)
        save(row, found[f"{row['archive']}/{row['member']}"], arguments.out)


if __name__ == "__main__":
    main()
