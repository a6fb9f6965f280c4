"""Weights and models that other people made."""

import io
import json
import os
import zipfile
from functools import partial

import torch

from tests.stages.bad_input.case import Case, Spoil, all_of, cut, gone, put, setting
from tests.stages.conftest import Project

MODEL = "models/m"


class Malicious:
    """Makes a folder when it is unpickled."""

    def __reduce__(self) -> object:
        return os.mkdir, ("owned",)


def saved(value: object) -> bytes:
    """What torch.save makes."""
    stream = io.BytesIO()
    torch.save(value, stream)
    return stream.getvalue()


def packed() -> bytes:
    """A file of weights whose zip unpacks to 200 MB."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("archive/data.pkl", bytes(200 << 20))
    return stream.getvalue()


def weights(content: bytes) -> Spoil:
    """Make a file of weights, and name it in params."""
    return all_of(
        put("w.pth", content), setting("extract.tags", weights="w.pth", outputs=["pooled"])
    )


_weights = partial(Case, run="extract")
WEIGHTS = [
    _weights(
        "weights that are not here",
        setting("extract.tags", backbone="vgg16", outputs=["grid"]),
        "weights 'imagenet': vgg16-397923af.pth is not on this machine. Get it from ",
    ),
    _weights(
        "a name that is none",
        setting("extract.tags", weights="imagnet"),
        "weights 'imagnet': neither a file nor a name…did you mean 'imagenet'?",
    ),
    _weights("a page of an error", weights(b"<html>404</html>"), "w.pth: "),
    _weights("an empty file", weights(b""), "w.pth: not a file of weights"),
    _weights(
        "a pickle that would run a program",
        weights(saved({"w": Malicious()})),
        "w.pth: refused: it holds more than tensors, and could run code when opened",
    ),
    _weights(
        "a file cut off",
        weights(saved({"w": torch.zeros(999)})[:2000]),
        "w.pth: not a file of weights",
    ),
    _weights(
        "something else than a state dict",
        weights(saved([torch.zeros(1)])),
        "w.pth: expected a state dict",
    ),
    _weights(
        "weights of another network",
        weights(saved({"w": torch.zeros(1)})),
        "these weights are not efficientnet_lite0's",
    ),
    _weights(
        "200 KB of zip that unpack to 200 MB",
        weights(packed()),
        "w.pth: refused: its parts are packed",
    ),
    _weights(
        "another file than its sha256 says",
        all_of(weights(saved({"w": torch.zeros(1)})), setting("extract.tags", sha256="00")),
        "w.pth: its sha256 is …, not 00 as the parameter sha256 says",
    ),
]

NEW = put("new.jsonl", '{"text": "Bob met Ada"}\n')
PREDICT = "mner predict new.jsonl --model models/m --output out.jsonl"


def described(**values: object) -> Spoil:
    """Set keys of the model's description, and have something to predict."""

    def spoil(project: Project) -> None:
        path = project.path / MODEL / "system.json"
        path.write_text(json.dumps({**json.loads(path.read_text("utf-8")), **values}), "utf-8")

    return all_of(NEW, spoil)


def huge(project: Project) -> None:
    """Give the model a billion hidden units."""
    path = project.path / MODEL / "system.json"
    tree = json.loads(path.read_text("utf-8"))
    tree["params"]["model"]["hidden"] = 10**9
    path.write_text(json.dumps(tree), "utf-8")


W = f"{MODEL}/seed-1/weights.safetensors"
_models = partial(Case, run="evaluate")
MODELS = [
    _models("no model", gone(f"{MODEL}/system.json"), f"{MODEL}/system.json: no such file"),
    _models(
        "a description that is none",
        put(f"{MODEL}/system.json", "{"),
        f"{MODEL}/system.json: damaged",
    ),
    _models(
        "a description of something else",
        put(f"{MODEL}/system.json", "[]"),
        f"{MODEL}/system.json: the section: …{MODEL}: written by another version",
    ),
    _models("an unknown system", described(system="os"), "unknown system 'os'"),
    _models(
        "a seed that climbs", described(seeds=["1/../../../x"]), f"{MODEL}/system.json: seeds.0: "
    ),
    _models(
        "vectors of a width that no memory holds",
        described(word_width=10**15),
        f"{MODEL}/system.json: word_width: ",
    ),
    _models("weights cut off", cut(W), f"{W}: damaged"),
    _models("no weights", gone(W), f"{W}: no such file"),
    _models("a pickle as weights", put(W, saved({"w": Malicious()})), f"{W}: damaged"),
    _models(
        "weights of another network",
        put(W, b"\x02\x00\x00\x00\x00\x00\x00\x00{}"),
        f"{W}: weights of another network",
    ),
    _models(
        "a lexicon that is none",
        put(f"{MODEL}/lexicon.json", "[]"),
        f"{MODEL}/lexicon.json: the section: ",
    ),
    _models("layers that no memory holds", huge, f"{MODEL}: its sizes make no network here"),
    Case(
        "an export of another version",
        all_of(NEW, put("e/export.json", '{"version": 99}')),
        "e: an export of version 99",
        "mner predict new.jsonl --model e --output out.jsonl",
    ),
    Case(
        "an export that names files outside",
        all_of(NEW, put("e/export.json", '{"version": 1, "files": {"../mine.txt": ""}}')),
        "e: 1 of 1 files are missing or not as they were",
        "mner predict new.jsonl --model e --output out.jsonl",
    ),
    Case(
        "new posts of which one is no JSON",
        put("new.jsonl", '{"text": "Bob"}\n{\n'),
        '…"error": "no JSON: ',
        "mner predict new.jsonl --model models/m",
        counted=True,
    ),
    Case(
        "a CSV of new posts without the column",
        put("new.csv", "words\nBob\n"),
        "new.csv: has no column 'text', only words",
        "mner predict new.csv --model models/m --output out.jsonl",
    ),
    Case(
        "new posts in a file of no known suffix",
        put("new.xml", "<a/>"),
        "new.xml: its suffix does not say what it is",
        "mner predict new.xml --model models/m --output out.jsonl",
    ),
]
