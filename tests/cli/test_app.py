"""Laws of the command line: exit statuses, one-line errors, safe output, signals."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mnist_sweep import Sweep, TrialConfig, main
from mnist_sweep.cli.app import cli
from mnist_sweep.planning import plan_builder
from mnist_sweep.sweep import execution
from tests.cli.conftest import Refuses, Run

Figures = Callable[[Path], tuple[str, str]]
OF_HELP = re.compile(
    r"mnist_sweep\.(errors|cli(\.[a-z_]+)?|text(\.(causes|lines|numbers))?|system(\.(atomic_files|refused_exits|signals))?"
    r"|trials(\.user_code(\.unguarded_scripts)?)?)"
)

LONG = """\
import mnist_sweep
from mnist_sweep import *
BASE = TrialConfig(model=CNN(filters=(4,), kernel_size=3, units=16), num_steps=2000, evaluate_every=200)
SWEEP = Sweep(name="long", trials=grid(BASE, {"model.dropout": [number / 20 for number in range(12)]}))
if __name__ == "__main__":
    mnist_sweep.main(__file__)
"""


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["run", "missing.py"], "there is no sweep script missing.py"),
        (["run"], "Missing argument 'SCRIPT'"),
        (["run", "good.py", "bad.py"], "unexpected extra argument (bad.py). See `mnist-sweep run --help`."),
        (["run", "good.py", "--step", "3"], "No such option"),
        (["run", "good.py", "--steps", "0"], "0 is not in the range x>=1"),
        (["run", "good.py", "--runner", "dask"], "'dask' is not one of 'in-process', 'local', 'ray'"),
        (["run", "good.py", "--runner", "local", "--address", "auto"], "--address goes with --runner ray only"),
        (["run", "good.py", "--gpus-per-trial", "2"], "a trial trains on one GPU, so another one would be idle"),
        (["plan", "good.py", "--gpus-per-trial", "2"], "a trial trains on one GPU, so another one would be idle"),
        (["run", "good.py", "--cpus-per-trial", "0"], "0 is not in the range x>=1"),
        (["run", "good.py", "--results", "good.py"], "results folder good.py/good cannot be"),
        (["run", "good.py", "--runner", "in-process", "--results", "/proc/none"], "cannot be written"),
        (["runn"], "No such command 'runn'"),
        (["status", "nowhere"], "nowhere holds no rows"),
        (["status", "good.py"], "Directory 'good.py' is a file."),
        (["table", "nowhere"], "nowhere holds no rows"),
        (["effects", "nowhere"], "nowhere holds no rows"),
        (["diff", "nowhere", "nowhere"], "nowhere holds no rows"),
        (["compare", "nowhere", "aaaa", "b"], "nowhere holds no rows"),
        (["watch", "nowhere"], "nowhere holds no rows"),
        (["watch", ".", "--host", "127.0.0.2"], "--token"),
        (["watch", ".", "--token", "x"], "--token"),
        (["next", ".", "--script", "missing.py"], "File 'missing.py' does not exist"),
        (["data", "letters"], "unknown data 'letters': known are cifar10, digits, fashion_mnist"),
        (["data", "digits", "--image-size", "8"], "image_size goes with image files and tables only"),
        (["data", "digits", "--image-size", "8x"], "'8x' is not a size: write 64, or 48x64"),
        (["data", "digits", "--value-range", "0,1"], "value_range goes with .npz and .npy files only: leave"),
        (["data", "digits", "--value-range", "1"], "'1' is not two numbers: write them as in 0.5,2"),
        (["run", "good.py", "--value-range", "0,1"], "--value-range goes with --data only"),
        (["data", "digits", "--sheet", "none/a.png"], "none/a.png cannot be written (No such file or directory)"),
        (["run", "good.py", "--image-size", "8"], "--image-size goes with --data only"),
        (["run", "good.py", "--data", "nowhere"], "unknown data 'nowhere'"),
        (["run", "good.py", "--data", "good.py"], "good.py is of no known format"),
        (["plan", "good.py", "--data", "nowhere"], "unknown data 'nowhere'"),
        (["quickstart", "--data", "good.py"], "good.py is of no known format"),
        (["quickstart", "--data", "."], "holds no data of a known format"),
        (["data"], "Missing argument 'DATA'"),
        (["plan", "missing.py"], "there is no sweep script missing.py"),
        (["plan"], "Missing argument 'SCRIPT'"),
        (["plan", "good.py", "--results", "good.py"], "results folder good.py/good cannot be"),
        (["plan", "good.py", "--cpus-per-trial", "9999"], "must fit one machine"),
        (["plan", "good.py", "--cpus-per-trial", "9999", "--gpus-per-trial", "1"], "must fit one machine"),
        (["run", "good.py", "--keep-models", "some"], "'some' is not one of 'best', 'all', 'none'"),
        (["run", "good.py", "--summaries", "much"], "'much' is not one of 'off', 'scalars', 'full'"),
        (["run", "good.py", "--num-trials", "0"], "0 is not in the range x>=1"),
        (["predict", "nowhere", "x.png"], "nowhere holds no rows"),
        (["predict", "nowhere"], "Missing argument 'IMAGE…'"),
    ],
)
def test_bad_usage_is_one_line_status_2_and_changes_nothing(
    refuses: Refuses, arguments: list[str], message: str
) -> None:
    refuses(arguments, message)


def test_a_sweep_in_place_of_its_script_is_refused_in_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    sweep: Any = Sweep(name="s", trials=[TrialConfig()])
    with pytest.raises(SystemExit) as end:
        main(sweep)
    message = "error: `main` takes the path of a sweep script, as in `mnist_sweep.main(__file__)`, but got Sweep.\n"
    assert (end.value.code, *capsys.readouterr()) == (2, "", message)


def test_control_characters_that_an_error_quotes_do_not_reach_the_terminal(folder: Path, run: Run) -> None:
    status, _, err = run("report", "results/\x1b[2Jgood")
    assert (status, "\x1b" in err, "results/\\x1b[2Jgood holds no rows" in err) == (2, False, True)


def test_the_command_ends_with_its_status_after_all_exit_handlers_and_without_the_teardown_of_modules() -> None:
    code = "import os, sys; from mnist_sweep.__main__ import console\n"
    code += "class Torn:\n    def __del__(self, write=os.write): write(1, b'torn')\ntorn = Torn()\n"
    code += "sys.argv[1:] = {}; console()"
    for arguments, status in ((["--version"], 0), (["status", "nowhere"], 2)):
        command = [sys.executable, "-c", code.format(arguments)]
        ended = subprocess.run(command, capture_output=True, text=True, check=False)
        assert (ended.returncode, "torn" in ended.stdout) == (status, False)
    code = "import atexit; from mnist_sweep import __main__ as command; from mnist_sweep.cli import app\n"
    code += "app.main = lambda: (atexit.register(print, 'handled'), print('done', end=' '), exit(3)); command.console()"
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stdout) == (3, "done handled\n")


def test_no_help_is_cut_at_80_columns(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    for command in ((), *zip(cli.commands)):
        status, out, _ = run(*command, "--help")
        assert (status, "..." in out.replace("[ARGS]...", "")) == (0, False)


def test_help_loads_only_what_declares_and_runs_the_commands() -> None:
    code = "import sys; from mnist_sweep.cli.app import cli; cli.main(['--help'], standalone_mode=False); "
    code += "print(*sorted(sys.modules), file=sys.stderr)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stderr.split()
    assert {name for name in loaded if name.startswith("mnist_sweep.") and not OF_HELP.fullmatch(name)} == set()
    assert {"asyncio", "multiprocessing", "numpy", "pandas", "rich", "socket", "subprocess"} & {*loaded} == set()


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_a_run_that_a_signal_ends_says_how_to_resume_it(
    run: Run, monkeypatch: pytest.MonkeyPatch, number: signal.Signals, status: int
) -> None:
    for one in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(one, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    monkeypatch.setattr(execution, "run", lambda *_, **__: signal.raise_signal(number))
    ended, out, err = run("run", "good.py")
    assert (ended, out) == (status, "")
    assert err.strip().endswith("to resume, run: mnist-sweep run good.py")
    assert "Traceback" not in err


def test_another_command_that_is_interrupted_claims_nothing_to_be_kept(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    signal.signal(signal.SIGINT, signal.default_int_handler)
    monkeypatch.setattr(plan_builder, "plan", lambda *_, **__: signal.raise_signal(signal.SIGINT))
    assert run("plan", "good.py") == (130, "", "\ninterrupted: to start again, run: mnist-sweep plan good.py\n")


def test_a_hangup_that_is_ignored_as_under_nohup_stays_ignored(run: Run) -> None:
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    run("--version")
    assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    assert signal.getsignal(signal.SIGTERM) not in (signal.SIG_IGN, signal.SIG_DFL)


def _hear_signals() -> None:
    """Undo what a shell or `nohup` around the tests has set."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


