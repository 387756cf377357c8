"""Laws of `--json`: standard output is one object of a known schema, whatever happens; and of exit statuses."""

import json
import os
import pty
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from mnist_sweep.cli.answer import ExitStatus
from mnist_sweep.cli.app import cli
from mnist_sweep.results.ledger import Ledger
from mnist_sweep.watch.feed import Feed
from tests.cli.conftest import HEAD, Run, content

ROOT = Path(__file__).parents[2]
NUMBER, TEXT, OPTIONAL = float, str, float | None
Schema = dict[str, Any]
OBJECTIVE: Schema = dict.fromkeys(("name", "direction", "unit"), TEXT)
DIFFERENCE: Schema = {"mean": NUMBER, "low": OPTIONAL, "high": OPTIONAL, "pvalue": OPTIONAL}
DIFFERENCE |= {"images_needed": int | None, "seeds_needed": int | None}
SPLIT: Schema = {
    "name": TEXT,
    "mean_a": NUMBER,
    "mean_b": NUMBER,
    "difference": DIFFERENCE,
    "significant": bool,
}
SPLIT |= {"by_seed": [NUMBER], "num_images": int | None, "mcnemar": [NUMBER], "only_a": [int], "only_b": [int]}
CONFIG: Schema = {"config_id": TEXT, "trial_ids": [TEXT], "val": NUMBER, "test": OPTIONAL}
LEVEL: Schema = {"value": TEXT, "n": int, "mean": OPTIONAL, "low": OPTIONAL, "high": OPTIONAL}
LEVEL |= {"num_failed": int, "num_diverged": int}
EFFECT: Schema = {
    "name": TEXT,
    "title": TEXT,
    "kind": TEXT,
    "levels": [LEVEL],
    "share": OPTIONAL,
    "difference": OPTIONAL,
}
EFFECT |= {"low": OPTIONAL, "high": OPTIONAL, "significant": bool, "sentence": TEXT}
CHANGE: Schema = {
    "config_id": TEXT,
    "label": TEXT,
    "n": int,
    "mean_a": OPTIONAL,
    "mean_b": OPTIONAL,
    "difference": OPTIONAL,
}
CHANGE |= {"low": OPTIONAL, "high": OPTIONAL, "significant": bool}
LAYER: Schema = {"name": TEXT, "output": [int], "parameters": int, "multiply_adds": int, "rule": TEXT}
NETWORK: Schema = {"image_shape": [int], "num_trials": int, "layers": [LAYER], "error": TEXT, "description": TEXT}
KIND: Schema = {"network": int, "name": TEXT, "num_trials": int, "step_seconds": NUMBER, "evaluation_seconds": NUMBER}
PROPOSED: Schema = {"kind": TEXT, "num_trials": int, "seconds": OPTIONAL, "config_ids": [TEXT], "seeds": int | None}
PROPOSED |= {"command": [TEXT], "reason": TEXT, "task": TEXT, "cost": TEXT}
SETTING: Schema = dict.fromkeys(("config_id", "label", "state", "collapsed"), TEXT)
SETTING |= {"val": OPTIONAL, "num_seeds": int, "num_collapsed": int, "collapsed_below": NUMBER}
SETTING |= {"remains": bool, "rival": TEXT | None}
RACE: Schema = {
    "known": {
        "within": NUMBER,
        "error": NUMBER,
        "max_seeds": int,
        "assume": TEXT,
        "images": TEXT,
        "seed_error": NUMBER,
        "max_runs_without_value": int,
    },
    "objective": OBJECTIVE,
    "end": TEXT | None,
    "rounds": [{"num_remaining": int, "distance": OPTIONAL}],
    "num_trials": int,
    "max_trials": int,
    "settings": [SETTING],
    "remaining": [TEXT],
    "dropped": [TEXT],
    "sentences": [TEXT],
    "forecast": dict | None,
    "smallest_difference": OPTIONAL,
}
SCHEMAS: dict[str, Schema] = {
    "status": {
        "folder": TEXT,
        "num_trials": int,
        "statuses": dict.fromkeys(("ok", "stopped", "diverged", "failed"), int),
        "fields": [TEXT],
        "objective": OBJECTIVE,
        "best": [CONFIG | {"seconds": OPTIONAL, "values": dict}],
        "failures": [{"cause": TEXT, "trial_ids": [TEXT]}],
        "files": [TEXT],
        "notes": [TEXT],
        "race": dict | None,
        "objectives": [TEXT],
        "pareto_front": [TEXT],
        "phase": TEXT,
        "run": dict | None,
    },
    "table": {"files": [TEXT], "notes": [TEXT]},
    "mend": {"moved": [{"source": TEXT, "target": TEXT, "cause": TEXT}], "num_intact": int},
    "merge": dict.fromkeys(("num_copied", "num_replaced", "num_known", "num_files"), int) | {"left_out": [TEXT]},
    "replay": {
        "before": dict,
        "after": dict,
        "differences": [{"name": TEXT, "step": int | None, "one": object, "other": object}],
        "environment": dict,
        "any_failed": bool,
        "identical": bool,
    },
    "predict": {
        "trial_id": TEXT,
        "model": TEXT,
        "role": TEXT,
        "classes": [TEXT],
        "images": [{"name": TEXT, "preprocessing": TEXT, "probabilities": [NUMBER]}],
        "errors": [TEXT],
    },
    "report": {"file": TEXT},
    "compare": dict.fromkeys(("a", "b", "label_a", "label_b", "method", "sentence"), TEXT)
    | {"seeds": [[int]], "val": SPLIT, "test": SPLIT, "notes": [TEXT], "objective": OBJECTIVE},
    "verdict": dict.fromkeys(("outcome", "a", "b", "reason", "sentence"), TEXT)
    | {"better": TEXT | None, "scope": TEXT | None, "within": NUMBER, "error": NUMBER, "num_seeds": int}
    | {"these_images": DIFFERENCE, "new_images": DIFFERENCE, "test": DIFFERENCE}
    | {"seeds_needed": int | None, "images_needed": int | None, "notes": [TEXT], "objective": OBJECTIVE},
    "next": {"folder": TEXT, "runs": [PROPOSED], "notes": [TEXT]},
    "effects": {
        "effects": [EFFECT],
        "interactions": [{"names": [TEXT], "share": OPTIONAL, "significant": bool, "sentence": TEXT}],
        "num_trials": int,
        "left_out": dict,
        "notes": [TEXT],
        "objective": OBJECTIVE,
        "sentences": [TEXT],
    },
    "diff": dict.fromkeys(("mean", "low", "high"), OPTIONAL)
    | {"only_a": [TEXT], "only_b": [TEXT], "labels": dict, "changes": [CHANGE], "metric": TEXT}
    | {"kind_notes": [TEXT], "notes": [TEXT], "sentence": TEXT, "objective": OBJECTIVE},
    "plan": {
        "name": TEXT,
        "networks": [NETWORK | {"parameters": int}],
        "num_trials": int,
        "runner": TEXT,
        "num_workers": int,
        "disk": dict,
        "free_disk": int,
        "data_error": TEXT,
        "seconds": OPTIONAL,
        "seconds_by_runner": dict,
        "memory": int | None,
        "worker_memory": int,
        "gpu_memory": int,
        "free_memory": int | None,
        "kinds": [KIND | {"trial_seconds": NUMBER, "failure": TEXT}],
        "max_trials": int | None,
        "forecast": dict | None,
        "warnings": [TEXT],
    },
    "run": {
        "folder": TEXT,
        "num_trials": int,
        "num_run": int,
        "num_failed": int,
        "complete": bool,
        "seconds": NUMBER,
        "out_of_time": bool,
        "unsent": [TEXT],
        "best": CONFIG | {"objective": OBJECTIVE, "config": dict, "values": dict, "model": TEXT | None},
        "race": dict | None,
        "report": TEXT | None,
    },
    "data": {
        "name": TEXT,
        "source": TEXT,
        "files": dict,
        "sheet": TEXT | None,
        "sizes": dict,
        "image_shape": [int],
        "num_classes": int,
        "class_names": [TEXT],
        "counts": dict,
        "numbers": dict,
        "pixels": dict,
        "pixel_max": int,
        "value_range": list | None,
        "digest": TEXT,
        "duplicates": [dict],
        "notes": [TEXT],
    },
    "watch": {"folder": TEXT, "url": TEXT},
    "error": {"error": TEXT, "kind": TEXT, "status": int},
}
del SCHEMAS["run"]["best"]["config_id"]  # the trials have it
SCHEMAS["quickstart"] = SCHEMAS["run"]


