"""No post is tagged by a model that saw its labels, nor those of a copy of it."""

import dataclasses
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.corpus.posts import Post, read_posts, write_posts
from pipeline.errors import PipelineError
from pipeline.metrics.spans import strict_spans
from pipeline.params.tag_posts import TagPosts
from pipeline.systems.system import find_system
from pipeline.tables.parquet import read_table
from pipeline.training import jackknife
from pipeline.training.jackknife import SCHEMA, TagFiles, deal, tag_posts
from tests.blocks import quiet
from tests.training.runs import RUNTIME, params_of
from tests.training.tiny import Workspace

TEXTS = st.dictionaries(
    st.text(min_size=1), st.lists(st.sampled_from("ab"), min_size=1).map(tuple), min_size=1
)


@given(TEXTS, st.integers(2, 5), st.integers(0, 3))
def test_copies_share_a_fold_and_folds_are_even(
    texts: dict[str, tuple[str, ...]], folds: int, seed: int
) -> None:
    distinct = sorted(set(texts.values()))
    if len(distinct) < folds:
        with pytest.raises(PipelineError, match=rf"folds is {folds}, but train has"):
            deal(texts, folds, seed)
        return
    fold = deal(texts, folds, seed)
    of_text = {text: {fold[post] for post in texts if texts[post] == text} for text in distinct}
    assert {len(found) for found in of_text.values()} == {1}
    held = [[text for text in distinct if of_text[text] == {n}] for n in range(folds)]
    assert max(map(len, held)) - min(map(len, held)) <= 1


def run(
    workspace: Workspace,
    out: Path,
    said: list[str],
    max_epochs: int = 2,
    processes: int | None = None,
) -> str:
    files = TagFiles(workspace.posts, workspace.vocab, {"tiny": workspace.vectors}, out)
    options = TagPosts(folds=3, seed=1, max_epochs=max_epochs)
    system, params = find_system("bilstm_crf"), params_of("bilstm_crf")
    runtime = quiet(processes=processes)
    return str(tag_posts(system, params, options, files, runtime, said.append))


def test_no_model_saw_what_it_tags(
    workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    posts = read_posts(workspace.posts)
    by_tokens = {post.tokens: post for post in posts if post.split == "train"}
    assert len(by_tokens) < sum(post.split == "train" for post in posts)  # there are copies
    seen: list[list[Post]] = []
    tagged: list[list[Post]] = []
    gather, tag = jackknife.gather, jackknife._tag
    monkeypatch.setattr(jackknife, "gather", lambda *a: seen.append(a[0]) or gather(*a))
    monkeypatch.setattr(jackknife, "_tag", lambda *a: tagged.append(a[1]) or tag(*a))
    said: list[str] = []
    run(workspace, tmp_path / "tagged.parquet", said, processes=1)  # seen from here
    assert len(seen) == len(tagged) == len(said) == 4
    for known, found in zip(seen[:-1], tagged[:-1], strict=True):
        texts = {tuple(token.lower() for token in post.tokens) for post in known}
        assert not any(tuple(token.lower() for token in post.tokens) in texts for post in found)
    assert {post.post for post in seen[-1]} == {p.post for p in posts if p.split == "train"}
    assert sorted(p.post for found in tagged for p in found) == sorted(p.post for p in posts)
    assert all(post.split != "train" for post in tagged[-1])


def test_the_table_holds_the_spans_and_the_labels_of_a_post_do_not_matter(
    workspace: Workspace, tmp_path: Path
) -> None:
    one, again = tmp_path / "a.parquet", tmp_path / "b.parquet"
    report = run(workspace, one, [], max_epochs=8)
    spans = read_table(one, SCHEMA, "tag_posts").to_pylist()
    posts = {post.post: post for post in read_posts(workspace.posts)}
    assert report.startswith(f"{len(spans)} names in {len({s['post'] for s in spans})} of 64 posts")
    order = [(list(posts).index(span["post"]), span["start"]) for span in spans]
    assert order == sorted(order)
    # Names of dev and test stand in train; where a fold holds all of a name's texts, it is new.
    later = [post for post in posts.values() if post.split != "train"]
    gold = {(p.post, *span) for p in later for span in strict_spans(p.labels)}
    assert len(gold & {tuple(span.values()) for span in spans}) > 0.6 * len(gold)
    # Were the labels of test read, other ones would give other spans.
    blank = [
        dataclasses.replace(p, labels=("O",) * len(p.labels)) if p.split == "test" else p
        for p in posts.values()
    ]
    write_posts(blank, workspace.posts)
    run(workspace, again, [], max_epochs=8)
    assert one.read_bytes() == again.read_bytes()


def test_models_side_by_side_give_the_table_and_the_lines_of_one_after_the_other(
    workspace: Workspace, tmp_path: Path
) -> None:
    tables, lines = [], []
    for processes in (1, 3):
        out, said = tmp_path / f"{processes}.parquet", list[str]()
        said.append(run(workspace, out, said, max_epochs=6, processes=processes))
        tables.append(out.read_bytes())
        lines.append(said)
    assert tables[0] == tables[1]
    assert lines[0] == lines[1]
    assert [line.split(":")[0] for line in lines[0][:4]] == [
        *(f"bilstm_crf, all but fold {n}" for n in (1, 2, 3)),
        "bilstm_crf, all",
    ]


def test_a_tagger_that_reads_images_is_refused(workspace: Workspace, tmp_path: Path) -> None:
    files = TagFiles(workspace.posts, workspace.vocab, {"tiny": workspace.vectors}, tmp_path)
    system, params = find_system("adaptive_coattention"), params_of("adaptive_coattention")
    options = TagPosts(folds=2, seed=1, max_epochs=1)
    with pytest.raises(PipelineError, match="adaptive_coattention reads images"):
        tag_posts(system, params, options, files, RUNTIME, print)
