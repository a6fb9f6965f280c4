"""`mner lint` on whole corpora: findings planted once, known corpora, copies, the exit status."""

import json
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner, Result
from hypothesis import given, settings
from hypothesis import strategies as st

from cli.lint import main
from pipeline.corpus.posts import Post
from pipeline.errors import PipelineError
from pipeline.files import json_bytes
from pipeline.lint.between import between_posts, in_folder, seen_in_train
from pipeline.lint.check import check_corpus, find_files
from pipeline.lint.repair import DIFF, repair
from pipeline.lint.variants import KNOWN, recognise
from pipeline.params.prepare import Prepare
from tests.lint.test_layout import FOUND

PREPARE = {"entity_types": ["PER", "LOC", "ORG", "OTHER"], "rename": {}, "untyped": False}
POST = "IMGID:{}\nAda\tB-PER\nin\tO\nRome\tB-LOC\n\n"
LABELS = ("B-PER", "I-PER", "O", "B-LOC")
TOKENS = ("Ada", "Byron", "in", "Rome")


def post(name: str, image: str | None, labels: tuple[str, ...] = LABELS) -> Post:
    return Post(name, name.split("/")[0], image, TOKENS, labels, 1)


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    folder = tmp_path / "corpus"
    (folder / "images").mkdir(parents=True)
    for n, name in enumerate(("train", "valid", "test")):
        (folder / f"{name}.txt").write_text(POST.format(n))
        (folder / "images" / f"{n}.jpg").write_bytes(b"picture %d" % n)
    return folder


@pytest.fixture
def lint(corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    monkeypatch.chdir(tmp_path)
    Path("params.yaml").write_text(yaml.safe_dump({"prepare": PREPARE}))
    return lambda *words: CliRunner().invoke(main, [str(corpus), *words])


def test_what_posts_have_in_common() -> None:
    posts = [
        post("train/0", "a"),
        post("train/1", "a", ("B-PER", "I-PER", "O", "O")),
        post("test/0", "b", ("B-PER", "I-PER", "O", "B-ORG")),
    ]
    assert [f"{finding.kind}: {finding}" for finding in between_posts(posts, 3)] == [
        "cut: train/0 (line 1): 'Rome' ends with token 4, the limit is 3",
        "conflict: train/1 (line 1): other labels than train/0 (line 1)",
        "duplicate_id: train/1 (line 1): image 'a' is that of train/0 (line 1)",
        "conflict: test/0 (line 1): other labels than train/0 (line 1)",
        "cut: test/0 (line 1): 'Rome' ends with token 4, the limit is 3",
    ]
    assert seen_in_train(posts) == {"ORG": (0, 1), "PER": (1, 1)}


def test_images_that_are_not_there_or_not_a_posts_own(tmp_path: Path) -> None:
    contents = {"a": "x", "b": "x", "c": "y", "17_06_4705": "z"} | {f"g{n}": "no" for n in range(5)}
    for name, content in contents.items():
        (tmp_path / f"{name}.jpg").write_text(content)
    ids = [None, "a", "b", "c", "gone", "C", "17_06_4705", *(f"g{n}" for n in range(5))]
    posts = [post(f"train/{n}", image) for n, image in enumerate(ids)]
    findings, there = in_folder(posts, tmp_path)
    assert there == 9
    assert [f"{finding.kind} {finding.post}: {finding.text}" for finding in findings] == [
        "missing_image train/4: missing: 'gone': no file of this name in the image folder",
        "missing_image train/5: missing: 'C': no file of this name in the image folder;"
        " c.jpg differs in folder, case or suffix alone",
        "same_picture train/2: 'b' shows what 'a' does",
        *(f"placeholder train/{7 + n}: 'g{n}' shows what 'g0' does" for n in range(1, 5)),
        "placeholder train/6: '17_06_4705' stands in for missing pictures in public programs",
    ]


def test_known_corpora() -> None:
    def of(counts: tuple[int, ...], entities: tuple[int, ...]) -> list[Post]:
        return [
            Post(f"{split}/{n}", split, None, ("a",), ("B-PER" if n < own else "O",), 1)
            for split, count, own in zip(("train", "dev", "test"), counts, entities, strict=True)
            for n in range(count)
        ]

    assert recognise(of((3373, 723, 723), (6, 7, 8))) == (
        f"{KNOWN[1].name}, by its numbers of posts, but relabelled: 6/7/8 entities, where the"
        " original has 6049/1324/1351; scores on it do not compare with published ones"
    )
    assert recognise(of((4290, 1432, 1459), (1, 1, 1))).endswith("has is not known")
    assert recognise(of((1, 1, 1), (1, 1, 1))) == "no corpus that is known here"


def test_twitter2015_and_its_relabelled_copies(shared_data: Path, tmp_path: Path) -> None:
    report = check_corpus(shared_data / "twitter2015", None, Prepare(**PREPARE), 35)
    assert report.variant.endswith("the original posts and labels, by their digests")
    assert report.refusal is None
    assert not report.changes()
    assert not list(report.faults)
    assert sum(of for _, of in report.seen.values()) == 5078
    for split, path in report.files.items():
        text = path.read_text("utf-8").replace("B-OTHER", "B-ORG")  # as many entities as before
        (tmp_path / f"{split}.txt").write_text(text, "utf-8")
    copy = check_corpus(tmp_path, None, Prepare(**PREPARE), 35)
    assert "by the digest of its posts, but relabelled: 6176/1546/5078 entities" in copy.variant


@pytest.mark.parametrize("name", FOUND)
def test_a_copy_is_repaired_and_its_diff_leads_there(tmp_path: Path, name: str) -> None:
    """Git applies the diff, and `prepare` would read the copy; the corpus itself stays."""
    content, kinds, _ = FOUND[name]
    raw = content if isinstance(content, bytes) else content.encode()
    folder, copy = tmp_path / "corpus", tmp_path / "copy"
    folder.mkdir()
    for split in ("train", "dev", "test"):
        (folder / f"{split}.txt").write_bytes(raw)
    written = repair(check_corpus(folder, None, Prepare(**PREPARE), 35), copy)
    again = check_corpus(copy, None, Prepare(**PREPARE), 35)
    assert (again.refusal, again.changes()) == (None, {})
    assert all((folder / f"{split}.txt").read_bytes() == raw for split in written)
    if kinds and not {"CR", "UTF-16"} & {name}:  # a diff of those shows their text
        command = ["git", "apply", "--unidiff-zero", str(copy / DIFF)]
        subprocess.run(command, cwd=folder, check=True, capture_output=True)
    if not {"CR", "UTF-16"} & {name}:
        assert (folder / "test.txt").read_bytes() == written["test"].read_bytes()
    with pytest.raises(PipelineError, match="not an empty folder"):
        repair(again, copy)


@pytest.mark.parametrize(("name", "said"), [("train.conll", "2 files"), ("test.txt", "no file")])
def test_a_split_has_one_file(corpus: Path, name: str, said: str) -> None:
    if said == "no file":
        (corpus / name).unlink()
    else:
        (corpus / name).write_text("")
    with pytest.raises(PipelineError, match=f"{said} for the split"):
        find_files(corpus)


def test_a_sound_corpus(lint: Callable[..., Result]) -> None:
    done = lint()
    assert done.exit_code == 0, done.output
    assert "dev       BIO       1         0         3         3         2" in done.output
    assert "2 of test's 2 entities stand in train too (LOC 100 %, PER 100 %)" in done.output
    assert "would refuse" not in done.output


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        (["--fix", "corpus/train.txt/copy"], 1, "copy: no folder can be made there: Not a dir"),
        (["--limit", "0"], 2, "0 is not in the range"),
        (["--images", "corpus/train.txt"], 2, "is a file"),
    ],
)
def test_options_that_cannot_be_meant(
    lint: Callable[..., Result], words: list[str], status: int, said: str
) -> None:
    done = lint(*words)
    assert done.exit_code == status
    assert said in done.output


