"""Laws of runs until the best is known: the race follows from the rows, however often a run was stopped or merged."""

import dataclasses
import statistics
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mnist_sweep import (
    MNIST,
    PBT,
    Choice,
    Keep,
    Known,
    Local,
    LogLoss,
    Outcome,
    RayTune,
    Search,
    Softmax,
    Sweep,
    TrialConfig,
    Uniform,
    run,
    select,
)
from mnist_sweep.analysis.folder_status import folder_status
from mnist_sweep.errors import ConfigError, LedgerError
from mnist_sweep.predict.classify import best_model
from mnist_sweep.reports.writer import write_report
from mnist_sweep.results import saved_race
from mnist_sweep.results.ledger import Ledger
from mnist_sweep.results.merging import merge
from mnist_sweep.runners.protocol import Observer
from mnist_sweep.search.race import Race
from mnist_sweep.trials.events import Notice
from mnist_sweep.trials.value_format import Measure
from tests.conftest import MakeRow, Refused
from tests.search.races import CONFIGS, IDS, KNOWN, accuracy, rows_of
from tests.sweep.conftest import Events

SWEEP = Sweep(name="race", trials=CONFIGS)
LOSS = Measure("log_loss", "minimize", "nats")


@dataclasses.dataclass(frozen=True)
class Drawn:
    """Gives each trial its row of `tests.search.races` at once, several at a time; is killed after some rows."""

    make_row: MakeRow
    num_workers: int = 1
    killed_after: int = 10_000

    def run(self, trials: Any, datasets: Any, observer: Any, **options: Any) -> None:
        observer.ready(self.num_workers)
        waiting, num_rows = [*trials.values()], 0
        while batch := [*waiting[: self.num_workers]] or self.proposed(observer):
            waiting = waiting[self.num_workers :]
            for trial in reversed(batch):  # the first one that started ends last
                num_rows += 1
                if num_rows > self.killed_after:
                    raise KeyboardInterrupt
                observer.finished(self.make_row(trial, val_accuracy=accuracy(trial)))

    def proposed(self, observer: Observer) -> list[TrialConfig]:
        return [trial for _ in range(self.num_workers) if (trial := observer.propose())]


def raced(results: Path, runner: Any, sweep: Sweep = SWEEP, **given: Any) -> Outcome:
    return run(sweep, results=results, runner=runner, until=KNOWN, **given)


def decisions(outcome: Outcome) -> Any:
    assert outcome.race is not None
    return outcome.race.settings, outcome.race.end


def test_race_runs_what_it_needs_and_says_who_is_out(tmp_path: Path, make_row: Any, events: Events) -> None:
    outcome = raced(tmp_path, Drawn(make_row), listeners=[events])
    race = outcome.race
    assert race is not None
    assert (race.end, race.remaining) == ("within", (IDS[0], IDS[2]))
    assert outcome.complete
    assert outcome.num_run == outcome.num_trials == race.num_trials < race.max_trials
    assert sum(row.config_id == IDS[1] for row in outcome.rows) == race.settings[-1].num_seeds
    notices = [event.text for event in events.of(Notice)]
    assert notices[0].startswith("a race of 4 configs: seeds are added, at most 12 each, until all that")
    assert next(text for text in notices if "is out after" in text).startswith("learning_rate=0.2 is out after")


def test_running_it_again_runs_nothing_and_decides_the_same(tmp_path: Path, make_row: Any) -> None:
    first = raced(tmp_path, Drawn(make_row))
    again = raced(tmp_path, Drawn(make_row))
    assert again.num_run == 0
    assert again.complete
    assert decisions(again) == decisions(first)


@pytest.mark.parametrize("killed_after", [7, 17])
def test_race_that_was_killed_again_and_again_decides_as_one_that_was_not(
    tmp_path: Path, make_row: Any, killed_after: int
) -> None:
    whole = raced(tmp_path / "whole", Drawn(make_row))
    for _ in range(60):
        try:
            outcome = raced(tmp_path / "killed", Drawn(make_row, killed_after=killed_after))
            break
        except KeyboardInterrupt:
            continue
    assert decisions(outcome) == decisions(whole)
    assert {row.trial_id for row in outcome.rows} == {row.trial_id for row in whole.rows}


