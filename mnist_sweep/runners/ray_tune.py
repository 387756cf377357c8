"""The runner on Ray Tune.

Tune launches trials, places them on CPUs and GPUs, and brings their rows back to the driver; it is not the memory of
the sweep. Its own loggers, checkpoints and restore are off: the ledger does what they do, and loses nothing.
Workers are kept warm from trial to trial, with TensorFlow, the data and the traced graphs in memory.
"""

import json
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mnist_sweep import runtime
from mnist_sweep.artifacts import Artifacts, SavedModel
from mnist_sweep.config import TrialConfig, from_flat, to_flat
from mnist_sweep.data import Dataset
from mnist_sweep.errors import SweepError
from mnist_sweep.fields import coerce, require
from mnist_sweep.rows import Evaluation, from_json, to_json
from mnist_sweep.runners import ray_cluster
from mnist_sweep.runners.runner import Observer
from mnist_sweep.trial import failed, first_cause, steps

SECONDS_BETWEEN_REPORTS = 0.5
KEPT_DATASETS = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class RayTune:
    """Runs trials on Ray: on this machine, or on a running cluster.

    Attributes:
        address: Address of a running cluster (`auto`, or `host:port`); None starts Ray on this machine, on loopback and
            without a dashboard, and stops it afterwards. A Ray that this process is connected to is used as it is.
        cpus_per_trial: CPUs and threads of a trial, at least 1.
        gpus_per_trial: GPUs of a trial, whole or a fraction below 1; 0 hides them all.
        max_concurrent: Trials at a time at the most; None means as many as there is room for.
        num_cpus: CPUs of the Ray that is started here; None means all of this machine.
        xla: Whether gradients are compiled with XLA.
    """

    address: str | None = None
    cpus_per_trial: int = 1
    gpus_per_trial: float = 0.0
    max_concurrent: int | None = None
    num_cpus: int | None = None
    xla: bool = False

    def __post_init__(self) -> None:
        coerce(self)
        require(self.cpus_per_trial >= 1, "cpus_per_trial >= 1", cpus_per_trial=self.cpus_per_trial)
        gpus = self.gpus_per_trial
        whole_or_share = 0 <= gpus < 1 or (gpus >= 1 and gpus.is_integer())
        require(whole_or_share, "gpus_per_trial is whole or in [0, 1)", gpus_per_trial=gpus)
        for name in ("max_concurrent", "num_cpus"):
            value = getattr(self, name)
            require(value is None or value >= 1, f"{name} >= 1", **{name: value})

    def run(
        self,
        trials: Mapping[str, TrialConfig],
        datasets: Mapping[Any, Dataset],
        observer: Observer,
        *,
        code: Sequence[Path] = (),
        artifacts: Artifacts | None = None,
    ) -> None:
        """Run the trials on Ray; see `Runner.run`."""
        with ray_cluster.connected(self.address, num_cpus=self.num_cpus, code=code):
            room = ray_cluster.room(cpus_per_trial=self.cpus_per_trial, gpus_per_trial=self.gpus_per_trial)
            observer.ready(min(room, self.max_concurrent or room, len(trials)))
            shared = {"code": [str(folder) for folder in code], "artifacts": artifacts}
            self._tune(trials, datasets, observer, shared)

    def _tune(
        self,
        trials: Mapping[str, TrialConfig],
        datasets: Mapping[Any, Dataset],
        observer: Observer,
        shared: dict[str, Any],
    ) -> None:
        import ray
        from ray import tune
        from ray.tune.search.basic_variant import BasicVariantGenerator

        sources = list(datasets)
        shared |= {
            "references": [ray.put(datasets[source]) for source in sources],
            "options": {"threads": self.cpus_per_trial, "gpus": self.gpus_per_trial, "xla": self.xla},
            "report_every": SECONDS_BETWEEN_REPORTS if len(trials) > 1 else 0.0,
        }
        specs = [
            {"id": trial_id, "flat": to_flat(trial), "dataset": sources.index(trial.data)}
            for trial_id, trial in trials.items()
        ]
        # Preset points, each a text: of a grid, Tune would copy all specs for every one of them.
        points = [{"trial": json.dumps(spec)} for spec in specs]
        trainable = tune.with_parameters(_trainable(), shared=shared)
        resources = {"cpu": self.cpus_per_trial, "gpu": self.gpus_per_trial}
        messenger = _messenger(trials, observer)
        with tempfile.TemporaryDirectory(prefix="mnist-sweep-", ignore_cleanup_errors=True) as scratch:
            tuner = tune.Tuner(
                tune.with_resources(trainable, resources),
                param_space={"trial": ""},
                tune_config=tune.TuneConfig(
                    search_alg=BasicVariantGenerator(
                        points_to_evaluate=points, max_concurrent=self.max_concurrent or 0
                    ),
                    num_samples=len(points),
                    reuse_actors=True,
                    trial_name_creator=_name,
                    trial_dirname_creator=_name,
                ),
                run_config=tune.RunConfig(
                    storage_path=scratch,
                    name="tune",
                    verbose=0,
                    callbacks=[messenger],
                    checkpoint_config=tune.CheckpointConfig(checkpoint_at_end=False),
                ),
            )
            try:
                tuner.fit()
            except tune.TuneError:
                if messenger.error is None:
                    raise
                raise messenger.error from None


