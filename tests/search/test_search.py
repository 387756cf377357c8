from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from optuna.pruners import MedianPruner
from optuna.samplers import TPESampler

from mnist_sweep import (
    Adam,
    Choice,
    GradientDescent,
    Integer,
    Keep,
    Local,
    LogUniform,
    Momentum,
    Search,
    Softmax,
    Sweep,
    TrialConfig,
    Uniform,
    run,
    to_flat,
    trial_id,
)
from mnist_sweep.errors import ConfigError, LedgerError, SweepError
from mnist_sweep.system import signals
from mnist_sweep.trackers.tensorboard import hparams
from tests.conftest import Refused

BASE = TrialConfig(model=Softmax(), optimizer=GradientDescent(), num_steps=4, evaluate_every=2)
RATES: dict[str, Any] = {"optimizer.learning_rate": LogUniform(low=1e-3, high=1.0)}
SPACE: dict[str, Any] = {"base": BASE, "axes": RATES, "num_trials": 1}
MIXED = RATES | {
    "optimizer": Choice((GradientDescent(), Momentum())),
    "batch_size": Integer(low=10, high=50),
    "weight_decay": Uniform(low=0.0, high=0.1),
    "precision": Choice(("float32", "mixed_bfloat16")),
}


def search(num_trials: int, **changed: Any) -> Sweep:
    return Sweep(name="search", search=Search(**{**SPACE, "num_trials": num_trials, **changed}))


def told(folder: Path, name: str) -> list[Path]:
    return sorted((folder / "search" / name).glob("*.json"))


def stamps(folder: Path) -> dict[str, tuple[int, int]]:
    return {path.name: (path.stat().st_ino, path.stat().st_mtime_ns) for path in told(folder, "rows")}


def test_a_search_runs_as_many_different_trials_of_its_space_as_asked_for(tmp_path: Path) -> None:
    outcome = run(search(5), results=tmp_path, runner=Local(in_process=True))
    assert outcome.complete
    assert outcome.num_run == 5 == len({row.trial_id for row in outcome.rows})
    assert all(1e-3 <= row.config["optimizer.learning_rate"] <= 1.0 for row in outcome.rows)
    assert told(tmp_path, "proposals") == []


def test_the_same_seed_proposes_the_same_trials_and_another_one_others(tmp_path: Path) -> None:
    def ids(folder: str, seed: int) -> set[str]:
        rows = run(search(4, seed=seed), results=tmp_path / folder, runner=Local(in_process=True)).rows
        return {row.trial_id for row in rows}

    assert ids("a", 0) == ids("b", 0)
    assert ids("a", 0) & ids("c", 1) == set()


def test_a_search_goes_on_where_it_ended_and_ends_at_once_when_it_is_done(tmp_path: Path) -> None:
    run(search(3), results=tmp_path, runner=Local(in_process=True))
    before = stamps(tmp_path)
    more = run(search(5), results=tmp_path, runner=Local(in_process=True))
    assert (more.num_run, len(more.rows)) == (2, 5)
    assert stamps(tmp_path).items() >= before.items()
    assert run(search(5), results=tmp_path, runner=Local(in_process=True)).num_run == 0
    assert run(search(2), results=tmp_path, runner=Local(in_process=True)).num_run == 0


