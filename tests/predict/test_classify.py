"""Asking the kept model of a sweep about images."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mnist_sweep import CIFAR10, GradientDescent, Local, Outcome, Softmax, Sweep, TrialConfig, grid, run
from mnist_sweep.data import sources
from mnist_sweep.errors import DataError, LedgerError
from mnist_sweep.predict import classify
from mnist_sweep.trials.row import rank

Refused = Callable[..., AbstractContextManager[None]]
BASE = TrialConfig(model=Softmax(), optimizer=GradientDescent(learning_rate=0.5), num_steps=200, evaluate_every=200)


@pytest.fixture(scope="module")
def outcome(tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    trials = grid(BASE, {"optimizer.learning_rate": [0.5, 0.001]})
    return run(
        Sweep(name="asked", trials=trials), results=tmp_path_factory.mktemp("results"), runner=Local(in_process=True)
    )


def images_of(folder: Path, labels: range) -> list[Path]:
    """Write an image of each of these classes of the test split."""
    test = sources.load(BASE.data).test
    paths = []
    for label in labels:
        pixels = test.images[list(test.labels).index(label), ..., 0]
        paths.append(folder / f"{label}.png")
        Image.fromarray((pixels.astype(np.float32) * 255 / 16).astype(np.uint8)).save(paths[-1])
    return paths


def test_the_best_model_names_most_of_the_digits(outcome: Outcome, tmp_path: Path) -> None:
    row, model_file = classify.best_model(outcome.folder)
    assert row.trial_id == min(outcome.rows, key=rank).trial_id == model_file.stem
    answers = classify.predict(model_file, images_of(tmp_path, range(10)))
    assert sum(int(np.argmax(answer.probabilities)) == label for label, answer in enumerate(answers)) >= 8
    assert [sum(answer.probabilities) for answer in answers] == pytest.approx([1] * 10)


def test_a_trial_without_a_model_or_of_another_sweep_is_refused(outcome: Outcome, refused: Refused) -> None:
    other = max(outcome.rows, key=rank).trial_id
    with refused(LedgerError, f"the model of {other} is not kept", "--keep-models all"):
        classify.best_model(outcome.folder, other)
    with refused(LedgerError, "has no trial or config '../../etc'"):
        classify.best_model(outcome.folder, "../../etc")


def test_a_trial_is_named_by_the_beginning_of_its_id(outcome: Outcome) -> None:
    best, model_file = classify.best_model(outcome.folder)
    for name in (best.trial_id, best.config_id, best.config_id[:6]):
        assert classify.best_model(outcome.folder, name) == (best, model_file)


def test_a_folder_without_models_is_refused(tmp_path: Path, refused: Refused) -> None:
    with refused(LedgerError, "models are not kept in"):
        classify.best_model(tmp_path)
    with refused(LedgerError, f"{tmp_path / 'nowhere'} is not a folder", "results/quickstart"):
        classify.best_model(tmp_path / "nowhere")


def test_nothing_is_predicted_if_one_file_is_no_image(outcome: Outcome, tmp_path: Path, refused: Refused) -> None:
    (tmp_path / "empty.png").touch()
    with refused(DataError, "empty.png is empty"):
        classify.predict(
            classify.best_model(outcome.folder)[1], [*images_of(tmp_path, range(1)), tmp_path / "empty.png"]
        )


def test_classes_have_the_names_of_their_data_set(outcome: Outcome) -> None:
    row = outcome.rows[0]
    assert list(classify.class_names(row, 10)) == [str(label) for label in range(10)]
    assert CIFAR10.CLASSES[3] == "cat"
    assert len(CIFAR10.CLASSES) == 10
