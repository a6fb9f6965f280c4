"""The phrases of posts: by image, post and token, as ids in a batch, with their own vectors."""

from pathlib import Path

import numpy as np
import pytest
import torch

from pipeline.corpus.posts import Post, read_posts
from pipeline.errors import PipelineError
from pipeline.params.vectors import Vectors
from pipeline.systems.system import ImageClasses, PhraseWords
from pipeline.tables.phrases import NONE, plain, write_phrases
from pipeline.text.vectors.phrases import build_phrase_vectors
from pipeline.text.vectors.words import read_vectors
from pipeline.training.batches import EncodedPosts
from pipeline.training.caches import Caches, open_caches
from pipeline.training.lexicon import assemble
from pipeline.training.phrases import Phrases
from tests.blocks import of_project, text_source
from tests.training.tiny import NAMES, Workspace, classes_of, key_of, phrase_vectors

NOTHING = open_caches((), {}, None)


def only(phrases: Phrases) -> Caches:
    """Caches of nothing but phrases."""
    return Caches(NOTHING.features, phrases)


@pytest.fixture
def tables(workspace: Workspace) -> dict[str, Path]:
    """Captions of images, words of the token `!` for a hashtag's, and knowledge of posts."""
    return {name: getattr(workspace, name) for name in ("captions", "hashtags", "knowledge")}


def test_a_post_has_the_phrases_of_its_image_its_tokens_and_its_own(
    workspace: Workspace, tables: dict[str, Path]
) -> None:
    posts = read_posts(workspace.posts)
    phrases = Phrases(tables, workspace.images)
    assert phrases.fingerprints == {name: f"{name} 1" for name in tables}
    for post, found in zip(posts, phrases.of(posts), strict=True):
        usable = post.image not in (None, "img6")
        caption = plain(["a", "Lima", f"thing{post.image[3:]}"]) if usable and post.image else NONE
        assert found["captions"] == caption
        assert found["hashtags"] == (plain(["surprise"]) if "!" in post.tokens else NONE)
        assert found["knowledge"].words == (("CITY",) if "Rome" in post.tokens else ())
    twice = Post("test/0", "test", None, ("!", "Rome", "!"), ("O", "B-LOC", "O"), 0)
    [found] = phrases.of([twice])
    assert found["hashtags"].words == ("surprise", "surprise")


def test_a_batch_reads_back_as_its_phrases(workspace: Workspace, tables: dict[str, Path]) -> None:
    posts = read_posts(workspace.posts)
    files = [phrase_vectors(workspace, cache) for cache in tables]
    words = assemble(workspace.vocab, {"tiny": workspace.vectors}, 0.0, {"tiny": files})
    lexicon, table, found = words.lexicon, words.vectors, words.found
    assert {"city", "lima", "surprise"} <= set(lexicon.words)
    assert not {"thing1", "class", "CITY"} & set(lexicon.words)
    row = lexicon.words.index("city")
    assert found[row].all()
    assert table[row].tolist() == [1, 0, 0, 0, 0]
    known = read_vectors(workspace.vectors)
    lima = known.matrix[known.words.index("lima")]  # the posts' file comes before the phrases'
    np.testing.assert_array_equal(table[lexicon.words.index("lima")].numpy(), lima)
    phrases = Phrases(tables, workspace.images)
    places = [3, 1, 60, 0, 9]
    batch = EncodedPosts(posts, lexicon, only(phrases)).batch(places)
    wanted = phrases.of([posts[place] for place in places])
    for cache, phrase in batch.phrases.items():
        longest = max(len(by_cache[cache].words) for by_cache in wanted)
        for part in (phrase.words, phrase.weights, phrase.mask, phrase.spelling):
            assert part.shape == (len(places), max(1, longest))
        for at, by_cache in enumerate(wanted):
            words, weights = by_cache[cache].words, by_cache[cache].weights
            k = len(words)
            assert phrase.mask[at].tolist() == [True] * k + [False] * (phrase.mask.shape[1] - k)
            assert phrase.weights[at, :k].tolist() == list(weights)
            assert not phrase.words[at, k:].any()
            assert not phrase.weights[at, k:].any()
            for place, word in enumerate(words):
                looked_up = lexicon.words[phrase.words[at, place]]
                expected = lexicon.word(word)
                assert looked_up == (expected if expected in lexicon.words else "<unk>")
                spelled = batch.chars[phrase.spelling[at, place]]
                letters = [lexicon.characters[c] for c in spelled if c != 0]
                assert len(letters) == len(word)
                assert all(c in (o, "<unk>") for c, o in zip(letters, word, strict=True))
    # The posts themselves are read as without phrases.
    plain_batch = EncodedPosts(posts, lexicon, NOTHING).batch(places)
    assert torch.equal(batch.words, plain_batch.words)
    for at in range(len(places)):
        for t in range(int(batch.mask[at].sum())):
            with_phrases = batch.chars[batch.spelling[at, t]]
            alone = plain_batch.chars[plain_batch.spelling[at, t]]
            assert with_phrases[with_phrases != 0].tolist() == alone[alone != 0].tolist()


