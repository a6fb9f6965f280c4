"""`mner show`: one post in the terminal, with all that the caches and the systems say of it."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from pipeline.corpus.images import OK, Image
from pipeline.corpus.posts import Post, read_posts
from pipeline.evaluation.answers import Answer, wrong_posts
from pipeline.evaluation.post_view import PostView, find_post, find_predictions, view_post
from pipeline.evaluation.results import SPLITS
from pipeline.metrics.spans import Span, strict_spans
from pipeline.params.block import load
from pipeline.params.mentions import GOLD
from pipeline.terminal import plain
from stages.command import PARAMS, stage

COLOURS = {"right": "green", "wrong": "red", "missed": "yellow"}


@click.command()
@click.argument("post", required=False)
@click.option("--wrong", metavar="SYSTEM", help="list the posts that SYSTEM got wrong")
@click.option("--split", type=click.Choice(SPLITS), default="test", show_default=True)
@click.option("--limit", type=click.IntRange(min=1), default=20, show_default=True)
@click.option(
    "--features", type=click.Path(path_type=Path), default=Path("features"), show_default=True
)
@click.option(
    "--predictions", type=click.Path(path_type=Path), default=Path("predictions"), show_default=True
)
@stage
def main(
    post: str | None,
    wrong: str | None,
    split: str,
    limit: int,
    features: Path,
    predictions: Path,
) -> None:
    """Show POST, such as test/12: what every system said, and what its picture and graph gave.

    1/3 behind a span: one of the system's three seeds said so. With --wrong it lists posts instead,
    those that most seeds got wrong first; --split and --limit choose among them.
    """
    if (post is None) == (wrong is None):
        raise click.UsageError("name either a POST, such as test/12, or --wrong SYSTEM")
    posts = read_posts(features / "posts.parquet")
    systems = load(PARAMS)["systems"]
    if wrong is not None:
        path = find_predictions(wrong, predictions, systems)
        lines = _listed(wrong_posts(path, posts, split), limit)
    else:
        lines = _page(view_post(find_post(post or "", posts), features, predictions, systems))
    colour = False if os.environ.get("NO_COLOR") else None  # None: as the terminal has it
    for line in lines:
        click.echo(line, color=colour)


def _page(view: PostView) -> Iterator[str]:
    """The lines of one post."""
    post = view.post
    yield f"{click.style(plain(post.post), bold=True)}, {_picture(post, view.image)}"
    yield f"  {_marked(post)}"
    yield _row("gold", ", ".join(_span(post, span) for span in strict_spans(post.labels)) or "none")
    for answer in view.answers:
        yield _row(answer.system, _answer(post, answer))
    if not view.answers:
        yield _row("systems", f"there are no predictions for {post.split}")
    if view.tags:
        tags = ", ".join(f"{plain(word)} {100 * share:.0f} %" for word, share in view.tags)
        yield _row("tags", tags)
    if view.caption is not None:
        yield _row("caption", plain(view.caption))
    for hashtag, words in view.hashtags:
        yield _row("hashtag", f"{plain(hashtag)}: {plain(' '.join(words))}")
    if view.knowledge is not None:
        yield from _knowledge(view.knowledge)
    for sentence in view.lacking:
        yield _row("lacking", plain(sentence))


def _listed(wrong: Sequence[tuple[Post, Answer]], limit: int) -> Iterator[str]:
    """A line for each post, and what was left off."""
    if not wrong:
        yield "every seed got every post right"
    for post, answer in wrong[:limit]:
        seeds = f"{answer.faulty_seeds}/{len(answer.seeds)}"
        yield f"{click.style(plain(post.post), bold=True)}  {seeds}  {_answer(post, answer)}"
    if len(wrong) > limit:
        yield f"and {len(wrong) - limit} more: --limit {len(wrong)} lists all"


def _row(name: str, text: str) -> str:
    return f"{name:<22}{text}"


def _picture(post: Post, image: Image | None) -> str:
    if post.image is None:
        return "no picture"
    name = f"picture {plain(post.image)}"
    if image is None:
        return name
    if image.status == OK:
        return f"{name}, {image.width} x {image.height}"
    return f"{name}, {image.status}: {plain(image.reason)}"


def _marked(post: Post) -> str:
    """The text, with the gold spans in brackets."""
    tokens = [plain(token) for token in post.tokens]
    for start, end, kind in strict_spans(post.labels):
        tokens[start] = f"[{tokens[start]}"
        tokens[end - 1] = f"{tokens[end - 1]} {kind}]"
    return " ".join(tokens)


def _span(post: Post, span: Span) -> str:
    """Text and type; the place of the first token too, where the same words stand twice."""
    words = post.tokens[span.start : span.end]
    places = range(len(post.tokens) - len(words) + 1)
    several = sum(post.tokens[at : at + len(words)] == words for at in places) > 1
    place = f" (token {span.start})" if several else ""
    return f"{plain(' '.join(words))}{place} {span.type}"


def _answer(post: Post, answer: Answer) -> str:
    """What is right, wrong and missed, in words and in colour, and how many seeds agree."""
    kinds = {"right": answer.right, "wrong": answer.wrong, "missed": answer.missed}
    parts = [
        click.style(
            f"{kind}: "
            + ", ".join(
                f"{_span(post, span)} {n}/{len(answer.seeds)}" for span, n in spans.items()
            ),
            fg=COLOURS[kind],
        )
        for kind, spans in kinds.items()
        if spans
    ]
    caution = f" ({answer.caution})" if answer.caution else ""
    return ("; ".join(parts) or "nothing") + caution


def _knowledge(row: Mapping[str, Any]) -> Iterator[str]:
    """From the mention to the entity that the picture shows, and what the graph says of it."""
    if row["hop"] is None:
        yield _row("knowledge", f"none: {plain(row['reason'])}")
        return
    relation = [f"--{plain(_short(name))}-->" for name in row["path"][1::2]]
    entities = [plain(_short(name)) for name in row["path"][::2]]
    steps = [part for pair in zip(relation, entities[1:], strict=True) for part in pair]
    caution = f" ({GOLD})" if row["mention_source"] == "gold" else ""
    yield _row(
        "knowledge",
        f"{plain(row['mention'])} -> {' '.join([entities[0], *steps])}, hop {row['hop']},"
        f" cosine {row['similarity']:.2f}{caution}",
    )
    for triple in row["triples"]:
        words = ", ".join(plain(triple[part]) for part in ("subject", "relation", "object"))
        yield _row("", f"({words})")
    if row["reason"]:
        yield _row("", plain(row["reason"]))


def _short(name: str) -> str:
    """The name without the address before it; `^` stays: the relation is walked backwards."""
    backwards = "^" if name.startswith("^") else ""
    return backwards + (name.rpartition("#")[2] if "#" in name else name.rpartition("/")[2] or name)


if __name__ == "__main__":
    main()
