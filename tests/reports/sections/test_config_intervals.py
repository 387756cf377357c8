"""Laws of the picture of configs: each config at its place, and no interval that is unknown."""

import json
import math

import pytest

from mnist_sweep.reports.sections.config_intervals import INTERVALS, Group, interval_figure
from mnist_sweep.trials.value_format import ACCURACY, Measure

KNOWN = {
    "val_mean": 0.9,
    "val_low": 0.88,
    "val_high": 0.92,
    "val_new_low": 0.85,
    "val_new_high": 0.94,
    "test_mean": 0.8,
}
NATS = Measure("log_loss", "minimize", "nats")
UNKNOWN = {**KNOWN, "val_low": math.nan, "val_high": math.nan}


@pytest.mark.parametrize("is_known", [True, False])
def test_intervals_are_at_the_places_of_their_configs(is_known: bool) -> None:
    means = [UNKNOWN, KNOWN if is_known else UNKNOWN]
    plot = interval_figure(ACCURACY, ["<a>", "b"], means, [Group("one", [0], {}), Group("other", [1], {})])
    figure = json.loads(plot.to_json())
    traces = {trace["name"]: (trace["x"], trace["y"]) for trace in figure["data"]}
    assert traces["test"] == ([0.8, 0.8], [0, 1])
    assert (traces["one"][1], traces["other"][1]) == ([0], [1])
    assert (INTERVALS[0] in traces) is is_known
    if is_known:
        assert traces[INTERVALS[0]] == ([None, None, None, 0.88, 0.92, None], [0, 0, 0, 1, 1, 1])
    assert [one["text"] for one in figure["layout"]["annotations"]] == ["&lt;a&gt;", "b"]


@pytest.mark.parametrize(("measure", "limits"), [(ACCURACY, {"clipmin": 0, "clipmax": 1}), (NATS, None)])
def test_the_axis_of_shares_ends_at_100_percent(measure: Measure, limits: dict[str, int] | None) -> None:
    plot = interval_figure(measure, ["a"], [dict.fromkeys(KNOWN, 1.0)], [Group("one", [0], {})])
    axis = json.loads(plot.to_json())["layout"]["xaxis"]
    assert axis.get("autorangeoptions") == limits
    assert axis["title"]["text"] == ("accuracy" if measure.is_share else "log loss, nats")
