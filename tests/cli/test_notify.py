import json
import os
import re
import sys
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from mnist_sweep.cli import notify, sweep_commands
from mnist_sweep.errors import LedgerError
from mnist_sweep.results import runs
from tests.cli.conftest import Refuses, Run

Webhook = Callable[[int], tuple[str, list[dict[str, Any]]]]
GOOD = ("run", "good.py", "--runner", "in-process", "--quiet")
WRITE = f'{sys.executable} -c \'import sys; open("told.json", "w").write(sys.stdin.read())\''


@pytest.fixture
def webhook() -> Iterator[Webhook]:
    """Start a server that answers with a status; return its URL, and what is posted to it."""
    servers: list[HTTPServer] = []

    def start(status: int) -> tuple[str, list[dict[str, Any]]]:
        received: list[dict[str, Any]] = []

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                received.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
                self.send_response(status)
                self.send_header("Location", "/elsewhere")
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                pass

        servers.append(HTTPServer(("127.0.0.1", 0), Handler))
        threading.Thread(target=servers[-1].serve_forever, kwargs={"poll_interval": 0.05}).start()
        return f"http://127.0.0.1:{servers[-1].server_port}/secret?key=secret", received

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def test_a_webhook_is_told_how_a_run_ended_and_its_address_is_not_recorded(
    folder: Path, run: Run, webhook: Webhook
) -> None:
    url, received = webhook(204)
    assert run(*GOOD, "--notify", url)[::2] == (0, "")
    assert run(*GOOD, "--notify", url, "--num-trials", "1")[::2] == (0, "")
    assert ": complete, ran 0 of 1 trial, 0 failed" in received.pop()["text"]
    told = received[0]
    assert [told[name] for name in ("schema", "outcome", "error")] == ["mnist-sweep/notify/1", "complete", None]
    assert (told["num_trials"], told["num_run"], told["num_failed"]) == (2, 2, 0)
    assert set(told["best"]) == {"objective", "val", "test", "trial_ids"}
    assert re.fullmatch(
        r"results/good: complete, ran 2 of 2 trials, 0 failed, best val accuracy 0\.\d{4}", told["text"]
    )
    assert "--notify ***" in " ".join(runs.read(folder / "results" / "good")[-1].command)


@pytest.mark.parametrize(("status", "cause"), [(302, "HTTP Error 302"), (500, "HTTP Error 500")])
def test_a_webhook_that_fails_is_one_line_without_its_address_and_changes_no_status(
    run: Run, webhook: Webhook, status: int, cause: str
) -> None:
    url, received = webhook(status)
    ended, _, err = run(*GOOD, "--notify", url)
    assert (ended, err.count("\n"), len(received)) == (0, 1, 1)
    assert err.startswith(f"note: --notify has failed: {cause}")
    assert "secret" not in err


def test_a_command_gets_the_object_as_its_input(folder: Path, run: Run) -> None:
    assert run(*GOOD, "--notify", WRITE)[0] == 0
    assert json.loads((folder / "told.json").read_text())["outcome"] == "complete"


@pytest.mark.parametrize(
    ("error", "status", "told"),
    [
        (KeyboardInterrupt(), 130, ("interrupted", None)),
        (LedgerError("no s3://me:it@host/x?key=it"), 2, ("error", "no s3://***@host/x?***")),
    ],
)
def test_a_failure_and_an_interrupt_are_told_without_secrets(
    folder: Path, run: Run, monkeypatch: pytest.MonkeyPatch, error: BaseException, status: int, told: tuple[str, str]
) -> None:
    def fail(*_: Any) -> None:
        raise error

    monkeypatch.setattr(sweep_commands, "_run_sweep", fail)
    assert run(*GOOD, "--notify", WRITE)[0] == status
    found = json.loads((folder / "told.json").read_text())
    assert (found["outcome"], found["error"]) == told


@pytest.mark.parametrize(("command", "cause"), [("false", "status 1"), ("sleep 60", "no answer")])
def test_a_command_that_fails_or_takes_too_long_is_one_line(
    run: Run, monkeypatch: pytest.MonkeyPatch, command: str, cause: str
) -> None:
    monkeypatch.setattr(notify, "MAX_SECONDS", 0.2)
    status, _, err = run(*GOOD, "--num-trials", "1", "--notify", command)
    assert (status, err.count("\n"), cause in err) == (0, 1, True)


def test_what_a_command_has_started_ends_with_its_time(folder: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(notify, "MAX_SECONDS", 1.0)
    os.mkfifo(folder / "pipe")
    reader = os.open(folder / "pipe", os.O_RDONLY | os.O_NONBLOCK)
    command = "sh -c '(sleep 600; true) > pipe & echo > pipe; wait'"
    assert "no answer" in run(*GOOD, "--num-trials", "1", "--notify", command)[2]
    os.set_blocking(reader, True)
    assert os.read(reader, 2) == b"\n"
    assert os.read(reader, 2) == b""  # the end of the pipe, which nobody holds any longer
    os.close(reader)


WRONG = ["", "no-such-command x", "'", "ftp://host/x", "file:///etc/passwd", "https://", "https://me:it@host/x"]


@pytest.mark.parametrize("target", [*WRONG, "https://host:x/", "https://[::1", "https://host/a b", "https://host/ä"])
def test_what_cannot_be_told_is_refused_before_anything_runs(refuses: Refuses, target: str) -> None:
    refuses([*GOOD, "--notify", target], "--notify")