@pytest.mark.parametrize("num_workers", [2, 5, 16])
def test_several_workers_decide_the_same_with_a_few_trials_more(
    tmp_path: Path, make_row: Any, num_workers: int
) -> None:
    whole = raced(tmp_path / "one", Drawn(make_row))
    outcome = raced(tmp_path / "several", Drawn(make_row, num_workers=num_workers))
    assert decisions(outcome) == decisions(whole)
    assert whole.num_run <= outcome.num_run <= whole.num_run + 2 * num_workers
    assert outcome.complete


def test_merged_folders_decide_the_same(tmp_path: Path, make_row: Any) -> None:
    whole = raced(tmp_path / "whole", Drawn(make_row))
    rows = Ledger(whole.folder).rows()
    for number, row in enumerate(rows.values()):
        ledger = Ledger(tmp_path / f"part{number % 2}")
        ledger.open()
        ledger.commit(row)
    merge(tmp_path / "merged" / "race", [tmp_path / "part1", tmp_path / "part0"])
    merged = raced(tmp_path / "merged", Drawn(make_row))
    assert merged.num_run == 0
    assert decisions(merged) == decisions(whole)


def test_images_are_those_of_the_data_unless_rows_were_judged_on_others(tmp_path: Path, make_row: Any) -> None:
    saved_race.write(tmp_path / "race", Race(IDS, KNOWN, num_val=7))  # as of data that have changed before any row
    race = saved_race.read(raced(tmp_path, Drawn(make_row)).folder)
    assert race is not None
    assert race.num_val == 300


def test_rows_of_a_sweep_with_fixed_seeds_take_part(tmp_path: Path, make_row: Any) -> None:
    run(SWEEP.with_options(seeds=3), results=tmp_path, runner=Drawn(make_row))
    outcome = raced(tmp_path, Drawn(make_row))
    whole = raced(tmp_path / "whole", Drawn(make_row))
    assert decisions(outcome) == decisions(whole)
    assert outcome.num_run < whole.num_run


def test_state_can_be_read_from_the_folder_alone(tmp_path: Path, make_row: Any) -> None:
    with pytest.raises(KeyboardInterrupt):
        raced(tmp_path, Drawn(make_row, killed_after=20))
    race = saved_race.read(tmp_path / "race", Ledger(tmp_path / "race").rows().values())
    assert race is not None
    assert race.end is None
    assert [*race.lacking()] != []


def test_no_answer_is_a_config_that_the_race_has_dropped(tmp_path: Path, make_row: Any) -> None:
    """The first seeds are easy, and those who leave have no others."""
    ledger = Ledger(tmp_path / "race")
    ledger.open()
    rows = [
        dataclasses.replace(row, val_accuracy=(row.val_accuracy or 0) - 0.5 * (row.config["seed"] > 3))
        for row in rows_of(make_row)
    ]
    race = Race(IDS, KNOWN, num_val=300, rows=rows)
    for row in [row for name in IDS for row in race.taken(name)]:
        ledger.write_model(row.trial_id, b"")
        ledger.commit(row)
    outcome = raced(tmp_path, Drawn(make_row))
    assert outcome.race is not None
    assert outcome.race.remaining == (IDS[0], IDS[2])
    assert outcome.best is not None
    found, status = select(outcome.folder), folder_status(outcome.rows, outcome.folder)
    means = {name: [row.val_accuracy or 0 for row in outcome.rows if row.config_id == name] for name in IDS}
    assert max(IDS, key=lambda name: statistics.fmean(means[name])) in outcome.race.dropped
    selected = {outcome.best.trial_ids[0].partition("-")[0], found.config_id, status.best[0].config_id}
    assert selected | {best_model(outcome.folder).row.config_id} == {IDS[0]}
    assert {*found.tied} <= {IDS[0], IDS[2]}
    assert "Left out, since worse in the race: 2 configs." in found.sentences
    report = write_report(outcome.folder).read_text()
    assert "Use <code>learning_rate=0.1</code>: of 2 configs that remain it has the best validation accuracy" in report
    assert "learning_rate=0.2" not in outcome._repr_html_().partition("learning_rate=0.1")[0]


