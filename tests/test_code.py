"""Digests of code: they change with what Python runs, and with nothing else."""

import ast
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from pipeline import code
from pipeline.code import Closures, closures, digest, digests, digests_of, source
from pipeline.systems.system import known_systems
from tests.conftest import ROOT

PACKAGES = ("pipeline", "stages")


@pytest.fixture(scope="module")
def found() -> Closures:
    return closures()


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A copy of the code, to be edited."""
    for name in PACKAGES:
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / name, tmp_path / name, ignore=ignored)
    return tmp_path


def reader(root: Path) -> Callable[[str], bytes]:
    return lambda module: source(root, module).read_bytes()


def changed(found: Closures, project: Path) -> set[str]:
    """The members whose digest differs between the project and this one."""
    before, after = digests_of(found, reader(ROOT)), digests_of(found, reader(project))
    assert before.keys() == after.keys()
    return {
        f"{family}.{member}"
        for family, members in before.items()
        for member, digest in members.items()
        if after[family][member] != digest
    }


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text("utf-8")
    assert text.count(old) >= 1
    path.write_text(text.replace(old, new, 1), "utf-8")


def test_every_command_system_and_backbone_has_a_digest() -> None:
    told = digests(ROOT)
    assert told["systems"].keys() == set(known_systems())
    backbones = {path.stem for path in (ROOT / "pipeline/vision/backbones").glob("*.py")}
    assert told["backbones"].keys() == backbones - {"__init__"}
    commands = {
        p.stem for p in (ROOT / "stages").glob("*.py") if "def main" in p.read_text("utf-8")
    }
    assert told["stages"].keys() == commands
    values = [digest for members in told.values() for digest in members.values()]
    assert all(len(digest) == code.LENGTH for digest in values)
    assert len(set(values)) == len(values)


def test_form_does_not_count(found: Closures, project: Path) -> None:
    """Every file without its comments, docstrings, blank lines and line breaks."""
    for path in project.rglob("*.py"):
        tree = ast.parse(path.read_text("utf-8"))
        for node in ast.walk(tree):
            documented = isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef)
            if documented and ast.get_docstring(node) is not None:
                node.body[0] = ast.parse('"""Another docstring."""').body[0]
        path.write_text(f"# A comment.\n{ast.unparse(tree)}\n", "utf-8")
    assert changed(found, project) == set()


def test_an_edit_of_a_system_is_its_own(found: Closures, project: Path) -> None:
    edit(project / "pipeline/systems/cnn_bilstm_crf.py", "import Tensor", "import Tensor as Tensor")
    assert changed(found, project) == {"systems.cnn_bilstm_crf"}


def test_a_system_that_stands_on_another_changes_with_it(found: Closures, project: Path) -> None:
    with (project / "pipeline/systems/cwi.py").open("a") as file:
        file.write("\nNEW = 1\n")
    assert changed(found, project) == {"systems.cwi", "systems.cwi_attention"}


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("LENGTH = 16", "LENGTH = 17"),
        ("LENGTH = 16", 'LENGTH = "16"'),
        ("-> bytes:", "-> str:"),
        ("def one(first, second)", "def one(second, first)"),
        ("return None", "return"),
        ('"pipeline", "stages"', '"stages", "pipeline"'),
    ],
)
def test_meaning_counts(old: str, new: str) -> None:
    names = 'LENGTH = 16\nNAMES = "pipeline", "stages"\n'
    text = f"{names}def one(first, second) -> bytes:\n    return None\n"
    assert text.count(old) == 1
    assert digest(text.replace(old, new).encode(), "") != digest(text.encode(), "")


def test_a_digest_is_the_same_on_every_version_of_python() -> None:
    """A value written down, which Python 3.11.2, 3.11.7, 3.12.1 and 3.13.0 gave."""
    text = (
        '"""Docstring."""\n'
        "from a import b as c\n"
        "@c\n"
        "class D(E, metaclass=F):\n"
        '    """Docstring."""\n'
        "    x: int | None = None\n"
        "    async def f(self, /, y=1.5, *z, k=b'k', **w):\n"
        "        return [f'{y!r:>9} {z}' for y in z if not y] or {**w, 'u': u'u', ...: (yield)}\n"
        "match x:\n"
        "    case {'a': [1, *_]} if (n := 2): pass\n"
        "try:\n    pass\nexcept* G as g:\n    raise\n"
    )
    assert digest(text.encode(), "").startswith("632d7012a54ac12d")


def test_a_file_that_is_no_python_is_named(project: Path) -> None:
    (project / "pipeline" / "text" / "vocab.py").write_text("x = 1\ndef broken(:\n", "utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "stages.code", "--digests", "code.json"],
        cwd=project,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "pipeline/text/vocab.py" in done.stderr
    assert "line 2" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (project / "code.json").exists()
