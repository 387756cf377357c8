"""What a pool runs, and when; what is reported of it is in test_local."""

from dataclasses import replace
from typing import Any
from unittest import mock

from mnist_sweep import TrialConfig, trial_id
from mnist_sweep.errors import ProcessLostError
from mnist_sweep.runners.trial_process import ThisProcess
from mnist_sweep.runners.trial_queue import TrialQueue
from mnist_sweep.training.row_builder import failed
from mnist_sweep.training.trial_progress import Heartbeat, Paused
from tests.runners.test_protocol import Notes

BASE = TrialConfig()
FIRST, SECOND, THIRD = (replace(BASE, seed=seed) for seed in (1, 2, 3))


class Failing(ThisProcess):
    """A process whose trials fail after one item."""

    def __init__(self) -> None:
        super().__init__({})
        self.steps = self.failing

    def failing(self, config: TrialConfig, *_: object, **__: object) -> Any:
        yield None
        return failed(config, error="at once")


def queue_of(observer: Notes, *listed: TrialConfig, **changed: Any) -> TrialQueue:
    datasets: Any = {BASE.data: None}
    options: dict[str, Any] = {"num_proposals": 0, "artifacts": None, "max_retries": 1}
    return TrialQueue(listed, datasets, observer, **options | changed)


def test_listed_trials_come_before_proposed_ones_and_these_only_if_there_may_be_any() -> None:
    waiting = queue_of(Notes(proposed=[THIRD]), FIRST, SECOND, num_proposals=1)
    assert [waiting.next() for _ in range(4)] == [FIRST, SECOND, THIRD, None]
    assert [queue_of(Notes(proposed=[THIRD]), FIRST).next() for _ in range(1)] == [FIRST]
    none = queue_of(Notes(proposed=[THIRD]))
    assert none.next() is None


def test_who_has_no_proposal_is_asked_again_only_after_a_row() -> None:
    observer = Notes()
    waiting = queue_of(observer, FIRST, num_proposals=2)
    first = waiting.next()
    assert (first, waiting.next()) == (FIRST, None)
    running = waiting.run(Failing(), FIRST)
    next(running)
    observer.proposed = [SECOND]
    assert (waiting.next(), waiting.num_running) == (None, 1)
    assert [*running] == []
    assert (waiting.next(), waiting.num_running) == (SECOND, 0)
    assert [heard[:2] for heard in observer.heard] == [("started", trial_id(FIRST)), ("finished", trial_id(FIRST))]


def test_no_trial_starts_in_a_run_that_is_to_end() -> None:
    assert queue_of(Notes(ends_after=0), FIRST, num_proposals=1).next() is None


def test_a_process_that_is_lost_while_it_starts_does_not_end_the_run() -> None:
    class Lost(Failing):
        def starting(self) -> Any:
            yield
            raise ProcessLostError("its process was killed by SIGKILL")

    assert [*queue_of(Notes(), FIRST).start(Lost())] == [None]


def test_a_trial_that_was_stopped_keeps_its_row_if_its_process_is_lost_before_it_obeys() -> None:
    class Stubborn(ThisProcess):
        def __init__(self) -> None:
            super().__init__({})
            self.steps = self.lost

        def lost(self, config: TrialConfig, *_: object, **__: object) -> Any:
            try:
                yield Heartbeat(1, None)
            except Paused:
                raise ProcessLostError("its process was killed by SIGKILL") from None

    row, observer, stopping = failed(FIRST, error="stopped"), Notes(), mock.Mock()
    stopping.row_if_stopped.return_value = row
    waiting = queue_of(observer, FIRST, stopping=stopping)
    assert [*waiting.run(Stubborn(), FIRST)] == [None]
    assert observer.heard == [("started", trial_id(FIRST)), ("finished", trial_id(FIRST), row.status)]


def test_a_process_is_not_waited_for_in_a_run_that_is_to_end() -> None:
    class Starting(Failing):
        killed = False

        def starting(self) -> Any:
            while not self.killed:
                yield

        def kill(self) -> None:
            self.killed = True

    process = Starting()
    assert [*queue_of(Notes(ends_after=0)).start(process)] == []
    assert process.killed


def test_a_process_gets_trials_whose_graphs_it_has_before_others_and_all_are_run() -> None:
    other = replace(BASE, batch_size=7)
    listed = [replace(trial, seed=seed) for seed in range(3) for trial in (BASE, BASE, other)]
    waiting = queue_of(Notes(), *listed)
    processes = (Failing(), Failing())
    batches: tuple[list[int], ...] = ([], [])
    for number in (0, 1, 1, 0, 1, 0, 0, 0, 0):
        trial = waiting.next(processes[number])
        assert trial
        batches[number].append(trial.batch_size)
        assert [*waiting.run(processes[number], trial)] == [None]
    assert batches == ([50, 50, 50, 50, 50, 50], [7, 7, 7])
    assert waiting.next(processes[1]) is None


def test_a_process_without_graphs_of_its_own_takes_the_next_trial_all_the_same() -> None:
    waiting = queue_of(Notes(), *(replace(BASE, seed=seed) for seed in range(4)))
    for process in (Failing(), Failing()):
        trial = waiting.next(process)
        assert trial
        assert [*waiting.run(process, trial)] == [None]
