"""A system's scores as files: the headline for `dvc metrics`, and the details behind it.

Both are written from one `Result`, which holds counts of spans and the setting of the training; the
schema stands in `headline` and `details`. Ratios are percent with two decimals.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.errors import PipelineError
from pipeline.files import read_json
from pipeline.metrics.scores import Aggregate, Scores, Tree, aggregate, scores_from_dict
from pipeline.training.setting import Setting

SPLITS = ("dev", "test")


@dataclass(frozen=True)
class SplitResult:
    """The scores of each seed on one split."""

    posts: int
    with_image: int  # posts whose picture the system could see
    gold_sha256: str  # digest of the scored posts: their names, tokens and labels
    scores: Mapping[int, Scores]  # seed -> its scores
    truncated: Mapping[int, int]  # seed -> number of posts with fewer predicted labels than tokens

    @property
    def aggregate(self) -> Aggregate:
        """Mean and deviation over the seeds."""
        return aggregate(list(self.scores.values()))

    def to_dict(self) -> Tree:
        """One split of `Result.details`."""
        return {
            "posts": self.posts,
            "with_image": self.with_image,
            "gold_sha256": self.gold_sha256,
            "over_seeds": self.aggregate.to_dict(),
            "by_seed": {
                str(seed): {"truncated": self.truncated[seed], **scores.to_dict()}
                for seed, scores in self.scores.items()
            },
        }


@dataclass(frozen=True)
class Result:
    """A system's scores on dev and test."""

    system: str
    dataset: str
    setting: Setting
    splits: Mapping[str, SplitResult]  # a result for each of SPLITS

    @property
    def seeds(self) -> list[int]:
        """The seeds that were scored, in order."""
        return sorted(self.splits["test"].scores)

    def headline(self) -> Tree:
        """Few numbers, since `dvc metrics show` makes each a column and each system a row.

        `{"dev": {"strict": {"f1"}}, "test": {"strict": {"f1", "deviation"}, "lenient": {"f1"},
        "segmentation": {"f1"}}, "seeds": how many}`; means over seeds. The deviation of a single
        seed is null, which DVC shows as "-".
        """
        dev, test = (self.splits[split].aggregate.to_dict() for split in SPLITS)
        strict, lenient, segmentation = (
            test[reading]["overall"]["f1"] for reading in ("strict", "lenient", "segmentation")
        )
        return {
            "dev": {"strict": {"f1": dev["strict"]["overall"]["f1"]["mean"]}},
            "test": {
                "strict": {"f1": strict["mean"], "deviation": strict["deviation"]},
                "lenient": {"f1": lenient["mean"]},
                "segmentation": {"f1": segmentation["mean"]},
            },
            "seeds": len(self.seeds),
        }

    def details(self) -> Tree:
        """All scores: by split, reading and type, over seeds and by seed.

        `{"system", "dataset", "setting": what `Setting.to_dict` gives, "seeds": [...], "splits":
        {SPLIT: {"posts", "with_image", "gold_sha256", "over_seeds": {READING: TABLE}, "by_seed":
        {SEED: {"truncated", READING: TABLE}}}}}` where TABLE is `{"overall": LEAF, "by_type":
        {TYPE: LEAF}}`. A leaf of a seed is `{"precision", "recall", "f1", "correct", "predicted",
        "gold"}`; over seeds, each ratio is `{"mean", "deviation"}` and the counts are `gold` alone.
        """
        return {
            "system": self.system,
            "dataset": self.dataset,
            "setting": self.setting.to_dict(),
            "seeds": self.seeds,
            "splits": {split: result.to_dict() for split, result in self.splits.items()},
        }


def read_result(path: Path) -> Result:
    """Read the details of a system.

    The counts of the seeds are read, and all that follows from them is computed anew and
    compared with what the file says.

    Raises:
        PipelineError: naming the file, if it is missing, or is not what `Result.details` gives.
    """
    try:
        document = read_json(path)
    except OSError as error:
        raise PipelineError(f"{path}: cannot be read: {error.strerror}") from None
    return parse_result(document, str(path))


def parse_result(document: Any, where: str) -> Result:
    """As `read_result`, from a document that was read already; an error begins with `where`."""
    try:
        result = _result(document)
        same = result.details() == document
    except (AttributeError, KeyError, TypeError, ValueError):
        same = False
    if not same:
        raise PipelineError(
            f"{where}: not the details of a system's scores, or changed after they were written;"
            " run the system's evaluate stage again"
        )
    return result


def check_same_corpus(results: Mapping[str, Result]) -> None:
    """Check that all results, given by their source, were scored on one corpus.

    Raises:
        PipelineError: naming the two places, for the first that is not.
    """
    (first, reference), *others = results.items()
    for place, result in others:
        for split in SPLITS:
            mine, other = result.splits[split], reference.splits[split]
            if result.dataset != reference.dataset or mine.gold_sha256 != other.gold_sha256:
                raise PipelineError(
                    f"{place}: scored on {_corpus(result.dataset, split, mine)}, but {first} on"
                    f" {_corpus(reference.dataset, split, other)}; systems scored on different"
                    " corpora cannot share a table: run `dvc repro` to score all on one"
                )


def _corpus(dataset: str, split: str, result: SplitResult) -> str:
    gold = result.aggregate.strict.overall.gold
    return (
        f"{split} of {dataset!r} ({result.posts} posts, {gold} entities,"
        f" gold {result.gold_sha256[:8]})"
    )


def _result(document: Mapping[str, Any]) -> Result:
    splits = {split: _split(document["splits"][split]) for split in SPLITS}
    setting = Setting.from_dict(document["setting"])
    return Result(str(document["system"]), str(document["dataset"]), setting, splits)


def _split(tree: Mapping[str, Any]) -> SplitResult:
    by_seed = {int(seed): scores for seed, scores in tree["by_seed"].items()}
    return SplitResult(
        posts=int(tree["posts"]),
        with_image=int(tree["with_image"]),
        gold_sha256=str(tree["gold_sha256"]),
        scores={seed: scores_from_dict(by_seed[seed]) for seed in sorted(by_seed)},
        truncated={seed: int(by_seed[seed]["truncated"]) for seed in sorted(by_seed)},
    )
