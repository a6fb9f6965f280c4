"""Digests of the project's code: what DVC compares to know whose code changed.

A command's digest covers every module that its run imports, and no other. What a run finds by name
(a system, a backbone) has a digest of its own, which a stage names beside that of its command. A
digest is taken from syntax trees, so that comments, docstrings and formatting do not count.
"""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from pathlib import Path

import grimp
from grimp.exceptions import SourceSyntaxError

from pipeline.errors import PipelineError

PACKAGES = ("pipeline", "stages")
# Family of code.json -> the package whose modules are its members. Here stands all that a run finds
# by name: the import graph cannot see it.
FAMILIES = {
    "stages": "stages",
    "systems": "pipeline.systems",
    "backbones": "pipeline.vision.backbones",
    "encoders": "pipeline.language.encoders",
}
LENGTH = 16  # a line of dvc.lock holds it
# What such a package holds beside its members: the contract, and what several commands share.
SHARED = {"pipeline.systems.system", "stages.command", "stages.vector_source"}


Closures = Mapping[str, Mapping[str, frozenset[str]]]  # family -> member -> modules


def digests(root: Path) -> dict[str, dict[str, str]]:
    """Family -> member -> the digest of its code, `LENGTH` hexadecimal digits.

    Args:
        root: the folder of `PACKAGES`; they must be importable from there.

    Raises:
        PipelineError: for a file that Python cannot read, with its line.
    """
    try:
        return digests_of(closures(), lambda module: source(root, module).read_bytes())
    except (SourceSyntaxError, SyntaxError, UnicodeError) as error:
        raise PipelineError(f"the code cannot be read: {error}") from None


def digests_of(closures: Closures, read: Callable[[str], bytes]) -> dict[str, dict[str, str]]:
    """The same for closures that are known already; `read` gives a module's source."""
    modules = {m for members in closures.values() for found in members.values() for m in found}
    hashed = {module: digest(read(module), module) for module in modules}
    return {
        family: {
            member: _sha256(*(f"{module} {hashed[module]}\n" for module in sorted(found)))[:LENGTH]
            for member, found in members.items()
        }
        for family, members in closures.items()
    }


@cache
def digest(code: bytes, name: str) -> str:
    """SHA-256 of what a module's source says to Python; `name` is for the message of an error."""
    return _sha256(*_told(ast.parse(code, filename=name)))


def source(root: Path, module: str) -> Path:
    """The file of a module or package, in the folder `root`."""
    path = root.joinpath(*module.split("."))
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


def closures() -> Closures:
    """Family -> member -> the modules that its import runs, itself among them."""
    graph = grimp.build_graph(*PACKAGES, cache_dir=None, exclude_type_checking_imports=True)
    return {
        family: {
            module.rpartition(".")[2]: _closure(module, graph)
            for module in sorted(graph.find_children(package) - SHARED)
        }
        for family, package in FAMILIES.items()
    }


def _closure(module: str, graph: grimp.ImportGraph) -> frozenset[str]:
    """The module, what it imports, and the packages in which these lie: Python runs those too."""
    imported = {module, *graph.find_upstream_modules(module)}
    packages = {
        name.rsplit(".", depth)[0] for name in imported for depth in range(1, name.count(".") + 1)
    }
    return frozenset(imported | packages)


def _sha256(*parts: str) -> str:
    return hashlib.sha256("".join(parts).encode()).hexdigest()


def _told(node: object) -> Iterator[str]:
    """A syntax tree as text. Versions of Python that read the same program give the same text.

    Empty fields are left out, since a new version of Python adds such fields to old nodes.
    """
    if isinstance(node, ast.AST):
        yield f"({type(node).__name__}"
        for name, value in _fields(node).items():
            yield f" {name}="
            yield from _told(value)
        yield ")"
    elif isinstance(node, list):
        for item in node:
            yield from _told(item)
            yield ","
    else:
        yield repr(node)


def _fields(node: ast.AST) -> Mapping[str, object]:
    fields = {name: getattr(node, name, None) for name in node._fields}
    if isinstance(node, ast.Constant):
        return {"value": fields["value"]}  # None is a value here; `kind` is u"..."'s spelling
    if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
        body = node.body
        fields["body"] = body[1:] if ast.get_docstring(node, clean=False) is not None else body
    return {name: value for name, value in fields.items() if value is not None and value != []}