def test_a_search_runs_first_what_was_left_unfinished(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    endless = replace(BASE, num_steps=10**7, evaluate_every=1)
    asked = count()  # a second passes each time that somebody asks for the time, so it is over while a trial runs
    monkeypatch.setattr(signals, "time", SimpleNamespace(monotonic=lambda: next(asked)))
    ended = run(search(3, base=endless), results=tmp_path, runner=Local(in_process=True), time_budget=20)
    assert ended.out_of_time
    assert ended.rows == ()
    (left,) = told(tmp_path, "proposals")
    again = run(search(3, base=endless), results=tmp_path, runner=Local(in_process=True), time_budget=20)
    assert again.out_of_time
    assert (again.num_trials, again.num_run) == (3, 0)
    assert told(tmp_path, "proposals") == [left]


@dataclass
class Proposing:
    """A runner that asks for all trials at once, as one with room for all does, and runs none."""

    left: Sequence[str] = ()
    proposed: Sequence[str] = ()

    def run(self, trials: Any, datasets: Any, observer: Any, *, num_proposals: int = 0, **__: Any) -> None:
        observer.ready(num_proposals)
        self.left, self.proposed = list(trials), [trial_id(observer.propose()) for _ in range(num_proposals)]


def test_what_was_left_unfinished_is_not_proposed_once_more(tmp_path: Path) -> None:
    first, again = Proposing(), Proposing()
    for num_trials, runner in [(3, first), (5, again)]:
        with pytest.raises(SweepError, match="Proposing ended without rows"):
            run(search(num_trials), results=tmp_path, runner=runner)
    assert sorted(again.left) == sorted(first.proposed)
    assert len({*again.left, *again.proposed}) == 5


def test_a_space_with_few_trials_ends_the_search(tmp_path: Path) -> None:
    axes = {"optimizer.learning_rate": Choice((0.1, 0.2)), "batch_size": Choice((10, 20))}
    outcome = run(search(50, axes=axes), results=tmp_path, runner=Local(in_process=True))
    assert outcome.complete
    assert outcome.num_trials == len(outcome.rows) == 4


def test_a_trial_is_found_in_its_space_by_values_alone() -> None:
    space = Search(base=BASE, axes=MIXED, num_trials=1)
    values = {"optimizer": Momentum(), "optimizer.learning_rate": 0.25, "batch_size": 20, "weight_decay": 0.01}
    trial = space.trial(values | {"precision": "float32"})
    assert space.find(trial_id(trial), to_flat(trial)) == values | {"precision": "float32"}
    for other in (replace(trial, batch_size=60), replace(trial, seed=1), replace(trial, optimizer=Adam())):
        assert space.find(trial_id(other), to_flat(other)) is None
    assert space.find(trial_id(trial), to_flat(trial) | {"batch_size": "os:system"}) is None


def test_a_proposal_that_is_damaged_is_named(tmp_path: Path, refused: Refused) -> None:
    path = tmp_path / "search" / "proposals" / "0123456789ab-0.json"
    path.parent.mkdir(parents=True)
    for content in ("{", "[]"):
        path.write_text(content)
        with refused(LedgerError, str(path), "delete it to continue"):
            run(search(1), results=tmp_path, runner=Local(in_process=True))


@pytest.mark.parametrize(
    ("changed", "part"),
    [
        ({"num_trials": 0}, "num_trials >= 1"),
        ({"seed": -1}, "0 <= seed"),
        ({"axes": {}}, "at least one axis"),
        ({"axes": {"batch_size": [1, 2]}}, "must be a Uniform, LogUniform, Integer or Choice"),
        ({"axes": {"seed": Integer(low=0, high=9)}}, "one seed and one data set"),
        ({"axes": {"data.val_size": Integer(low=1, high=9)}}, "one seed and one data set"),
        ({"axes": {"objective": Choice(("accuracy", "macro_f1"))}}, "a search has one objective"),
        ({"axes": {"batch_size": Integer(low=0, high=9)}}, "batch_size >= 1"),
        ({"axes": {"batch_size": Choice((1, 1))}}, "differ"),
        ({"algorithm": "bayes"}, "'tpe', a PBT, a sampler of Optuna or a searcher"),
        ({"algorithm": TPESampler}, "'tpe', a PBT, a sampler of Optuna or a searcher"),
        ({"algorithm": MedianPruner()}, "'tpe', a PBT, a sampler of Optuna or a searcher"),
    ],
)
def test_a_search_that_makes_no_sense_is_refused(changed: dict[str, Any], part: str, refused: Refused) -> None:
    with refused(ConfigError, part):
        Search(**SPACE | changed)


def test_seeds_and_listed_trials_do_not_go_with_a_search(refused: Refused) -> None:
    with refused(ConfigError, "a search has one seed"):
        search(1).with_options(seeds=3)
    with refused(ConfigError, "lists trials or has a search"):
        Sweep(name="both", trials=[BASE], search=search(1).search)
    with refused(ConfigError, "must be a Search"):
        Sweep(name="none", search="tpe")  # type: ignore[arg-type]  # on purpose


def test_options_change_what_a_search_has_in_common() -> None:
    changed = search(9).with_options(num_trials=3, steps=8, precision="mixed_bfloat16").search
    assert changed is not None
    assert (changed.num_trials, changed.base.num_steps, changed.base.precision) == (3, 8, "mixed_bfloat16")


def test_a_time_budget_must_be_positive(tmp_path: Path, refused: Refused) -> None:
    with refused(ConfigError, "time_budget > 0"):
        run(search(1), results=tmp_path, runner=Local(in_process=True), time_budget=0)
    assert list(tmp_path.iterdir()) == []


def test_a_space_with_trials_that_do_not_fit_is_refused_before_anything_runs(tmp_path: Path, refused: Refused) -> None:
    axes = {"batch_size": Integer(low=10, high=2000)}
    with refused(ConfigError, "batch_size <= 1197", "batch_size=2000"):
        run(search(2, axes=axes), results=tmp_path, runner=Local(in_process=True))
    assert list(tmp_path.iterdir()) == []


@dataclass(frozen=True)
class Own(GradientDescent):
    """An optimizer of the user's."""


@dataclass
class Shipping:
    """A runner that notes the code it is to ship, and runs nothing."""

    code: Sequence[Path] = ()

    def run(self, *_: Any, code: Sequence[Path] = (), **__: Any) -> None:
        self.code = code


@pytest.mark.parametrize(("optimizers", "num_folders"), [((Adam(), Own()), 1), ((Adam(), Momentum()), 0)])
def test_own_code_on_an_axis_reaches_the_workers(tmp_path: Path, optimizers: tuple[Any, ...], num_folders: int) -> None:
    runner = Shipping()
    sweep = replace(search(2, axes={"optimizer": Choice(optimizers)}), code=[tmp_path])
    run(sweep, results=tmp_path, runner=runner)
    assert len(runner.code) == num_folders


def test_tensorboards_table_has_the_columns_of_what_was_proposed(tmp_path: Path) -> None:
    outcome = run(search(2), results=tmp_path, runner=Local(in_process=True), keep=Keep(summaries="scalars"))
    assert b"optimizer.learning_rate" in (outcome.folder / hparams.FILE).read_bytes()
