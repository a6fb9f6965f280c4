"""What a system looked at: against loops over the paper's equations, and as a table."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from torch import Tensor

from pipeline.corpus.posts import Post, read_posts
from pipeline.errors import PipelineError
from pipeline.evaluation.explanations import (
    SCHEMA,
    names_of,
    read_explanations,
    tabulate,
    write_explanations,
)
from pipeline.systems.adaptive_coattention import AdaptiveCoAttention
from pipeline.systems.system import Batch, Inputs
from pipeline.tables.parquet import write_table
from tests.systems.blocks import block
from tests.training.runs import evaluate, train
from tests.training.tiny import GRID, Workspace, make_workspace

LENGTHS = [5, 1, 3]
HIDDEN = 8

SETTINGS: list[dict[str, object]] = [
    {},
    {"attention": "interactive"},
    {"fusion": "feature_gate"},
    {"fusion": "concatenate"},
    {"filtration": False},
    {"crf": False},
]


def make(model: Mapping[str, object]) -> AdaptiveCoAttention:
    inputs = Inputs(
        torch.randn(20, 7), torch.rand(20, 7) < 0.5, 11, ("O", "B-PER"), {"regions": GRID}
    )
    params = block("adaptive_coattention", {"hidden": HIDDEN, **model})
    assert isinstance(params, AdaptiveCoAttention.Params)
    return AdaptiveCoAttention(params, inputs).eval().double()


def make_batch() -> Batch:
    mask = torch.arange(max(LENGTHS)) < torch.tensor(LENGTHS)[:, None]
    there = torch.tensor([True, False, True])
    return Batch(
        words=torch.randint(1, 20, mask.shape) * mask,
        mask=mask,
        chars=torch.randint(1, 11, (6, 4)),
        spelling=torch.randint(0, 6, mask.shape) * mask,
        tags=torch.zeros(mask.shape, dtype=torch.long),
        features={"regions": torch.randn(3, *GRID).double() * there[:, None, None]},
        has_image=there,
    )


def softmax(scores: Sequence[Tensor]) -> Tensor:
    raised = torch.stack([score.exp() for score in scores])
    return raised / raised.sum()


def slowly(network: AdaptiveCoAttention, batch: Batch, post: int, token: int) -> dict[str, Tensor]:
    """The weights and gates of one word, from the equations, with loops over regions and words."""
    co: Any = network.coattention
    length = LENGTHS[post]
    h = network.text(batch.words, batch.chars, batch.spelling, batch.mask)[post, :length]
    v = [torch.tanh(co.region(region)) for region in batch.features["regions"][post]]

    def score(attention: Any, key: Tensor, query: Tensor) -> Tensor:
        inner = attention.key(key)
        if hasattr(attention, "query"):
            inner = inner + attention.query(query)
        one: Tensor = attention.score(torch.tanh(inner)).squeeze()
        return one

    alpha = softmax([score(co.visual, region, h[token]) for region in v])
    image = sum(weight * region for weight, region in zip(alpha, v, strict=True))
    beta = softmax([score(co.textual, word, image) for word in h])
    text = sum(weight * word for weight, word in zip(beta, h, strict=True))
    looked = {"region_weights": alpha, "word_weights": beta}
    seen, read = torch.tanh(co.fusion.image(image)), torch.tanh(co.fusion.text(text))
    if hasattr(co.fusion, "gate"):
        gate = torch.sigmoid(co.fusion.gate.weight @ torch.cat([seen, read]))
        looked["fusion_gate"], fused = gate, gate * seen + (1 - gate) * read
    else:
        fused = torch.cat([seen, read])
    if network.filtration is not None:
        f = network.filtration
        inner = f.from_word.weight @ h[token] + f.from_fused.weight @ fused + f.from_fused.bias
        looked["filtration_gate"] = torch.sigmoid(inner)
    return looked


@pytest.mark.parametrize("model", SETTINGS)
def test_what_is_told_is_what_the_equations_give(model: dict[str, object]) -> None:
    network, batch = make(model), make_batch()
    told = network.explain(batch)
    for post, length in enumerate(LENGTHS):
        for token in range(length):
            if not batch.has_image[post]:
                assert all(values[post, token].isnan().all() for values in told.values())
                continue
            expected = slowly(network, batch, post, token)
            assert told.keys() == expected.keys()
            for kind, values in expected.items():
                found = told[kind][post, token]
                assert found[len(values) :].isnan().all()  # the padding behind the words
                torch.testing.assert_close(found[: len(values)], values, atol=1e-9, rtol=0)


def test_telling_changes_nothing_of_what_is_decoded() -> None:
    network, batch = make({}), make_batch()
    before = network.encode(batch)
    network.explain(batch)
    assert torch.equal(network.encode(batch), before)
    assert not before.isnan().any()


POSTS = [
    Post("test/0", "test", "a", ("x", "y"), ("O", "O"), 1),
    Post("test/1", "test", None, ("z",), ("O",), 5),
]


def test_rows_stand_by_post_token_and_kind_and_leave_out_what_had_no_part(tmp_path: Path) -> None:
    nan = np.nan
    looked = {
        "words": np.array([[[0.25, 0.75], [0.5, 0.5]], [[nan, nan], [nan, nan]]], np.float32),
        "gate": np.array([[[0.125], [1.0]], [[0.0], [9.0]]], np.float32),
        "short": np.array([[[1.0, nan], [nan, nan]], [[2.0, 3.0], [9.0, 9.0]]], np.float32),
    }
    path = tmp_path / "explanations" / "some.parquet"
    names = {"words": ("caption", "hashtag")}
    write_explanations([tabulate(POSTS, 7, looked)], path, names)
    assert [tuple(row.values()) for row in read_explanations(path).to_pylist()] == [
        ("test/0", 7, 0, "gate", [0.125]),
        ("test/0", 7, 0, "short", [1.0]),
        ("test/0", 7, 0, "words", [0.25, 0.75]),
        ("test/0", 7, 1, "gate", [1.0]),
        ("test/0", 7, 1, "words", [0.5, 0.5]),
        ("test/1", 7, 0, "gate", [0.0]),
        ("test/1", 7, 0, "short", [2.0, 3.0]),
    ]
    assert pq.read_schema(path).remove_metadata().equals(SCHEMA, check_metadata=True)
    assert names_of(read_explanations(path), path) == {"words": ["caption", "hashtag"]}
    write_table(SCHEMA.empty_table(), path)
    with pytest.raises(PipelineError, match=r"some\.parquet: .*run `dvc repro evaluate_some`"):
        names_of(read_explanations(path), path)


def test_a_hole_among_the_values_is_refused() -> None:
    looked = {"words": np.array([[[np.nan, 0.75], [0.5, 0.5]], [[1, 0], [1, 0]]], np.float32)}
    with pytest.raises(ValueError, match="words: NaN before a number"):
        tabulate(POSTS, 7, looked)


def test_nothing_to_show_is_the_same_table_without_rows(tmp_path: Path) -> None:
    write_explanations([tabulate(POSTS, 7, {})], tmp_path / "empty.parquet", {})
    found = read_explanations(tmp_path / "empty.parquet")
    assert len(found) == 0
    assert found.schema.equals(SCHEMA)


def explained(name: str, made: Workspace, out: Path) -> pa.Table:
    train(name, made, out, [3, 4], max_epochs=1)
    evaluate(name, made, out)
    return read_explanations(out / "explanations.parquet")


def test_evaluate_tells_it_of_the_test_posts_with_an_image(tmp_path: Path) -> None:
    made = make_workspace(tmp_path / "features")
    table = explained("adaptive_coattention", made, tmp_path)
    test = [post for post in read_posts(made.posts) if post.split == "test"]
    seen = [post for post in test if post.image not in (None, "img6")]  # img6 is missing
    assert 0 < len(seen) < len(test)
    kinds = ["filtration_gate", "fusion_gate", "region_weights", "word_weights"]
    rows = table.to_pylist()
    assert [(row["post"], row["token"], row["kind"]) for row in rows] == [
        (post.post, token, kind)
        for post in seen
        for token in range(len(post.tokens))
        for kind in kinds
    ]
    assert {row["seed"] for row in rows} == {3}
    lengths = {post.post: len(post.tokens) for post in test}
    for row in rows:
        wanted = {"region_weights": GRID[0], "word_weights": lengths[row["post"]]}
        assert len(row["values"]) == wanted.get(row["kind"], 1)
        if row["kind"] in wanted:
            assert sum(row["values"]) == pytest.approx(1, abs=1e-5)


def test_a_system_that_looks_at_nothing_writes_no_rows(tmp_path: Path) -> None:
    made = make_workspace(tmp_path / "features")
    assert len(explained("bilstm_crf", made, tmp_path)) == 0
