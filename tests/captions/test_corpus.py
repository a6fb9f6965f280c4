"""Caption corpora of both formats, and what is wrong with them."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from pipeline.captions.corpus import read_captions, words_of
from pipeline.captions.vocabulary import END, PAD, UNKNOWN, Vocabulary
from pipeline.corpus.images import Image
from pipeline.errors import PipelineError
from tests.captions.world import IMAGES, coco, tokens
from tests.training.tiny import key_of

GIVEN = [
    ("img0.jpg", "A cat's red-brown tail , on 2 mats ."),
    ("set/img1.jpg", "Two dogs"),
    ("gone.jpg", "nobody knows"),
    ("img2.jpg", " . "),
    ("img3.jpg", "one two three four five six seven eight nine"),
]


@pytest.mark.parametrize(("write", "name"), [(coco, "c.json"), (tokens, "c.token")])
def test_both_formats_say_the_same_and_faults_are_listed(
    tmp_path: Path, write: Callable[[Path, list[tuple[str, str]]], Path], name: str
) -> None:
    corpus = read_captions(write(tmp_path / name, GIVEN), IMAGES, max_words=8)
    assert {c.image: c.words for c in corpus.captions} == {
        key_of("img0"): ("a", "cat's", "red-brown", "tail", "on", "2", "mats"),
        key_of("img1"): ("two", "dogs"),
    }
    faults = sorted(finding.fault for finding in corpus.findings)
    assert faults == ["no such image", "no words", "too long"]
    assert "left out, no such image: 1 (gone.jpg" in str(corpus)
    assert "2 captions of 2 images" in str(corpus)


def test_a_name_of_two_pictures_means_neither(tmp_path: Path) -> None:
    twins = [Image(f"{d}/a", f"{d}/a.jpg", key_of(d), 4, 4, "ok", "") for d in ("x", "y")]
    path = tokens(tmp_path / "t.token", [("a.jpg", "which"), ("y/a.jpg", "this")])
    corpus = read_captions(path, twins, 8)
    assert [caption.image for caption in corpus.captions] == [key_of("y")]
    assert [finding.fault for finding in corpus.findings] == ["no such image"]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("c.json", b"{", "not COCO's caption format"),
        ("c.json", b'{"images": [], "annotations": [{"image_id": 1}]}', "annotations.0.caption"),
        ("c.json", b'{"images": [], "annotations": []}', "none of its 0 captions can be used"),
        ("c.token", b"\xff\xfe", "not UTF-8"),
        ("c.token", b"no tab here\n", r"(?s)none of its 1 captions.*not a caption line: 1"),
        (
            "c.csv",
            b"image,caption\nimg0.jpg,A cat .\n",
            r"(?s)none of its 2 captions can be used; captions are COCO's JSON .*`FILE#NUMBER<TAB>"
            r"caption`.*not a caption line: 2 \(line 1: 'image,caption', line 2: 'img0.jpg,A",
        ),
        ("c.token", b"gone.jpg#0\tx\n", r"(?s)none of its 1 captions.*no such image: 1"),
    ],
)
def test_files_that_cannot_be_used_say_why(
    tmp_path: Path, name: str, content: bytes, message: str
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(PipelineError, match=message):
        read_captions(tmp_path / name, IMAGES, 8)


def test_a_caption_goes_to_the_end_of_its_line(tmp_path: Path) -> None:
    """Once a caption ended at any of Unicode's separators, and its rest was no caption line."""
    path = tmp_path / "c.token"
    path.write_bytes("img0.jpg#0\tA cat\u2028on\x85a\x0cmat\r\nimg1.jpg#0\tTwo dogs\r\n".encode())
    corpus = read_captions(path, IMAGES, 8)
    assert [one.words for one in corpus.captions] == [
        ("a", "cat", "on", "a", "mat"),
        ("two", "dogs"),
    ]
    assert not corpus.findings


def test_a_caption_of_an_unknown_image_id_is_listed(tmp_path: Path) -> None:
    given = [{"image_id": "a", "caption": "yes"}, {"image_id": 7, "caption": "no"}]
    tree = {"images": [{"id": "a", "file_name": "img0.jpg"}], "annotations": given}
    (tmp_path / "c.json").write_text(json.dumps(tree))
    corpus = read_captions(tmp_path / "c.json", IMAGES, 8)
    assert [finding.text for finding in corpus.findings] == ["image id 7: 'no'"]


def test_words_keep_what_belongs_to_them() -> None:
    words = words_of('A man’s T-shirt -- "fish & chips"!')
    assert words == ("a", "man’s", "t-shirt", "fish", "chips")


def test_the_vocabulary() -> None:
    vocabulary = Vocabulary.of([("a", "cat"), ("a", "dog"), ("the", "cat")], min_count=2)
    assert vocabulary.words == ("<pad>", "<unk>", "<start>", "<end>", "a", "cat")
    assert vocabulary.encode(("a", "dog")) == [4, UNKNOWN, END]
    assert vocabulary.decode([4, 5, PAD, PAD]) == ("a", "cat")