def start(folder: Path, runner: str) -> "subprocess.Popen[str]":
    (folder / "long.py").write_text(LONG)
    command = [sys.executable, "long.py", "--runner", runner, "--max-concurrent", "2"]
    return subprocess.Popen(
        command,
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
        preexec_fn=_hear_signals,
    )


def wait_for_rows(process: "subprocess.Popen[str]", rows: Path, number: int) -> None:
    deadline = time.monotonic() + 300
    while len(list(rows.glob("*.json"))) < number:
        assert process.poll() is None, process.communicate()[0]
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="POSIX signals")
@pytest.mark.parametrize("runner", ["ray", "local"])
def test_a_sweep_killed_or_interrupted_goes_on_where_it_was(folder: Path, figures: Figures, runner: str) -> None:
    rows = folder / "results" / "long" / "rows"
    for how, status in [(signal.SIGKILL, -9), (signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)]:
        process = start(folder, runner)
        wait_for_rows(process, rows, len(list(rows.glob("*.json"))) + 1)
        os.killpg(process.pid, how)  # as a terminal, or `timeout`
        out, _ = process.communicate(timeout=300)
        assert process.returncode == status, out
        assert "Traceback" not in out
    before = {path.name: (path.stat().st_ino, path.stat().st_mtime_ns) for path in rows.glob("*.json")}
    assert 3 <= len(before) < 12
    process = start(folder, runner)
    out, _ = process.communicate(timeout=300)
    assert process.returncode == 0, out
    assert f"12 trials, {len(before)} done before" in out
    after = {path.name: (path.stat().st_ino, path.stat().st_mtime_ns) for path in rows.glob("*.json")}
    assert before.items() <= after.items()
    whole = [sys.executable, "long.py", "--runner", "in-process", "--results", "whole", "--quiet"]
    subprocess.run(whole, cwd=folder, check=True)
    assert figures(folder / "results" / "long") == figures(folder / "whole" / "long")
