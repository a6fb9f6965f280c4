"""Contextual words in the pipeline: who reruns when an encoder comes, changes, or is left alone."""

import re
from pathlib import Path

import pytest
import yaml

from tests.dvc.workspace import SYSTEMS, Workspace, both, sample_posts, write_posts
from tests.language import tiny

pytestmark = pytest.mark.dvc

ALL = both(*SYSTEMS)
READING = "evaluate_bilstm_crf"


def give_encoder(workspace: Workspace, seed: int = 1) -> None:
    """A tiny random encoder in data/, and conf/context/tiny.yaml, which names it."""
    tiny.save(workspace.path / "data" / "encoder", seed=seed)
    tree = {"encoders": {"tiny": tiny.params(Path("data/encoder")).model_dump()}, "default": "tiny"}
    text = "# @package context\n" + yaml.safe_dump(tree, sort_keys=False)
    (workspace.path / "conf" / "context" / "tiny.yaml").write_text(text, encoding="utf-8")


def test_an_encoder_reruns_what_reads_it_and_nothing_else(workspace: Workspace) -> None:
    give_encoder(workspace)
    overrides = [f"systems.{name}.context.store=none" for name in SYSTEMS if name != "bilstm_crf"]
    workspace.compose("context=tiny", *overrides)
    done = workspace.repro("encode@tiny")  # DVC asks what would run of stores that are there alone
    assert done.ran == {"encode@tiny"}
    assert re.search(r"\d+ texts encoded, 0 reused", done.output)
    assert workspace.would_run() == both("bilstm_crf")
    assert workspace.repro(READING).ran == both("bilstm_crf")

    params = workspace.path / "params.yaml"
    tree = workspace.params()
    tree["context"]["encoders"]["tiny"]["layers"] = [1, 2]
    params.write_text(yaml.safe_dump(tree, sort_keys=False), encoding="utf-8")
    assert workspace.would_run() - {"leaderboard", "report"} == {"encode@tiny"}
    assert workspace.repro(READING).ran == {"encode@tiny", *both("bilstm_crf")}
    assert workspace.repro(READING).ran == set()

    added = next(p for p in sample_posts("train")[::-1] if p.startswith("IMGID:\n"))
    posts = workspace.path / "samples" / "posts" / "train.txt"
    held = posts.read_text(encoding="utf-8").rstrip("\n").split("\n\n")
    write_posts(
        posts, [*held, added.replace("\tO", "\tO", 1).replace("IMGID:\n", "IMGID:\nNew\tO\n")]
    )
    assert "1 text encoded" in workspace.repro("encode@tiny").output


def test_every_system_and_the_jackknife_may_read_it(workspace: Workspace) -> None:
    give_encoder(workspace)
    workspace.compose("context=tiny")
    workspace.repro("encode@tiny")
    assert workspace.would_run() == {"tag_posts", *ALL}
    workspace.compose("context=tiny", "system/cwi=published", "system/cwi_attention=published")
    reading = workspace.params()["systems"]
    assert reading["cwi"]["context"]["store"] == "none"
    assert reading["trimod"]["context"]["store"] == "tiny"
    workspace.repro("tag_posts")


def test_new_posts_are_encoded_by_the_same_encoder(workspace: Workspace) -> None:
    give_encoder(workspace)
    overrides = [f"systems.{name}.context.store=none" for name in SYSTEMS if name != "bilstm_crf"]
    workspace.compose("context=tiny", *overrides)
    workspace.repro(READING)
    (workspace.path / "new.jsonl").write_text('{"id": "a", "text": "Anna saw Rome today"}\n')
    words = ["predict", "new.jsonl", "--model", "models/bilstm_crf", "--output", "out.jsonl"]
    workspace.run("python", "-m", "cli", *words)
    assert '"a"' in (workspace.path / "out.jsonl").read_text(encoding="utf-8")
    give_encoder(workspace, seed=2)
    words[-1] = "again.jsonl"
    done = workspace.run("python", "-m", "cli", *words, fails=True)
    assert "trained on context with encoder transformers" in done.output
