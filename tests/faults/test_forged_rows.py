"""Laws of rows that somebody else has made, with digests and ids that fit: each command answers, or names the file."""

import io
import json
from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest

from mnist_sweep import read_history, read_summary, read_trials
from mnist_sweep.analysis import comparison, sweep_diff
from mnist_sweep.analysis.effects import effects_of_trials
from mnist_sweep.analysis.folder_status import folder_status
from mnist_sweep.cli.safe_console import Terminal
from mnist_sweep.cli.views import comparison_table as comparison_view
from mnist_sweep.cli.views import diff, effects, status
from mnist_sweep.errors import SweepError
from mnist_sweep.reports.writer import write_report
from mnist_sweep.results.csv_io import write_tables
from mnist_sweep.results.ledger import Ledger
from mnist_sweep.trials.ids import flat_id, trial_name
from tests.faults.readers import REFERENCE, mutated
from tests.results.test_row_json import with_digest

GOOD = [path.read_text() for path in sorted((REFERENCE / "quickstart" / "rows").iterdir())[:6]]


def forged(text: str, drawn: Random) -> tuple[str, str]:
    """Return the id and the text of a row with a few values changed, and the ids and the digest that then fit."""
    content = json.loads(text)
    for _ in range(drawn.choice((1, 1, 2, 3))):
        part = drawn.choice(("config", "config", "history", "environment", ""))
        changed = mutated(json.dumps(content.get(part) if part else content).encode(), drawn)
        if changed and part:
            content[part] = json.loads(changed)
        elif changed:
            content = json.loads(changed)
    try:
        omitted = {*content["defaults"], "seed"}
        config_id = flat_id({name: value for name, value in content["config"].items() if name not in omitted})
        content |= {"config_id": config_id, "trial_id": trial_name(config_id, content["config"].get("seed"))}
    except (AttributeError, KeyError, TypeError, ValueError):
        pass  # what remains is no row, and must be refused
    kept = {name: value for name, value in content.items() if name not in {"format", "digest"}}
    kept |= {"history": kept.pop("history")} if "history" in kept else {}
    body = "".join(f",\n {json.dumps(name)}: {json.dumps(value)}" for name, value in kept.items()) + "}\n"
    return str(content.get("trial_id")), with_digest(body)


def answers(folder: Path) -> list[Callable[[], object]]:
    """Return what the commands do with a results folder, without what they only print otherwise."""
    console = Terminal(file=io.StringIO(), width=120)
    rows = Ledger(folder).rows()
    one, other = list(rows)[:2]
    return [
        lambda: status.show(folder_status([*rows.values()], folder), console),
        lambda: write_tables(folder, rows.values()),
        lambda: (read_trials(folder), read_history(folder), read_summary(folder)),
        lambda: effects.show(effects_of_trials.effects(folder), console),
        lambda: diff.show(sweep_diff.diff(folder, REFERENCE / "quickstart"), console),
        lambda: comparison_view.show(comparison.compare(folder, one, other), console),
        lambda: write_report(folder, format="md"),
    ]


def refusal(answer: Callable[[], object]) -> str:
    """Return by which error of the project's own a command ends; empty if it answers."""
    try:
        answer()
    except SweepError as error:
        return str(error)
    return ""


@pytest.mark.parametrize("number", [1, pytest.param(40, marks=pytest.mark.slow)])
def test_forged_rows_are_answered_or_named_and_end_no_command(tmp_path: Path, number: int) -> None:
    num_rows = 0
    for example in range(number):
        drawn, ledger = Random(example), Ledger(tmp_path / str(example))
        ledger.open()
        texts = [forged(text, drawn) for text in GOOD[:3]] + [(json.loads(text)["trial_id"], text) for text in GOOD[3:]]
        for trial_id, text in texts:
            if "/" not in trial_id and "\0" not in trial_id and len(trial_id) < 200:
                (ledger.rows_folder / f"{trial_id}.json").write_text(text, errors="surrogatepass")
        rows, bad = ledger.inspect()
        assert len(rows) >= len(GOOD) - 3
        assert all(one.fault in {"damaged", "newer"} and one.cause.isprintable() for one in bad)
        for one in bad:
            one.path.unlink()
        refusals = [refusal(answer) for answer in answers(ledger.folder)]
        assert [text for text in refusals if "\n" in text] == []
        num_rows += len(rows) - (len(GOOD) - 3)
    assert number < 10 or num_rows > number / 2  # many of the forged ones are rows: they keep the rules
