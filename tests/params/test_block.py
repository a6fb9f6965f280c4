"""Blocks of params.yaml: typed, frozen, and no key passes that nobody reads."""

from collections.abc import Iterator
from typing import get_args

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from pipeline.params.block import Block, ParamsError, parse, read, sections
from pipeline.params.extract import Extract
from pipeline.params.sections import SECTIONS
from pipeline.params.tag_posts import TagPosts
from pipeline.params.tags import Tags
from pipeline.params.vocab import Vocab
from pipeline.systems.bilstm_crf import BiLSTMCRF
from tests.params.blocks import BLOCKS, PARAMS, Write, changed, refusal, tree

# ---- what is read


@pytest.mark.parametrize("section", BLOCKS)
def test_every_section_of_the_project(section: str) -> None:
    assert read(PARAMS, section, BLOCKS[section]).model_dump() == tree(section)


def with_inner(block: type[Block]) -> Iterator[type[Block]]:
    """The block and the blocks inside it."""
    yield block
    for field in block.model_fields.values():
        for inner in (field.annotation, *get_args(field.annotation)):
            if isinstance(inner, type) and issubclass(inner, Block):
                yield from with_inner(inner)


@pytest.mark.parametrize(
    "block", [*(one for one in SECTIONS.values() if one is not TagPosts), Extract]
)
def test_defaults_stand_in_conf_alone(block: type[Block]) -> None:
    """So params.yaml holds every key, and a default is changed in one place."""
    for inner in with_inner(block):
        optional = [name for name, field in inner.model_fields.items() if not field.is_required()]
        assert not optional, inner


def test_every_key_that_is_missing_is_named() -> None:
    lines = refusal({"normalize": {"digits": True}, "splits": ["train"]}, Vocab)
    missing = ["min_count", "normalize.lowercase", "normalize.urls", "normalize.users"]
    assert sorted(lines) == [f"params.yaml: x: {key}: Field required" for key in missing]


def test_exponents_without_a_point_are_numbers(write: Write) -> None:
    """YAML 1.1 reads 1e-3 as a string; DVC and people read it as a number."""
    options = tree("systems.bilstm_crf")
    options["training"]["learning_rate"] = "RATE"
    text = yaml.safe_dump({"systems": {"bilstm_crf": options}}).replace("RATE", "1e-3")
    assert "learning_rate: 1e-3\n" in text
    assert read(write(text), "systems.bilstm_crf", BiLSTMCRF.Params).training.learning_rate == 0.001


def test_blocks_are_frozen() -> None:
    for section, block in BLOCKS.items():
        value = read(PARAMS, section, block)
        for name in type(value).model_fields:
            with pytest.raises(ValidationError, match="frozen"):
                setattr(value, name, getattr(value, name))
    inner = read(PARAMS, "systems.bilstm_crf", BiLSTMCRF.Params)
    with pytest.raises(ValidationError, match="frozen"):
        inner.training.batch_posts = 4  # type: ignore[misc]


def test_sections_are_the_modules() -> None:
    assert sections() == sorted({section.split(".")[0] for section in BLOCKS})


# ---- unknown keys


def test_an_unknown_key_is_named_with_the_nearest(write: Write) -> None:
    path = write(yaml.safe_dump({"vocab": changed("vocab", min_cuont=2)}))
    with pytest.raises(ParamsError) as caught:
        read(path, "vocab", Vocab)
    assert str(caught.value) == (
        f"{path}: vocab: unknown key 'min_cuont' (did you mean 'min_count'?);"
        " known: min_count, normalize, splits"
    )


def test_a_key_like_no_other_has_no_nearest() -> None:
    (line,) = refusal({"top_k": 5, "zzz": 1}, Tags)
    assert line == "params.yaml: x: unknown key 'zzz'; known: top_k"


@pytest.mark.parametrize(
    ("section", "place", "wrong", "right"),
    [
        ("vocab", ("normalize",), "lowercas", "lowercase"),
        ("vectors", ("sources", "glove50"), "widht", "width"),
        ("systems.bilstm_crf", ("model",), "droput", "dropout"),
        ("systems.cnn_bilstm_crf", ("training",), "learning_rates", "learning_rate"),
        ("systems.adaptive_coattention", ("model",), "atention", "attention"),
    ],
)
def test_unknown_keys_of_inner_blocks(
    section: str, place: tuple[str, ...], wrong: str, right: str
) -> None:
    """The nearest key is one of the inner block, not of the outer one."""
    value = tree(section)
    inner = value
    for key in place:
        inner = inner[key]
    inner[wrong] = inner.pop(right)
    line = next(line for line in refusal(value, BLOCKS[section]) if "unknown key" in line)
    assert f"unknown key '{'.'.join([*place, wrong])}' (did you mean {right!r}?)" in line
    known = line.partition("known: ")[2].split(", ")
    assert right in known
    assert place[0] not in known


@pytest.mark.parametrize("section", BLOCKS)
def test_a_letter_too_many_is_understood(section: str) -> None:
    """For every key of every block."""
    for key, value in tree(section).items():
        wrong = tree(section)
        del wrong[key]
        wrong[f"{key[:2]}x{key[2:]}"] = value
        lines = refusal(wrong, BLOCKS[section])
        assert any(f"(did you mean {key!r}?)" in line for line in lines), (key, lines)


@given(st.text(min_size=1).filter(lambda key: key != "top_k"))
def test_no_unknown_key_passes(key: str) -> None:
    with pytest.raises(ParamsError, match="unknown key"):
        parse({"top_k": 5, key: 1}, Tags, "x")


def test_all_faults_are_told_at_once() -> None:
    wrong = changed("vocab", splits=["train", "tset"], min_count=0, normalise={})
    lines = refusal(wrong, Vocab)
    assert len(lines) == 3
    assert all(line.startswith("params.yaml: x: ") for line in lines)
    assert any("splits.1" in line for line in lines)
    assert any("min_count" in line for line in lines)
    assert any("did you mean 'normalize'?" in line for line in lines)
