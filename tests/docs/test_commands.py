"""Every command of the pages: parsed by the program that it calls; run here, by another test, or
by nobody, for a reason."""

import importlib
import os
import re
import subprocess
import sys
from contextlib import redirect_stderr
from functools import cache
from io import StringIO

import click
import pytest
import yaml
from dvc.cli import DvcParserError
from dvc.cli.parser import get_main_parser

from benchmarks.__main__ import known
from cli.__main__ import COMMANDS, main
from tests.conftest import ROOT
from tests.docs.pages import PAGES, PLACEHOLDER, Command, commands_of, inline_commands
from tests.docs.test_names import is_there
from tests.test_messages import stages

INDENTED = sorted({c for page in PAGES for c in commands_of(page)}, key=str)
INLINE = sorted({c for page in PAGES for c in inline_commands(page)}, key=str)

# Those that take moments and change nothing run here. `(?!...)` leaves out what goes on otherwise.
RUN = (
    r"mner --help",
    r"mner weights",
    r"mner lint .*",
    r"mner tables --paper cwi( --commands .*)?",
    r"mner sweep .* --commands",
)
# Others run in the test that is named, in a folder or a clone of its own.
ELSEWHERE = {
    r"eval .*": "tests/docs/test_commands.py",  # at its end
    r"mner show .*": "tests/cli/test_show.py",
    r"mner weights .* --download": "tests/cli/test_weights.py",
    r"mner predict .*": "tests/predict",
    r"mner export .*": "tests/predict",
    r"mner params.*": "tests/cli/test_compositions.py",
    r"mner new-system .*": "tests/dvc/test_experiments.py",
    r"mner compare .*": "tests/evaluation/test_comparison.py",
    r"mner (tables|sweep) .* --collect": "tests/dvc/test_papers.py",
    r"dvc repro code": "tests/dvc/test_code.py",
    r"dvc repro report": "tests/report",
    r"dvc repro evaluate_\w+ leaderboard": "tests/dvc/test_experiments.py",
    r"dvc repro --pull --allow-missing .*": "tests/dvc/test_teammate.py",
    r"dvc (push|remote add .*)": "tests/dvc/test_teammate.py",
    r"dvc remote modify .*": "tests/dvc/test_remotes.py",
    r"dvc add data/.*": "tests/dvc/test_places.py",
    r"mner doctor": "tests/doctor",
    r"mner merge .*": "tests/store/test_merge.py",
    r"dvc metrics .*": "tests/evaluation/test_dvc_metrics.py",
    r"dvc exp run .*": "tests/dvc/test_experiments.py",
}
# No test runs these; what they name is checked.
CANNOT = {
    r"make .*": "sets up an environment, or runs this test",
    r"source .*": "changes the shell that it is typed in",
    r"xdg-open .*": "opens a window",
    r"git .*": "is no program of this project",
    r"python -m pip install .*": "installs packages",
    r"pytest .*": "runs tests, of a system that a reader adds",
    r"python -m benchmarks.*": "takes minutes, and measures this machine",
    r"dvc (exp|plots) show.*": "shows what a reader's own runs gave",
    r"dvc queue start .*": "starts a worker that outlives it",
    r"dvc dag": "draws; what it draws, tests/dvc/test_hygiene.py checks",
}


THEIRS = {  # paths and addresses of the reader's
    ".venv/bin/activate",
    "/shared/folder/of/the/team",
    "git@example.org:team/project.git",
    "s3://bucket/of/the/team",
    "data/twitter2015",
    "/path/of/the/other/features/tags",
    "models/m",
}


# `mner` of this tree, whatever is installed.
MNER = f'mner() {{ "{sys.executable}" -m cli "$@"; }}'


def matches(pattern: str, command: Command) -> bool:
    return re.fullmatch(pattern, " ".join(command.words)) is not None


@pytest.mark.parametrize("command", INDENTED, ids=str)
def test_a_command_is_run_somewhere_or_cannot_be(command: Command) -> None:
    assert any(matches(pattern, command) for pattern in (*RUN, *ELSEWHERE, *CANNOT))


@pytest.mark.parametrize("pattern", [*RUN, *ELSEWHERE, *CANNOT])
def test_the_lists_hold_nothing_that_no_page_has(pattern: str) -> None:
    assert any(matches(pattern, command) for command in INDENTED)


@pytest.mark.parametrize("path", sorted(set(ELSEWHERE.values())))
def test_the_other_tests_are_there(path: str) -> None:
    assert (ROOT / path).exists()


@pytest.mark.parametrize(
    "command", [c for c in INDENTED if any(matches(p, c) for p in RUN)], ids=str
)
def test_what_takes_moments_is_run(command: Command) -> None:
    """Alone: what a page pipes it into would run what it prints."""
    assert run([sys.executable, "-m", "cli", *command.words[1:]]).stdout


def run(words: list[str]) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        words,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done