def has_schema(value: Any, schema: Any) -> bool:
    """Return whether a value has these keys, and values of these types."""
    if isinstance(schema, dict):
        return value.keys() == schema.keys() and all(has_schema(value[name], schema[name]) for name in schema)
    if isinstance(schema, list):
        return isinstance(value, list) and all(has_schema(part, schema[0]) for part in value)
    return isinstance(value, schema)


def answer(out: str, name: str) -> dict[str, Any]:
    """Return the object that a command printed, which has to be all that it printed."""
    found: dict[str, Any] = json.loads(out, parse_constant=lambda constant: pytest.fail(f"{constant} is no JSON"))
    assert found.pop("schema") == f"mnist-sweep/{name}/1"
    assert has_schema(found, SCHEMAS[name]), found
    return found


def test_each_command_prints_one_object_of_its_schema(folder: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Feed, "follow", lambda _: iter(()))
    script = HEAD + "print('printed by the script')\n"
    script += "SWEEP = Sweep(name='good', trials=grid(BASE, {'seed': [0, 1], 'batch_size': [25, 50]}))\n"
    (folder / "good.py").write_text(script)
    status, out, err = run("run", "good.py", "--runner", "in-process", "--json")
    assert (status, answer(out, "run")["num_run"], "printed by the script" in err) == (0, 4, True)
    rows = Ledger(folder / "results" / "good").rows()
    a, b = sorted({row.config_id for row in rows.values()})
    Image.new("L", (8, 8), 40).save("grey.png")
    (folder / "empty.png").touch()
    asked = {
        "status": ["results/good"],
        "table": ["results/good"],
        "mend": ["results/good"],
        "merge": ["all", "results/good"],
        "replay": ["results/good", f"{a}-0"],
        "predict": ["results/good", "empty.png"],
        "report": ["results/good", "--format", "md"],
        "compare": ["results/good", a, b],
        "verdict": ["results/good", a, b],
        "next": ["results/good", "--budget", "1h"],
        "effects": ["results/good"],
        "diff": ["results/good", "results/good"],
        "plan": ["good.py", "--no-calibration"],
        "data": ["digits", "--sheet", "sheet.png"],
        "watch": ["results/good", "--port", "0"],
        "quickstart": ["--runner", "in-process", "--num-trials", "1", "--steps", "2"],
    }
    assert {*asked, "run", "error"} == SCHEMAS.keys()
    for name, arguments in asked.items():
        status, out, err = run(name, *arguments, "--json")
        assert status == {"predict": 2, "verdict": 4}.get(name, 0), err
        assert answer(out, name)
    bad = folder / "results" / "good" / "rows" / f"{a}-0.json"
    bad.write_text(bad.read_text()[:100])
    assert len(answer(run("mend", "results/good", "--json")[1], "mend")["moved"]) == 1


