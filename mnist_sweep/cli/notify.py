"""`--notify`: a webhook or a command gets a JSON object when a run has ended or failed.

An address may be a secret itself, so no message quotes it, and neither does the object hold one.
"""

import json
import os
import shlex
import shutil
import signal
import threading
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import click

from mnist_sweep.cli.answer import Answer
from mnist_sweep.cli.streams import echo
from mnist_sweep.errors import SweepError
from mnist_sweep.text.causes import first_cause
from mnist_sweep.text.lines import one_line
from mnist_sweep.text.numbers import counted

SCHEMA, MAX_SECONDS = "mnist-sweep/notify/1", 10.0
KEPT = ("folder", "num_trials", "num_run", "num_failed", "complete", "out_of_time", "seconds")
Receiver = str | list[str]  # a URL, or the words of a command


def receiver(text: str) -> Receiver:
    """Return an http(s) URL to post to as it is, or the words of a command."""
    try:
        if "://" in text.partition(" ")[0]:
            url = urlsplit(text)
            is_known = url.scheme in ("http", "https") and url.hostname and url.port != 0 and "@" not in url.netloc
            if is_known and text.isascii() and text.isprintable() and " " not in text:
                return text
            raise click.BadParameter("a URL must be https://HOST/… or http://HOST/…, without a user.")
        words = shlex.split(text)
    except ValueError as error:  # a bracket, a port or a quotation mark that is wrong
        raise click.BadParameter(f"it is neither a URL nor a command ({error}).") from None
    if not words or shutil.which(words[0]) is None:
        raise click.BadParameter("it is not a URL, and its first word is not a command on PATH.")
    return words


def notifying(receiver: Receiver, run: Callable[[], Answer]) -> Answer:
    """Return the answer of a run once the receiver has been notified how it ended, be it by an exception."""
    try:
        answer = run()
    except BaseException as error:
        from mnist_sweep.text.secrets import without_secrets

        is_stopped = isinstance(error, KeyboardInterrupt)
        cause = one_line(error) if isinstance(error, SweepError | click.ClickException) else first_cause(error)
        shown = None if is_stopped else " ".join(without_secrets(cause.split(" ")))
        text = "The run was interrupted." if is_stopped else f"The run failed: {shown}"
        _notify(receiver, {"text": text, "outcome": "interrupted" if is_stopped else "error", "error": shown})
        raise
    _notify(receiver, _ended(answer))
    return answer


def _ended(answer: Answer) -> dict[str, Any]:
    """Return what is reported of a run that has ended: no values of configs, which may be anything."""
    from mnist_sweep.trials.json_value import json_value

    given = json_value(answer.value)
    best = given["best"] and {name: given["best"][name] for name in ("objective", "val", "test", "trial_ids")}
    outcome = "out_of_time" if given["out_of_time"] else "complete" if given["complete"] else "incomplete"
    trials = counted(given["num_trials"], "trial")
    text = "{folder}: {0}, ran {num_run} of {1}, {num_failed} failed".format(outcome, trials, **given)
    text += f", best val {best['objective']['name']} {best['val']:.4f}" if best else ""
    return {"text": text, "outcome": outcome, "error": None, **{name: given[name] for name in KEPT}, "best": best}


def _notify(receiver: Receiver, content: dict[str, Any]) -> None:
    text = json.dumps({"schema": SCHEMA, **content}).encode()
    causes = _post_in_time(receiver, text) if isinstance(receiver, str) else _run_command(receiver, text)
    for cause in causes:
        echo(f"note: --notify has failed: {cause}", err=True)


def _run_command(words: list[str], text: bytes) -> list[str]:
    """Run a command with a text as its input; return why it failed, if it did.

    What it has started ends with it if it takes too long, or at Ctrl-C.
    """
    import subprocess

    try:
        process = subprocess.Popen(words, stdin=subprocess.PIPE, start_new_session=True)  # noqa: S603 # no shell
    except OSError as error:
        return [str(error.strerror)]
    with process:
        try:
            process.communicate(text, MAX_SECONDS)
        except BaseException as error:
            os.killpg(process.pid, signal.SIGKILL)
            if isinstance(error, subprocess.TimeoutExpired):
                return ["no answer"]
            raise
    return [f"the command ended with status {process.returncode}"] if process.returncode else []


def _post_in_time(url: str, text: bytes) -> list[str]:
    """Post a text to a URL, as `_post` does, in a thread: nothing else limits the time that a name server takes."""
    causes = ["no answer"]

    def attempt() -> None:
        causes[:] = _post(url, text)

    thread = threading.Thread(target=attempt, daemon=True)
    thread.start()
    thread.join(MAX_SECONDS + 1)
    return causes


def _post(url: str, text: bytes) -> list[str]:
    """Post a text to a URL; return why that failed, if it did."""
    import http.client
    import urllib.request

    class NoRedirect(urllib.request.HTTPRedirectHandler):
        """Follows no redirection, which may lead to anyone."""

        def redirect_request(self, *_: Any, **__: Any) -> None:
            """Return that there is no request to follow."""

    headers = {"Content-Type": "application/json", "User-Agent": "mnist-sweep"}
    request = urllib.request.Request(url, text, headers)  # noqa: S310 # of http or https
    try:
        urllib.request.build_opener(NoRedirect).open(request, timeout=MAX_SECONDS).close()
    except (OSError, ValueError, http.client.HTTPException) as error:  # ValueError: of a host that none can have
        return [one_line(error)]
    return []
