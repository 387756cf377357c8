"""The values of metrics that a user's own training code reports, and those that it returns in the end."""

import difflib
import inspect
import math
import operator
from collections.abc import Iterable, Mapping, Sequence
from traceback import FrameSummary
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mnist_sweep.errors import ConfigError, UnknownNameError
from mnist_sweep.optim import image_contributions, objective_metrics
from mnist_sweep.results.predictions import Predictions
from mnist_sweep.results.row_validation import MAX_INTEGER, RANGES
from mnist_sweep.text.causes import place
from mnist_sweep.text.lines import listed, one_line, shortened
from mnist_sweep.trials.row import Evaluation
from mnist_sweep.trials.value_format import ACCURACY, Measure
from mnist_sweep.validation import require, shown_in_one_line

if TYPE_CHECKING:
    from mnist_sweep.data.dataset import Dataset
    from mnist_sweep.trials.config import TrialConfig

REPORTED = ("train_loss", "train_accuracy", "val_loss", "val_accuracy", "learning_rate")
RETURNED = ("predictions", "test_accuracy", "val_accuracy", "val_loss", "parameters", "latency")


def names_of(config: "TrialConfig", data: "Dataset", names: Sequence[str]) -> tuple[str, ...]:
    """Return the names of what is reported or returned, with those of a trial's objective; numbers have no accuracy."""
    own = () if config.measure.is_accuracy else (config.measure.val, config.measure.test)
    known = (name for name in names if not (data.is_regression and name.endswith("_accuracy")))
    return (*known, *(name for name in own if names is RETURNED or name.startswith("val_")))


def check_names(names: Iterable[str], known: Sequence[str], what: str = "metric") -> None:
    """Raise an UnknownNameError, with the nearest known name, unless all names are known."""
    for name in names:
        if name not in known:
            near = difflib.get_close_matches(str(name), known, 1)
            way_out = f"; did you mean {near[0]}?" if near else "."
            raise UnknownNameError(f"unknown {what} {name!r}: known are {', '.join(known)}{way_out}")


def number(name: str, value: Any, measure: Measure = ACCURACY) -> float:
    """Return a metric as a number, which may be infinite or NaN.

    Raises:
        ConfigError: It is not a number, or an accuracy, or another share that trials are judged by, beyond [0, 1], or
            another value that they are judged by is beyond 1e100.
    """
    if not objective_metrics.is_number(value):
        raise ConfigError(f"`{name}` must be a number, but got {shortened(shown_in_one_line(value))}.")
    found = float(value)
    shares = ("train_accuracy", "val_accuracy", "test_accuracy", *[measure.val, measure.test] * measure.is_share)
    if name in shares and math.isfinite(found):
        require(0 <= found <= 1, f"0 <= {name} <= 1", **{name: found})
    elif name in (measure.val, measure.test) and math.isfinite(found):
        most = objective_metrics.MAX_VALUE
        require(abs(found) <= most, f"-{most:g} <= {name} <= {most:g}", **{name: found})
    return found


def returned(value: Any, config: "TrialConfig", data: "Dataset", history: Sequence[Evaluation]) -> dict[str, Any]:
    """Return the metrics of a trained model by name; those on validation are the last reported ones, or newer ones.

    Raises:
        ConfigError: One is lacking or breaks a rule; the message names the method and its place.
    """
    try:
        if value is None or not history:
            needs = "it returned None" if history else "it never called `context.report`"
            raise ConfigError(
                f"{needs}: report metrics, and return Predictions(val=…, test=…) or a {config.measure.test}"
            )
        found = {"predictions": value} if isinstance(value, Predictions) else value
        return _values(found, config, data, history[-1])
    except ConfigError as error:
        raise refusal(config, str(error)) from None


def refusal(config: "TrialConfig", cause: str) -> ConfigError:
    """Return the error for a model whose `train` breaks a rule."""
    model: Any = type(config.model)
    code = getattr(inspect.unwrap(model.train), "__code__", None)
    where = f" ({place(FrameSummary(code.co_filename, code.co_firstlineno, code.co_name))})" if code else ""
    return ConfigError(f"`train` of {shortened(shown_in_one_line(config.model))}{where}: {cause.rstrip('.')}.")


