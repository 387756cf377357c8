"""Laws of kept models: in the end that of the selected config's median seed, in any order and after any kill."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mnist_sweep.results.kept_models import MAX_UNFINISHED, KeptModels
from mnist_sweep.results.ledger import Ledger
from mnist_sweep.trials.artifacts import Artifacts, Retention, SavedModel
from mnist_sweep.trials.ranking import by_config, selected_first
from mnist_sweep.trials.row import Status, TrialRow


def row(config: str, seed: int, val_accuracy: float, status: Status = Status.OK) -> TrialRow:
    name = f"{config}-{seed}"
    return TrialRow(trial_id=name, config_id=config, status=status, config={}, val_accuracy=val_accuracy, val_loss=1.0)


def rows_of(**accuracies: Sequence[float]) -> list[TrialRow]:
    return [row(config, seed, one) for config, seeds in accuracies.items() for seed, one in enumerate(seeds)]


class Run:
    """A run of trials into a folder, which may be killed before any row: what it has committed stays."""

    def __init__(self, folder: Path, *, models: Retention = "best", storage: Path | None = None) -> None:
        self.ledger, self.rows = Ledger(folder), dict[str, TrialRow]()
        self.artifacts = Artifacts(storage=str(storage or folder.resolve()), models=models)
        self.notes: list[str] = []
        self.most = 0
        self.ledger.open()
        (folder / "predictions").mkdir()

    def start(self, trials: Iterable[TrialRow], **given: Any) -> KeptModels:
        missing = {one.trial_id: None for one in trials if one.trial_id not in self.rows}
        warn = self.notes.append
        return KeptModels(self.ledger, self.artifacts, rows=self.rows, missing=missing, warn=warn, **given)

    def train(self, trials: Sequence[TrialRow], *, killed_after: Iterable[int] = ()) -> list[str]:
        """Train trials in order; return the ids of the trials whose models are kept."""
        models, kills = self.start(trials), set(killed_after)
        for number, one in enumerate([one for one in trials if one.trial_id not in self.rows]):
            if one.status is Status.OK:
                models.hold(one.trial_id, SavedModel(content=one.trial_id.encode(), mistakes=b"wrong"))
            kept = models.finished(one)
            if number in kills:  # between the model and the row, so that the trial runs again
                models = self.start(trials)
                models.hold(one.trial_id, SavedModel(content=one.trial_id.encode(), mistakes=b"wrong"))
                kept = models.finished(one)
            self.rows[one.trial_id] = one
            models.remove_others(kept)
            self.most = max(self.most, len(self.ledger.models()))
        models.prune()
        return list(self.ledger.models())


def selected(rows: Iterable[TrialRow]) -> str:
    return selected_first(by_config(rows).values())[0].median_seed.trial_id


def test_the_model_is_that_of_the_selected_config_and_not_of_the_luckiest_seed(tmp_path: Path) -> None:
    run = Run(tmp_path)
    assert run.train(rows_of(a=(0.7, 0.95, 0.6), b=(0.8, 0.9, 0.85))) == ["b-2"]
    assert [path.name for path in (tmp_path / "predictions").iterdir()] == ["b-2-mistakes.npz"]


def test_one_config_at_a_time_takes_no_more_space_than_its_seeds_and_the_best_before(tmp_path: Path) -> None:
    run = Run(tmp_path)
    run.train(rows_of(**{f"c{number}": (0.5, 0.6, number / 15) for number in range(12)}))
    assert run.most <= 3 + 2


def test_seeds_in_turn_and_kills_change_nothing(tmp_path: Path) -> None:
    rows = rows_of(a=(0.7, 0.95, 0.6), b=(0.8, 0.9, 0.85), c=(0.1, 0.99, 0.99))
    order = sorted(rows, key=lambda one: one.trial_id[-1])
    assert Run(tmp_path).train(order, killed_after=range(9)) == ["b-2"]


def test_the_best_model_stays_until_the_row_of_a_better_one_is_on_the_disk(tmp_path: Path) -> None:
    run, (better,) = Run(tmp_path), rows_of(b=(0.9,))
    run.train(rows_of(a=(0.5,)))
    models = run.start([better])
    models.hold("b-0", SavedModel(content=b"", mistakes=None))
    kept = models.finished(better)
    assert [*run.ledger.models()] == ["a-0", "b-0"]
    models.remove_others(kept)
    assert [*run.ledger.models()] == ["b-0"]


def test_a_file_that_is_no_trials_model_stays(tmp_path: Path) -> None:
    run = Run(tmp_path)
    run.ledger.write_model("my-favourite", b"")
    assert run.train(rows_of(a=(0.5,), b=(0.9,))) == ["b-0", "my-favourite"]


def test_many_configs_at_a_time_take_bounded_space_and_leave_a_model_of_the_selected_one(tmp_path: Path) -> None:
    configs = {f"c{number:03}": (0.5 + number / 1000, 0.6) for number in range(24)}
    rows = rows_of(**configs)
    run = Run(tmp_path)
    kept = run.train(sorted(rows, key=lambda one: one.trial_id[-1]))
    assert run.most <= 2 * MAX_UNFINISHED + 2
    assert [name.partition("-")[0] for name in kept] == ["c023"]


def test_a_lucky_config_of_one_seed_does_not_cost_the_selected_one_its_model(tmp_path: Path) -> None:
    lucky = [row("a", 0, 0.99), row("a", 1, 0.1, Status.DIVERGED), row("c", 0, 0.98), row("c", 1, 0.1, Status.DIVERGED)]
    rows = [*lucky[:2], *rows_of(b=(0.8, 0.9)), *lucky[2:], *rows_of(d=(0.5, 0.5), e=(0.5, 0.4))]
    assert Run(tmp_path).train(rows) == ["b-0"]


def test_the_model_stays_when_its_sweep_is_extended(tmp_path: Path) -> None:
    run = Run(tmp_path)
    before = rows_of(a=(0.7, 0.6), b=(0.9, 0.8))
    assert run.train(before) == ["b-1"]
    assert run.train([*before, *rows_of(c=(0.5, 0.5))]) == ["b-1"]
    assert run.train([*before, row("b", 2, 0.7)]) == ["b-1"]
    assert run.train([*before, *[row("a", seed, 0.99) for seed in (2, 3, 4)]]) == ["a-4"]


def test_the_model_of_a_config_that_a_race_has_dropped_is_not_kept(tmp_path: Path) -> None:
    run, rows = Run(tmp_path), rows_of(a=(0.9, 0.8), b=(0.7, 0.6))
    models = run.start(rows, dropped=lambda: {"a"})
    for one in rows:
        models.hold(one.trial_id, SavedModel(content=b"", mistakes=b""))
        models.finished(one)
        run.rows[one.trial_id] = one
    models.prune()
    assert [*run.ledger.models()] == ["b-1"]


def test_a_run_that_was_interrupted_keeps_what_may_still_be_selected(tmp_path: Path) -> None:
    run = Run(tmp_path)
    trials = rows_of(a=(0.9, 0.8, 0.5), b=(0.7, 0.8, 0.9))
    models = run.start(trials)
    for one in (trials[0], trials[1], trials[3]):
        models.hold(one.trial_id, SavedModel(content=b"", mistakes=b""))
        models.finished(one)
        run.rows[one.trial_id] = one
    models.prune()
    assert list(run.ledger.models()) == ["a-0", "a-1", "b-0"]
    assert run.train(trials) == ["b-1"]


def test_a_model_of_an_older_version_stays_while_the_selected_config_has_none(tmp_path: Path) -> None:
    run = Run(tmp_path)
    run.rows |= {one.trial_id: one for one in rows_of(a=(0.7, 0.95), b=(0.9, 0.9))}
    run.ledger.write_model("a-1", b"the luckiest")
    models = run.start([])
    models.finished(row("c", 0, 0.1, Status.FAILED))
    models.prune()
    assert list(run.ledger.models()) == ["a-1"]


SWEEPS = st.lists(st.lists(st.integers(0, 10), min_size=1, max_size=4), min_size=1, max_size=MAX_UNFINISHED)


@pytest.mark.slow
@settings(deadline=None)
@given(SWEEPS, st.data())
def test_in_any_order_and_after_any_kill_it_is_the_median_seed_of_the_selected_config(
    sweep: list[list[int]], data: st.DataObject
) -> None:
    rows = rows_of(**{f"c{number}": [one / 10 for one in seeds] for number, seeds in enumerate(sweep)})
    order = data.draw(st.permutations(rows))
    kills = data.draw(st.sets(st.integers(0, len(rows) - 1)))
    with TemporaryDirectory() as folder:
        assert Run(Path(folder)).train(order, killed_after=kills) == [selected(rows)]


@pytest.mark.parametrize(("keeping", "kept"), [("best", {"t1-0"}), ("all", {"t0-0", "t1-0", "t2-0"})])
def test_the_storage_has_a_copy_of_what_is_kept(tmp_path: Path, keeping: Retention, kept: set[str]) -> None:
    run = Run(tmp_path / "results", models=keeping, storage=tmp_path / "storage")
    assert set(run.train(rows_of(t0=(0.5,), t1=(0.75,), t2=(0.25,)))) == kept
    copies = {path.stem: path.read_bytes() for path in (tmp_path / "storage" / "models").iterdir()}
    assert copies == {name: name.encode() for name in kept}
    mistakes = {path.name.removesuffix("-mistakes.npz") for path in (run.ledger.folder / "predictions").iterdir()}
    assert mistakes == kept


def test_a_storage_that_refuses_a_model_is_said_and_ends_nothing(tmp_path: Path) -> None:
    (tmp_path / "storage").mkdir()
    (tmp_path / "storage" / "models").write_text("in the way")
    run = Run(tmp_path / "results", storage=tmp_path / "storage")
    assert run.train(rows_of(t0=(0.5,))) == ["t0-0"]
    assert len(run.notes) == 1
    assert run.notes[0].startswith("models/t0-0.keras was not copied to the storage: ")


def test_a_row_without_a_model_changes_nothing(tmp_path: Path) -> None:
    run = Run(tmp_path)
    run.start([]).finished(row("t9", 0, 0.9))
    assert run.ledger.models() == {}
