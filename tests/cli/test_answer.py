"""Laws of `--json`: standard output is one object of a known schema, whatever happens, and nothing else."""

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

from mnist_sweep.cli.app import cli
from mnist_sweep.results.ledger import Ledger
from mnist_sweep.watch.feed import Feed
from tests.cli.conftest import HEAD, Run, content

ROOT = Path(__file__).parents[2]
NUMBER, TEXT, OPTIONAL = float, str, float | None
Schema = dict[str, Any]


def each(kind: Any, *names: str) -> Schema:
    """Return the schema of values of one kind."""
    return dict.fromkeys(names, kind)


def texts(*names: str, **others: Any) -> Schema:
    """Return the schema of texts, and of other values."""
    return each(TEXT, *names) | others


OBJECTIVE = texts("name", "direction", "unit")
INTERVAL: Schema = {"low": OPTIONAL, "high": OPTIONAL}
NEEDED: Schema = {"seeds_needed": int | None, "images_needed": int | None}
DIFFERENCE = {"mean": NUMBER, "pvalue": OPTIONAL} | INTERVAL | NEEDED
SPLIT = texts("name", mean_a=NUMBER, mean_b=NUMBER, difference=DIFFERENCE, significant=bool, by_seed=[NUMBER])
SPLIT |= {"num_images": int | None, "mcnemar": [NUMBER], "only_a": [int], "only_b": [int]}
CONFIG = texts("config_id", trial_ids=[TEXT], val=NUMBER, test=OPTIONAL)
LEVEL = texts("value", n=int, mean=OPTIONAL, num_failed=int, num_diverged=int) | INTERVAL
EFFECT = texts("name", "title", "kind", "sentence", levels=[LEVEL], share=OPTIONAL, difference=OPTIONAL)
EFFECT |= INTERVAL | {"significant": bool}
CHANGE = texts("config_id", "label", n=int, mean_a=OPTIONAL, mean_b=OPTIONAL, difference=OPTIONAL)
CHANGE |= INTERVAL | {"significant": bool}
LAYER = texts("name", "rule", output=[int], parameters=int, multiply_adds=int)
NETWORK = texts("error", "description", image_shape=[int], num_trials=int, layers=[LAYER], parameters=int)
KIND = texts("name", "failure", network=int, num_trials=int)
KIND |= each(NUMBER, "step_seconds", "evaluation_seconds", "trial_seconds")
PROPOSED = texts("kind", "reason", "task", "cost", num_trials=int, seconds=OPTIONAL, config_ids=[TEXT])
PROPOSED |= {"seeds": int | None, "command": [TEXT]}
SETTING = texts("config_id", "label", "state", "collapsed", val=OPTIONAL, num_seeds=int, num_collapsed=int)
SETTING |= {"collapsed_below": NUMBER, "remains": bool, "rival": TEXT | None}
KNOWN = texts("assume", "images", within=NUMBER, error=NUMBER, seed_error=NUMBER, max_seeds=int)
RACE: Schema = {"known": KNOWN | {"max_runs_without_value": int}, "objective": OBJECTIVE, "end": TEXT | None}
RACE |= {"rounds": [{"num_remaining": int, "distance": OPTIONAL}], "num_trials": int, "max_trials": int}
RACE |= {"settings": [SETTING], "forecast": dict | None, "smallest_difference": OPTIONAL}
RACE |= each([TEXT], "remaining", "dropped", "sentences")
STATUSES = each(int, "ok", "stopped", "diverged", "failed")
BEST = CONFIG | {"values": dict}
SCHEMAS: dict[str, Schema] = {
    "status": texts("folder", "phase", num_trials=int, statuses=STATUSES, best=[BEST | {"seconds": OPTIONAL}])
    | each([TEXT], "fields", "files", "notes", "objectives", "pareto_front")
    | {"objective": OBJECTIVE, "failures": [texts("cause", trial_ids=[TEXT])], "race": dict | None, "run": dict | None},
    "table": {"files": [TEXT], "notes": [TEXT]},
    "mend": {"moved": [texts("source", "target", "cause")], "num_intact": int},
    "merge": each(int, "num_copied", "num_replaced", "num_known", "num_files") | {"left_out": [TEXT]},
    "replay": each(dict, "before", "after", "environment")
    | {"differences": [texts("name", step=int | None, one=object, other=object)]}
    | {"any_failed": bool, "identical": bool},
    "predict": texts("trial_id", "model", "role", classes=[TEXT], errors=[TEXT])
    | {"images": [texts("name", "preprocessing", probabilities=[NUMBER])]},
    "report": texts("file"),
    "compare": texts("a", "b", "label_a", "label_b", "method", "sentence", val=SPLIT, test=SPLIT)
    | {"seeds": [[int]], "notes": [TEXT], "objective": OBJECTIVE},
    "verdict": texts("outcome", "a", "b", "reason", "sentence", better=TEXT | None, scope=TEXT | None)
    | {"within": NUMBER, "error": NUMBER, "num_seeds": int, "notes": [TEXT], "objective": OBJECTIVE}
    | each(DIFFERENCE, "these_images", "new_images", "test")
    | NEEDED,
    "next": texts("folder", runs=[PROPOSED], notes=[TEXT]),
    "effects": {"effects": [EFFECT], "num_trials": int, "left_out": dict, "objective": OBJECTIVE}
    | {"interactions": [texts("sentence", names=[TEXT], share=OPTIONAL, significant=bool)]}
    | each([TEXT], "notes", "sentences"),
    "diff": texts("metric", "sentence", mean=OPTIONAL, labels=dict, changes=[CHANGE], objective=OBJECTIVE)
    | INTERVAL
    | each([TEXT], "only_a", "only_b", "kind_notes", "notes"),
    "plan": texts("name", "runner", "data_error", networks=[NETWORK], kinds=[KIND], warnings=[TEXT], seconds=OPTIONAL)
    | each(int, "num_trials", "num_workers", "free_disk", "worker_memory", "gpu_memory")
    | each(int | None, "memory", "free_memory", "max_trials")
    | {"disk": dict, "seconds_by_runner": dict, "forecast": dict | None},
    "run": texts("folder", num_trials=int, num_run=int, num_failed=int, complete=bool, out_of_time=bool)
    | {"seconds": NUMBER, "unsent": [TEXT], "race": dict | None, "report": TEXT | None}
    | {"best": BEST | {"objective": OBJECTIVE, "config": dict, "model": TEXT | None}},
    "data": texts("name", "source", "digest", sheet=TEXT | None, num_classes=int, pixel_max=int)
    | each(dict, "files", "sizes", "counts", "numbers", "pixels")
    | {"image_shape": [int], "class_names": [TEXT], "notes": [TEXT], "duplicates": [dict], "value_range": list | None},
    "watch": texts("folder", "url"),
    "error": texts("error", "kind", status=int),
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


def test_no_command_asks_anything() -> None:
    texts = [path.read_text() for path in (ROOT / "mnist_sweep").rglob("*.py")]
    assert [text for text in texts if re.search(r"\b(prompt|confirm|getpass|input)\(", text)] == []
