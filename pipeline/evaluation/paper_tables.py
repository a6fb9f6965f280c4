"""A paper's tables in Markdown: our rows beneath each printed one, and how the data differ."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path

from pipeline.evaluation.markdown import markdown_table, spread
from pipeline.evaluation.paper import Paper, Run, Table, read_paper
from pipeline.evaluation.paper_comparisons import differences
from pipeline.evaluation.results import Result, check_same_corpus
from pipeline.evaluation.runs import read_runs
from pipeline.evaluation.settings import NOTHING, cautions, described, differing, flag, titles
from pipeline.metrics.scores import Estimate

NOTE = f"""\
Percent. Ours: test, mean over the seeds ± the sample deviation where there are several; an entity
opens at B-. {NOTHING}: not run. A row without ours is of an approach that is not here.
"""


def paper_tables(name: str, folder: Path) -> str:
    """The tables of the paper `name` beside the runs in `folder`/`name`, as Markdown.

    Raises:
        PipelineError: for an unknown paper or a faulty run (`read_runs`), or if two runs whose
            labels are read alike were scored on different corpora.
    """
    paper, found, place = read_paper(name), read_runs(name, folder), folder / name
    by_gold: defaultdict[object, dict[str, Result]] = defaultdict(dict)
    for key, result in found.items():
        by_gold[paper.runs[key].gold][f"{place / key}.json"] = result
    for results in by_gold.values():
        check_same_corpus(results)
    parts = [f"# {paper.title}\n", _header(paper, found)]
    for table in paper.tables:
        parts += [f"## {table.name}\n", _table(table, paper, found)]
    warned = cautions({key: result.setting for key, result in found.items()})
    parts += [NOTE + warned, differences(paper.comparisons, place)]
    return "\n".join(filter(None, parts))


def _header(paper: Paper, found: Mapping[str, Result]) -> str:
    """What both sides trained on, and how we did; runs are named where they differ."""
    settings = {key: described(result.setting) for key, result in found.items()}
    printed = {"Word vectors": paper.vectors, "Backbone": paper.images}
    columns = titles(result.setting for result in found.values())
    ours = {
        "Corpus": {key: result.dataset for key, result in found.items()},
        "Posts with pictures": {key: _pictures(found[key]) for key in found if _sees(found[key])},
        "Seeds": {key: ", ".join(map(str, result.seeds)) for key, result in found.items()},
        **{
            title: {key: said[title] for key, said in settings.items() if title in said}
            for title in dict.fromkeys([*columns, *printed])
        },
    }
    printed |= {"Corpus": paper.corpus, "Seeds": paper.seeds}
    rows = [["", "Paper", "Ours"]]
    rows += [[title, printed.get(title, ""), differing(ours[title])] for title in ours]
    return markdown_table(rows, left=[0, 1, 2])


def _sees(result: Result) -> bool:
    """Whether the system reads what goes with pictures."""
    return any("backbone" in facts for facts in result.setting.caches.values())


def _pictures(result: Result) -> str:
    test = result.splits["test"]
    return f"{test.with_image} of {test.posts} of test"


def _table(table: Table, paper: Paper, found: Mapping[str, Result]) -> str:
    rows = [["Approach", "Of", *table.columns]]
    for row in table.rows:
        printed = ["-" if f is None else f"{f:.{paper.decimals}f}" for f in row.published]
        rows.append([row.name, "paper", *printed])
        for key in row.runs:
            run, result = paper.runs[key], found.get(key)
            if result is None:
                rows.append(["", run.called, *_missing(run, len(table.columns))])
            else:
                ours = [_figure(result, place) for place in table.columns.values()]
                rows.append(["", f"{run.called}{flag(result.setting)}", *ours])
    return markdown_table(rows, left=[0, 1])


def _missing(run: Run, columns: int) -> list[str]:
    """The cells of a run that is not there: the first says what it needs."""
    first = NOTHING if run.needs is None else f"needs {run.needs}"
    return [first, *[NOTHING] * (columns - 1)]


def _figure(result: Result, place: str) -> str:
    """Our figure at READING.overall|TYPE.RATIO."""
    reading, of, ratio = place.split(".")
    scores = result.splits["test"].aggregate.table(reading)  # type: ignore[arg-type]
    summary = scores.overall if of == "overall" else scores.by_type.get(of)
    if summary is None:
        return f"no {of}"  # in the corpus
    estimate: Estimate = getattr(summary, ratio)
    return spread(estimate)
