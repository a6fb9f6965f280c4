"""Blocks of params.yaml: typed, frozen, and no key passes that nobody reads."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, get_args

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from pipeline.errors import PipelineError
from pipeline.params.block import Block, ParamsError, nearest, parse, read, sections
from pipeline.params.dataset import Dataset
from pipeline.params.extract import Extract
from pipeline.params.index_images import IndexImages
from pipeline.params.leaderboard import Leaderboard
from pipeline.params.prepare import Prepare
from pipeline.params.runtime import Runtime
from pipeline.params.sections import SECTIONS
from pipeline.params.tag_posts import TagPosts
from pipeline.params.tags import Tags
from pipeline.params.train import Train
from pipeline.params.vectors import Vectors
from pipeline.params.vocab import Vocab
from pipeline.systems.adaptive_coattention import AdaptiveCoAttention
from pipeline.systems.bilstm_crf import BiLSTMCRF
from pipeline.systems.cnn_bilstm_crf import CNNBiLSTMCRF

ROOT = Path(__file__).resolve().parents[2]
PARAMS = ROOT / "params.yaml"
BLOCKS: dict[str, type[Block]] = SECTIONS | {
    "extract.tags": Extract,
    "extract.regions": Extract,
    "systems.bilstm_crf": BiLSTMCRF.Params,
    "systems.cnn_bilstm_crf": CNNBiLSTMCRF.Params,
    "systems.adaptive_coattention": AdaptiveCoAttention.Params,
}
Write = Callable[[str], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def text(content: str) -> Path:
        path = tmp_path / "params.yaml"
        path.write_text(content, encoding="utf-8")
        return path

    return text


def tree(section: str) -> Any:
    """The section of the project's own params.yaml."""
    found = yaml.safe_load(PARAMS.read_text("utf-8"))
    for key in section.split("."):
        found = found[key]
    return found


def changed(section: str, **changes: object) -> dict[str, Any]:
    """The same, with some values replaced."""
    value: dict[str, Any] = tree(section)
    return value | changes


def refusal(value: object, block: type[Block], where: str = "params.yaml: x") -> list[str]:
    with pytest.raises(ParamsError) as caught:
        parse(value, block, where)
    return str(caught.value).splitlines()


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


# ---- wrong values

PERHAPS = {"lowercase": True, "urls": "perhaps", "users": True, "digits": False}


@pytest.mark.parametrize(
    ("block", "value", "key"),
    [
        (Tags, {"top_k": 0}, "top_k"),
        (Tags, {"top_k": 1001}, "top_k"),
        (Tags, {"top_k": 2.5}, "top_k"),
        (Tags, {"top_k": "many"}, "top_k"),
        (Tags, {"top_k": None}, "top_k"),
        (Tags, {"top_k": [5]}, "top_k"),
        (Train, {"seeds": [], "max_epochs": None, "batch_posts": None}, "seeds"),
        (Train, {"seeds": 1, "max_epochs": None, "batch_posts": None}, "seeds"),
        (Train, {"seeds": [1, 2, 1], "max_epochs": None, "batch_posts": None}, "seeds"),
        (Train, {"seeds": [1, "two"], "max_epochs": None, "batch_posts": None}, "seeds.1"),
        (Train, {"max_epochs": None, "batch_posts": None}, "seeds"),
        (Train, {"seeds": [1], "batch_posts": None}, "max_epochs"),
        (Train, {"seeds": [1], "max_epochs": 0, "batch_posts": None}, "max_epochs"),
        (Train, {"seeds": [1], "max_epochs": None, "batch_posts": 0}, "batch_posts"),
        (IndexImages, changed("index_images", on_bad_image="drop"), "on_bad_image"),
        (IndexImages, changed("index_images", max_pixels=-1), "max_pixels"),
        (Leaderboard, {"order_by": "train"}, "order_by"),
        (Prepare, changed("prepare", entity_types=[]), "entity_types"),
        (Prepare, {"entity_types": ["PER"], "rename": {"MISC": None}}, "rename.MISC"),
        (Runtime, changed("runtime", batch=0), "batch"),
        (Runtime, changed("runtime", processes=0), "processes"),
        (Runtime, changed("runtime", progress="loud"), "progress"),
        (Vocab, changed("vocab", splits=["valid"]), "splits.0"),
        (Vocab, changed("vocab", normalize="none"), "normalize"),
        (Vocab, {"splits": ["train"], "min_count": 1, "normalize": PERHAPS}, "normalize.urls"),
        (Dataset, {"name": "a", "train": "b", "dev": "c", "test": "d", "captions": "e"}, "images"),
        (
            Dataset,
            {"name": 1, "train": "b", "dev": "c", "test": "d", "images": "e", "captions": "f"},
            "name",
        ),
    ],
)
def test_wrong_values_name_their_key(block: type[Block], value: object, key: str) -> None:
    (line,) = refusal(value, block)
    assert line.startswith(f"params.yaml: x: {key}: ")


