"""Whole runs of a system on the tiny corpus: trained, then evaluated."""

from collections.abc import Callable, Sequence
from pathlib import Path

from pipeline.evaluation.evaluate import EvaluationFiles, evaluate_system
from pipeline.params.runtime import Runtime
from pipeline.params.train import Train
from pipeline.systems.system import SystemParams, find_system
from pipeline.training.model import TrainedModel
from pipeline.training.train import TrainFiles, train_system
from tests.blocks import quiet
from tests.systems.blocks import block
from tests.training.tiny import Workspace, phrase_vectors

RUNTIME = quiet()

# Settings by which so small a network learns in a few epochs, and in little time.
SHORT = {"char_length": 12}  # no name is longer
MODEL: dict[str, dict[str, object]] = {
    "modality_attention": {"transform": "relu"},
    "cwi": SHORT,
    "cwi_attention": SHORT | {"readout": "both"},
}
EPOCHS = {"cwi_attention": 12, "modality_attention": 12}  # which learn later than the others


def params_of(name: str, context: str | None = None, **training: object) -> SystemParams:
    """A block that learns the tiny corpus in a few epochs."""
    epochs = EPOCHS.get(name, 8)
    given = {"learning_rate": 0.02, "max_epochs": epochs, "patience": epochs, "batch_posts": 8}
    model = {"hidden": 16, "dropout": 0.1, "unknown_rate": 0.01} | MODEL.get(name, {})
    words = {"context": context} if context else {}
    return block(name, model | words, given | training, ["tiny"])


def files_of(name: str, made: Workspace, out: Path, context: Path | None = None) -> TrainFiles:
    """What the system reads of the tiny corpus, and folders in `out`."""
    system = find_system(name)
    phrases = [phrase_vectors(made, cache) for cache in system.phrase_tables()]
    return TrainFiles(
        posts=made.posts,
        vocab=made.vocab,
        vectors={"tiny": made.vectors},
        phrase_vectors={"tiny": phrases} if phrases else {},
        images=made.images if system.reads else None,
        caches={read.cache: getattr(made, read.cache) for read in system.reads},
        model=out / "model",
        curves=out / "curves",
        context=context,
    )


def train(
    name: str,
    made: Workspace,
    out: Path,
    seeds: Sequence[int],
    say: Callable[[str], None] = lambda _: None,
    params: SystemParams | None = None,
    max_epochs: int | None = None,
    runtime: Runtime = RUNTIME,
    context: Path | None = None,
) -> None:
    """Train a system into `out`/model and `out`/curves."""
    options = Train(seeds=list(seeds), max_epochs=max_epochs, batch_posts=None)
    train_system(
        find_system(name),
        params or params_of(name, context.name if context else None),
        options,
        files_of(name, made, out, context),
        runtime,
        say,
    )


def evaluate(name: str, made: Workspace, out: Path, context: Path | None = None) -> str:
    """Evaluate what `train` wrote into `out`, and give what is told of it."""
    trained = files_of(name, made, out)
    written = EvaluationFiles(
        trained.posts,
        trained.images,
        trained.caches,
        predictions=out / "predictions.parquet",
        explanations=out / "explanations.parquet",
        metrics=out / "metrics.json",
        details=out / "details.json",
        context=context,
    )
    return evaluate_system(TrainedModel.read(out / "model"), written, "tiny", RUNTIME)


def bytes_of(folder: Path) -> dict[str, bytes]:
    """Each file's path in a folder, and what it holds."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}
