"""Laws of the answer: the config with the best mean is named, and what is not known is said."""

from collections.abc import Callable, Sequence

from mnist_sweep import Digits, Momentum, TrialConfig, repeat
from mnist_sweep.reports.blocks import Facts, Paragraph
from mnist_sweep.reports.report_data import Results
from mnist_sweep.reports.sections import best_config
from mnist_sweep.results import data_cards, predictions
from mnist_sweep.results.data_cards import DataCard
from mnist_sweep.trials.row import Status, TrialRow

MakeRow = Callable[..., TrialRow]
MakeResults = Callable[[Sequence[TrialRow]], Results]


def seeds(make_row: MakeRow, accuracies: Sequence[float], config: TrialConfig | None = None) -> list[TrialRow]:
    configs = repeat([config or TrialConfig()], seeds=len(accuracies))
    return [make_row(config, val_accuracy=value) for config, value in zip(configs, accuracies, strict=True)]


def test_config_with_the_best_mean_is_named_and_not_the_luckiest_trial(
    make_row: MakeRow, make_results: MakeResults
) -> None:
    rows = seeds(make_row, [0.93, 0.94, 0.95])
    rows += seeds(make_row, [0.80, 0.81, 0.99], TrialConfig(optimizer=Momentum()))
    section = best_config.section(make_results(rows))
    assert "adam: 94.00% on validation, 91.00% on test" in section.finding
    (key, *_) = [block for block in section.blocks if isinstance(block, Facts)]
    assert dict(key.facts)["trials"] == "6 (6 ok; 2 configs)"


def test_nothing_that_ended_well_is_said(make_row: MakeRow, make_results: MakeResults) -> None:
    section = best_config.section(make_results([make_row(status=Status.FAILED, error="no luck")]))
    assert section.finding == best_config.NOTHING


def test_single_trial_is_an_answer(make_row: MakeRow, make_results: MakeResults) -> None:
    assert "90.00% on validation" in best_config.section(make_results([make_row()])).finding


def test_the_shift_is_that_of_all_trials_and_its_reason_the_datas(make_row: MakeRow, make_results: MakeResults) -> None:
    tested = {0: (0.9, 0.85), 1: (0.8, 0.79)}
    rows = [make_row(TrialConfig(seed=s), val_accuracy=val, test_accuracy=test) for s, (val, test) in tested.items()]
    (paragraph,) = best_config.shift(make_results(rows))
    assert isinstance(paragraph, Paragraph)
    said, _, reason = paragraph.text.partition(". ")
    assert said == "Over all 2 trials, test accuracy is on average 3.00 points below validation accuracy"
    assert reason == Digits.SPLITS_DIFFER


def test_data_without_a_reason_have_none(make_row: MakeRow, make_results: MakeResults) -> None:
    results = make_results([make_row(val_accuracy=0.5, test_accuracy=0.75)])
    data_cards.write(results.folder, predictions.data_id(results.rows[0].config), DataCard())
    assert best_config.shift(results) == [Paragraph(text="Test accuracy is 25.00 points above validation accuracy.")]
