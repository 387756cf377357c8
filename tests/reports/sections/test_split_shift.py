"""Laws of the shift between validation and test: it is the mean over all trials, with the data's own reason."""

from collections.abc import Callable, Sequence

from mnist_sweep import Digits, TrialConfig
from mnist_sweep.reports.blocks import Paragraph
from mnist_sweep.reports.report_data import Results
from mnist_sweep.reports.sections.split_shift import shift
from mnist_sweep.results import data_cards, predictions
from mnist_sweep.results.data_cards import DataCard
from mnist_sweep.trials.row import TrialRow

MakeRow = Callable[..., TrialRow]
MakeResults = Callable[[Sequence[TrialRow]], Results]


def test_the_shift_is_that_of_all_trials_and_its_reason_the_datas(make_row: MakeRow, make_results: MakeResults) -> None:
    tested = {0: (0.9, 0.85), 1: (0.8, 0.79)}
    rows = [make_row(TrialConfig(seed=s), val_accuracy=val, test_accuracy=test) for s, (val, test) in tested.items()]
    (paragraph,) = shift(make_results(rows))
    assert isinstance(paragraph, Paragraph)
    said, _, reason = paragraph.text.partition(". ")
    assert said == "Over all 2 trials, test accuracy is on average 3.00 points below validation accuracy"
    assert reason == Digits.SPLITS_DIFFER


def test_data_without_a_reason_have_none(make_row: MakeRow, make_results: MakeResults) -> None:
    results = make_results([make_row(val_accuracy=0.5, test_accuracy=0.75)])
    data_cards.write(results.folder, predictions.data_id(results.rows[0].config), DataCard())
    assert shift(results) == [Paragraph(text="Test accuracy is 25.00 points above validation accuracy.")]
