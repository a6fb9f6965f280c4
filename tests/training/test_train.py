"""Training and evaluating on caches alone: whole runs of a tiny corpus."""

import json
from pathlib import Path

import pytest
import torch

from pipeline.errors import PipelineError
from pipeline.evaluation.evaluate import evaluate_system
from pipeline.params.block import parse
from pipeline.systems.system import SystemParams, find_system, known_systems
from pipeline.training.train import check_phrase_vectors, train_system
from tests.blocks import OPTIMIZATION
from tests.training.tiny import Workspace, phrase_vectors, write_caches

CPU = torch.device("cpu")


# What a network with other published choices than these small sizes suit needs to learn by.
SLOWLY = {"learning_rate": 0.005, "max_epochs": 20, "patience": 20}
TRAINING = {"cwi": SLOWLY, "cwi_attention": SLOWLY}
MODEL = {
    "modality_attention": {"transform": "relu"},
    "cwi_attention": {"readout": "both"},
}


def params_of(name: str, **training: object) -> SystemParams:
    given = {"learning_rate": 0.02, "max_epochs": 8, "patience": 8, "batch_posts": 8}
    given |= TRAINING.get(name, {}) | training
    model = {"hidden": 16, "dropout": 0.1} | MODEL.get(name, {})
    tree = {"vectors": ["tiny"], "training": OPTIMIZATION | given, "model": model}
    return parse(tree, find_system(name).Params, name)


def caches_of(name: str, workspace: Workspace) -> tuple[dict[str, Path], Path | None]:
    wanted = find_system(name).REQUIRES
    caches = {cache: getattr(workspace, cache) for cache in wanted}
    return caches, workspace.images if wanted else None


def phrase_vectors_of(name: str, workspace: Workspace) -> dict[str, list[Path]]:
    requires = find_system(name).REQUIRES
    files = [phrase_vectors(workspace, cache) for cache in requires if requires[cache] == "words"]
    return {"tiny": files} if files else {}


def train(
    name: str,
    workspace: Workspace,
    out: Path,
    seeds: list[int],
    said: list[str] | None = None,
    **training: object,
) -> None:
    caches, images = caches_of(name, workspace)
    train_system(
        name,
        params_of(name, **training),
        seeds,
        workspace.posts,
        workspace.vocab,
        {"tiny": workspace.vectors},
        images,
        caches,
        out / "model",
        out / "curves",
        device=CPU,
        bar="none",
        say=([] if said is None else said).append,
        phrase_vectors=phrase_vectors_of(name, workspace),
    )


def evaluate(name: str, workspace: Workspace, out: Path) -> dict[str, dict[str, dict[str, float]]]:
    caches, images = caches_of(name, workspace)
    evaluate_system(
        out / "model",
        workspace.posts,
        images,
        caches,
        out / "predictions.parquet",
        out / "metrics.json",
        out / "details.json",
        dataset="tiny",
        device=CPU,
        bar="none",
    )
    headline: dict[str, dict[str, dict[str, float]]] = json.loads(
        (out / "metrics.json").read_text()
    )
    return headline


@pytest.mark.parametrize("name", known_systems())
def test_a_system_learns_and_what_is_loaded_is_what_was_trained(
    name: str, workspace: Workspace, tmp_path: Path
) -> None:
    train(name, workspace, tmp_path, [1, 2])
    headline = evaluate(name, workspace, tmp_path)
    assert headline["seeds"] == 2
    assert headline["test"]["strict"]["f1"] > 60  # names repeat; guessing gets 0
    # The dev score that selected the epoch is the dev score of the model that evaluate loads.
    histories = [
        json.loads((tmp_path / f"model/seed-{seed}/history.json").read_text()) for seed in (1, 2)
    ]
    best = [max(epoch["score"] for epoch in history["epochs"]) for history in histories]
    assert headline["dev"]["strict"]["f1"] == pytest.approx(sum(best) / 2, abs=0.01)
    curve = (tmp_path / "curves/seed-1/plots/metrics/dev_f1.tsv").read_text().splitlines()
    assert len(curve) == 1 + len(histories[0]["epochs"])


def test_the_same_seed_gives_the_same_bytes(workspace: Workspace, tmp_path: Path) -> None:
    for run in ("a", "b"):
        train("adaptive_coattention", workspace, tmp_path / run, [7], max_epochs=2)
    a, b = (
        {
            path.relative_to(tmp_path / run): path.read_bytes()
            for path in sorted((tmp_path / run).rglob("*"))
            if path.is_file()
        }
        for run in ("a", "b")
    )
    assert a == b
    assert Path("model/seed-7/weights.safetensors") in a


@pytest.mark.parametrize("name", [name for name in known_systems() if find_system(name).REQUIRES])
def test_a_cache_of_another_backbone_is_refused_at_evaluation(
    name: str, workspace: Workspace, tmp_path: Path
) -> None:
    train(name, workspace, tmp_path, [1], max_epochs=1)
    write_caches(workspace, [f"img{n}" for n in range(6)], version=2)
    with pytest.raises(PipelineError, match="run its train stage again"):
        evaluate(name, workspace, tmp_path)


def test_a_preset_known_to_diverge_is_warned_of_when_training_starts(
    workspace: Workspace, tmp_path: Path
) -> None:
    said: list[str] = []
    published = {"optimizer": "rmsprop", "learning_rate": 0.19, "max_epochs": 1}
    train("bilstm_crf", workspace, tmp_path / "a", [1], said, **published)
    assert said[0].startswith("warning: bilstm_crf: rmsprop moves every weight")
    train("bilstm_crf", workspace, tmp_path / "b", [1], said := [], max_epochs=1)
    assert not any("warning" in line for line in said)


def test_vectors_other_than_the_params_name_are_refused(
    workspace: Workspace, tmp_path: Path
) -> None:
    with pytest.raises(PipelineError, match=r"name the vectors \['tiny'\], the stage passes \[\]"):
        train_system(
            "bilstm_crf",
            params_of("bilstm_crf"),
            [1],
            workspace.posts,
            workspace.vocab,
            {},
            None,
            {},
            tmp_path / "model",
            tmp_path / "curves",
            device=CPU,
            bar="none",
            say=print,
        )


def test_each_source_needs_its_vectors_of_each_table_of_phrases() -> None:
    for given in ({}, {"a": [Path("one")]}, {"c": [Path("one"), Path("two")]}):
        with pytest.raises(PipelineError, match=r"reads 2 tables of phrases .* 2 times of each"):
            check_phrase_vectors("system", ["a", "b"], ["words", "grid", "words"], given)
    with pytest.raises(PipelineError, match="reads 0 tables"):
        check_phrase_vectors("system", ["a"], ["grid"], {"a": [Path("one")]})
    check_phrase_vectors("system", ["a"], ["words"], {"a": [Path("one")]})
