"""What dvc.yaml, params.yaml and conf/ must keep to, so that DVC reruns what it should."""

import ast
import os
import re
import shlex
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, chdir
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
import yaml
from dvc.dependency.param import ParamsDependency
from dvc.repo import Repo

from pipeline.params.vectors import Vectors
from pipeline.systems.system import PhraseWords, StoreOutput, find_system
from tests.dvc.workspace import OUTPUTS, ROOT, SYSTEMS, Workspace

TABLES = {  # the caches that are no feature store
    "image_words": "features/tags.parquet",
    "attributes": "features/tags.parquet",
    "knowledge": "features/knowledge.parquet",
    "captions": "features/captions.parquet",
    "hashtags": "features/hashtags.parquet",
}
DROPPED_BY_DVC = {"size", "nfiles"}  # from the keys of its run-cache, at any depth


@dataclass(frozen=True)
class Stage:
    """A stage of dvc.yaml with all `${}` filled in."""

    name: str
    command: list[str]
    deps: set[str]
    outs: set[str]
    params: set[str]  # of params.yaml
    code: set[str]  # of code.json
    persisted: set[str]

    @property
    def module(self) -> str:
        return self.command[self.command.index("-m") + 1]

    def values(self, option: str) -> list[str]:
        return [b for a, b in zip(self.command, self.command[1:], strict=False) if a == option]

    @property
    def paths(self) -> set[str]:
        """What the command names that has a `/`, or that is a file of the project.

        A whole folder of outputs stands for those of its files that the stage tracks.
        """
        words = {word.rpartition("=")[2] for word in self.command}
        folders = words & set(OUTPUTS)
        return {word for word in words if "/" in word or (ROOT / word).is_file()} | {
            path for path in self.deps | self.outs if path.partition("/")[0] in folders
        }


@pytest.fixture(scope="module")
def stages(composed: Workspace) -> dict[str, Stage]:
    with ExitStack() as stack:
        stack.enter_context(mock.patch.dict(os.environ, composed.env, clear=True))
        stack.enter_context(chdir(composed.path))
        stack.enter_context(warnings.catch_warnings(action="ignore"))
        found = stack.enter_context(Repo()).index.stages
        return {
            stage.addressing: Stage(
                name=stage.addressing,
                command=shlex.split(stage.cmd),
                deps={str(d) for d in stage.deps if not isinstance(d, ParamsDependency)},
                outs={str(out) for out in stage.outs},
                params=keys_in(stage, "params.yaml"),
                code=keys_in(stage, "code.json"),
                persisted={str(out) for out in stage.outs if out.persist},
            )
            for stage in found
        }


def keys_in(stage: Any, file: str) -> set[str]:
    """The keys of a file of params that a stage depends on."""
    files = [dep for dep in stage.deps if isinstance(dep, ParamsDependency)]
    return {key for dep in files if str(dep) == file for key in dep.params}


