"""Damaged files of every reader: only our own errors come out. `benchmarks fuzz` goes on longer."""

from contextlib import suppress
from pathlib import Path
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from benchmarks.fuzz import main, replace
from benchmarks.hostile import TARGETS, Target
from benchmarks.mutation import LARGEST, mutated
from pipeline.errors import PipelineError

SEEDS = st.integers(0, 2**32)


@pytest.fixture(scope="module", params=TARGETS)
def made(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Target, Path]:
    """A reader, and the folder of its valid files."""
    target, folder = TARGETS[request.param], tmp_path_factory.mktemp(request.param)
    target.make(folder)
    return target, folder


@pytest.mark.filterwarnings("ignore")  # torch warns of odd pickles before it refuses them
@settings(
    deadline=None, max_examples=80, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(seed=SEEDS, arbitrary=st.none() | st.binary(max_size=100))
def test_only_our_own_errors(made: tuple[Target, Path], seed: int, arbitrary: bytes | None) -> None:
    target, folder = made
    random = Random(seed)
    path = random.choice(sorted(path for path in folder.rglob("*") if path.is_file()))
    sound = path.read_bytes()
    replace(path, mutated(sound, random) if arbitrary is None else arbitrary)
    try:
        with suppress(PipelineError):
            target.read(folder)
    finally:
        replace(path, sound)


def test_the_valid_files_are_read(made: tuple[Target, Path]) -> None:
    target, folder = made
    target.read(folder)


@given(st.binary(max_size=200), SEEDS)
def test_a_seed_gives_one_mutation(content: bytes, seed: int) -> None:
    assert mutated(content, Random(seed)) == mutated(content, Random(seed))
    assert len(mutated(content * 1000, Random(seed))) <= LARGEST


def test_the_command_counts() -> None:
    found = main.main(
        ["--minutes", "0.002", "--target", "conll"], prog_name="fuzz", standalone_mode=False
    )
    assert found["conll"]["other_errors"] == 0
    assert found["conll"]["inputs"] > 0
