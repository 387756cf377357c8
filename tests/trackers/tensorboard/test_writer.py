"""What TensorBoard finds in the logs of a trial, asked through its own pages' interface."""

import re
import warnings
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mnist_sweep import (
    CNN,
    Adam,
    GradientDescent,
    Keep,
    Local,
    Momentum,
    ResNet,
    Softmax,
    Status,
    Sweep,
    TrialConfig,
    trial_id,
)
from mnist_sweep import run as run_sweep
from mnist_sweep.runners import trial
from mnist_sweep.system.storage import Folder
from mnist_sweep.trackers.tensorboard import hparams as experiment
from mnist_sweep.trackers.tensorboard.writer import TensorBoardWriter
from mnist_sweep.training import tensorflow_runtime
from mnist_sweep.training.fitting import consume
from mnist_sweep.trials.artifacts import Artifacts
from mnist_sweep.trials.config import config_id, to_flat
from tests.training.training_code import Linear

TRIAL = TrialConfig(
    model=CNN(filters=(4, 5), kernel_size=3, units=8, dropout=0.3),
    optimizer=Adam(learning_rate=0.01),
    num_steps=30,
    evaluate_every=10,
    log_every=5,
)


@dataclass(frozen=True)
class Opaque:
    """A user's model that is a class of its own, so that its layers are not to be seen."""

    width: int = 3

    def build(self, image_shape: tuple[int, int, int], num_classes: int) -> Any:
        import keras

        class Net(keras.Model):  # type: ignore[misc]  # Keras brings no types
            def __init__(self) -> None:
                super().__init__()
                self.flat, self.dense = keras.layers.Flatten(), keras.layers.Dense(num_classes)

            def call(self, images: Any) -> Any:
                return self.dense(self.flat(images))

        model = Net()
        model(np.zeros((1, *image_shape)))
        return model


@dataclass(frozen=True)
class Failing:
    """A user's model that cannot be built."""

    def build(self, image_shape: tuple[int, int, int], num_classes: int) -> Any:
        raise ValueError("cannot be built")


Serve = Callable[[Path], Any]
WEIGHTS = [f"{layer}/{kind}" for layer in ("conv1", "conv2", "hidden", "logits") for kind in ("kernel", "bias")]