@pytest.mark.parametrize("command", [*INDENTED, *INLINE], ids=str)
def test_a_command_is_one_that_its_program_knows(command: Command) -> None:
    program, *words = command.words
    if any(PLACEHOLDER.search(word) for word in words):  # a form; its first word is checked
        words = words[:1] if program == "mner" else []
    match program:
        case "mner" if words and words[0] not in {"--help", "..."}:
            assert words[0] in COMMANDS
            check_click(main.get_command(click.Context(main), words[0]), words[1:])
        case "dvc" if words:
            check_dvc(words)
        case "make" if words:
            targets = re.findall(r"(?m)^([\w-]+):", (ROOT / "Makefile").read_text("utf-8"))
            assert {word for word in words if "=" not in word} <= {*targets}
        case "python" if words[1:] and words[1] == "benchmarks" and words[2:]:
            assert words[2] in known()
            check_click(importlib.import_module(f"benchmarks.{words[2]}").main, words[3:])
        case "python" if words[1:] and words[0] == "-m" and words[1] != "benchmarks":
            assert importlib.util.find_spec(words[1])
    assert not [word for word in words if "/" in word and not named(word)]


def named(word: str) -> bool:
    """Whether a word with a slash is a path that is there, a post's name, or a reader's own."""
    return (
        is_there(word)
        or word in THEIRS
        or "=" in word  # an override, which is checked by itself
        or re.fullmatch(r"(train|dev|test)/\d+", word) is not None
        or any(ROOT.glob(word))
    )


def check_click(command: click.Command | None, words: list[str]) -> None:
    """Parse without running: options exist, no argument is too much, none is lacking."""
    assert command is not None
    if not words:
        return
    context = click.Context(command)
    given, left, _ = command.make_parser(context).parse_args(list(words))
    assert not left
    for parameter in command.params:
        value = given.get(parameter.name)
        absent = value is None or not isinstance(value, str | bool | list | tuple)
        assert not (parameter.required and absent), parameter.name
        if isinstance(parameter.type, click.Choice) and not absent:
            parameter.type_cast_value(context, value)


def check_dvc(words: list[str]) -> None:
    """DVC's own parser takes it; stages, keys and presets that it names are there."""
    told = StringIO()
    try:
        with redirect_stderr(told):
            given = get_main_parser().parse_args(list(words))
    except (SystemExit, DvcParserError) as error:
        pytest.fail(f"{error} {told.getvalue()}")
    if words[0] in {"repro", "exp"}:
        targets = getattr(given, "targets", None) or []
        unknown = {*targets} - stages() - _stages() - {"evaluate_my_system"}
        assert not unknown
    for override in getattr(given, "set_param", None) or []:
        key, _, values = override.partition("=")
        if (ROOT / "conf" / key).is_dir():
            for value in values.split(","):
                assert (ROOT / "conf" / key / f"{value}.yaml").is_file(), override
        else:
            node = _params()
            for part in key.split("."):
                assert part in node, override
                node = node[part]


@cache
def _stages() -> set[str]:
    return set(yaml.safe_load((ROOT / "dvc.yaml").read_text("utf-8"))["stages"])


@cache
def _params() -> dict[str, object]:
    tree: dict[str, object] = yaml.safe_load((ROOT / "params.yaml").read_text("utf-8"))
    return tree


def test_wrong_commands_are_found() -> None:
    for words in (["repro", "reportt"], ["exp", "run", "-S", "vectors=glove10"], ["rpro"]):
        with pytest.raises((AssertionError, pytest.fail.Exception)):
            check_dvc(words)
    for words in (["--wrnog", "cwi"], ["test/1", "test/2"], ["--split", "tests", "--wrong", "cwi"]):
        with pytest.raises((AssertionError, click.UsageError)):
            check_click(main.get_command(click.Context(main), "show"), words)


def test_the_shell_completes_after_the_line_that_the_page_has() -> None:
    (line,) = {command.whole for command in INDENTED if command.words[0] == "eval"}
    script = run(["bash", "-c", f"{MNER}; _MNER_COMPLETE=bash_source mner"]).stdout
    assert "complete -o nosort -F _mner_completion mner" in script
    done = run(["bash", "-c", f"{MNER}; {line}; complete -p mner"])
    assert done.stdout == "complete -o nosort -F _mner_completion mner\n"


def test_help_stands_on_one_screen_and_needs_no_torch() -> None:
    code = "import sys; sys.modules['torch'] = None; from cli.__main__ import main; main()"
    done = run([sys.executable, "-c", code, "--help"])
    lines = done.stdout.splitlines()
    assert set(COMMANDS) <= set(done.stdout.split())
    assert len(lines) <= 24
    assert all(len(line) <= 80 for line in lines)
    same = run([sys.executable, "-m", "cli", "--help"]).stdout.splitlines()
    assert same[1:] == lines[1:]  # but for the name that it was called by
    assert same[0].startswith("Usage: mner ")
