"""A project with two small text models, trained on the tiny corpus."""

import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from tests.training.runs import train
from tests.training.tiny import make_workspace

ROOT = Path(__file__).resolve().parents[2]
SYSTEM = "cnn_bilstm_crf"
NEW = "Zanzibar"  # no post has it, and the source of vectors does: the row of rome


@dataclass(frozen=True)
class Project:
    """A folder with params.yaml and `models/`."""

    path: Path

    @property
    def model(self) -> Path:
        return self.path / "models" / SYSTEM


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """The project. Leave it so."""
    project = Project(tmp_path_factory.mktemp("predict") / "project")
    project.path.mkdir()
    workspace = make_workspace(project.path / "features")
    train(SYSTEM, workspace, project.path, [1, 2])
    project.model.parent.mkdir()
    (project.path / "model").rename(project.model)
    source = workspace.root / "tiny.txt"
    rows = dict(line.split(" ", 1) for line in source.read_text().splitlines())
    source.write_text(source.read_text() + f"{NEW.lower()} {rows['rome']}\n")
    tree = yaml.safe_load((ROOT / "params.yaml").read_text("utf-8"))
    tiny = {"kind": "text", "path": "features/tiny.txt", "package": None, "width": 5}
    tree["vectors"] |= {"sources": {"tiny": tiny}, "default": ["tiny"], "joint": ["tiny", "tiny"]}
    tree["runtime"] |= {"device": "cpu", "progress": "none"}
    (project.path / "params.yaml").write_text(yaml.safe_dump(tree), encoding="utf-8")
    return project


@pytest.fixture
def project(trained: Project, tmp_path: Path) -> Project:
    """A copy of a test's own."""
    shutil.copytree(trained.path, tmp_path / "copy")
    return Project(tmp_path / "copy")
