"""Examinations of the project: weights, names of parameters, stores, locks, links."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pipeline.doctor.finding import Finding
from pipeline.errors import PipelineError
from pipeline.language.words import find_words
from pipeline.params.block import find, load, read
from pipeline.params.context import Context
from pipeline.params.extract import Extract
from pipeline.params.runtime import Runtime
from pipeline.store.index import INDEX, SUMMARY
from pipeline.store.reader import Reader
from pipeline.vision.backbone import known_backbones
from pipeline.vision.extract import find_network

PARAMS = "params.yaml"
FEATURES = "features"
CONTEXT = "context"  # the stores of contextual words lie one folder lower
UNSEEN = ("nfiles", "size")  # DVC 3 leaves parameters of these names out of its run-cache's key
OUTPUTS = (FEATURES, "models", "metrics", "predictions", "curves", "report", "data", "samples")
SHOWN = 5  # of many, so many are named


def weights(project: Path) -> Iterator[Finding]:
    """Whether the weights of each role and encoder are there and the right ones."""
    tree = load(project / PARAMS)
    runtime = read(project / PARAMS, "runtime", Runtime)
    for role in tree.get("extract") or {}:
        params = find(tree, f"extract.{role}", Extract, PARAMS)
        name = f"weights of {role}"
        try:
            network = find_network(params, runtime.weights_dir)
        except PipelineError as error:
            published = params.backbone in known_backbones()
            advice = f"mner weights {params.backbone} --download" if published else ""
            yield Finding(name, "fault", str(error), advice)
        else:
            said = f"{params.backbone}, sha256 {network.weights.sha256[:12]} verified"
            yield Finding(name, "ok", said)
    for encoder, block in find(tree, CONTEXT, Context, PARAMS).encoders.items():
        name = f"weights of {CONTEXT}/{encoder}"
        try:
            words = find_words(block, runtime.weights_dir)
        except PipelineError as error:
            yield Finding(name, "fault", str(error))
        else:
            said = f"{block.encoder}, sha256 {words.files.sha256[:12]} verified"
            yield Finding(name, "ok", said)


def names(project: Path) -> Iterator[Finding]:
    """Whether DVC sees a change of every parameter."""
    unseen = sorted(_named(load(project / PARAMS), UNSEEN))
    if unseen:
        said = f"a change of {', '.join(unseen)} may bring back old outputs from DVC's run-cache"
        yield Finding("parameters", "fault", said, "give them other names in conf/ and in the code")
    else:
        yield Finding("parameters", "ok", f"none is called {' or '.join(UNSEEN)}")


def stores(project: Path) -> Iterator[Finding]:
    """Whether each feature store is whole."""
    found = sorted(
        path
        for path in _in_features(project, "*")
        if (path / INDEX).exists() or (path / SUMMARY).exists() or any(path.glob("*-of-*.h5"))
    )
    for path in found:
        place = _place(project, path)
        name = f"store {place}"
        reader = Reader(path)
        try:
            reader.check()
        except (PipelineError, OSError) as error:
            yield Finding(name, "fault", str(error), f"dvc pull {FEATURES}/{place}")
        else:
            noun = "texts" if path.parent.name == CONTEXT else "images"
            said = f"whole: {len(reader)} {noun}, fingerprint {reader.fingerprint.digest[:12]}"
            yield Finding(name, "ok", said)
    if not found:
        yield Finding("stores", "note", f"{FEATURES}/ holds none", "dvc pull, or dvc repro")


def locks(project: Path) -> Iterator[Finding]:
    """Whether a process writes a store now, or died while it did."""
    found = sorted(_in_features(project, "*.lock"))
    for path in found:
        holder = path.read_text(encoding="ascii", errors="replace").strip() or "unknown"
        name = f"lock {_place(project, path.with_suffix(''))}"
        if _is_held(path):
            advice = "wait for it or end it: a killed dvc leaves its stage running"
            yield Finding(name, "note", f"process {holder} writes it now", advice)
        else:
            said = f"process {holder} died while it wrote; this keeps nobody out"
            yield Finding(name, "note", said, f"rm {path.relative_to(project)}")
    if not found:
        yield Finding("locks", "ok", "no store is being written")


def links(project: Path) -> Iterator[Finding]:
    """Whether symbolic links lead somewhere; DVC may have made outputs links into its cache."""
    broken = sorted(
        path.relative_to(project).as_posix()
        for name in OUTPUTS
        for path in _links(project / name)
        if not path.exists()
    )
    if broken:
        more = f" and {len(broken) - SHOWN} more" if len(broken) > SHOWN else ""
        said = f"{len(broken)} lead nowhere: {', '.join(broken[:SHOWN])}{more}"
        advice = "dvc checkout, or dvc pull; a link of your own must be made anew"
        yield Finding("links", "fault", said, advice)
    else:
        yield Finding("links", "ok", "none leads nowhere")


def _in_features(project: Path, pattern: str) -> Iterator[Path]:
    """Where a store may lie, or its lock."""
    for folder in (project / FEATURES, project / FEATURES / CONTEXT):
        yield from folder.glob(pattern)


def _place(project: Path, path: Path) -> str:
    return path.relative_to(project / FEATURES).as_posix()


def _named(tree: Any, wanted: tuple[str, ...], path: str = "") -> Iterator[str]:
    """The dotted paths of the keys of these names, at any depth."""
    if isinstance(tree, Mapping):
        for key, value in tree.items():
            if key in wanted:
                yield f"{path}{key}"
            yield from _named(value, wanted, f"{path}{key}.")
    elif isinstance(tree, list):
        for value in tree:
            yield from _named(value, wanted, path)


def _is_held(path: Path) -> bool:
    """Whether a living process holds this lock."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def _links(folder: Path) -> Iterator[Path]:
    """All symbolic links in a folder, and the folder itself if it is one."""
    if folder.is_symlink():
        yield folder
    if not folder.is_dir():
        return
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_symlink():
                yield Path(entry.path)
            elif entry.is_dir(follow_symlinks=False):
                yield from _links(Path(entry.path))