def test_every_command_has_a_schema_and_is_documented_with_its_keys() -> None:
    assert {*cli.commands, "error"} == SCHEMAS.keys()
    table = re.findall(r"^\| `(\w+)/(\d+)` \| (.+) \|$", (ROOT / "sweeps" / "README.md").read_text(), re.MULTILINE)
    documented = {name: set(re.findall(r"`(\w+)`", keys)) for name, _, keys in table}
    assert documented == {name: set(schema) for name, schema in SCHEMAS.items()}


@pytest.mark.parametrize(
    ("arguments", "kind"),
    [
        (["status", "nowhere"], "LedgerError"),
        (["status"], "UsageError"),
        (["statu"], "UsageError"),
        (["status", "nowhere", "--jsn"], "UsageError"),
        (["run", "missing.py"], "ScriptError"),
        (["run", "good.py", "--steps", "0"], "UsageError"),
        (["run", "good.py", "--runner", "local", "--address", "auto"], "UsageError"),
        (["data", "letters"], "UnknownNameError"),
        (["predict", "nowhere", "x.png"], "LedgerError"),
        (["replay", "nowhere", "abcd"], "LedgerError"),
        (["report", "\x1b[2J"], "LedgerError"),
    ],
)
def test_an_error_is_an_object_beside_its_line(folder: Path, run: Run, arguments: list[str], kind: str) -> None:
    before = content(folder)
    status, out, err = run(*arguments, "--json")
    found = answer(out, "error")
    assert (status, found["status"], found["kind"]) == (2, 2, kind)
    assert err.count("\n") == 1
    assert "\x1b" not in out
    assert content(folder) == before


