"""Reading a section of `params.yaml` as a typed, frozen block; unknown keys are errors.

`params.yaml` is composed from `conf/`, where each value carries its comment; defaults stand there
alone, and every key stands in the file. Each section has one module in this folder, so that a stage
depends on its own block's code alone; the blocks of the systems stand beside the systems, in
`pipeline/systems/`. Only `stages/` and `cli/` open the file: library functions take blocks. The one
exception is `pipeline.predict.chain`: whoever names a model's folder means that of its project.
"""

from __future__ import annotations

import difflib
import pkgutil
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any, TypeVar

import yaml
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from pipeline.errors import PipelineError

NO_SECTIONS = ("block", "optimization", "sections")  # modules of this folder that hold no section

# PyYAML has it in C where it was built with libyaml: then it reads in a tenth of the time.
LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class ParamsError(PipelineError):
    """A section or key of params.yaml is missing, unknown or of the wrong kind."""


class Block(BaseModel):
    """A frozen section of params.yaml: a wrong key or type is refused when the block is read."""

    model_config = ConfigDict(frozen=True, extra="forbid", protected_namespaces=())


B = TypeVar("B", bound=Block)

UNQUOTED = re.compile(r'["$`\\\n]')  # what a shell obeys between double quotes


def _quotable(text: str) -> str:
    if sign := UNQUOTED.search(text):
        raise ValueError(f"a shell would obey its {sign[0]!r}; give it another name")
    return text


# A path or a name that stands between double quotes in the commands of dvc.yaml.
Quoted = Annotated[str, AfterValidator(_quotable)]
Seed = Annotated[int, Field(ge=0, lt=2**63)]  # what the generators of torch and NumPy both take


def sections() -> list[str]:
    """The known top-level sections: each is a module of this folder, but for `systems`."""
    modules = {m.name for m in pkgutil.iter_modules([str(Path(__file__).parent)])}
    return sorted(modules.difference(NO_SECTIONS) | {"systems"})


def nearest(name: str, known: Iterable[object]) -> str:
    """` (did you mean 'x'?)` for the known name nearest to `name`, or an empty string.

    What is known may be a key of a YAML file, which need not be text.
    """
    found = difflib.get_close_matches(name, map(str, known), n=1, cutoff=0.5)
    return f" (did you mean {found[0]!r}?)" if found else ""


def read(path: Path, section: str, block: type[B]) -> B:
    """Read the section at the dotted path `section` of the YAML file `path` as a `block`.

    Raises:
        ParamsError: naming the file and the key, for a file that is no mapping, a section that
            is missing or unknown, an unknown key (with the nearest known one), or a wrong value.
    """
    return find(load(path), section, block, str(path))


def find(tree: Mapping[str, Any], section: str, block: type[B], where: str) -> B:
    """The section at the dotted path `section` of the whole tree of a params.yaml, as a `block`.

    Raises:
        ParamsError: as `read`; every line begins with `where`.
    """
    for name in tree:
        if name not in sections():
            raise ParamsError(f"{where}: unknown section {name!r}{nearest(str(name), sections())}")
    value: Any = tree
    done: list[str] = []
    for key in section.split("."):
        if not isinstance(value, Mapping) or key not in value:
            known = value if isinstance(value, Mapping) else {}
            missing = f"section {'.'.join([*done, key])!r} is missing"
            raise ParamsError(f"{where}: {missing}{nearest(key, known)}")
        value = value[key]
        done.append(key)
    return parse(value, block, f"{where}: {section}")


def parse(value: object, block: type[B], where: str) -> B:
    """Check `value` (what YAML gave) as a `block`; every line of an error begins with `where`."""
    try:
        return block.model_validate(value)
    except ValidationError as error:
        raise ParamsError("\n".join(_faults(error, block, where))) from None


def load(path: Path) -> dict[str, Any]:
    """The tree of a YAML file that is a mapping.

    Raises:
        ParamsError: naming the file, if it is missing or holds something else.
    """
    try:
        tree = yaml.load(path.read_text(encoding="utf-8"), LOADER)
    except FileNotFoundError:
        raise ParamsError(f"{path}: no such file; run from the project's root") from None
    except OSError as error:
        raise ParamsError(f"{path}: cannot be read ({error.strerror})") from None
    except UnicodeDecodeError as error:
        raise ParamsError(f"{path}: not UTF-8 (byte {error.start}); save it as UTF-8") from None
    except yaml.YAMLError as error:
        raise ParamsError(f"{path}: not valid YAML: {error}") from None
    if not isinstance(tree, dict):
        raise ParamsError(f"{path}: expected a mapping of sections, found {type(tree).__name__}")
    return tree


def _faults(error: ValidationError, block: type[Block], where: str) -> list[str]:
    lines = []
    for fault in error.errors():
        key = ".".join(str(part) for part in fault["loc"])
        if fault["type"] == "extra_forbidden":
            known = _fields(block, fault["loc"][:-1])
            hint = nearest(str(fault["loc"][-1]), known)
            lines.append(f"{where}: unknown key {key!r}{hint}; known: {', '.join(sorted(known))}")
        else:
            hint = _hint(fault.get("ctx", {}), fault["input"])
            lines.append(f"{where}: {key or 'the section'}: {fault['msg']}{hint}")
    return lines


def _hint(context: Mapping[str, Any], given: object) -> str:
    """The name nearest to a wrong value, if pydantic expected one out of a list of names."""
    known = re.findall(r"'([^']*)'", str(context.get("expected", "")))
    return nearest(str(given), known)


def _fields(block: type[Block], loc: tuple[int | str, ...]) -> list[str]:
    """The keys known at `loc` inside `block`; positions in lists and dicts keep the inner block."""
    for part in loc:
        field = block.model_fields.get(str(part))
        inner = _annotations(field.annotation) if field else []
        block = next((a for a in inner if isinstance(a, type) and issubclass(a, Block)), block)
    return list(block.model_fields)


def _annotations(annotation: object) -> list[object]:
    args = getattr(annotation, "__args__", ())
    return [annotation, *(found for arg in args for found in _annotations(arg))]
