"""Laws of a selection as a value: short in a terminal, in words when printed, a table in a notebook."""

from mnist_sweep.analysis.selection import select
from tests.analysis.tables import trials


def test_repr_has_the_config_its_accuracies_and_the_ties() -> None:
    found = select(trials({"a": [0.95], "b": [0.94], "c": [0.5]}))
    assert repr(found) == "<Selection of a: validation 95.00%, test 94.00%; 2 of 3 tied>"


def test_printed_it_is_its_sentences() -> None:
    found = select(trials({"a": [0.95], "b": [0.94]}))
    assert str(found).splitlines() == list(found.sentences)


def test_notebook_shows_the_sentences_and_both_splits() -> None:
    page = select(trials({"<a>": [0.95], "b": [0.94]}))._repr_html_()
    assert "<a>" not in page
    assert "&lt;a&gt;" in page
    assert page.index("<td>validation</td>") < page.index("<td>0.9500</td>") < page.index("<td>test</td>")
