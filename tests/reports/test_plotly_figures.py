"""Laws of figures: their JSON stays in its element, and their labels have no tags."""

import html
import json

import plotly.graph_objects as go
import pytest

from mnist_sweep.reports.plotly_figures import figure, figure_json, literal, log_ticks, script_json
from tests.reports.strange_texts import STRANGE


@pytest.mark.parametrize("text", STRANGE)
def test_json_for_a_script_ends_no_element_and_is_the_same_json(text: str) -> None:
    written = script_json({"text": text})
    assert json.loads(written) == {"text": text}
    assert not set(written) & set("<>&\u2028\u2029")


@pytest.mark.parametrize("text", STRANGE)
def test_label_of_a_plot_has_no_tag(text: str) -> None:
    assert "<" not in literal(text)
    assert html.unescape(literal(text)) == text


def test_figure_has_its_traces_and_titles_and_no_template() -> None:
    content = json.loads(figure_json(figure(go.Scatter(x=[1], y=[2]), x="steps", y="accuracy", height=100)))
    assert [(trace["x"], trace["y"]) for trace in content["data"]] == [([1], [2])]
    layout = content["layout"]
    assert (layout["xaxis"]["title"]["text"], layout["yaxis"]["title"]["text"]) == ("steps", "accuracy")
    assert layout["yaxis"]["title"]["standoff"] > 0  # it covers no label of a tick
    assert layout["height"] == 100
    assert "template" not in layout


@pytest.mark.parametrize(
    ("values", "ticks"), [([2.0, 0.1], "D2"), ([0.5, 0.27], None), ([None, 0.0], None), ([1.0, 2e6], 1)]
)
def test_a_logarithmic_axis_has_more_marks_than_one_and_no_more_than_fit(
    values: list[float | None], ticks: str | int | None
) -> None:
    assert log_ticks(values) == ticks