@pytest.mark.parametrize("value", [None, [], "train", 3])
def test_a_section_that_is_no_mapping(value: object) -> None:
    (line,) = refusal(value, Train)
    assert line.startswith("params.yaml: x: the section: ")


@pytest.mark.parametrize(
    "source",
    [
        {"kind": "package", "path": "a", "width": 50, "package": None},
        {"kind": "text", "path": "a", "width": 50, "package": "p"},
        {"kind": "text", "path": "a", "width": 0, "package": None},
        {"kind": "glove", "path": "a", "width": 50, "package": None},
    ],
)
def test_a_source_of_vectors_fits_together(source: dict[str, Any]) -> None:
    (line,) = refusal(changed("vectors", sources={"mine": source}), Vectors)
    assert line.startswith("params.yaml: x: sources.mine")


@pytest.mark.parametrize("rate", [0, -0.1, float("nan"), "fast", None])
def test_a_learning_rate_is_a_positive_number(rate: object) -> None:
    value = tree("systems.bilstm_crf")
    value["training"]["learning_rate"] = rate
    (line,) = refusal(value, BiLSTMCRF.Params)
    assert line.startswith("params.yaml: x: training.learning_rate: ")


# ---- the file


def test_a_missing_section_names_the_nearest(write: Write) -> None:
    path = write("extract:\n  tags: {}\n")
    for section, message in (
        ("extract.tag", "section 'extract.tag' is missing (did you mean 'tags'?)"),
        ("extract.tags.deep", "section 'extract.tags.deep' is missing"),
        ("vocab", "section 'vocab' is missing"),
    ):
        with pytest.raises(ParamsError) as caught:
            read(path, section, Extract)
        assert str(caught.value) == f"{path}: {message}"


def test_an_unknown_section_is_refused_by_every_stage(write: Write) -> None:
    """A misspelled section would else be left out by all of them in silence."""
    path = write("tags: {top_k: 5}\nleaderbord: {order_by: dev}\n")
    with pytest.raises(ParamsError) as caught:
        read(path, "tags", Tags)
    assert str(caught.value) == (
        f"{path}: unknown section 'leaderbord' (did you mean 'leaderboard'?)"
    )


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ("", "expected a mapping of sections, found NoneType"),
        ("- tags\n", "expected a mapping of sections, found list"),
        ("tags: [1\n", "not valid YAML"),
        ("tags:\n\ttop_k: 1\n", "not valid YAML"),
        ("tags: 5\n", "tags: the section: "),
        ("7: {}\n", "unknown section"),
    ],
)
def test_a_file_that_is_none(write: Write, content: str, complaint: str) -> None:
    path = write(content)
    with pytest.raises(ParamsError) as caught:
        read(path, "tags", Tags)
    assert str(caught.value).startswith(f"{path}: {complaint}")


def test_a_file_that_is_no_text(tmp_path: Path) -> None:
    path = tmp_path / "params.yaml"
    path.write_bytes(b"tags: {top_k: 5}\n# \xff\xfe\n")
    with pytest.raises(PipelineError) as caught:
        read(path, "tags", Tags)
    assert str(path) in str(caught.value)


def test_no_file(tmp_path: Path) -> None:
    with pytest.raises(ParamsError, match="run from the project's root"):
        read(tmp_path / "params.yaml", "tags", Tags)


def test_nearest() -> None:
    assert nearest("top_n", ["top_k", "seeds"]) == " (did you mean 'top_k'?)"
    assert nearest("q", ["top_k", "seeds"]) == ""
    assert nearest("q", []) == ""