def leaves(tree: Any, key: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(tree, dict):
        for name, value in tree.items():
            yield from leaves(value, f"{key}.{name}" if key else str(name))
    elif isinstance(tree, list):
        for value in tree:
            yield from leaves(value, key)
    else:
        yield key, tree


def keys(tree: Any) -> Iterator[str]:
    if isinstance(tree, dict):
        for name, value in tree.items():
            yield str(name)
            yield from keys(value)
    elif isinstance(tree, list):
        for value in tree:
            yield from keys(value)


def sections_read(module: str) -> set[str]:
    """The sections that a stage reads of params.yaml: the first name of each `read(PARAMS, …)`.

    In its own file, and in those of stages/ that it imports.
    """
    tree = ast.parse((ROOT / module.replace(".", "/")).with_suffix(".py").read_text("utf-8"))
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and str(node.module).startswith("stages."):
            found |= sections_read(str(node.module))
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "read":
            where, section = node.args[:2]
            assert getattr(where, "id", "") == "PARAMS"
            first = section.values[0] if isinstance(section, ast.JoinedStr) else section
            assert isinstance(first, ast.Constant)
            found.add(str(first.value).split(".")[0])
    return found


def test_params_are_there(stages: dict[str, Stage], composed: Workspace) -> None:
    tree = composed.params()
    for stage in stages.values():
        for key in stage.params:
            block = tree
            for part in key.split("."):
                assert part in block, f"{stage.name} depends on {key}, which params.yaml lacks"
                block = block[part]


def test_a_stage_depends_on_what_it_reads(stages: dict[str, Stage]) -> None:
    """On every section that its code opens, but for the runtime's knobs, and on no other."""
    for stage in stages.values():
        sections = {key.split(".")[0] for key in stage.params}
        assert sections == sections_read(stage.module) - {"runtime"}, stage.name
    assert any("runtime" in sections_read(stage.module) for stage in stages.values())


def test_one_role_or_source_alone(stages: dict[str, Stage]) -> None:
    """A stage of a `foreach` does not depend on what the others of it read."""
    for name, stage in stages.items():
        family, _, key = name.partition("@")
        if family == "extract":
            assert stage.params == {f"extract.{key}"}
        if family == "vectors":
            composed_from = {"sources", "default", "joint"}  # which conf/ alone reads
            fields = Vectors.model_fields.keys() - composed_from
            assert stage.params == {f"vectors.{f}" for f in fields} | {f"vectors.sources.{key}"}
        if family.removeprefix("train_") in SYSTEMS:
            assert stage.params == {"train", f"systems.{family.removeprefix('train_')}"}


def test_a_stage_names_its_own_code(stages: dict[str, Stage]) -> None:
    """Its command's, and that of the system or backbone which it finds by name."""
    for name, stage in stages.items():
        own = {stage.module} - {"stages.code"}  # which tells the others
        models = [path.removeprefix("models/") for path in stage.values("--model")]
        own |= {f"systems.{one}" for one in [*stage.values("--system"), *models] if one in SYSTEMS}
        loads = stage.module == "stages.extract"
        assert stage.code == own | ({"backbones.efficientnet_lite0"} if loads else set()), name


def test_paths_stand_in_dvc_yaml(stages: dict[str, Stage]) -> None:
    """Every path of a command is tracked, and all that is tracked is of use to the command."""
    for stage in stages.values():
        if stage.name != "code":  # which reads the folders that it is run from
            assert stage.paths == stage.deps | stage.outs, stage.name


def test_the_shell_sees_each_path_of_a_corpus_as_one_word() -> None:
    """A folder may be called "Ann's images [1]"; what "" cannot hold, the blocks refuse."""
    stages = yaml.safe_load((ROOT / "dvc.yaml").read_text("utf-8"))["stages"].values()
    commands = [stage.get("do", stage)["cmd"] for stage in stages]
    path = r"\$\{(?:dataset\.\w+|graph\.\w+|item\.path)\}"
    assert re.findall(path, str(commands))
    assert not re.findall(rf'(?<!"){path}|{path}(?!")', " ".join(commands))


def test_params_hold_no_paths() -> None:
    tree = yaml.safe_load((ROOT / "params.yaml").read_text("utf-8"))
    of_data = re.compile(r"dataset\.\w+|graph\.[\w.]+|vectors\.sources\.\w+\.path")
    for key, value in leaves(tree):
        if isinstance(value, str) and not of_data.fullmatch(key):
            assert "/" not in value, key
            # A training leaves its folder of states, which no stage reads from another.
            assert key == "runtime.checkpoints" or not (ROOT / value).exists(), key
            assert not Path(value).suffix, key


@pytest.mark.parametrize(
    "path", [ROOT / "params.yaml", *sorted((ROOT / "conf").rglob("*.yaml"))], ids=lambda p: p.name
)
def test_no_key_that_the_run_cache_drops(path: Path) -> None:
    tree = yaml.safe_load(path.read_text("utf-8"))
    assert tree
    assert not DROPPED_BY_DVC & set(keys(tree))


def test_no_field_that_the_run_cache_drops() -> None:
    """Nor may a block name a key so, of which params.yaml may lack the default."""
    for path in [*(ROOT / "pipeline" / "params").glob("*.py"), *_systems()]:
        fields = re.findall(r"^    (\w+):", path.read_text("utf-8"), re.MULTILINE)
        assert not DROPPED_BY_DVC & set(fields), path


def _systems() -> list[Path]:
    return sorted((ROOT / "pipeline" / "systems").glob("*.py"))


def test_every_system_has_its_stages(stages: dict[str, Stage], composed: Workspace) -> None:
    assert set(composed.params()["systems"]) == set(SYSTEMS)
    of_systems = {n for n, s in stages.items() if s.module in ("stages.train", "stages.evaluate")}
    wanted = {f"{stage}_{name}" for stage in ("train", "evaluate") for name in SYSTEMS}
    assert of_systems == wanted
    for name in SYSTEMS:
        assert f"metrics/details/{name}.json" in stages[f"evaluate_{name}"].outs
    assert stages["leaderboard"].deps == {"metrics/details"}  # which holds those of every system
    shown = {path for path in stages["report"].deps if path.startswith(("predictions", "curves"))}
    assert shown == {
        path
        for name in SYSTEMS
        for path in (
            f"predictions/{name}.parquet",
            f"predictions/explanations/{name}.parquet",
            f"curves/{name}",
        )
    }


@pytest.mark.parametrize("system", SYSTEMS)
def test_a_system_reads_the_caches_that_it_requires(
    stages: dict[str, Stage], composed: Workspace, system: str
) -> None:
    reads = find_system(system).reads
    caches = {one.cache: TABLES.get(one.cache, f"features/{one.cache}") for one in reads}
    images = {"features/images.parquet"} if caches else set()
    sources = composed.params()["systems"][system]["vectors"]
    train, evaluate = stages[f"train_{system}"], stages[f"evaluate_{system}"]
    vectors = {f"features/vectors/{source}.parquet" for source in sources}
    phrases = {
        f"features/phrase_vectors/{one.cache}/{source}.parquet"
        for source in sources
        for one in reads
        if isinstance(one, PhraseWords)
    }
    assert set(train.values("--phrase-vectors")) == phrases
    context = f"features/context/{composed.params()['systems'][system]['context']['store']}"
    read = {"features/posts.parquet", context, *images, *caches.values()}
    assert train.deps == read | vectors | phrases | {"features/vocab"}
    assert evaluate.deps == read | {f"models/{system}"}
    for stage in (train, evaluate):
        assert stage.values("--context") == [context]
        assert set(stage.values("--cache")) == {f"{name}={path}" for name, path in caches.items()}
    assert train.values("--vectors") == [f"features/vectors/{source}.parquet" for source in sources]
    roles = composed.params()["extract"]
    for one in reads:
        if isinstance(one, StoreOutput):
            assert caches[one.cache] == f"features/{one.role}"
            assert one.output in roles[one.role]["outputs"]


def test_no_stage_sees_images_but_those_that_must(stages: dict[str, Stage]) -> None:
    """So that all others run on a machine without them."""
    readers = {stage.name for stage in stages.values() if "data/images" in stage.deps}
    assert readers == {"index_images", "extract@tags", "extract@regions", "extract@caption"}


def test_stores_are_kept_between_runs(stages: dict[str, Stage]) -> None:
    """And nothing else: DVC neither runs a stage from its run-cache nor pulls such an output."""
    persisted = {stage.name: stage.persisted for stage in stages.values() if stage.persisted}
    assert persisted.pop("code") == {"code.json"}  # others name its keys while it runs or fails
    assert persisted == {
        "extract@tags": {"features/tags"},
        "extract@regions": {"features/regions"},
        "extract_entity_images": {"features/entity_images"},
        "extract@caption": {"features/caption"},
    }