def _values(found: Any, config: "TrialConfig", data: "Dataset", last: Evaluation) -> dict[str, Any]:
    if not isinstance(found, Mapping):
        raise ConfigError(f"it returned a {type(found).__name__}, neither Predictions nor a dictionary of metrics")
    known, measure = names_of(config, data, RETURNED), config.measure
    check_names(found, known, "result")
    values = {"val_accuracy": last.val_accuracy, "val_loss": last.val_loss, measure.val: last.val}
    for name in (one for one in known if one.startswith(("val_", "test_", "latency"))):
        if found.get(name) is not None:
            values[name] = value = number(name, found[name], measure)
            require(math.isfinite(value), f"{name} is finite", **{name: value})
    latency, limit = values.get("latency") or 0.0, RANGES["latency"][1]
    require(0 <= latency <= limit, f"0 <= latency <= {limit:g}", latency=latency)
    if (predictions := found.get("predictions")) is not None:
        determined = _of_predictions(predictions, config, data)
        if given := sorted(found.keys() & determined.keys() - {"predictions"}):
            raise ConfigError(f"predictions determine {listed(given)}: leave that out")
        values |= determined
    for name in (measure.val, measure.test):
        if values.get(name) is None:
            where = "in the last report or " if name == measure.val else ""
            raise ConfigError(f"no {name} {where}in what it returned")
    count = found.get("parameters")
    whole = count is None or (hasattr(count, "__index__") and operator.index(count) >= 0)
    require(whole and not isinstance(count, bool), "parameters is a whole number", parameters=count)
    require(operator.index(count or 0) <= MAX_INTEGER, f"parameters <= {MAX_INTEGER}", parameters=count)
    if not measure.is_accuracy:
        values |= {f"{split}_objective": values[f"{split}_{measure.name}"] for split in ("val", "test")}
    return {**values, "parameters": None if count is None else operator.index(count)}


def _of_predictions(predictions: Any, config: "TrialConfig", data: "Dataset") -> dict[str, Any]:
    if not isinstance(predictions, Predictions):
        raise ConfigError("`predictions` must be Predictions(val=…, test=…)")
    values, kept, objective = dict[str, Any](), dict[str, Any](), config.objective
    for name in ("val", "test"):
        labels, predicted = data.splits[name].labels, _predicted(name, getattr(predictions, name), data)
        if not data.is_regression:
            values[f"{name}_accuracy"] = int((predicted == labels).sum()) / len(labels)
        kept[name] = predicted
        if data.is_regression or not objective_metrics.needs_outputs(objective):
            seen = predicted.view()
            seen.flags.writeable = False  # an objective of the user's own may compute in place
            given = {"outputs" if data.is_regression else "classes": seen}
            values[f"{name}_{config.measure.name}"] = objective_metrics.value(objective, labels, **given)
            kept[f"{name}_values"] = image_contributions.by_image(objective, labels, **given)
    return {**values, "predictions": predictions._replace(**kept)}


def _predicted(split: str, values: Any, data: "Dataset") -> NDArray[Any]:
    """Validate the predicted classes of a split, integers `[n]`; or the numbers, which become float32."""
    try:
        array = np.asarray(values)
    except ValueError as error:
        raise ConfigError(f"the predictions of {split} are not an array: {one_line(error)}") from None
    shape = data.splits[split].labels.shape
    kinds, what, way_out = ("iu", "whole numbers", "`.argmax(axis=1)` makes classes of probabilities")
    if data.is_regression:
        kinds, what, way_out = ("iuf", "numbers", "give one for each image")
    if array.dtype.kind not in kinds or array.shape != shape:
        way_out = "use `[:, 0]`" if array.shape[1:] == (1,) else way_out
        way_out = f": {way_out}" if array.ndim == 2 and len(shape) == 1 else ""
        got = f"{array.dtype} of the shape {array.shape}"
        raise ConfigError(
            f"the predictions of {split} must be {' x '.join(map(str, shape))} {what}, but got {got}{way_out}"
        )
    if data.is_regression:
        num_infinite = int(np.count_nonzero(~np.isfinite(array)))
        require(not num_infinite, f"predictions of {split} are finite", num_not_finite=num_infinite)
        return array.astype(np.float32)
    low, high = int(array.min()), int(array.max())
    require(0 <= low <= high < data.num_classes, f"0 <= class < {data.num_classes}", low=low, high=high)
    return array
