"""The stages of a system as they stand in dvc.yaml, which `mner new-system` adds."""

from __future__ import annotations

from collections.abc import Sequence

from pipeline.systems.system import ImageClasses, PhraseWords, Read, StoreOutput


def stages_of(name: str, reads: Sequence[Read], sources: int) -> str:
    """The two stages of a system as they stand in dvc.yaml.

    Args:
        name: the system's name.
        reads: the caches that it reads.
        sources: how many sources of word vectors it lays side by side.
    """
    given = [f"${{systems.{name}.vectors[{place}]}}" for place in range(sources)]
    phrases = [
        f"features/phrase_vectors/{read.cache}/{source}.parquet"
        for read in reads
        if isinstance(read, PhraseWords)
        for source in given
    ]
    vectors = [f"features/vectors/{source}.parquet" for source in given]
    caches = [(read.cache, path_of(read)) for read in reads]
    images = ["features/images.parquet"] if reads else []
    context = f"features/context/${{systems.{name}.context.store}}"
    with_images = "".join(f" --images {path}" for path in images)
    train = [
        f"python -m stages.train --system {name}",
        "--posts features/posts.parquet --vocab features/vocab" + with_images,
        *(f"--vectors {path}" for path in vectors),
        *(f"--phrase-vectors {path}" for path in phrases),
        *(f"--cache {cache}={path}" for cache, path in caches),
        f"--context {context}",
        f"--model models/{name} --curves curves/{name}",
    ]
    evaluate = [
        f'python -m stages.evaluate --dataset "${{dataset.name}}" --model models/{name}',
        "--posts features/posts.parquet" + with_images,
        *(f"--cache {cache}={path}" for cache, path in caches),
        f"--context {context}",
        f"--predictions predictions/{name}.parquet",
        f"--explanations predictions/explanations/{name}.parquet",
        f"--metrics metrics/{name}.json --details metrics/details/{name}.json",
    ]
    seen = [*images, *(path for _, path in caches), context]
    trained_on = ["features/posts.parquet", "features/vocab", *vectors, *phrases, *seen]
    evaluated_on = [f"models/{name}", "features/posts.parquet", *seen]
    return f"""\
  train_{name}:
    cmd: >-
{_lines(6, train)}
    deps:
{_lines(6, [f"- {dep}" for dep in trained_on])}
    params: [train, systems.{name}, code.json: [stages.train, systems.{name}]]
    outs: [models/{name}]
    plots: [curves/{name}]

  evaluate_{name}:
    cmd: >-
{_lines(6, evaluate)}
    deps:
{_lines(6, [f"- {dep}" for dep in evaluated_on])}
    params: [code.json: [stages.evaluate, systems.{name}]]
    outs:
      - predictions/{name}.parquet
      - predictions/explanations/{name}.parquet
      - metrics/details/{name}.json: {{cache: false}}
    metrics: [metrics/{name}.json: {{cache: false}}]

"""


def shown_of(name: str) -> str:
    """What the stage `report` reads of a system, as its `deps` have it."""
    paths = [
        f"predictions/{name}.parquet",
        f"predictions/explanations/{name}.parquet",
        f"curves/{name}",
    ]
    return _lines(6, [f"- {path}" for path in paths]) + "\n"


def path_of(read: Read) -> str:
    """Where dvc.yaml has the cache."""
    if isinstance(read, StoreOutput):
        return f"features/{read.role}"
    if isinstance(read, ImageClasses) or read.cache == "attributes":  # the words of the classes
        return "features/tags.parquet"
    return f"features/{read.cache}.parquet"


def _lines(indent: int, lines: Sequence[str]) -> str:
    return "\n".join(" " * indent + line for line in lines)