@pytest.fixture(scope="session")
def tensorboard() -> Serve:
    """TensorBoard's own pages: given a folder of logs, all read, the function that asks an address below the data's."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of what TensorBoard brings along
        from tensorboard import default, program
    from werkzeug.test import Client

    def serve(folder: Path) -> Any:
        board = program.TensorBoard(default.get_plugins(), server_class=lambda app, flags: app)
        once = ["--reload_task", "blocking", "--reload_interval", "0", "--load_fast", "false"]
        board.configure(["tensorboard", "--logdir", str(folder), *once])
        client = Client(board._make_server())

        def ask(path: str, **body: Any) -> Any:
            address = f"/data/{path}"
            response = client.post(address, json=body) if body else client.get(address)
            assert response.status_code == 200, response.text
            return response.json if response.is_json else response.text

        return ask

    return serve


def run(folder: Path, level: Any, config: TrialConfig = TRIAL) -> Any:
    tensorflow_runtime.configure(threads=1)
    steps = trial.steps(config, artifacts=Artifacts(storage=str(folder), summaries=level))
    return consume(steps, lambda _: None)


def test_full_summaries_show_all_that_the_expert_tutorial_showed(tmp_path: Path, tensorboard: Serve) -> None:
    row = run(tmp_path, "full")
    assert row.error is None
    name = trial_id(TRIAL)
    train, validation = f"{name}/train", f"{name}/validation"
    ask = tensorboard(tmp_path / "logs")
    assert set(ask("runs")) == {name, train, validation}
    scalars = ask("plugin/scalars/tags")
    figures = {f"{weight}/{figure}" for weight in WEIGHTS for figure in ("mean", "stddev", "min", "max")}
    traced = {"trace/step_milliseconds", "trace/peak_memory_mib", "trace/resident_memory_mib"}
    assert set(scalars[train]) == {"accuracy", "cross_entropy", "learning_rate"} | figures | traced
    assert set(scalars[validation]) == {"accuracy", "cross_entropy"}
    assert set(scalars[name]) == {"test_accuracy"}
    histograms = ask("plugin/histograms/tags")
    assert set(histograms[train]) == {f"{weight}/histogram" for weight in WEIGHTS}
    kinds = ("pre_activations", "activations")
    layers = ("conv1", "conv2", "hidden", "logits")
    assert set(histograms[validation]) == {f"{layer}/{kind}" for layer in layers for kind in kinds}
    images = ask("plugin/images/tags")
    shown = {"images", "conv1/filters", "conv1/convolved", "conv2/convolved", "pool1/pooled", "pool2/pooled"}
    assert set(images[validation]) == shown
    assert images[validation]["conv1/filters"]["samples"] == 4
    graphs = ask("plugin/graphs/info")[train]
    assert graphs["run_graph"]
    assert list(graphs["tags"]) == ["step 10"]
    points = ask(f"plugin/scalars/scalars?run={train}&tag=accuracy")
    assert [point[1] for point in points] == [5, 10, 15, 20, 25, 30]
    assert [point[2] for point in points] == pytest.approx([point.train_accuracy for point in row.history])


RESNET = TrialConfig(
    model=ResNet(depth=8, filters=4),
    optimizer=Momentum(),
    weight_decay=2e-4,
    augmentation="pad_crop_flip",
    num_steps=2,
    evaluate_every=1,
)
FLOAT16 = replace(TRIAL, precision="mixed_float16")
ALWAYS_TIMED = {
    *("ArgMax", "BiasAdd", "BiasAddGrad", "Conv2D", "Conv2DBackpropFilter", "FusedBatchNormV3", "MatMul", "MaxPool"),
    *("Relu", "ReluGrad", "ResourceApplyAdam", "ResourceApplyMomentum", "SparseSoftmaxCrossEntropyWithLogits"),
}
SCOPES = {"input", "cross_entropy", "accuracy", "gradient_tape", "train", "output"}


def nodes(graph: str) -> dict[str, str]:
    """Return the operation of each node of a graph by the node's name."""
    return dict(re.findall(r'^node \{\n  name: "(.+)"\n  op: "(.+)"$', graph, re.MULTILINE))


def unnumbered(name: str) -> str:
    """Return a layer's name without the number that Keras gives it in a process with others of its kind."""
    return re.sub(r"(_\d+)+$", "", name)


def fused_into(name: str) -> str:
    """Return the operation that may stand for another one: oneDNN fuses convolutions with biases on some processors."""
    if name.endswith("/BiasAdd/BiasAddGrad"):
        return f"{name.removesuffix('/BiasAdd/BiasAddGrad')}/convolution/Conv2DBackpropFilter"
    return f"{name.removesuffix('/convolution')}/BiasAdd" if name.endswith("/convolution") else name