def test_a_model_of_the_selected_config_is_kept(tmp_path: Path) -> None:
    sweep = Sweep(name="models", trials=CONFIGS[:2])
    known = Known(within=1.0, max_seeds=4)
    outcome = run(sweep, results=tmp_path, runner=Local(in_process=True), until=known)
    assert outcome.best is not None
    assert outcome.best.model is not None
    assert outcome.race is not None
    assert outcome.race.end == "within"
    assert len([*(outcome.folder / "models").glob("*.keras")]) == 1


@pytest.mark.parametrize("images", ["these", "new"])
def test_race_of_another_objective_is_in_its_unit_in_the_folder_and_the_report(tmp_path: Path, images: Any) -> None:
    trials = [dataclasses.replace(trial, objective=LogLoss()) for trial in CONFIGS[:2]]
    known = Known(within=5.0, max_seeds=6, images=images)
    outcome = run(Sweep(name="loss", trials=trials), results=tmp_path, runner=Local(in_process=True), until=known)
    assert outcome.race is not None
    assert (outcome.race.objective, outcome.race.end) == (LOSS, "within")
    assert "remain within 5 nats of each other for" in outcome.race.sentences[0]
    assert 0 <= outcome.race.smallest_difference < 1
    assert saved_race.summary(outcome.folder, outcome.rows) == outcome.race
    assert "shown to be within" in write_report(outcome.folder).read_text()


@pytest.mark.slow
def test_race_ends_on_ray_as_in_this_process(tmp_path: Path, ray_session: None) -> None:
    sweep, known = Sweep(name="race", trials=CONFIGS[:2]), Known(within=1.0, max_seeds=5)
    local = run(sweep, results=tmp_path / "local", runner=Local(in_process=True), until=known)
    on_ray = run(sweep, results=tmp_path / "ray", runner=RayTune(max_concurrent=2), until=known)
    assert decisions(on_ray) == decisions(local)
    assert on_ray.complete
    assert local.num_run <= on_ray.num_run <= 10


AXES = {"optimizer.learning_rate": Uniform(low=0.1, high=0.2)}
SEARCH: dict[str, Any] = {"base": CONFIGS[0], "axes": AXES, "num_trials": 4}


@pytest.mark.parametrize(
    ("make", "runner", "why"),
    [
        (
            lambda: Sweep(name="a", search=Search(**SEARCH)),
            None,
            "a race of a search begins when its 4 trials have run, but 0 have: run the search first, without a race.",
        ),
        (
            lambda: Sweep(name="a", search=Search(**SEARCH | {"algorithm": PBT(population=2)})),
            None,
            "members of a population inherit from each other",
        ),
        (lambda: SWEEP, RayTune(scheduler="asha"), "a race takes no scheduler"),
        (lambda: SWEEP, Local(stop={"step": 2}), "a race takes no scheduler"),
        (lambda: Sweep(name="a", trials=[TrialConfig(seed=seed) for seed in (0, 1)]), None, "at least 2 configs"),
        (
            lambda: Sweep(name="a", trials=[*CONFIGS, TrialConfig(data=MNIST(), model=Softmax())]),
            None,
            "a race compares settings on the same validation images",
        ),
    ],
)
def test_what_cannot_be_raced_is_refused_and_nothing_is_written(
    make: Callable[[], Sweep], runner: Any, why: str, tmp_path: Path, refused: Refused
) -> None:
    with refused(ConfigError, why):
        run(make(), results=tmp_path / "results", runner=runner or Local(in_process=True), until=KNOWN)
    assert not (tmp_path / "results").exists()


