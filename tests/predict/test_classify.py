"""Asking the kept model of a sweep about images."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mnist_sweep import GradientDescent, Local, Outcome, Softmax, Sweep, TrialConfig, grid, run
from mnist_sweep.data import loading
from mnist_sweep.errors import DataError, LedgerError
from mnist_sweep.predict import classify
from mnist_sweep.predict.classify import Classification
from mnist_sweep.results import data_cards
from mnist_sweep.results.data_cards import DataCard
from mnist_sweep.results.ledger import Ledger
from mnist_sweep.trials.row import TrialRow, rank
from tests.conftest import Refused

BASE = TrialConfig(model=Softmax(), optimizer=GradientDescent(learning_rate=0.5), num_steps=200, evaluate_every=200)


@pytest.fixture(scope="module")
def outcome(tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    trials = grid(BASE, {"optimizer.learning_rate": [0.5, 0.001]})
    return run(
        Sweep(name="asked", trials=trials), results=tmp_path_factory.mktemp("results"), runner=Local(in_process=True)
    )


def images_of(folder: Path, labels: range) -> list[Path]:
    """Write an image of each of these classes of the test split."""
    test = loading.load(BASE.data).test
    paths = []
    for label in labels:
        pixels = test.images[list(test.labels).index(label), ..., 0]
        paths.append(folder / f"{label}.png")
        Image.fromarray((pixels.astype(np.float32) * 255 / 16).astype(np.uint8)).save(paths[-1])
    return paths


def answered(model_file: Path, images: list[Path]) -> list[Classification]:
    answers = classify.predict(model_file, images, DataCard(handwriting=True))
    return [answer for answer in answers if isinstance(answer, Classification)]


def test_the_best_model_names_most_of_the_digits(outcome: Outcome, tmp_path: Path) -> None:
    row, model_file, role = classify.best_model(outcome.folder)
    assert row.trial_id == min(outcome.rows, key=rank).trial_id == model_file.stem
    assert role == f"validation accuracy {row.val_accuracy:.4f}"
    answers = answered(model_file, images_of(tmp_path, range(10)))
    assert sum(int(np.argmax(answer.probabilities)) == label for label, answer in enumerate(answers)) >= 8
    assert [sum(answer.probabilities) for answer in answers] == pytest.approx([1] * 10)


def test_scans_are_recognised_about_as_well_as_the_images_of_the_data_that_they_show(
    outcome: Outcome, tmp_path: Path
) -> None:
    row, model_file, _ = classify.best_model(outcome.folder)
    test, generator = loading.load(BASE.data).test, np.random.default_rng(0)
    for number in range(100):
        digit = Image.fromarray((test.images[number, ..., 0] * (255 / 16)).astype(np.uint8)).resize((240, 240))
        page = generator.normal(235, 4, (300, 400))
        page[30:270, 80:320] *= 1 - 0.8 * np.asarray(digit) / 255
        Image.fromarray(page.clip(0, 255).astype(np.uint8)).save(tmp_path / f"{number:02}.png")
    card = data_cards.read(outcome.folder, row.config)
    answers = [
        int(np.argmax(answer.probabilities))
        for answer in classify.predict(model_file, sorted(tmp_path.glob("*.png")), card)
        if isinstance(answer, Classification)
    ]
    assert len(answers) == 100
    assert row.test_accuracy
    assert float(np.mean(answers == test.labels[:100])) > row.test_accuracy - 0.2


def test_a_trial_without_a_model_or_of_another_sweep_is_refused(outcome: Outcome, refused: Refused) -> None:
    other = max(outcome.rows, key=rank).trial_id
    (kept,) = Ledger(outcome.folder).models()
    with refused(LedgerError, f"holds no model of {other}, but that of {kept}: run the sweep", "--keep-models all"):
        classify.best_model(outcome.folder, other)
    with refused(LedgerError, "has no trial or config '../../etc'"):
        classify.best_model(outcome.folder, "../../etc")


def test_a_trial_is_named_by_the_beginning_of_its_id(outcome: Outcome) -> None:
    best = classify.best_model(outcome.folder)
    for name in (best.row.trial_id, best.row.config_id, best.row.config_id[:6]):
        assert classify.best_model(outcome.folder, name) == best


def test_a_folder_without_models_is_refused(tmp_path: Path, refused: Refused) -> None:
    (tmp_path / "empty").mkdir()
    for folder in (tmp_path / "empty", tmp_path / "nowhere"):
        with refused(LedgerError, f"{folder} holds no rows", "results/quickstart"):
            classify.best_model(folder)


def test_one_file_that_is_no_image_leaves_the_others_answered(outcome: Outcome, tmp_path: Path) -> None:
    (tmp_path / "empty.png").touch()
    zero, one = images_of(tmp_path, range(2))
    model_file = classify.best_model(outcome.folder).file
    before, refused, after = classify.predict(model_file, [zero, tmp_path / "empty.png", one], DataCard())
    assert isinstance(refused, DataError)
    assert "empty.png is empty" in str(refused)
    assert [answer.name for answer in (before, after) if isinstance(answer, Classification)] == [str(zero), str(one)]
    assert [str(one) for one in classify.predict(model_file, [tmp_path / "empty.png"], DataCard())] == [str(refused)]


def test_it_is_the_selected_configs_model_or_says_why_not(tmp_path: Path, make_row: Callable[..., TrialRow]) -> None:
    ledger = Ledger(tmp_path)
    ledger.open()
    lucky, steady = (
        [
            make_row(TrialConfig(num_steps=steps, seed=seed), val_accuracy=accuracy)
            for seed, accuracy in enumerate(seeds)
        ]
        for steps, seeds in ((7, (0.7, 0.95, 0.6)), (9, (0.8, 0.9, 0.85)))
    )
    for row in (*lucky, *steady):
        ledger.commit(row)
    ledger.write_model(lucky[1].trial_id, b"of version 0.4: the luckiest")
    found = classify.best_model(tmp_path)
    assert found.row.trial_id == lucky[1].trial_id
    assert found.role == (
        "validation accuracy 0.9500; the kept seed nearest to the median of 3, whose mean is 0.7500; "
        f"not the selected config, {steady[0].config_id} with 0.8500, whose models are not kept"
    )
    for row in steady[1:]:
        ledger.write_model(row.trial_id, b"")
    found = classify.best_model(tmp_path)
    assert found.file.stem == found.row.trial_id == steady[2].trial_id
    assert found.role == "validation accuracy 0.8500; the median seed of 3, whose mean is 0.8500"
    assert classify.best_model(tmp_path, steady[1].trial_id).role == "validation accuracy 0.9000"