@pytest.mark.parametrize(
    ("config", "scope", "layers", "update"),
    [
        (TRIAL, "cnn", {"conv1", "pool1", "conv2", "pool2", "hidden", "dropout", "logits"}, "ResourceApplyAdam"),
        (RESNET, "resnet", {"conv", "block1_conv1", "block3_conv2_normalization", "logits"}, "ResourceApplyMomentum"),
        (replace(TRIAL, model=Opaque()), "net", {"dense"}, "ResourceApplyAdam"),
        (FLOAT16, "cnn", {"conv1", "logits"}, "If"),
    ],
    ids=["cnn", "resnet", "users", "float16"],
)
def test_the_graph_is_that_of_a_whole_step_in_scopes_and_has_each_timed_operation(
    tmp_path: Path, config: TrialConfig, scope: str, layers: set[str], update: str, tensorboard: Serve
) -> None:
    row = run(tmp_path, "full", config)
    assert row.error is None
    ask = tensorboard(tmp_path / "logs")
    graph = nodes(ask(f"plugin/graphs/graph?run={row.trial_id}/train"))
    (tag,) = ask("plugin/graphs/info")[f"{row.trial_id}/train"]["tags"]
    trace = ask(f"plugin/graphs/run_metadata?run={row.trial_id}/train&tag={tag.replace(' ', '+')}")
    assert {unnumbered(name.partition("/")[0]) for name in graph} == SCOPES | {scope}
    assert all("/" in name for name in graph)
    inside = {unnumbered(part) for name in graph if name.startswith(scope) for part in name.split("/")}
    assert inside >= layers
    assert update in {operation for name, operation in graph.items() if name.startswith("train/")}
    assert "ArgMax" in {operation for name, operation in graph.items() if name.startswith("accuracy/")}
    augmented = {name for name in graph if name.startswith("input/augmentation/")}
    assert bool(augmented) == (config.augmentation != "none")
    timed = re.findall(r'node_name: "(.+)"', trace)
    assert set(timed) - graph.keys() == set()
    wanted = {name for name, operation in graph.items() if operation in ALWAYS_TIMED} - set(timed)
    assert {fused_into(name) for name in wanted} - set(timed) == set()
    assert any(int(size) >= 4 * config.batch_size for size in re.findall(r"total_bytes: (\d+)", trace))


@pytest.mark.parametrize(
    ("num_steps", "traced"), [(25, [2, 22]), pytest.param(45, [2, 22, 42], marks=pytest.mark.slow)]
)
def test_every_tenth_evaluation_is_traced_and_each_shows_the_memory(
    tmp_path: Path, num_steps: int, traced: list[int], tensorboard: Serve
) -> None:
    name = run(tmp_path, "full", replace(TRIAL, num_steps=num_steps, evaluate_every=2)).trial_id
    ask = tensorboard(tmp_path / "logs")
    assert list(ask("plugin/graphs/info")[f"{name}/train"]["tags"]) == [f"step {step}" for step in traced]

    def points(tag: str) -> list[Any]:
        return list(ask(f"plugin/scalars/scalars?run={name}/train&tag=trace/{tag}"))

    assert [point[1] for point in points("step_milliseconds")] == traced
    peaks, held = points("peak_memory_mib"), points("resident_memory_mib")
    assert [point[1] for point in peaks] == [point[1] for point in held] == [*range(2, num_steps, 2), num_steps]
    assert all(0 < now[2] <= peak[2] + 1 for now, peak in zip(held, peaks, strict=True))


def test_scalars_are_all_there_is_of_a_trial_that_shows_scalars(tmp_path: Path, tensorboard: Serve) -> None:
    configs = [TRIAL, replace(TRIAL, seed=1)]
    rows = [run(tmp_path, "scalars", config) for config in configs]
    ask = tensorboard(tmp_path / "logs")
    assert set(ask("plugin/scalars/tags")[f"{rows[0].trial_id}/train"]) == {
        "accuracy",
        "cross_entropy",
        "learning_rate",
    }
    assert all(not tags for tags in ask("plugin/histograms/tags").values())
    experiment = ask("plugin/hparams/experiment", experimentName="")
    names = {info["name"] for info in experiment["hparamInfos"]}
    assert {"model.filters", "model.dropout", "optimizer", "optimizer.learning_rate"} <= names


STATUSES = [f"STATUS_{name}" for name in ("SUCCESS", "FAILURE", "RUNNING", "UNKNOWN")]


