import itertools
import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from mnist_sweep.results.ledger import Ledger
from mnist_sweep.sweep import live_run
from mnist_sweep.trials.row import TrialRow
from mnist_sweep.watch import feed as feeds
from mnist_sweep.watch.feed import Feed

Found = list[tuple[str, Any]]


def opened(feed: Feed, resume: str = "new") -> Iterator[bytes]:
    """Return the events of a viewer after the first, which is the time."""
    events = feed.events(resume)
    kind, now = news(events, 1)[0]
    assert (kind, abs(now - time.time()) < 60) == ("ping", True)
    return events


def news(events: Iterator[bytes], number: int) -> Found:
    """Return so many events, each as its kind and its data."""
    found = []
    for event in itertools.islice(events, number):
        lines = dict(line.split(": ", 1) for line in event.decode().splitlines() if line)
        found.append((lines["event"], json.loads(lines["data"])))
    return found


def ids(batch: list[list[Any]]) -> list[str]:
    return [name for _, name, *_ in batch]


@pytest.fixture
def feed(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Feed:
    """The feed of a folder with two rows, at which it has looked."""
    monkeypatch.setattr(feeds, "SECONDS_BETWEEN_PINGS", 0.01)
    monkeypatch.setattr(feeds, "MAX_TIME_SHARE", 1e9)
    found = Feed(folder)
    found.look()
    return found


def test_a_new_viewer_is_sent_fields_state_and_all_rows(feed: Feed, rows: list[TrialRow]) -> None:
    (reset, fields), (state, found), (kind, batch), (quiet, _) = news(opened(feed), 4)
    assert (reset, state, kind, quiet) == ("reset", "state", "rows", "ping")
    assert fields == ["optimizer.learning_rate"]
    assert (found["rows"]["status"]["num_trials"], found["phase"], found["errors"]) == (2, "unknown", [])
    assert sorted(ids(batch)) == sorted(row.trial_id for row in rows[:2])
    cells = {row.trial_id: (row.status.value, row.val, row.test, row.val_loss, row.seconds_total) for row in rows}
    assert {row[3] for row in batch} == {0.1, 0.2}
    assert [(status, *measured) for _, _, status, _, *measured, _ in batch] == [cells[name] for name in ids(batch)]


def test_rows_that_come_are_replaced_or_go_are_sent_as_such(
    feed: Feed, folder: Path, rows: list[TrialRow], make_row: Callable[..., TrialRow]
) -> None:
    events = opened(feed)
    news(events, 3)
    Ledger(folder).commit(rows[2])
    feed.look()
    sent = dict(news(events, 2))
    assert ids(sent["rows"]) == [rows[2].trial_id]
    assert sent["state"]["rows"]["status"]["num_trials"] == 3
    (folder / "rows" / f"{rows[0].trial_id}.json").unlink()
    feed.look()
    assert dict(news(events, 2))["rows"] == [[None, rows[0].trial_id]]
    assert rows[0].trial_id not in feed.rows


def test_another_field_that_varies_begins_another_list(
    feed: Feed, folder: Path, make_row: Callable[..., TrialRow]
) -> None:
    events = opened(feed)
    news(events, 3)
    Ledger(folder).commit(make_row())
    feed.look()
    (kind, fields), _, (_, batch) = news(events, 3)
    assert (kind, "model" in fields, len(batch)) == ("reset", True, 3)
    assert {len(row) for row in batch} == {8 + len(fields)}


def test_a_viewer_resumes_after_the_last_event_of_the_same_list_only(feed: Feed, folder: Path) -> None:
    last = next(event for event in opened(feed) if event.startswith(b"id")).decode()
    place = last.splitlines()[0].removeprefix("id: ")
    assert [kind for kind, _ in news(opened(feed, place), 2)] == ["state", "ping"]
    assert [kind for kind, _ in news(opened(Feed(folder), place), 1)] == ["reset"]


def test_damage_is_reported_beside_what_is_intact(feed: Feed, folder: Path, rows: list[TrialRow]) -> None:
    events = opened(feed)
    news(events, 3)
    (folder / "rows" / "torn.json").write_text("{")
    (folder / live_run.FILE).write_text("{")
    feed.look()
    found = dict(news(events, 2))["state"]
    assert found["rows"]["status"]["num_trials"] == 2
    assert ["torn.json" in found["errors"][0], live_run.FILE in found["errors"][1]] == [True, True]
    (folder / live_run.FILE).unlink()
    (folder / "rows" / "torn.json").unlink()
    feed.look()
    assert dict(news(events, 2))["state"]["errors"] == []


def test_no_link_is_followed_out_of_the_folder(feed: Feed, folder: Path, tmp_path: Path, rows: list[TrialRow]) -> None:
    outside = Ledger(tmp_path / "outside")
    outside.open()
    outside.commit(rows[3])
    (folder / "rows" / f"{rows[3].trial_id}.json").symlink_to(outside.rows_folder / f"{rows[3].trial_id}.json")
    feed.look()
    assert rows[3].trial_id not in feed.rows
    events = opened(feed)
    assert "it is a symbolic link" in dict(news(events, 3))["state"]["errors"][0]


@pytest.mark.parametrize("name", feeds.FILES)
def test_no_file_beside_the_rows_is_read_elsewhere(feed: Feed, folder: Path, tmp_path: Path, name: str) -> None:
    (tmp_path / "outside.json").write_text("secret")
    (folder / name).symlink_to(tmp_path / "outside.json")
    feed.look()
    text = json.dumps(dict(news(opened(feed), 3))["state"])
    assert ("leads out of the results folder" in text, "secret" in text) == (True, False)


def test_the_live_page_reads_only_what_is_checked(folder: Path, tmp_path: Path) -> None:
    code = "import sys, pathlib; sys.addaudithook(lambda kind, given: kind == 'open' and print(given[0])); "
    code += "from mnist_sweep.watch.feed import Feed; Feed(pathlib.Path(sys.argv[1])).look()"
    command = [sys.executable, "-c", code, str(folder)]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    inside = [Path(line).relative_to(folder) for line in done.stdout.splitlines() if line.startswith(f"{folder}/")]
    assert {path.parts[0] for path in inside} <= {*feeds.READ}
    assert len(inside) > 4


@pytest.mark.parametrize("name", ["rows", live_run.FILE])
def test_a_loop_of_links_is_reported(feed: Feed, folder: Path, name: str) -> None:
    (folder / "rows").rename(folder / "others")
    (folder / name).symlink_to(folder / name)
    feed.look()
    assert "Too many levels" in dict(news(opened(feed), 3))["state"]["errors"][0]


def test_a_folder_that_goes_and_comes_back_is_followed(feed: Feed, folder: Path, rows: list[TrialRow]) -> None:
    folder.rename(folder.with_name("elsewhere"))
    feed.look()
    assert feed.rows == {}
    folder.with_name("elsewhere").rename(folder)
    feed.look()
    assert sorted(feed.rows) == sorted(row.trial_id for row in rows[:2])


def test_what_intervals_need_is_loaded_before_the_first_look(tmp_path: Path) -> None:
    code = "import sys, pathlib; from mnist_sweep.watch.feed import Feed; "
    code += "Feed.look = lambda _: print('scipy.special' in sys.modules); next(Feed(pathlib.Path()).follow())"
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout == "True\n"


def test_many_rows_are_sent_in_batches(feed: Feed, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feeds, "BATCH", 1)
    found = news(opened(feed), 5)
    assert [kind for kind, _ in found] == ["reset", "state", "rows", "rows", "ping"]


def test_many_rows_are_read_a_part_at_a_time(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feeds, "MOST_ROWS", 1)
    feed = Feed(folder)
    assert [feed.look(), len(feed.rows)] == [True, 1]
    assert "still being read" in dict(news(opened(feed), 3))["state"]["errors"][0]
    assert [feed.look(), len(feed.rows), feed.look()] == [True, 2, False]


def test_rows_that_have_all_been_read_are_summarised_at_once(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feeds, "MOST_ROWS", 1)
    monkeypatch.setattr(feeds, "MAX_TIME_SHARE", 1e-9)
    feed = Feed(folder)
    shown = []
    while feed.look():
        shown.append(feed.state.rows.status.num_trials)
    assert [*shown, feed.state.rows.status.num_trials] == [1, 1, 2]


def test_a_link_that_replaces_a_row_while_many_are_read_is_not_followed(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feeds, "MOST_ROWS", 1)
    feed = Feed(folder)
    feed.look()
    last = max((folder / "rows").iterdir())
    last.rename(tmp_path / last.name)
    last.symlink_to(tmp_path / last.name)
    while feed.look():
        pass
    assert len(feed.rows) == 1
    assert "it is a symbolic link" in feed.state.errors[0]
