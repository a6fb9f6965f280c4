"""The table of posts: what is written is read back, to the byte."""

from pathlib import Path

import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.corpus.posts import Post, read_posts, write_posts
from pipeline.errors import PipelineError

TEXT = st.text(st.characters(codec="utf-8"))


@st.composite
def some_posts(draw: st.DrawFn) -> list[Post]:
    posts = []
    for n in range(draw(st.integers(0, 4))):
        tokens = tuple(draw(st.lists(TEXT, max_size=4)))
        labels = tuple(draw(TEXT) for _ in tokens)
        image = draw(st.none() | TEXT)
        posts.append(
            Post(f"dev/{n}", "dev", image, tokens, labels, draw(st.integers(0, 2**31 - 1)))
        )
    return posts


@settings(deadline=None)
@given(posts=some_posts())
def test_round_trip_and_equal_bytes(
    tmp_path_factory: pytest.TempPathFactory, posts: list[Post]
) -> None:
    folder = tmp_path_factory.mktemp("posts")
    write_posts(posts, folder / "a.parquet")
    write_posts(iter(posts), folder / "b.parquet")
    assert read_posts(folder / "a.parquet") == posts
    assert (folder / "a.parquet").read_bytes() == (folder / "b.parquet").read_bytes()


def test_schema_and_metadata(tmp_path: Path) -> None:
    write_posts([Post("dev/0", "dev", None, ("a",), ("O",), 1)], tmp_path / "posts.parquet")
    schema = pq.read_schema(tmp_path / "posts.parquet")
    assert str(schema.field("tokens").type) == "list<element: string not null>"
    assert schema.field("image").nullable
    assert schema.metadata is None  # pandas would leave some


def test_a_post_has_a_label_for_each_token() -> None:
    with pytest.raises(ValueError, match="dev/0: 2 tokens, 1 labels"):
        Post("dev/0", "dev", None, ("a", "b"), ("O",), 1)


def test_a_table_of_something_else_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PipelineError, match="no such file; run `dvc repro prepare`"):
        read_posts(tmp_path / "posts.parquet")
