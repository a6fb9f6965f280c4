"""Two systems compared: against the exact test by enumeration, as text, and every refusal."""

import itertools
import json
from collections.abc import Sequence
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from cli.compare import main
from pipeline.corpus.posts import Post, write_posts
from pipeline.evaluation.comparison import compare
from pipeline.evaluation.predictions import Prediction, write_predictions
from pipeline.metrics.scores import strict_f1
from tests.evaluation.conftest import SETTING, SPOILED, Predict

BAD = {"test/0": "O O O O", "test/1": "B-PER O", "test/2": "B-PER I-PER"}  # of 4 entities, 1 found
GOOD = {"test/3": "O O O"}  # 3 found


@pytest.fixture
def folder(tmp_path: Path, posts: Sequence[Post], predict: Predict) -> Path:
    write_posts(list(posts), tmp_path / "posts.parquet")
    tables = {
        "good": [*predict(1, GOOD), *predict(2)],
        "bad": [*predict(1, BAD), *predict(2, BAD)],
        "single": predict(1),
    }
    for name, rows in tables.items():
        write_predictions(rows, tmp_path / "predictions" / f"{name}.parquet", posts, SETTING)
    return tmp_path


def run(folder: Path, *names: str, **options: str | Path) -> Result:
    words = [f"--predictions={folder / 'predictions' / name}.parquet" for name in names]
    words += [f"--{option}={value}" for option, value in options.items()]
    return CliRunner().invoke(main, [*words, f"--posts={folder / 'posts.parquet'}"])


def labels_of(
    rows: Sequence[Prediction], posts: Sequence[Post], seed: int
) -> list[tuple[str, ...]]:
    found = {(row.seed, row.post): row.predicted for row in rows}
    return [found[seed, post.post] for post in posts]


def test_p_is_that_of_all_swaps(folder: Path, posts: Sequence[Post], predict: Predict) -> None:
    """With four posts, all 16 ways to swap whole posts can be tried."""
    test = [post for post in posts if post.split == "test"]
    gold = [post.labels for post in test]
    first = [labels_of([*predict(1, GOOD), *predict(2)], test, seed) for seed in (1, 2)]
    second = [labels_of(predict(1, BAD), test, 1)] * 2

    def difference(swaps: Sequence[bool]) -> float:
        total = 0.0
        for one, other in zip(first, second, strict=True):
            pairs = [
                (b, a) if swap else (a, b) for a, b, swap in zip(one, other, swaps, strict=True)
            ]
            total += strict_f1(gold, [a for a, _ in pairs]) - strict_f1(gold, [b for _, b in pairs])
        return total / 2

    observed = difference([False] * 4)
    swapped = [difference(swaps) for swaps in itertools.product([False, True], repeat=4)]
    exact = sum(abs(value) >= abs(observed) - 1e-9 for value in swapped) / 16
    assert 0 < exact < 1
    tables = [folder / "predictions" / f"{name}.parquet" for name in ("good", "bad")]
    found = compare(
        folder / "posts.parquet", tables, split="test", reading="strict", replicates=20_000, seed=1
    )
    assert found.test.difference == pytest.approx(observed)
    assert found.difference.value == pytest.approx(observed)
    assert found.test.p_value == pytest.approx(exact, abs=0.015)  # four standard errors


GOLDEN = """\
| Strict F1 of test |     F1 |     95 % interval | Seeds |    p |
| ----------------- | -----: | ----------------: | ----: | ---: |
| good              |  92.86 |   50.00 to 100.00 |     2 |      |
| bad               |  28.57 |     0.00 to 75.00 |     2 |      |
| difference        | +64.29 | -16.67 to +100.00 |       | 0.38 |

p: approximate randomisation over 4 posts, two-sided; intervals: bootstrap over posts; 2000\
 replicates each.
"""


def test_the_text_and_the_document(folder: Path) -> None:
    done = run(folder, "good", "bad", replicates="2000", json=folder / "found.json")
    assert done.exit_code == 0, done.output
    assert done.output == GOLDEN
    tree = json.loads((folder / "found.json").read_text(encoding="utf-8"))
    assert tree["systems"][0] == {
        "name": "good",
        "seeds": 2,
        "f1": 92.86,
        "low": 50.0,
        "high": 100.0,
    }
    assert tree["difference"]["f1"] == 64.29
    assert 0 < tree["difference"]["p"] <= 1
    assert (tree["split"], tree["posts"], tree["replicates"]) == ("test", 4, 2000)


def test_gold_mentions_are_told_beside_the_score(
    folder: Path, posts: Sequence[Post], predict: Predict
) -> None:
    write_predictions(predict(1), folder / "predictions/spoiled.parquet", posts, SPOILED)
    done = run(folder, "spoiled", "single", replicates="100")
    assert "| spoiled (GOLD MENTIONS) |" in done.output
    assert done.output.endswith(
        "\nspoiled: GOLD MENTIONS: read off the labels, for analysis only;"
        " scores made with them do not count.\n"
    )


def test_a_system_does_not_differ_from_itself(folder: Path) -> None:
    done = run(folder, "bad", "bad", replicates="100", json=folder / "found.json")
    assert done.exit_code == 0, done.output
    difference = json.loads((folder / "found.json").read_text(encoding="utf-8"))["difference"]
    assert difference == {"f1": 0.0, "low": 0.0, "high": 0.0, "p": 1.0}


REFUSED: list[tuple[tuple[str, ...], dict[str, str | Path], str]] = [
    (("good",), {}, "Error: a comparison is of two tables of predictions; 1 given"),
    ((), {}, "Error: a comparison is of two tables of predictions; none given"),
    (("good", "bda"), {}, "/predictions/bad.parquet'?); a system's evaluate stage writes"),
    (("good", "single"), {}, "good.parquet has 2 seeds, "),
    (("good", "bad"), {"split": "tset"}, "'tset' is not one of 'dev', 'test'"),
    (("good", "bad"), {"replicates": "0"}, "0 is not in the range x>=1"),
]


@pytest.mark.parametrize(("names", "options", "message"), REFUSED)
def test_what_cannot_be_compared_is_a_sentence(
    folder: Path, names: tuple[str, ...], options: dict[str, str | Path], message: str
) -> None:
    done = run(folder, *names, **options)
    assert done.exit_code in (1, 2)
    assert message in done.output
    assert "Traceback" not in done.output


def test_predictions_of_other_posts_are_refused(
    folder: Path, posts: Sequence[Post], predict: Predict
) -> None:
    write_posts(list(posts[:-1]), folder / "posts.parquet")
    done = run(folder, "good", "bad")
    assert done.exit_code == 1
    assert "predictions and posts do not belong together" in done.output