@pytest.mark.parametrize("given", [{"seeds": 3}, {"num_trials": 2}])
def test_race_has_seeds_of_its_own_and_all_configs(given: dict[str, Any], refused: Refused) -> None:
    with refused(ConfigError, "a race"):
        SWEEP.with_options(until=KNOWN, **given)
    assert SWEEP.with_options(until=KNOWN, steps=2).trials[0].num_steps == 2


def test_sweep_runs_until_a_known_only(refused: Refused) -> None:
    with refused(ConfigError, "until a Known"):
        run(SWEEP, until=0.005)  # type: ignore[arg-type]


def test_race_for_new_images_reads_the_predictions_that_it_keeps(tmp_path: Path, refused: Refused) -> None:
    sweep, known = Sweep(name="new", trials=CONFIGS[:2]), Known(within=0.001, max_seeds=3, images="new")
    needs = "an answer for new images needs the predictions of each trial"
    with refused(ConfigError, needs):
        run(sweep, results=tmp_path, runner=Local(in_process=True), until=known, keep=Keep(predictions=False))
    assert not (tmp_path / "new").exists()
    outcome = run(sweep, results=tmp_path, runner=Local(in_process=True), until=known)
    assert outcome.race is not None
    assert outcome.race.known == known
    assert 0 <= outcome.race.smallest_difference < 1
    again = run(sweep, results=tmp_path, runner=Local(in_process=True), until=known)
    assert (again.num_run, decisions(again)) == (0, decisions(outcome))
    next((tmp_path / "new" / "predictions").glob("[!l]*.npz")).unlink()
    with refused(LedgerError, "are not kept", "the next run makes both again"):
        run(sweep, results=tmp_path, runner=Local(in_process=True), until=known)
    assert run(sweep, results=tmp_path, runner=Local(in_process=True)).best, "what is no race does without predictions"
    status = folder_status([*outcome.rows], tmp_path / "new")
    assert status.race is not None
    assert len(status.race.rounds) < len(outcome.race.rounds), "and what shows the race shows it up to there"


def test_configs_that_a_search_has_found_are_raced_over_other_seeds_than_its_own(
    tmp_path: Path, refused: Refused
) -> None:
    sweep, runner = Sweep(name="found", search=Search(**SEARCH)), Local(in_process=True)
    searched = run(sweep, results=tmp_path, runner=runner)
    known = Known(within=1.0, max_seeds=5)
    outcome = run(sweep, results=tmp_path, runner=runner, until=known)
    assert outcome.race is not None
    seed = CONFIGS[0].seed
    assert {one.config_id for one in outcome.race.settings} == {row.config_id for row in searched.rows}
    assert {row.config["seed"] for row in outcome.rows} == {*range(seed + 1, seed + 1 + len(outcome.race.rounds))}
    assert outcome.race.end == "within"
    assert outcome.complete
    assert outcome.best is not None
    assert {*outcome.best.trial_ids} <= {row.trial_id for row in outcome.rows}, "without the seed that found it"
    again = run(sweep, results=tmp_path, runner=runner, until=known)
    assert (again.num_run, decisions(again)) == (0, decisions(outcome))
    longer = Sweep(name="found", search=Search(**SEARCH | {"num_trials": 5}))
    assert run(longer, results=tmp_path, runner=runner).num_run == 1, "the search learns from its own seed only"
    with refused(ConfigError, "a race of a search is for these images, by which its configs were found"):
        run(sweep, results=tmp_path, runner=runner, until=dataclasses.replace(known, images="new"))


def test_a_search_that_proposes_no_more_is_raced_once_it_has_no_more_trials(
    tmp_path: Path, make_row: Any, refused: Refused
) -> None:
    few = Search(base=CONFIGS[0], axes={"optimizer.learning_rate": Choice((0.1, 0.2))}, num_trials=4)
    sweep = Sweep(name="few", search=few)
    assert run(sweep, results=tmp_path, runner=Drawn(make_row)).num_run == 2
    with refused(ConfigError, "run the search first, without a race; if it proposes no more, set its num_trials to 2."):
        raced(tmp_path, Drawn(make_row), sweep)
    assert raced(tmp_path, Drawn(make_row), sweep.with_options(num_trials=2)).complete