def table(ask: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the HParams table: its columns, and the session of each trial with the hyperparameters and results."""
    columns = ask("plugin/hparams/experiment", experimentName="")
    names = [info["name"] for info in columns["hparamInfos"]]
    results = [info["name"] for info in columns["metricInfos"]]
    wanted = [{"hparam": name} for name in names] + [{"metric": name} for name in results]
    answer = ask(
        "plugin/hparams/session_groups",
        experimentName="",
        allowedStatuses=STATUSES,
        colParams=wanted,
        startIndex=0,
        sliceSize=100,
    )
    labels = {
        (info["name"].get("group", ""), info["name"]["tag"]): info["displayName"] for info in columns["metricInfos"]
    }
    rows = {}
    for group in answer["sessionGroups"]:
        (session,) = group["sessions"]
        values = {
            labels[value["name"].get("group", ""), value["name"]["tag"]]: value["value"]
            for value in session["metricValues"]
        }
        rows[session["name"]] = {"status": session["status"], "hparams": group["hparams"], **values}
    return columns, rows


def test_each_trial_of_a_sweep_is_a_row_of_the_table_with_its_settings_and_results(
    tmp_path: Path, tensorboard: Serve
) -> None:
    small = replace(TRIAL, num_steps=4, evaluate_every=2, log_every=None)
    diverging = replace(small, optimizer=GradientDescent(learning_rate=1e30))
    failing = replace(small, model=Failing())
    sweep = Sweep(name="mixed", trials=[small, replace(small, model=Softmax()), diverging, failing])
    outcome = run_sweep(sweep, results=tmp_path, runner=Local(in_process=True), keep=Keep(summaries="full"))
    assert {row.status for row in outcome.rows} == {Status.OK, Status.DIVERGED, Status.FAILED}
    ask = tensorboard(outcome.folder / "logs")
    columns, sessions = table(ask)
    assert [info["displayName"] for info in columns["metricInfos"]] == list(experiment.RESULTS)
    flats = [experiment.hyperparameters(row.config) for row in outcome.rows]
    assert {info["name"] for info in columns["hparamInfos"]} == set().union(*flats)
    differing = {info["name"] for info in columns["hparamInfos"] if info.get("differs")}
    assert differing == {"model", "model.initializer", "optimizer", "optimizer.learning_rate"}
    labels, ids = zip(*(name.rsplit(" ", 1) for name in sessions), strict=True)
    assert set(labels) == {"cnn adam", "softmax adam", "cnn gradient_descent", "Failing adam"}
    of_trial = dict(zip(ids, sessions.values(), strict=True))
    for row, flat in zip(outcome.rows, flats, strict=True):
        session = of_trial[row.trial_id]
        assert session["hparams"] == flat
        assert session["status"] == ("STATUS_SUCCESS" if row.status is Status.OK else "STATUS_FAILURE")
        expected = {name: getattr(row, name) for name in experiment.RESULTS.keys() - {"train_accuracy"}}
        if row.status is Status.OK:
            assert {name: session[name] for name in expected} == pytest.approx(expected)


def test_the_table_has_the_columns_of_the_sweep_as_it_is_now(tmp_path: Path, tensorboard: Serve) -> None:
    small = replace(TRIAL, model=Softmax(), num_steps=2, evaluate_every=2, log_every=None)
    for trials in ([small], [small, replace(small, optimizer=Momentum())]):
        sweep = Sweep(name="grown", trials=trials)
        outcome = run_sweep(sweep, results=tmp_path, runner=Local(in_process=True), keep=Keep(summaries="scalars"))
    ask = tensorboard(outcome.folder / "logs")
    columns, sessions = table(ask)
    assert "optimizer.momentum" in {info["name"] for info in columns["hparamInfos"]}
    assert len(sessions) == 2


def test_a_trial_run_again_leaves_no_trace_of_the_first_time(tmp_path: Path) -> None:
    for _ in range(2):
        run(tmp_path, "scalars")
    assert len(list((tmp_path / "logs" / trial_id(TRIAL) / "train").iterdir())) == 1


@pytest.mark.parametrize(
    ("num_steps", "evaluate_every"), [(12, 4), pytest.param(25, 2, marks=pytest.mark.slow)], ids=str
)
@pytest.mark.parametrize("config", [TRIAL, RESNET, FLOAT16], ids=["cnn", "resnet", "float16"])
def test_what_is_shown_changes_no_figure(
    tmp_path: Path, config: TrialConfig, num_steps: int, evaluate_every: int
) -> None:
    config = replace(config, num_steps=num_steps, evaluate_every=evaluate_every)

    def figures(level: Any) -> list[Any]:
        row = run(tmp_path, level, config)
        return [row.test_accuracy, *(point._replace(seconds=0.0) for point in row.history)]

    assert figures("off") == figures("scalars") == figures("full")


def test_logs_that_cannot_be_written_are_said_and_do_not_spoil_their_trial(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any, **__: Any) -> None:
        raise tf.errors.ResourceExhaustedError(None, None, "{{function_node write}} /disk/events; No space\nleft")

    plain = run(tmp_path / "plain", "off")
    import tensorflow as tf

    (tmp_path / "logs").touch()
    row = run(tmp_path, "full")
    assert (row.status, row.test_accuracy) == (Status.OK, plain.test_accuracy)
    assert row.error.startswith("its logs could not be kept: ")
    monkeypatch.setattr(tf.summary, "histogram", full)
    row = run(tmp_path / "later", "full")
    assert (row.status, row.test_accuracy) == (Status.OK, plain.test_accuracy)
    assert row.error == "its logs could not be kept: /disk/events; No space left"


def test_a_trial_that_goes_on_is_one_session_of_the_table(tmp_path: Path, tensorboard: Serve) -> None:
    tensorflow_runtime.configure(threads=1)
    folder = tmp_path / trial_id(TRIAL)
    with pytest.raises(KeyError), TensorBoardWriter(folder, TRIAL, full=False):
        raise KeyError
    with TensorBoardWriter(folder, TRIAL, full=False, fresh=False) as summaries:
        summaries.on_train_end(Status.OK, 0.5)
    ask = tensorboard(tmp_path)
    (group,) = ask("plugin/hparams/session_groups", allowedStatuses=STATUSES, sliceSize=9)["sessionGroups"]
    assert [session["status"] for session in group["sessions"]] == ["STATUS_SUCCESS"]


def test_the_trials_of_a_config_are_a_row_of_the_table_named_by_its_settings(
    tmp_path: Path, tensorboard: Serve
) -> None:
    tensorflow_runtime.configure(threads=1)
    for seed, accuracy in enumerate([0.5, 0.75]):
        config = replace(TRIAL, seed=seed)
        fields = ("optimizer", "optimizer.learning_rate", "seed")
        with TensorBoardWriter(tmp_path / trial_id(config), config, fields=fields, full=False) as summaries:
            summaries.on_train_end(Status.OK, accuracy)
    experiment.write(Folder(tmp_path / "results"), [to_flat(TRIAL)])
    (tmp_path / "results" / experiment.FILE).rename(tmp_path / "sweep.tfevents")
    ask = tensorboard(tmp_path)
    infos = ask("plugin/hparams/experiment", experimentName="")["metricInfos"]
    asked = {"allowedStatuses": STATUSES, "sliceSize": 9, "colParams": [{"metric": info["name"]} for info in infos]}
    (group,) = ask("plugin/hparams/session_groups", **asked)["sessionGroups"]
    assert group["name"] == f"adam learning_rate=0.01 {config_id(TRIAL)}"
    assert len(group["sessions"]) == 2
    assert [value["value"] for value in group["metricValues"]] == [0.625]
    assert "seed" not in group["hparams"]


def test_a_model_that_keras_cannot_take_apart_shows_its_weights(tmp_path: Path, tensorboard: Serve) -> None:
    row = run(tmp_path, "full", replace(TRIAL, model=Opaque()))
    assert row.error is None
    ask = tensorboard(tmp_path / "logs")
    tags = ask("plugin/histograms/tags")[f"{row.trial_id}/train"]
    assert len([tag for tag in tags if tag.endswith("kernel/histogram")]) == 1


def test_own_training_code_shows_what_it_reports(tmp_path: Path, tensorboard: Serve) -> None:
    row = run(tmp_path, "full", replace(TRIAL, model=Linear()))
    assert row.error is None
    tags = tensorboard(tmp_path / "logs")("plugin/scalars/tags")
    assert {run.removeprefix(row.trial_id): list(found) for run, found in tags.items()} == {
        "": ["test_accuracy"],
        "/validation": ["accuracy", "cross_entropy"],
    }
