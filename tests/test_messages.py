"""What messages, docstrings and conf/'s comments name is there: keys, stages, commands, paths."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
import yaml

from cli.__main__ import COMMANDS
from tests.conftest import ROOT

SUFFIXES = {
    "css",
    "diff",
    "html",
    "json",
    "lock",
    "md",
    "nt",
    "parquet",
    "py",
    "safetensors",
    "svg",
    "toml",
    "tsv",
    "yaml",
}
CODE = ("pipeline", "stages", "cli")
# Files of others that encoders are read from.
FILES = {
    "bpe.codes",
    "merges.txt",
    "model.zip",
    "sentencepiece.bpe.model",
    "spm.model",
    "vocab.txt",
}
FOREIGN = {"torch", "embeddings"}  # modules of others that messages name, and of their networks
WORD = r"[a-z_]+"


@cache
def _yaml(name: str) -> dict[str, object]:
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    tree: dict[str, object] = yaml.load((ROOT / name).read_text(encoding="utf-8"), loader)
    return tree


def _paths(tree: object) -> Iterator[tuple[str, ...]]:
    """The path of every key of a tree."""
    for key, value in tree.items() if isinstance(tree, dict) else ():
        yield (key,)
        yield from ((key, *rest) for rest in _paths(value))


@cache
def keys() -> set[str]:
    """Every key of params.yaml by its dotted path, and by the ends of that path."""
    return {".".join(path[at:]) for path in _paths(_yaml("params.yaml")) for at in range(len(path))}


@cache
def stages() -> set[str]:
    locked = _yaml("dvc.lock")["stages"]
    assert isinstance(locked, dict)
    named = {*locked, *_yaml("dvc.yaml")["stages"]}  # some run only where params ask for them
    return {name for stage in named for name in (stage, stage.partition("@")[0])}


@cache
def outputs() -> set[str]:
    """What stages write, and the folders that these lie in."""
    text = (ROOT / "dvc.lock").read_text(encoding="utf-8")
    found = {Path(path) for path in re.findall(r"path: (\S+)", text)}
    return {str(one) for path in found for one in (path, *path.parents)}


def sources() -> list[Path]:
    folders = ("pipeline", "stages", "cli")
    found = {path for folder in folders for path in (ROOT / folder).rglob("*.py")}
    return sorted(found - {ROOT / "cli" / "system_template.py"})  # whose strings are code


def strings(path: Path) -> Iterator[tuple[int, str, bool]]:
    """Line and text of each string of a module, and whether it is a docstring.

    Braces stand for the values in an f-string.
    """
    tree = ast.parse(path.read_text(encoding="utf-8"))
    nodes = list(ast.walk(tree))
    docstrings = {id(node.value) for node in nodes if isinstance(node, ast.Expr)}
    within = {id(p) for node in nodes if isinstance(node, ast.JoinedStr) for p in node.values}
    for node in nodes:
        if isinstance(node, ast.JoinedStr):
            parts = (p.value if isinstance(p, ast.Constant) else "{}" for p in node.values)
            yield node.lineno, "".join(map(str, parts)), False
        elif isinstance(node, ast.Constant) and id(node) not in within:
            yield node.lineno, str(node.value), id(node) in docstrings


def stages_of_calls(path: Path) -> Iterator[tuple[int, str]]:
    """The stages that a module says write the tables which it reads."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        called = isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id
        if isinstance(node, ast.Call) and called in {"read_table", "check_columns"}:
            for value in node.args:
                if isinstance(value, ast.Constant) and isinstance(value.value, str):
                    yield node.lineno, value.value


def wrong_keys(text: str, docstring: bool) -> Iterator[str]:
    for name in re.findall(rf"(?<![\w./{{}}-])({WORD}(?:\.{WORD})+)\b", text):
        first, last = name.partition(".")[0], name.rpartition(".")[2]
        if first in CODE:
            known = _is_code(name)
        else:
            other = last in SUFFIXES or first in FOREIGN or name in FILES | {"e.g"}
            # A docstring names Python's attributes too.
            known = other or name in keys() or (docstring and first not in _yaml("params.yaml"))
        if not known:
            yield name


def _is_code(name: str) -> bool:
    """Whether the project has a module of this name, or a module with this attribute."""
    module, _, attribute = name.rpartition(".")
    path = ROOT.joinpath(*name.split("."))
    if path.is_dir() or path.with_suffix(".py").exists():
        return True
    holder = ROOT.joinpath(*module.split(".")).with_suffix(".py")
    return holder.exists() and bool(
        re.search(rf"(?m)^(def|class) {attribute}\b|^{attribute}\b", holder.read_text("utf-8"))
    )


def wrong_commands(text: str) -> Iterator[str]:
    known = {
        r"dvc repro ([a-z_@0-9]+)(?![\w{])": stages(),  # a name in capitals stands for any
        r"`mner (\w[\w-]*)": set(COMMANDS),
        r"`make ([\w-]+)": set(re.findall(r"(?m)^([\w-]+):", (ROOT / "Makefile").read_text())),
        r"python -m benchmarks (\w+)": {path.stem for path in (ROOT / "benchmarks").glob("*.py")},
    }
    for pattern, names in known.items():
        yield from (name for name in re.findall(pattern, text) if name not in names)


def wrong_paths(text: str) -> Iterator[str]:
    for path in re.findall(r"`([\w.-]+/[\w./-]*)`", text):
        top = path.partition("/")[0]
        known = (ROOT / path).exists() or path.rstrip("/") in outputs()
        if (ROOT / top).is_dir() and not known and not re.search("[A-Z]{2}", path):
            yield path


@pytest.mark.parametrize("path", sources(), ids=lambda path: str(path.relative_to(ROOT)))
def test_what_a_module_names_is_there(path: Path) -> None:
    wrong = {
        (line, name)
        for line, text, docstring in strings(path)
        for name in (*wrong_keys(text, docstring), *wrong_commands(text), *wrong_paths(text))
    }
    wrong |= {(line, name) for line, name in stages_of_calls(path) if name not in stages()}
    assert not wrong


def test_what_the_comments_of_conf_name_is_there() -> None:
    for path in (ROOT / "conf").rglob("*.yaml"):
        comments = "\n".join(re.findall("#.*", path.read_text(encoding="utf-8")))
        assert not [*wrong_commands(comments), *wrong_paths(comments)], path


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("candidates.scorer: no 'x'", ["candidates.scorer"]),
        ("knowledge.scorer: no 'x'; see graph.triple", ["graph.triple"]),
        ("lower training.learning_rate of pipeline.fit.loops", ["pipeline.fit.loops"]),
        ("{}: no such file; run `dvc repro captions`", ["captions"]),
        ("{}: run `dvc repro extract@regions` or `dvc repro {}`, see `mner table`", ["table"]),
        ("`features/tags.parquet`, `features/tag.parquet`", ["features/tag.parquet"]),
        ("`make setups`; `python -m benchmarks growths`; e.g. `conf/`", ["setups", "growths"]),
    ],
)
def test_what_is_not_there_is_found(text: str, wrong: list[str]) -> None:
    assert [*wrong_keys(text, False), *wrong_commands(text), *wrong_paths(text)] == wrong
