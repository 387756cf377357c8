"""The race of a sweep that ran until the best was known: the answer, and who is out, when and by whom."""

from mnist_sweep.reports.blocks import Block, Paragraph, Section, Table, text_columns
from mnist_sweep.reports.report_data import Results
from mnist_sweep.results import saved_race
from mnist_sweep.search.race_summary import summary
from mnist_sweep.text.numbers import percent

METHOD = (
    "Evidence that one config is better than another is the ratio of two likelihoods of their differences, paired by "
    "seed; it may be looked at after every trial. Its error is exact for two configs with normal differences, and was "
    "measured in simulations for more."
)


def section(results: Results) -> Section | None:
    """Return the answer of the race with its configs; None for a sweep that was no race.

    Raises:
        LedgerError: The file that describes the race is damaged.
    """
    saved = saved_race.read(results.folder)
    if saved is None:
        return None
    found = summary(saved.race(results.rows))
    finding, *limits = found.sentences
    table = Table(
        caption="Configs that remain, the best first, and those that are out, the last one first",
        columns=text_columns("config", "val accuracy", "seeds", "collapsed runs", "state"),
        rows=[
            [one.label, percent(one.val_accuracy), str(one.num_seeds), one.collapsed, one.state]
            for one in found.settings
        ],
    )
    blocks: list[Block] = [*(Paragraph(text=limit) for limit in limits), table, Paragraph(text=METHOD)]
    return Section(key="race", title="Race", finding=finding, blocks=blocks)