def test_json_says_all(lint: Callable[..., Result], corpus: Path) -> None:
    iob1 = POST.format(0).replace("B-", "I-")
    (corpus / "train.txt").write_text(iob1)
    done = lint("--json")
    tree = json.loads(done.stdout)
    assert done.exit_code == 1
    assert tree["schemes"] == {"train": "IO", "dev": "BIO", "test": "BIO"}
    assert "2 entities begin with I-" in tree["refusal"]
    assert tree["splits"]["train"]["entities"] == {"LOC": 1, "PER": 1}
    assert tree["counts"]["duplicate"] == {"dev": 1, "test": 1}


def test_the_copy_is_taken_where_the_corpus_is_refused(
    lint: Callable[..., Result], corpus: Path
) -> None:
    (corpus / "test.txt").write_text(POST.format(2).replace("\t", " "))
    done = lint("--fix", "repaired")
    assert done.exit_code == 1
    assert "layout: blanks where a tab belongs: test 3 (line 2)" in done.output
    assert "the stages would refuse this:" in done.output
    corpus.rename(corpus.with_name("old"))
    Path("repaired").rename(corpus)
    assert lint().exit_code == 0
    assert "not an empty folder" in lint("--fix", str(corpus)).output


def test_images_that_none_of_the_posts_can_use(lint: Callable[..., Result], corpus: Path) -> None:
    (corpus / "images").rename(corpus / "pictures")
    (corpus / "images").mkdir()
    assert "holds not one of the images" in lint().output
    assert lint("--images", str(corpus / "pictures")).exit_code == 0


def test_what_a_terminal_would_obey_is_spelled_out(
    lint: Callable[..., Result], corpus: Path
) -> None:
    (corpus / "train.txt").write_text("IMGID:\x1b]0;x\x07\nAda\tB-\x1b[31m\n")
    assert not {"\x1b", "\x07"} & set(lint().output)


PIECES = [b"IMGID:1\n", b"Ada\tB-PER\n", b"I-X O\n", b"\xff\xfe", b"\xef\xbb\xbf", b"\r", b"\n"]
PIECES += [b'{"text": "a\\ud800", "spans": [[0, 1, "X"]]}\n', b'{"tokens": [[]], "labels": {}}\n']


@settings(deadline=None)
@given(st.lists(st.sampled_from(PIECES) | st.binary(max_size=9), max_size=9).map(b"".join))
def test_no_bytes_are_too_odd(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    folder = tmp_path_factory.mktemp("odd")
    for split in ("train", "dev", "test"):
        (folder / f"{split}.txt").write_bytes(content)
    report = check_corpus(folder, None, Prepare(**PREPARE), 35)
    json_bytes(report.tree())
    repair(report, folder / "copy")


def test_a_relabelled_copy_has_the_same_digest_of_posts() -> None:
    posts = [post("train/0", "1"), post("test/0", "2")]
    from pipeline.lint.variants import digests

    other = [replace(one, labels=("O",) * 4) for one in posts]
    assert digests(posts)[0] == digests(other)[0]
    assert digests(posts)[1] != digests(other)[1]
