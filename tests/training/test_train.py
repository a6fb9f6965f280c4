"""Training and evaluating on caches alone: whole runs of a tiny corpus."""

import dataclasses
import json
from pathlib import Path

import pytest

from pipeline.errors import PipelineError
from pipeline.evaluation.predictions import read_setting
from pipeline.evaluation.results import read_result
from pipeline.params.train import Train
from pipeline.systems.system import find_system, known_systems
from pipeline.training.setting import Setting
from pipeline.training.train import check_phrase_vectors, train_system
from tests.systems.blocks import block
from tests.training.runs import RUNTIME, bytes_of, evaluate, files_of, params_of, train
from tests.training.tiny import FACTS, Workspace, write_caches


@pytest.mark.parametrize("name", known_systems())
def test_a_system_learns_and_what_is_loaded_is_what_was_trained(
    name: str, workspace: Workspace, tmp_path: Path
) -> None:
    train(name, workspace, tmp_path, [1, 2])
    evaluate(name, workspace, tmp_path)
    headline = json.loads((tmp_path / "metrics.json").read_text())
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
    a, b = (bytes_of(tmp_path / run) for run in ("a", "b"))
    assert a == b
    assert "model/seed-7/weights.safetensors" in a


@pytest.mark.parametrize("name", [name for name in known_systems() if find_system(name).reads])
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
    params = params_of("bilstm_crf", **published)
    train("bilstm_crf", workspace, tmp_path / "a", [1], said.append, params)
    assert said[0].startswith("warning: bilstm_crf: rmsprop moves every weight")
    said.clear()
    train("bilstm_crf", workspace, tmp_path / "b", [1], said.append, max_epochs=1)
    assert not any("warning" in line for line in said)


def test_vectors_other_than_the_params_name_are_refused(
    workspace: Workspace, tmp_path: Path
) -> None:
    files = dataclasses.replace(files_of("bilstm_crf", workspace, tmp_path), vectors={})
    system, params = find_system("bilstm_crf"), params_of("bilstm_crf")
    options = Train(seeds=[1], max_epochs=None, batch_posts=None)
    with pytest.raises(PipelineError, match=r"name the vectors \['tiny'\], the stage passes \[\]"):
        train_system(system, params, options, files, RUNTIME, print)


def test_each_source_needs_its_vectors_of_each_table_of_phrases() -> None:
    for name, tables in (("trimod", 2), ("attributes_knowledge", 2), ("cwi", 0)):
        system, params = find_system(name), block(name, {}, vectors=["a", "b"])
        whole = {source: [Path(str(n)) for n in range(tables)] for source in "ab"} if tables else {}
        check_phrase_vectors(system, params, whole)
        for given in ({"a": [Path("one")]}, {"c": [Path("one"), Path("two")]}):
            with pytest.raises(PipelineError, match=rf"{name}: reads {tables} tables of phrases"):
                check_phrase_vectors(system, params, given)
    with pytest.raises(PipelineError, match=r"needed 2 times of each; it was given for \{\}"):
        check_phrase_vectors(find_system("trimod"), block("trimod", {}, vectors=["a", "b"]), {})


def test_scores_say_in_what_setting_the_model_was_trained(
    workspace: Workspace, tmp_path: Path
) -> None:
    tiny = {"backbone": "tiny"}
    seen = {  # what each system reads, and the posts of test whose picture it sees
        "bilstm_crf": ({}, 0),
        "modality_attention": ({"tags": tiny}, 8),
        "trimod": ({name: FACTS[name] for name in ("captions", "hashtags")}, 8),
        "attributes_knowledge": (
            {"regions": tiny, "attributes": tiny, "knowledge": FACTS["knowledge"]},
            8,
        ),
    }
    for name, (caches, pictures) in seen.items():
        train(name, workspace, tmp_path / name, [1], max_epochs=1)
        told = evaluate(name, workspace, tmp_path / name)
        setting = Setting("published", "adam 0.02", {"tiny": 5}, caches)
        result = read_result(tmp_path / name / "details.json")
        assert result.setting == setting == read_setting(tmp_path / name / "predictions.parquet")
        assert result.splits["test"].with_image == pictures
        assert result.splits["test"].posts == 12
        assert ("GOLD MENTIONS" in told) == (name == "attributes_knowledge")


@pytest.mark.parametrize("most", [1, 2, 9, None])
def test_a_cap_on_epochs_holds_for_every_seed(
    most: int | None, workspace: Workspace, tmp_path: Path
) -> None:
    params = params_of("bilstm_crf", max_epochs=3)
    train("bilstm_crf", workspace, tmp_path, [1, 2], params=params, max_epochs=most)
    expected = min(3, most or 3)
    for seed in (1, 2):
        history = json.loads((tmp_path / f"model/seed-{seed}/history.json").read_text())
        assert len(history["epochs"]) == expected
    told = json.loads((tmp_path / "model/system.json").read_text())["params"]
    assert told["training"]["max_epochs"] == expected


def test_caps_are_upper_limits_and_change_nothing_else() -> None:
    own = params_of("bilstm_crf", max_epochs=8, batch_posts=16)
    assert own.capped(None, None) == own.capped(9, 17) == own
    for caps, expected in (((3, None), (3, 16)), ((None, 4), (8, 4)), ((9, 4), (8, 4))):
        capped = own.capped(*caps)
        assert (capped.training.max_epochs, capped.training.batch_posts) == expected
        again = capped.training.model_copy(update={"max_epochs": 8, "batch_posts": 16})
        assert capped.model_copy(update={"training": again}) == own
