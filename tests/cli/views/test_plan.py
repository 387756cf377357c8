"""What a terminal shows of a plan: every layer and kind, time, memory, disk and warnings."""

from dataclasses import replace

from mnist_sweep import CNN, Softmax, TrialConfig
from mnist_sweep.cli.views import plan as view
from mnist_sweep.models.shapes import LayerShape
from mnist_sweep.planning.plan_builder import networks
from mnist_sweep.planning.sweep_plan import KindPlan, Plan
from mnist_sweep.search.race_forecast import Estimate, Forecast
from tests.cli.conftest import shown

PLAN = Plan(
    name="digits",
    networks=tuple(networks([TrialConfig(model=CNN(filters=(4,), kernel_size=3, units=16))])),
    num_trials=3,
    runner="Local",
    num_workers=1,
    disk={"rows": 3000, "tables": 3000, "models": 0},
    free_disk=5 * 10**9,
)
KINDS = (
    KindPlan(network=1, name="Adam, batch 50", num_trials=2, step_seconds=1.0, trial_seconds=12.0),
    KindPlan(network=1, name="Adam, batch 20", num_trials=1, failure="OSError: out of cheese"),
)
MEASURED = replace(PLAN, seconds=39.4, memory=4 * 10**9, worker_memory=3 * 10**9, free_memory=8 * 10**9, kinds=KINDS)


def text_of(plan: Plan, width: int = 120) -> str:
    return shown(view.show_networks, plan, width) + shown(view.show_plan, plan, width)


def test_every_layer_is_shown_with_its_rule_and_the_sums() -> None:
    text = text_of(PLAN)
    lines = [line.split() for line in text.splitlines()]
    assert text.startswith("digits: 1 trial, 1 network\n\nnetwork 1 (1 trial, 8x8x1 images): CNN(filters=(4,), ")
    assert ["conv", "3x3", "8x8x4", "40", "2,304", "(8", "-", "3", "+", "2)", "/", "1", "+", "1", "=", "8"] in lines
    assert ["pool", "2x2", "4x4x4", "0", "0", "(8", "-", "2", "+", "0)", "/", "2", "+", "1", "=", "4"] in lines
    assert ["dense", "16", "1,040", "1,024"] in lines
    assert ["all", "1,250", "3,488"] in lines


def test_a_deep_network_shows_its_first_and_last_layers_and_the_sums_of_all() -> None:
    (network,) = PLAN.networks
    layers = tuple(layer(number) for number in range(400))
    lines = text_of(replace(PLAN, networks=(replace(network, layers=layers),))).splitlines()
    names = [line.split()[0] for line in lines if line.startswith("layer_")]
    assert names == [f"layer_{number}" for number in [*range(55), *range(395, 400)]]
    assert "… 340 more layers" in [line.rstrip() for line in lines]
    assert "… 1 more layer " in text_of(replace(PLAN, networks=(replace(network, layers=layers[:61]),)))
    assert ["all", "2,800", "2,800"] in [line.split() for line in lines]


def layer(number: int) -> LayerShape:
    return LayerShape(f"layer_{number}", (1,), 7, 7)


def test_a_network_without_windows_has_no_column_of_rules() -> None:
    assert "(W - F" not in text_of(replace(PLAN, networks=tuple(networks([TrialConfig(model=Softmax())]))))


def test_without_a_calibration_there_is_the_disk_alone() -> None:
    *_, runs, disk = text_of(PLAN).splitlines()
    assert runs == "to run: 3 trials, 1 at a time"
    assert disk == "disk: 6 kB (rows 3 kB, tables 3 kB), 5 GB free"


def test_the_fastest_runner_is_named_with_what_it_saves() -> None:
    both = replace(MEASURED, seconds_by_runner={"RayTune": 39.4, "Local": 32.0})
    assert "\nfastest here: 0:32 with --runner local instead of 0:39 with --runner ray\n" in text_of(both)
    alike = replace(MEASURED, seconds_by_runner={"RayTune": 33.4, "Local": 32.0})
    assert "\nabout equally fast here: 0:32 with --runner local, 0:33 with --runner ray\n" in text_of(alike)


def test_time_memory_and_kinds_are_shown_of_a_calibration() -> None:
    text = text_of(MEASURED)
    lines = [line.split() for line in text.splitlines()]
    assert ["1", "2", "Adam,", "batch", "50", "1e+03", "0", "12"] in lines
    assert ["1", "1", "Adam,", "batch", "20", "fails"] in lines
    assert "\ntime: 0:39, measured with 1 trial at a time\nmemory" in text
    assert "\nmemory: 3 GB per worker, 4 GB with shared libraries and the driver, 8 GB free\n" in text
    assert text.endswith("warning: 1 trial of network 1 (Adam, batch 20) will fail: OSError: out of cheese.\n")


def test_memory_is_shown_of_a_gpu_if_there_is_one_and_of_what_is_free_if_that_is_known() -> None:
    assert "GPU" not in text_of(MEASURED)
    assert "\nGPU memory: 2 GB per worker\n" in text_of(replace(MEASURED, gpu_memory=2 * 10**9))
    assert "driver\n" in text_of(replace(MEASURED, free_memory=None))


def test_lines_stay_whole_in_a_narrow_terminal() -> None:
    assert "\nmemory: 3 GB per worker, 4 GB with shared libraries and the driver, 8 GB free\n" in text_of(MEASURED, 40)


def test_a_plan_without_data_or_without_trials_ends_with_the_reason() -> None:
    without = replace(PLAN, disk={}, data_error="the file is gone.")
    assert text_of(without).endswith("\nto run: 3 trials; disk space unknown: the file is gone.\n")
    assert text_of(replace(PLAN, num_trials=0)).endswith("\nto run: nothing, every trial is finished\n")


def test_a_race_shows_its_forecast_and_the_time_with_intervals() -> None:
    forecast = Forecast(trials=Estimate(3.0, 2.0, 6.0), seconds=Estimate(9.0, 6.0, 18.0), undecided=0.0)
    text = text_of(replace(MEASURED, forecast=forecast, max_trials=12))
    assert "to run: about 3 trials (95% interval 2 to 6); at most 12, 1 at a time" in text
    assert "time: about 0:39 (95% interval 0:26 to 1:19), measured with" in text
    assert "2 to 6), which take 0:09 (0:06 to 0:18)" in text_of(replace(PLAN, forecast=forecast, max_trials=12))
    text = text_of(replace(PLAN, max_trials=12), width=200)
    assert "to run: at most 12 trials (two seeds of each config, or --spreads, forecast how many)" in text