@pytest.mark.parametrize("text", ["TrialConfig(num_steps=0)\n", "1 / 0\n"])
def test_a_mistake_in_a_script_is_an_object_before_main_is_reached(tmp_path: Path, text: str) -> None:
    (tmp_path / "mine.py").write_text(f"import mnist_sweep\n{HEAD}{text}mnist_sweep.main(__file__)\n")
    command = [sys.executable, "mine.py", "--json"]
    ended = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stderr.count("\n")) == (2, 1)
    assert answer(ended.stdout, "error")["error"].startswith("mine.py:5: ")


def test_another_program_that_takes_json_prints_what_it_likes(tmp_path: Path) -> None:
    (tmp_path / "other.py").write_text("import mnist_sweep\nmnist_sweep.TrialConfig(num_steps=0)\n")
    command = [sys.executable, "other.py", "--json"]
    ended = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stdout) == (2, "")


PRINTS = """\
import os, subprocess, sys
from mnist_sweep.cli.streams import output_on_stderr
with output_on_stderr():
    print("by print")
    os.write(1, b"by the system\\n")
    subprocess.run([sys.executable, "-c", "print('by a child')"])
print("after")
"""


def test_what_is_printed_on_the_way_goes_to_standard_error() -> None:
    ended = subprocess.run([sys.executable, "-P", "-c", PRINTS], capture_output=True, text=True, check=True)
    assert ended.stdout == "after\n"
    assert sorted(ended.stderr.splitlines()) == ["by a child", "by print", "by the system"]


@pytest.mark.parametrize("closed", ["2>&-", "1>&- 2>&-"])
def test_a_closed_stream_is_no_obstacle(closed: str) -> None:
    command = f"{sys.executable} -P -m mnist_sweep status {ROOT}/results/reference/quickstart --json {closed}"
    ended = subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert (ended.stdout != "") == (closed == "2>&-")


def in_a_terminal(arguments: Sequence[str]) -> str:
    """Return what a command prints to a terminal."""
    main, terminal = pty.openpty()
    environment = {**os.environ, "TERM": "xterm-256color", "COLUMNS": "120"} | dict.fromkeys(["NO_COLOR", "CI"], "")
    process = subprocess.Popen(arguments, stdin=terminal, stdout=terminal, stderr=terminal, env=environment)
    os.close(terminal)
    parts = []
    while True:
        try:
            parts.append(os.read(main, 1 << 16))
        except OSError:  # its other end is closed
            break
        if not parts[-1]:
            break
    os.close(main)
    assert process.wait() == 0
    return b"".join(parts).decode()


@pytest.mark.skipif(os.name != "posix", reason="a pseudo-terminal")
def test_colours_are_for_terminals_and_never_in_an_object() -> None:
    command = [sys.executable, "-P", "-m", "mnist_sweep", "status", str(ROOT / "results/reference/quickstart")]
    assert "\x1b[" in in_a_terminal(command)
    printed = in_a_terminal([*command, "--json"])
    assert "\x1b" not in printed
    assert answer(printed, "status")
    ended = subprocess.run(command, capture_output=True, text=True, check=True, stdin=subprocess.DEVNULL)
    assert "\x1b" not in ended.stdout


def test_exit_statuses_stay_and_the_document_lists_each() -> None:
    statuses = {"OK": 0, "NOT_ALL": 1, "REFUSED": 2, "EQUIVALENT": 3, "UNDECIDED": 4}
    assert {status.name: status.value for status in ExitStatus} == statuses
    lines = (ROOT / "sweeps" / "README.md").read_text().splitlines()
    assert [status for status in ExitStatus if not any(line.startswith(f"| {status} | ") for line in lines)] == []


def test_no_command_asks_anything() -> None:
    texts = [path.read_text() for path in (ROOT / "mnist_sweep").rglob("*.py")]
    assert [text for text in texts if re.search(r"\b(prompt|confirm|getpass|input)\(", text)] == []
