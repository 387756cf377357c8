"""Laws of the commands on a results folder."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from mnist_sweep import read_trials
from mnist_sweep.watch.feed import Feed
from tests.cli.conftest import Refuses, Run, content

REFERENCE = Path(__file__).parents[2] / "results" / "reference" / "quickstart"


def test_a_row_that_is_none_is_named_with_the_way_out(folder: Path, run: Run) -> None:
    run("run", "good.py", "--runner", "in-process", "--quiet")
    row = next((folder / "results" / "good" / "rows").glob("*.json"))
    row.write_text(row.read_text()[:100])
    before = content(folder)
    for arguments in (["run", "good.py"], ["status", "results/good"], ["table", "results/good"]):
        status, _, err = run(*arguments)
        assert status == 2
        assert err.startswith(
            f"error: 1 of 2 files in results/good/rows is not a row: {row.name} (its content does not match its own"
        )
        assert "mnist-sweep mend results/good" in err
        assert content(folder) == before


def test_status_and_table_need_no_script(folder: Path, run: Run) -> None:
    run("run", "good.py", "--runner", "in-process", "--quiet")
    (folder / "good.py").unlink()
    tables = {path.name: path.read_bytes() for path in (folder / "results" / "good").glob("*.csv")}
    for path in (folder / "results" / "good").glob("*.csv"):
        path.unlink()
    status, out, _ = run("status", "results/good")
    assert (status, "2 trials: 2 ok" in out) == (0, True)
    assert run("table", "results/good")[0] == 0
    assert {path.name: path.read_bytes() for path in (folder / "results" / "good").glob("*.csv")} == tables


def test_predict_asks_the_kept_model_and_refuses_what_is_no_image(folder: Path, run: Run, refuses: Refuses) -> None:
    from PIL import Image

    run("run", "good.py", "--runner", "in-process", "--quiet")
    Image.new("L", (8, 8)).save(folder / "black.png")
    status, out, err = run("predict", "results/good", "black.png", "--top", "2")
    assert (status, err) == (0, "")
    assert out.startswith("classified by the model of trial ")
    assert re.search(
        r"^black\.png: \d \d+\.\d%, \d \d+\.\d% \(dark: the largest pixel is 0 of 255\)$", out, re.MULTILINE
    )
    (folder / "empty.png").touch()
    before = content(folder)
    status, out, err = run("predict", "results/good", "black.png", "empty.png")
    assert (status, out.count("\n"), "\nblack.png: " in out) == (2, 2, True)
    assert err == "error: empty.png is empty.\n"
    refuses(["predict", "results/good", "empty.png"], "empty.png is empty")
    assert content(folder) == before
    refuses(["predict", "results/good", "black.png", "--trial", "nobody"])


def test_mend_moves_damaged_rows_and_counts_the_others(folder: Path, run: Run) -> None:
    run("run", "good.py", "--runner", "in-process", "--quiet")
    row, _ = sorted((folder / "results" / "good" / "rows").glob("*.json"))
    row.write_text(row.read_text()[:100])
    status, out, err = run("mend", "results/good")
    assert (status, err) == (0, "")
    first, last = out.splitlines()
    assert first.startswith(
        f"results/good/rows/{row.name} -> results/good/damaged/{row.name}: its content does not match"
    )
    assert last.startswith("1 file moved, 1 row ")
    assert run("mend", "results/good")[1].startswith("0 files moved, 1 row ")


def test_merge_joins_the_rows_of_folders(folder: Path, run: Run) -> None:
    for name in ("here", "there"):
        run("run", "good.py", "--runner", "in-process", "--quiet", "--results", name)
    next((folder / "here" / "good" / "rows").glob("*.json")).unlink()
    status, out, err = run("merge", "all", "here/good", "there/good")
    assert (status, err) == (0, "")
    assert out.startswith("all: 2 rows copied, 0 replaced, 1 ")
    assert len(read_trials(folder / "all")) == 2


def test_replay_gives_0_for_a_row_that_comes_out_again(folder: Path, run: Run) -> None:
    run("run", "good.py", "--runner", "in-process", "--quiet")
    trial = next((folder / "results" / "good" / "rows").glob("*.json")).stem
    status, out, err = run("replay", "results/good", trial, "--script", "good.py")
    assert (status, err) == (0, "")
    assert trial in out


def test_status_loads_no_numpy_and_nothing_that_builds_configs() -> None:
    code = "import sys; from mnist_sweep.cli.app import cli; "
    code += f"cli.main(['status', {str(REFERENCE)!r}], standalone_mode=False); print(*sys.modules, file=sys.stderr)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stderr.split()
    assert {"mnist_sweep.trials.config", "numpy", "scipy"} & {*loaded} == set()


def test_status_watch_ends_with_the_run_and_says_whether_it_is_complete(folder: Path, run: Run) -> None:
    run("run", "good.py", "--runner", "in-process", "--quiet", "--num-trials", "1")
    printed = run("status", "results/good")[1]
    status, out, err = run("status", "results/good", "--watch")
    assert (status, out.endswith(printed), err) == (0, True, "")
    assert out.startswith("finished: 1 of 1 trial ·")
    row = next((folder / "results" / "good" / "rows").glob("*.json"))
    live = folder / "results" / "good" / "live.json"
    live.write_text(known := live.read_text().replace('"num_trials":1', '"num_trials":2'))
    status, out, err = run("status", "results/good", "--watch", "--json")
    found = json.loads(out)
    assert (status, found["num_trials"], err.startswith("interrupted: 1 of 2 trials")) == (1, 1, True)
    assert (found["phase"], found["run"]["num_trials"]) == ("interrupted", 2)
    live.write_text("{")
    status, out, err = run("status", "results/good", "--json")
    assert (status, json.loads(out)["run"]) == (0, None)
    assert err.startswith("note: ")
    live.unlink()
    row.unlink()
    live.write_text(known)
    status, out, err = run("status", "results/good", "--watch")
    assert (status, "0 trials: none finished" in out, err) == (1, True, "")
    live.unlink()
    assert run("status", "results/good", "--watch")[0] == 2
    assert run("status", "nowhere", "--watch")[0] == 2


def interrupt(_: Feed) -> None:
    """Stand for a feed that is followed until Ctrl-C."""
    raise KeyboardInterrupt


def test_watch_prints_the_address_and_ends_well_at_an_interrupt(
    folder: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Feed, "follow", interrupt)
    (folder / "results" / "good").mkdir(parents=True)
    before = content(folder / "results")
    status, out, err = run("watch", "results/good")
    assert (status, err) == (0, "")
    assert re.fullmatch(r"http://127\.0\.0\.1:\d+/[0-9a-f]{32}/\n", out)
    status, out, err = run("watch", "results/good", "--host", "127.0.0.2", "--token", "0123456789abcdef")
    assert (status, out.endswith("/0123456789abcdef/\n")) == (0, True)
    assert "nothing is encrypted" in err
    monkeypatch.setenv("MNIST_SWEEP_TOKEN", "of-the-environment")
    assert run("watch", "results/good", "--host", "127.0.0.2")[1].endswith("/of-the-environment/\n")
    assert content(folder / "results") == before
