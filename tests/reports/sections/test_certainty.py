"""Laws of certainty: the luck of selection and the shift to test are said, with the data's reason."""

from mnist_sweep import Digits, TrialConfig
from mnist_sweep.reports.sections import certainty
from mnist_sweep.results import data_cards, predictions
from mnist_sweep.results.data_cards import DataCard
from mnist_sweep.trials.row import Status
from tests.conftest import MakeRow
from tests.reports.conftest import MakeResults


def test_nothing_is_certain_of_failures(make_row: MakeRow, make_results: MakeResults) -> None:
    assert certainty.section(make_results([make_row(status=Status.FAILED, error="no luck")])) is None


def test_every_sentence_of_the_selection_is_there(make_row: MakeRow, make_results: MakeResults) -> None:
    rows = [make_row(TrialConfig(num_steps=n, seed=s), val_accuracy=0.9 + s / 99) for n in (8, 9) for s in range(3)]
    results = make_results(rows)
    section = certainty.section(results)
    assert section is not None
    text = f"{section.finding} {section.blocks}"
    assert [sentence for sentence in results.analysis[0].sentences if sentence not in text] == []


def test_of_a_single_config_each_sentence_is_said_once(make_row: MakeRow, make_results: MakeResults) -> None:
    results = make_results([make_row()])
    section = certainty.section(results)
    assert section is not None
    text = f"{section.finding} {section.blocks}"
    assert [text.count(sentence) for sentence in results.analysis[0].sentences] == [1, 1]


def test_the_shift_is_that_of_all_trials_and_its_reason_the_datas(make_row: MakeRow, make_results: MakeResults) -> None:
    tested = {0: (0.9, 0.85), 1: (0.8, 0.79)}
    rows = [make_row(TrialConfig(seed=s), val_accuracy=val, test_accuracy=test) for s, (val, test) in tested.items()]
    said, _, reason = certainty.shift(make_results(rows)).partition(". ")
    assert said == "Over all 2 trials, test accuracy is on average 3.00 points below validation accuracy"
    assert reason == Digits.SPLITS_DIFFER


def test_data_without_a_reason_have_none(make_row: MakeRow, make_results: MakeResults) -> None:
    results = make_results([make_row(val_accuracy=0.5, test_accuracy=0.75)])
    data_cards.write(results.folder, predictions.data_id(results.rows[0].config), DataCard())
    assert certainty.shift(results) == "Test accuracy is 25.00 points above validation accuracy."
