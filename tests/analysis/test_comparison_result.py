"""Laws of a comparison as a value: short in a terminal, in words when printed, a table in a notebook."""

from mnist_sweep.analysis.comparison_result import Comparison
from mnist_sweep.analysis.split_difference import over_seeds

FOUND = Comparison(
    a="one",
    b="<other>",
    seeds=((0, 0), (1, 1), (2, 2)),
    val=over_seeds("validation", [0.9, 0.92, 0.91], [0.8, 0.81, 0.83]),
    test=over_seeds("test", [0.9, 0.9, 0.9], [0.9, 0.9, 0.9]),
    method="a test",
    sentence="one & <other> differ.",
    notes=("a note",),
)


def test_repr_has_both_and_the_difference_on_validation() -> None:
    ends = "95% interval 5.87 to 13.46, p = 0.0082"
    assert repr(FOUND) == f"<Comparison of one and <other>: +9.67 points ({ends}) on validation>"


def test_printed_it_is_its_conclusion_and_its_notes() -> None:
    assert str(FOUND) == "one & <other> differ.\na note"


def test_notebook_shows_the_conclusion_the_method_and_both_splits() -> None:
    page = FOUND._repr_html_()
    assert "one &amp; &lt;other&gt; differ." in page
    assert "<other>" not in page
    assert "a test" in page
    assert page.index("<td>validation</td>") < page.index("<td>0.9100</td>") < page.index("<td>test</td>")
