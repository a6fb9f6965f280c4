"""A paper's tables in Markdown: our row beneath each printed one, and how the data differ."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from pipeline.evaluation.markdown import markdown_table, spread
from pipeline.evaluation.paper import Paper, Table, read_paper
from pipeline.evaluation.results import Result, check_same_corpus
from pipeline.evaluation.runs import Scored, Setting, read_runs
from pipeline.metrics.scores import Estimate

NOT_RUN = "—"

NOTE = f"""\
Percent. Ours: test, mean over the seeds ± the sample deviation where there are several; an entity
opens at B-. {NOT_RUN}: not run. A row without ours is of an approach that is not here.
"""


def paper_tables(name: str, folder: Path) -> str:
    """The tables of the paper `name` beside the runs in `folder`/`name`, as Markdown.

    Raises:
        PipelineError: for an unknown paper or a faulty run (`read_runs`), or if two runs were
            scored on different corpora.
    """
    paper, found = read_paper(name), read_runs(name, folder)
    if found:
        place = folder / name
        check_same_corpus({f"{place / key}.json": run.result for key, run in found.items()})
    parts = [f"# {paper.title}\n", _differences(paper, found)]
    for table in paper.tables:
        parts += [f"## {table.name}\n", _table(table, found, paper.decimals)]
    return "\n".join([*parts, NOTE])


def _differences(paper: Paper, found: Mapping[str, Scored]) -> str:
    """The data that both sides trained on; our column lists each value that any run has."""
    settings = [run.setting for run in found.values()]
    usable = {f"{s.usable} of {s.posts} posts with a usable image" for s in settings if s.images}
    images = _distinct(f"{c}: {b}" for s in settings for c, b in sorted(s.images.items()))
    rows = [
        ["", "Paper", "Ours"],
        ["Corpus", paper.corpus, _distinct(run.result.dataset for run in found.values())],
        ["Images", paper.images, "; ".join([images, *sorted(usable)])],
        ["Word vectors", paper.vectors, _distinct(map(_vectors, settings))],
        ["Seeds", paper.seeds, _distinct(_seeds(run.result) for run in found.values())],
    ]
    return markdown_table(rows, left=[0, 1, 2])


def _table(table: Table, found: Mapping[str, Scored], decimals: int) -> str:
    rows = [["Approach", "Of", *table.columns]]
    for row in table.rows:
        rows.append([row.name, "paper", *(f"{figure:.{decimals}f}" for figure in row.published)])
        if row.run is not None:
            run = found.get(row.run)
            ours = [_ours(run, place) for place in table.columns.values()]
            rows.append(["", "ours", *ours])
    return markdown_table(rows, left=[0, 1])


def _ours(run: Scored | None, place: str) -> str:
    """Our figure at READING.overall|TYPE.RATIO."""
    if run is None:
        return NOT_RUN
    reading, of, ratio = place.split(".")
    scores = run.result.splits["test"].aggregate.table(reading)  # type: ignore[arg-type]
    summary = scores.overall if of == "overall" else scores.by_type.get(of)
    if summary is None:
        return f"no {of}"  # in the corpus
    estimate: Estimate = getattr(summary, ratio)
    return spread(estimate)


def _vectors(setting: Setting) -> str:
    return " + ".join(f"{name} ({width})" for name, width in setting.vectors.items()) or "none"


def _seeds(result: Result) -> str:
    return ", ".join(map(str, result.seeds))


def _distinct(values: Iterable[str]) -> str:
    return "; ".join(dict.fromkeys(values)) or NOT_RUN