def test_a_cache_without_any_words_is_a_column_that_is_masked(
    workspace: Workspace, tables: dict[str, Path]
) -> None:
    write_phrases(tables["hashtags"], "token", "f1", [])
    posts = read_posts(workspace.posts)
    lexicon = assemble(workspace.vocab, {"tiny": workspace.vectors}).lexicon
    phrases = Phrases({"hashtags": tables["hashtags"]}, None)
    batch = EncodedPosts(posts, lexicon, only(phrases)).batch([0, 1])
    assert batch.phrases["hashtags"].words.tolist() == [[0], [0]]
    assert not batch.phrases["hashtags"].mask.any()
    empty = read_vectors(phrase_vectors(workspace, "hashtags"))
    assert (empty.words, empty.matrix.shape) == ((), (0, 5))


def test_the_table_of_image_words_is_the_attributes_of_posts(workspace: Workspace) -> None:
    reads = [ImageClasses("image_words", "tags"), PhraseWords("attributes", "tags")]
    table = dict.fromkeys(["image_words", "attributes"], workspace.image_words)
    caches = open_caches(reads, table, workspace.images)
    assert caches.features.shapes.keys() == {"image_words"}
    assert caches.fingerprints["attributes"] == caches.fingerprints["image_words"]
    posts = read_posts(workspace.posts)
    for post, found in zip(posts, caches.phrases.of(posts), strict=True):
        usable = post.image not in (None, "img6")
        names = [NAMES[n].split() for n in classes_of(post.image)] if usable and post.image else []
        assert found["attributes"].words == tuple(word for name in names for word in name)
        weights = [0.25, 0.25, 0.125, 0.125, 0.0625, 0.0625][: 2 * len(names)]
        assert found["attributes"].weights == tuple(weights)


def test_tables_of_another_corpus_are_refused(
    workspace: Workspace, tables: dict[str, Path]
) -> None:
    posts = read_posts(workspace.posts)
    write_phrases(tables["knowledge"], "post", "f2", [(post.post, NONE) for post in posts[:-2]])
    with pytest.raises(PipelineError, match=r"knowledge.parquet: lacks 2 of the 64 posts"):
        Phrases({"knowledge": tables["knowledge"]}, None).of(posts)
    write_phrases(tables["captions"], "image", "c0", [(key_of("img0"), NONE)])
    with pytest.raises(PipelineError, match=r"captions.parquet: lacks 5 of the 6 usable images"):
        Phrases(tables, workspace.images)
    with pytest.raises(PipelineError, match="is keyed by image, but no --images is given"):
        Phrases(tables, None)


def test_vectors_of_two_widths_are_not_of_one_source(
    workspace: Workspace, tables: dict[str, Path]
) -> None:
    source = workspace.root / "narrow.txt"
    source.write_text("surprise 1 2\n")
    out = workspace.root / "narrow.parquet"
    build_phrase_vectors(
        of_project("vectors", Vectors),
        text_source(source, 2),
        tables["hashtags"],
        workspace.vocab,
        out,
    )
    with pytest.raises(PipelineError, match=r"narrow.parquet: has vectors of 2 numbers, but .* 5"):
        assemble(workspace.vocab, {"tiny": workspace.vectors}, 0.0, {"tiny": [out]})


def test_a_source_may_have_none_of_the_few_words_of_a_table(
    workspace: Workspace, tables: dict[str, Path]
) -> None:
    source, out = workspace.root / "other.txt", workspace.root / "other.parquet"
    source.write_text("other 1 2\n")
    table = tables["hashtags"]
    params = of_project("vectors", Vectors)
    build_phrase_vectors(params, text_source(source, 2), table, workspace.vocab, out)
    vectors = read_vectors(out)
    assert vectors.words == ("surprise",)
    assert not vectors.found.any()
