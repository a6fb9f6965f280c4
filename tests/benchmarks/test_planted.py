"""The planted corpus says what it claims: types follow pictures, and no word tells them."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from benchmarks import planted
from benchmarks.corpus import Corpus
from benchmarks.phrases import WORDS
from pipeline.corpus.images import read_images
from pipeline.corpus.posts import Post, read_posts
from pipeline.errors import PipelineError
from pipeline.systems.adaptive_coattention import AdaptiveCoAttention
from pipeline.systems.system import PhraseWords, StoreOutput, System
from pipeline.training.phrases import Phrases

THINGS = (404, 700, 950)
CLASSES = {2: "ORG", 150: "PER", 207: "PER", 310: "ORG", 340: "PER", 392: "ORG"}
CLASSES |= dict.fromkeys(THINGS, "OTHER")


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = tmp_path / "photographs"
    folder.mkdir()
    lines = ["file\tclass_index\tsynset\tname"]
    for index in CLASSES:
        noise = np.random.default_rng(index).integers(0, 255, (40, 60, 3), dtype=np.uint8)
        Image.fromarray(noise).save(folder / f"p{index}.JPEG")
        lines.append(f"p{index}.JPEG\t{index}\tn{index}\tthing")
    (folder / "labels.tsv").write_text("\n".join(lines) + "\n")
    return folder


def make(folder: Path, data: Path, shown: bool, seed: int = 1) -> list[Post]:
    made = planted._make(folder, data, seed, shown, "image", AdaptiveCoAttention)
    return read_posts(made.posts)


def entity(post: Post) -> tuple[str, str]:
    """The name in a planted post and its type."""
    name = [t for t, label in zip(post.tokens, post.labels, strict=True) if label != "O"]
    kinds = {label[2:] for label in post.labels if label != "O"}
    assert len(kinds) == 1
    return " ".join(name), kinds.pop()


def test_the_picture_decides_the_type_and_the_words_do_not(data: Path, tmp_path: Path) -> None:
    posts = make(tmp_path / "a", data, shown=True)
    by_context: dict[str, set[str]] = {}
    for post in posts:
        name, kind = entity(post)
        photograph = str(post.image).split("-")[0].removeprefix("p")
        assert kind == CLASSES[int(photograph)]
        by_context.setdefault(" ".join(post.tokens).replace(name, "_"), set()).add(kind)
    assert all(kinds == {"PER", "ORG", "OTHER"} for kinds in by_context.values())
    names = [entity(post)[0] for post in posts if post.split == "test"]
    seen = {entity(post)[0] for post in posts if post.split == "train"}
    assert sum(name in seen for name in names) < 0.02 * len(names)


def test_no_picture_is_in_two_splits(data: Path, tmp_path: Path) -> None:
    posts = make(tmp_path / "a", data, shown=True)
    used = {split: {p.image for p in posts if p.split == split} for split in planted.POSTS}
    assert not used["train"] & used["dev"]
    assert not (used["train"] | used["dev"]) & used["test"]
    contents = [path.read_bytes() for path in (tmp_path / "a" / "images").iterdir()]
    assert len(set(contents)) == len(contents) == 4 * len(CLASSES)


def test_masked_posts_are_the_same_but_for_their_pictures(data: Path, tmp_path: Path) -> None:
    shown = make(tmp_path / "a", data, shown=True)
    masked = make(tmp_path / "b", data, shown=False)
    assert [(p.tokens, p.labels) for p in shown] == [(p.tokens, p.labels) for p in masked]
    assert not any((tmp_path / "b/images" / f"{post.image}.jpg").exists() for post in masked)


def test_a_corpus_whose_pictures_are_all_masked_has_a_table_of_images(
    data: Path, tmp_path: Path
) -> None:
    corpus = planted._make(tmp_path / "b", data, 1, False, "image", AdaptiveCoAttention)
    named = {post.image for post in read_posts(corpus.posts)}
    assert {i.status for i in read_images(corpus.images()) if i.image in named} == {"missing"}


def test_an_unknown_benchmark_names_the_nearest(root: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks", "plantd"], cwd=root, capture_output=True, text=True
    )
    assert done.returncode == 1
    assert "did you mean 'planted'" in done.stderr


CACHES = ["captions", "hashtags", "knowledge"]


class Reading(System):
    """A system that reads one cache of phrases of each kind, and image features."""

    reads = (StoreOutput("tags", "pooled", "tags"), *map(PhraseWords, CACHES))


def told(corpus: Corpus, cache: str, post: Post) -> list[str]:
    """The types whose words the phrase of a post has."""
    phrases = Phrases({cache: corpus.phrases[cache]}, corpus.images())
    [found] = phrases.of([post])
    kinds = {word: kind for kind, words in WORDS.items() for word in words.split()}
    return sorted({kinds[word] for word in found[cache].words})


def test_one_table_of_phrases_tells_the_type_and_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(planted, "POSTS", {"train": 40, "dev": 3, "test": 3})
    assert planted.readable_signals(Reading) == ["image", *CACHES]
    texts = set()
    for signal in CACHES:
        for shown in (True, False):
            folder = tmp_path / f"{signal}-{shown}"
            corpus = planted._make(folder, tmp_path / "no data", 1, shown, signal, Reading)
            posts = read_posts(corpus.posts)
            texts.add(tuple(post.tokens for post in posts))
            for cache in CACHES:
                found = [told(corpus, cache, post) for post in posts]
                types = [[entity(post)[1]] for post in posts]
                if cache == signal:
                    assert found == (types if shown else [[]] * len(posts))
                else:
                    assert {len(kinds) for kinds in found} == {1}
                    assert 0.1 < np.mean([a == b for a, b in zip(found, types, strict=True)]) < 0.7
            files = [path.read_bytes() for path in (folder / "images").iterdir()]
            assert len(set(files)) == len(posts)
            pixels = {Image.open(path).tobytes() for path in (folder / "images").iterdir()}
            assert len(pixels) == 1
    assert len(texts) == 1  # the posts are the same whatever tells their types


def test_pictures_of_no_post_have_a_phrase_without_words(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the picture tells there may be more crops than posts: a table lacks no image."""
    monkeypatch.setattr(planted, "POSTS", {"train": 6, "dev": 2, "test": 2})
    corpus = planted._make(data / "crops", data, 1, True, "image", Reading)
    phrases = Phrases({"captions": corpus.phrases["captions"]}, corpus.images())
    posts = read_posts(corpus.posts)
    named = {post.image for post in posts}
    assert any(path.stem not in named for path in (data / "crops" / "images").iterdir())
    assert all(found["captions"].words for found in phrases.of(posts))


def test_a_signal_that_the_system_cannot_read_is_refused() -> None:
    for arguments, message in (
        (["--system", "cwi", "--signal", "imag"], "cwi reads no 'imag' (did you mean 'image'?)"),
        (["--system", "bilstm_crf"], "bilstm_crf reads text alone"),
    ):
        with pytest.raises(PipelineError) as raised:
            planted.main.main(arguments, standalone_mode=False)
        assert message in str(raised.value)