def _name(trial: Any) -> str:
    return str(json.loads(trial.config["trial"])["id"])


def _trainable() -> Any:
    """Return the class that Tune runs in a worker; made here, so that it is sent by value and the rest by name."""
    from ray import tune

    class Trainable(tune.Trainable):  # type: ignore[misc]  # Ray brings no types
        def setup(self, config: dict[str, Any], shared: dict[str, Any]) -> None:
            self.shared = shared
            self.reset_config(config)

        def reset_config(self, new_config: dict[str, Any]) -> bool:
            from mnist_sweep.runners import ray_tune

            self.results = ray_tune.results(new_config["trial"], **self.shared)
            return True

        def step(self) -> dict[str, Any]:
            return next(self.results)

    return Trainable


def results(
    text: str,
    references: Sequence[Any],
    options: Mapping[str, Any],
    code: Sequence[str],
    artifacts: Artifacts | None,
    report_every: float,
) -> Iterator[dict[str, Any]]:
    """Run the trial of a JSON text in a worker: yield points of its learning curve now and then, its model, its row.

    Args:
        text: The trial, its id, and the number of its data set.
        references: Ray's references to the data sets.
        options: Arguments of `runtime.configure`.
        code: Folders to import the user's code from.
        artifacts: What to leave behind.
        report_every: Seconds that must lie between two points.
    """
    import ray

    sys.path += [folder for folder in code if folder not in sys.path]
    spec = json.loads(text)
    trial = from_flat(spec["flat"])
    reference = references[spec["dataset"]]
    model = {}
    try:
        runtime.configure(**options)
        dataset = runtime.kept("datasets", reference, lambda: ray.get(reference), limit=KEPT_DATASETS)
    except SweepError as error:
        row = failed(trial, error=first_cause(error))
    else:
        items = steps(trial, dataset, artifacts=artifacts)
        last_report = 0.0
        while True:
            try:
                item = next(items)
            except StopIteration as end:
                row = end.value
                break
            if isinstance(item, SavedModel):
                model = {"model": item.content}
            elif time.monotonic() - last_report >= report_every:
                last_report = time.monotonic()
                yield {"evaluation": list(item)}
    yield {**model, "row": to_json(row), "done": True}


def _messenger(trials: Mapping[str, TrialConfig], observer: Observer) -> Any:
    """Return the Tune callback that tells the observer what it hears."""
    from ray import tune

    class Messenger(tune.Callback):  # type: ignore[misc]  # Ray brings no types
        def __init__(self, trials: Mapping[str, TrialConfig], observer: Observer) -> None:
            self.trials, self.observer = trials, observer
            self.error: BaseException | None = None

        def __getstate__(self) -> dict[str, Any]:
            return {}  # Tune pickles its callbacks for a restore that is never asked for

        def on_trial_start(self, iteration: int, trials: Any, trial: Any, **info: Any) -> None:
            self._tell(self.observer.started, _name(trial))

        def on_trial_result(self, iteration: int, trials: Any, trial: Any, result: Any, **info: Any) -> None:
            self._tell(_pass_on, self.observer, _name(trial), result)

        def on_trial_error(self, iteration: int, trials: Any, trial: Any, **info: Any) -> None:
            self._tell(self.observer.finished, failed(self.trials[_name(trial)], error=_lost(trial)))

        def _tell(self, told: Callable[..., None], *what: Any) -> None:
            try:
                told(*what)
            except BaseException as error:  # Tune would wrap it in text; the run ends with the error itself
                self.error = error
                raise

    return Messenger(trials, observer)


def _pass_on(observer: Observer, trial_id: str, result: dict[str, Any]) -> None:
    """Tell an observer what a worker's result holds; a model is taken out of it, lest Tune keeps it."""
    if "model" in result:
        observer.saved(trial_id, SavedModel(result.pop("model")))
    if "evaluation" in result:
        observer.evaluated(trial_id, Evaluation(*result["evaluation"]))
    if "row" in result:
        observer.finished(from_json(result["row"]))


def _lost(trial: Any) -> str:
    """Return one line on why a trial brought no row: its worker died, or could not even read the trial."""
    told = Path(trial.error_file).read_text(encoding="utf-8") if trial.error_file else ""
    lines = [line.strip() for line in told.splitlines()[1:] if line.strip()]
    if not lines:
        return "the worker was lost, and Ray says nothing about it"
    return lines[-1] if any(line.startswith("File ") for line in lines) else f"the worker was lost: {lines[0]}"
