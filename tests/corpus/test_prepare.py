"""Three files to a table and its account; all faults in one error; the command line."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from pipeline.corpus.posts import read_posts
from pipeline.corpus.prepare import prepare
from pipeline.errors import PipelineError
from pipeline.params.prepare import Prepare
from stages.prepare import main

TYPES = ["PER", "LOC", "ORG", "OTHER"]
PLAIN = "{entity_types: [PER, LOC, ORG, OTHER], rename: {}, untyped: false}"
RENAMED = PLAIN.replace("rename: {}", "rename: {MISC: OTHER}")
GOOD = {
    "train": "IMGID:1\nAnn\tB-PER\nLee\tI-PER\nat\tO\nSAP\tB-ORG\n\nIMGID:\nhi\tO\nX\tI-MISC\n",
    "dev": "IMGID:2\nRome\tB-LOC\n",
    "test": "IMGID:3\nhi\tO\nX\tI-LOC\n\nIMGID:3\nRome\tB-LOC\n",
}

Write = Callable[..., dict[str, Path]]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def files(**changed: str) -> dict[str, Path]:
        for split, text in (GOOD | changed).items():
            (tmp_path / f"{split}.txt").write_bytes(text.encode())
        return {split: tmp_path / f"{split}.txt" for split in GOOD}

    return files


def run(
    files: dict[str, Path],
    folder: Path,
    rename: dict[str, str] | None = None,
    untyped: bool = False,
) -> str:
    rename = {"MISC": "OTHER"} if rename is None else rename
    return str(
        prepare(
            files,
            folder / "posts.parquet",
            folder / "posts.json",
            Prepare(entity_types=TYPES, rename=rename, untyped=untyped),
        )
    )


def test_report_and_metrics(write: Write, tmp_path: Path) -> None:
    report = run(write(), tmp_path / "features")
    assert report.splitlines() == [
        "train: 2 posts, 6 tokens, 2 entities (ORG 1, PER 1), 1 without an image, longest 4 tokens",
        "dev: 1 posts, 1 tokens, 1 entities (LOC 1), 0 without an image, longest 1 tokens",
        "test: 2 posts, 3 tokens, 1 entities (LOC 1), 0 without an image, longest 2 tokens",
        "I- labels after O: strict scoring sees no entity there: train 1, test 1",
        "posts that repeat a post of another split: test 2",
        "  test/0 (line 1): the same tokens as train/1 (line 7), other labels",
        "  test/1 (line 5): the same tokens as dev/0 (line 1), the same labels",
        "entity types that a split lacks: train 1, dev 3, test 3",
        "  train: no LOC in it, though in dev, test",
        "  dev: no ORG in it, though in train",
        "  dev: no OTHER in it, though in train",
        "  dev: no PER in it, though in train",
        "  test: no ORG in it, though in train",
        "  test: no OTHER in it, though in train",
        "  test: no PER in it, though in train",
    ]
    metrics = json.loads((tmp_path / "features" / "posts.json").read_text())
    assert metrics["test"] == {
        "posts": 2,
        "tokens": 3,
        "entities": 1,
        "entities_by_type": {"LOC": 1},
        "without_image": 0,
        "longest": 2,
        "findings": {
            "orphan": 1,
            "type_change": 0,
            "invisible": 0,
            "long": 0,
            "duplicate": 2,
            "unseen_type": 3,
        },
    }
    posts = read_posts(tmp_path / "features" / "posts.parquet")
    assert [post.post for post in posts] == ["train/0", "train/1", "dev/0", "test/0", "test/1"]
    assert posts[1].labels == ("O", "I-OTHER")


def test_equal_files_give_equal_bytes(write: Write, tmp_path: Path) -> None:
    for folder in ("a", "b"):
        run(write(), tmp_path / folder)
    for name in ("posts.parquet", "posts.json"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


def test_all_faults_of_all_files_in_one_error(write: Write, tmp_path: Path) -> None:
    files = write(
        train="a\tO\n\nIMGID:1\nb\n", dev="", test="IMGID:9\n" + "x\tB-PRE\n" * 40 + "y\tO\n"
    )
    with pytest.raises(PipelineError) as error:
        run(files, tmp_path / "features")
    lines = str(error.value).replace(f"{tmp_path}/", "").splitlines()
    assert len(lines) == 21
    assert [line.split(": ")[0] for line in lines[:4]] == [
        "train.txt:1",
        "train.txt:4",
        "dev.txt",
        "test.txt:2",
    ]
    assert lines[-1] == "… and 23 more lines of this kind"
    assert not (tmp_path / "features").exists()  # a corpus with faults writes nothing


def test_a_renaming_to_an_unknown_type(write: Write, tmp_path: Path) -> None:
    with pytest.raises(PipelineError) as error:
        run(write(), tmp_path, {"MISC": "OTHERS"})
    assert str(error.value) == (
        "prepare.rename: 'MISC' becomes 'OTHERS', which is not among entity_types"
        " (PER, LOC, ORG, OTHER) (did you mean 'OTHER'?)"
    )


def test_without_the_renaming_the_label_is_a_fault(write: Write, tmp_path: Path) -> None:
    with pytest.raises(PipelineError, match=r"train\.txt:9: unknown entity type 'MISC'"):
        run(write(), tmp_path, {})


def test_untyped_labels_keep_their_borders(write: Write, tmp_path: Path) -> None:
    """Types are checked and renamed first, and only then lost."""
    for untyped in (False, True):
        run(write(), tmp_path / str(untyped), untyped=untyped)
    typed, bare = (read_posts(tmp_path / str(u) / "posts.parquet") for u in (False, True))
    for one, other in zip(typed, bare, strict=True):
        assert [label[0] for label in one.labels] == [label[0] for label in other.labels]
        assert {label[2:] for label in other.labels} <= {"ENTITY", ""}
        assert (one.post, one.tokens, one.image) == (other.post, other.tokens, other.image)
    metrics = json.loads((tmp_path / "True" / "posts.json").read_text())
    assert metrics["train"]["entities_by_type"] == {"ENTITY": 2}
    assert metrics["train"]["findings"]["unseen_type"] == 0
    with pytest.raises(PipelineError, match=r"train\.txt:9: unknown entity type 'MISC'"):
        run(write(), tmp_path, {}, untyped=True)


def test_twitter2015_counts_as_published(shared_data: Path, tmp_path: Path) -> None:
    """The counts are those of Table 1 of the co-attention paper (Zhang et al., AAAI 2018)."""
    files = {split: shared_data / "twitter2015" / f"{split}.txt" for split in GOOD}
    report = prepare(
        files,
        tmp_path / "posts.parquet",
        tmp_path / "posts.json",
        Prepare(entity_types=TYPES, rename={}, untyped=False),
    )
    splits = report.splits.values()
    assert [split.posts for split in splits] == [4000, 1000, 3257]
    assert [sum(split.entities.values()) for split in splits] == [6176, 1546, 5078]
    assert [split.entities["PER"] for split in splits] == [2217, 552, 1816]
    assert [split.tokens for split in splits] == [64439, 16178, 52822]
    assert [split.longest for split in splits] == [37, 41, 36]
    assert len(read_posts(tmp_path / "posts.parquet")) == 8257


@pytest.fixture
def command(write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    monkeypatch.chdir(tmp_path)

    def invoke(params: str = PLAIN, **changed: str) -> Result:
        files = write(**changed)
        Path("params.yaml").write_text(f"prepare: {params}\n")
        arguments = [word for split in files for word in (f"--{split}", f"{split}.txt")]
        arguments += ["--posts", "features/posts.parquet", "--metrics", "features/posts.json"]
        return CliRunner().invoke(main, arguments)

    return invoke


def test_command(command: Callable[..., Result]) -> None:
    result = command(RENAMED)
    assert result.exit_code == 0
    assert result.output.startswith("train: 2 posts, 6 tokens, 2 entities")
    assert len(read_posts(Path("features/posts.parquet"))) == 5


@pytest.mark.parametrize(
    ("params", "changed", "message"),
    [
        (
            PLAIN,
            {"dev": "IMGID:1\nRome\tB-CITY\n", "train": GOOD["dev"]},
            "Error: dev.txt:2: unknown entity type 'CITY'; known: LOC, ORG, OTHER, PER; correct"
            " the label, or add the type to `entity_types` or `rename` of `prepare`\n",
        ),
        (
            RENAMED,
            {"test": "\n"},
            "Error: test.txt: no post in it; split 'test' needs at least one\n",
        ),
        (
            "{entity_type: [PER], rename: {}, untyped: false}",
            {},
            "Error: params.yaml: prepare: entity_types: Field required\n"
            "params.yaml: prepare: unknown key 'entity_type' (did you mean 'entity_types'?);"
            " known: entity_types, rename, untyped\n",
        ),
    ],
)
def test_bad_input_is_a_message_and_exit_status_1(
    command: Callable[..., Result], params: str, changed: dict[str, str], message: str
) -> None:
    result = command(params, **changed)
    assert isinstance(result.exception, SystemExit)
    assert (result.exit_code, result.output) == (1, message)
    assert not Path("features").exists()
