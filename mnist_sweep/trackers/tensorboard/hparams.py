"""The columns of TensorBoard's HParams table: the hyperparameters and the results of a sweep.

Without this file the table has a column for every scalar of every run. Only the driver knows all trials, so it writes
the file, and without TensorFlow, which it never loads: the file holds one record of TensorBoard's own messages.
"""

import io
import json
import re
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from mnist_sweep.system.storage import Storage
from mnist_sweep.text.names import label, loss_title
from mnist_sweep.trackers.run_data import MAX_NAME
from mnist_sweep.trials.value_format import ACCURACY, Measure

UNSAFE = re.compile(r"[^\w .,;=+-]|^\.")  # in names of files everywhere
FILE = "logs/sweep.tfevents"  # TensorBoard reads what has `tfevents` in its name
RESULTS = {  # the name of a column, the run below the trial's, the tag in that run
    "val_accuracy": ("validation", "accuracy"),
    "test_accuracy": ("", "test_accuracy"),
    "val_loss": ("validation", ""),  # `loss_tag`
    "train_accuracy": ("train", "accuracy"),
    "train_loss": ("train", ""),
}


def log_folder(flat: Mapping[str, Any], fields: Sequence[str], trial_id: str) -> str:
    """Return the folder of a trial's logs, which names its runs: the fields in which trials differ, and its id."""
    text = UNSAFE.sub("_", label(flat, fields))[:MAX_NAME] if fields else ""
    return f"logs/{text}{' ' * bool(text)}{trial_id}"


def loss_tag(flat: Mapping[str, Any]) -> str:
    """Return the tag of the losses of a trial with this flat config."""
    return loss_title(flat).replace("-", "_")


def hyperparameters(flat: Mapping[str, Any]) -> dict[str, bool | int | float | str]:
    """Return what is set of a flat config, as the table takes it: lists as text, and not the seed."""
    return {
        name: value if isinstance(value, bool | int | float | str) else json.dumps(value)
        for name, value in flat.items()
        if value is not None and name != "seed" and (name, value) != ("changes", [])
    }


def write(storage: Storage, flats: Iterable[Mapping[str, Any]], measure: Measure = ACCURACY) -> None:
    """Write the columns of a sweep's table, replacing those of an earlier run.

    `flats` are its trials' flat configs, and `measure` is what they are judged by.

    Raises:
        LedgerError: The file cannot be written.
    """
    from tensorboard.compat.proto.event_pb2 import Event
    from tensorboard.compat.proto.summary_pb2 import Summary
    from tensorboard.plugins.hparams import api_pb2, metadata, plugin_data_pb2
    from tensorboard.summary.writer.record_writer import RecordWriter

    values_of: dict[str, list[Any]] = {}
    losses = set()
    for flat in flats:
        losses.add(loss_tag(flat))
        for name, value in hyperparameters(flat).items():
            values_of.setdefault(name, []).append(value)
    columns = api_pb2.Experiment(time_created_secs=time.time())
    for name, values in values_of.items():
        _domain(values).update_hparam_info(columns.hparam_infos.add(name=name, differs=len(set(values)) > 1))
    judged = {measure.val: ("validation", measure.name), measure.test: ("", measure.test)}
    for name, (run, tag) in (judged | RESULTS).items():
        for one in sorted(losses) if name.endswith("loss") else [tag]:
            columns.metric_infos.add(name=api_pb2.MetricName(group=run, tag=one), display_name=name)
    content = metadata.create_summary_metadata(plugin_data_pb2.HParamsPluginData(experiment=columns))
    summary = Summary.Value(tag=metadata.EXPERIMENT_TAG, metadata=content, tensor=metadata.NULL_TENSOR)
    file = io.BytesIO()
    for event in (Event(file_version="brain.Event:2"), Event(summary=Summary(value=[summary]))):
        event.wall_time = time.time()
        RecordWriter(file).write(event.SerializeToString())
    storage.write(FILE, file.getvalue(), "the table of hyperparameters")


def _domain(values: list[Any]) -> Any:
    from tensorboard.plugins.hparams import summary_v2  # whose `api` would load TensorFlow

    kinds = {type(value) for value in values}
    if kinds <= {int, float}:
        return summary_v2.RealInterval(float(min(values)), float(max(values)))
    return summary_v2.Discrete(sorted(set(values if kinds == {bool} else map(str, values))))
