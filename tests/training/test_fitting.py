from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest

from mnist_sweep import (
    CNN,
    Adagrad,
    Adam,
    CrossEntropy,
    Dataset,
    GradientDescent,
    Momentum,
    ResNet,
    RMSProp,
    Softmax,
    Split,
    Stepwise,
    TrialConfig,
)
from mnist_sweep.data.batches import indices, subseed
from mnist_sweep.errors import ConfigError
from mnist_sweep.models import inference
from mnist_sweep.optim.losses import fitted
from mnist_sweep.training import graph_cache, tensorflow_runtime
from mnist_sweep.training.fitting import fit, validate
from mnist_sweep.training.trial_progress import FitResult
from mnist_sweep.trials.config import Precision

SMALL = TrialConfig(
    model=CNN(filters=(4,), kernel_size=3, units=16, dropout=0.3),
    optimizer=Adam(learning_rate=0.01),
    num_steps=50,
    batch_size=20,
    evaluate_every=20,
)

pytestmark = pytest.mark.usefixtures("nothing_kept")


def numbers(result: FitResult) -> list[Any]:
    points = [point._replace(seconds=0) for point in result.history]
    return [result.status, result.steps, result.test_accuracy, result.parameters, *points]


def val_accuracy(result: FitResult) -> float:
    accuracy = result.history[-1].val_accuracy
    assert accuracy is not None
    return accuracy


@dataclass(frozen=True)
class Normalized:
    """A user's model with state of every kind: batch statistics, Keras' own dropout, a regulariser."""

    units: int = 8
    dropout: float = 0.2

    def build(self, image_shape: tuple[int, int, int], num_classes: int) -> Any:
        import keras

        images = keras.Input(image_shape)
        x = keras.layers.Dense(self.units, kernel_regularizer="l2")(keras.layers.Flatten()(images))
        x = keras.layers.Dropout(self.dropout)(keras.layers.BatchNormalization()(x))
        return keras.Model(images, keras.layers.Dense(num_classes)(x))


@dataclass(frozen=True)
class Written:
    """One network, written in different ways; only a functional one has its weights when `build` returns."""

    kind: str

    def build(self, image_shape: tuple[int, int, int], num_classes: int) -> Any:
        from keras import Input, Model, Sequential, layers

        head = layers.Dense(num_classes, kernel_constraint="non_neg")
        parts = [layers.Flatten(), layers.Dense(8), layers.BatchNormalization(), layers.Dropout(0.2), head]
        if self.kind == "functional":
            return Sequential([Input(image_shape), *parts])
        if self.kind == "unbuilt":
            return Sequential(parts)

        def call(self: Any, images: Any) -> Any:
            for part in self.parts:
                images = part(images)
            return images

        model = type("Net", (Model,), {"call": call})()
        model.parts = parts
        return model


@pytest.mark.parametrize("kind", ["unbuilt", "subclassed"])
def test_a_model_without_weights_trains_as_the_same_one_with_weights(kind: str, digits: Dataset) -> None:
    trial = replace(SMALL, num_steps=20)
    expected = fit(replace(trial, model=Written("functional")), digits)
    assert expected.parameters == 64 * 8 + 8 + 2 * 8 + 8 * 10 + 10
    assert numbers(fit(replace(trial, model=Written(kind)), digits)) == numbers(expected)


def test_constraints_of_weights_hold_after_each_step(digits: Dataset) -> None:
    model = fit(replace(SMALL, model=Written("functional"), num_steps=20), digits).model
    first, *_, head, _ = model.trainable_variables
    assert first.numpy().min() < 0 == head.numpy().min()


def test_batch_normalisation_equals_that_of_keras_own_layers_in_a_plain_loop(tf: Any, digits: Dataset) -> None:
    trial = replace(SMALL, model=Normalized(dropout=0.0), optimizer=GradientDescent(learning_rate=0.1), num_steps=20)
    result, model = fit(trial, digits), graph_cache.build_model(trial, digits)
    rows = indices(trial.seed, 0, 20, batch_size=20, num_examples=len(digits.train.labels))
    for row in rows:
        with tf.GradientTape() as tape:
            logits = model(digits.train.images[row] / np.float32(16), training=True)
            losses = tf.nn.sparse_softmax_cross_entropy_with_logits(digits.train.labels[row].astype("int32"), logits)
            loss = tf.add_n([tf.reduce_mean(losses), *model.losses])
        weights = model.trainable_variables
        for weight, gradient in zip(weights, tape.gradient(loss, [one.value for one in weights]), strict=True):
            weight.assign_sub(0.1 * gradient)
    for variable, expected in zip(result.model.weights, model.weights, strict=True):
        np.testing.assert_allclose(variable.numpy(), expected.numpy(), rtol=1e-4, atol=1e-5)
    classes = model(digits.val.images / np.float32(16), training=False).numpy().argmax(axis=1)
    assert val_accuracy(result) == pytest.approx((classes == digits.val.labels).mean())


@pytest.mark.parametrize(
    "model", [SMALL.model, Softmax(), Normalized(), Written("subclassed"), ResNet(depth=8, filters=2)]
)
def test_a_trial_does_not_notice_what_its_process_trained_before(model: Any, digits: Dataset) -> None:
    trial = replace(SMALL, model=model)
    alone = fit(trial, digits)
    tensorflow_runtime._CACHE.clear()
    fit(replace(trial, seed=1, optimizer=Adam(learning_rate=0.1, beta_1=0.5)), digits)
    fit(replace(trial, optimizer=Momentum()), digits)
    assert numbers(fit(trial, digits)) == numbers(alone)


def test_trials_that_differ_only_in_numbers_share_one_graph(digits: Dataset) -> None:
    for dropout, rate, seed in [(0.0, 0.1, 0), (0.5, 0.01, 1), (0.9, 0.001, 2)]:
        model = replace(SMALL.model, dropout=dropout)  # type: ignore[type-var]  # a model is a dataclass
        fit(replace(SMALL, model=model, optimizer=Adam(learning_rate=rate), seed=seed, num_steps=30), digits)
    (network,), (train_step,) = (
        tensorflow_runtime._CACHE["networks"].values(),
        tensorflow_runtime._CACHE["train_steps"].values(),
    )
    assert train_step.run_steps.experimental_get_tracing_count() == 1
    assert network.evaluate.experimental_get_tracing_count() == 1
    assert train_step.run_step.experimental_get_tracing_count() == 0  # what summaries show costs nothing without them


@pytest.mark.parametrize("changed", [{"seed": 1}, {"model": CNN(filters=(4,), kernel_size=3, units=16, dropout=0.6)}])
def test_seed_and_dropout_change_the_numbers(changed: dict[str, Any], digits: Dataset) -> None:
    assert numbers(fit(replace(SMALL, **changed), digits)) != numbers(fit(SMALL, digits))


@pytest.mark.parametrize("changed", [{"weight_decay": 0.1}, {"augmentation": "pad_crop_flip"}])
def test_weight_decay_and_augmentation_change_training_and_share_the_network(
    changed: dict[str, Any], digits: Dataset
) -> None:
    plain, other = fit(SMALL, digits), fit(replace(SMALL, **changed), digits)
    assert other.history[-1].val_loss != plain.history[-1].val_loss
    assert numbers(fit(SMALL, digits)) == numbers(plain)
    (network,) = tensorflow_runtime._CACHE["networks"].values()
    assert network.gradients.experimental_get_tracing_count() == 1


@pytest.mark.parametrize("options", [{"label_smoothing": 0.2}, {"class_weights": (*range(1, 10), 0)}])
def test_the_reported_losses_are_those_of_the_trials_own_loss(options: dict[str, Any], digits: Dataset) -> None:
    loss, trial = CrossEntropy(**options), replace(SMALL, num_steps=1, evaluate_every=1, optimizer=GradientDescent())
    result = fit(replace(trial, loss=loss), digits)
    logits = inference.logits(result.model, digits.val.images, pixel_range=digits.pixel_range)
    expected = float(np.mean(loss.per_example(digits.val.labels.astype(np.int32), logits)))
    assert result.history[-1].val_loss == pytest.approx(expected, rel=1e-5)
    assert result.history[-1].train_loss != fit(trial, digits).history[-1].train_loss


def test_label_smoothing_is_a_number_of_one_graph_and_may_change_in_training(digits: Dataset) -> None:
    def smoothed(share: float, **options: Any) -> TrialConfig:
        return replace(SMALL, loss=CrossEntropy(label_smoothing=share), **options)

    first, changed = smoothed(0.1), smoothed(0.2, changes=((20, (("loss.label_smoothing", 0.1),)),))
    alone = numbers(fit(first, digits))
    later = [numbers(fit(trial, digits)) for trial in (changed, smoothed(0.2), first)]
    assert later[2] == alone
    assert later[0][4] == later[1][4]  # the point at step 20
    assert len({str(result) for result in later}) == 3
    (network,) = tensorflow_runtime._CACHE["networks"].values()
    assert network.gradients.experimental_get_tracing_count() == 1


def test_balanced_weights_are_those_of_the_training_split(digits: Dataset) -> None:
    balanced = replace(SMALL, loss=CrossEntropy(class_weights="balanced"))
    by_hand = replace(SMALL, loss=fitted(balanced.loss, digits.train.labels, 10))
    assert numbers(fit(balanced, digits)) == numbers(fit(by_hand, digits)) != numbers(fit(SMALL, digits))


def test_weight_decay_is_a_number_of_one_graph(digits: Dataset) -> None:
    losses = {fit(replace(SMALL, weight_decay=decay), digits).history[-1].val_loss for decay in (0.1, 0.01)}
    assert len(losses) == 2
    assert len(tensorflow_runtime._CACHE["train_steps"]) == 1


def test_the_test_split_changes_nothing_but_the_test_accuracy(digits: Dataset) -> None:
    fewer = Split(images=digits.test.images[:37], labels=digits.test.labels[:37])
    other = Dataset(train=digits.train, val=digits.val, test=fewer, num_classes=10, pixel_max=digits.pixel_max)
    assert fit(SMALL, other).history[-1].val_loss == fit(SMALL, digits).history[-1].val_loss


@pytest.mark.parametrize("weight_decay", [0.0, 0.05])
def test_softmax_by_gradient_descent_equals_an_independent_computation(digits: Dataset, weight_decay: float) -> None:
    schedule = Stepwise(boundaries=(10,), factor=0.5)
    trial = TrialConfig(
        model=Softmax(),
        optimizer=GradientDescent(learning_rate=0.5),
        schedule=schedule,
        num_steps=30,
        batch_size=50,
        evaluate_every=15,
        weight_decay=weight_decay,
        seed=3,
    )
    images = digits.train.images.reshape(-1, 64) / 16.0
    weights, biases = np.zeros((64, 10)), np.zeros(10)
    losses = []
    for step, rows in enumerate(indices(3, 0, 30, batch_size=50, num_examples=len(images))):
        batch, hot = images[rows], np.eye(10)[digits.train.labels[rows]]
        shares = np.exp(batch @ weights + biases)
        shares /= shares.sum(axis=1, keepdims=True)
        losses.append(-np.log((shares * hot).sum(axis=1)).mean())
        rate = 0.5 if step < 10 else 0.25
        weights -= rate * (batch.T @ (shares - hot) / 50 + weight_decay * weights)
        biases -= rate * ((shares - hot).mean(axis=0) + weight_decay * biases)
    result = fit(trial, digits)
    logits = digits.val.images.reshape(-1, 64) / 16.0 @ weights + biases
    val_loss = (np.log(np.exp(logits).sum(axis=1)) - logits[np.arange(len(logits)), digits.val.labels]).mean()
    assert result.history[-1].val_loss == pytest.approx(val_loss, rel=1e-4)
    assert result.history[-1].val_accuracy == (logits.argmax(axis=1) == digits.val.labels).mean()
    assert result.history[0].train_loss == pytest.approx(np.mean(losses[:15]), rel=1e-4)
    assert [point.learning_rate for point in result.history] == [0.25, 0.25]
    assert result.parameters == 650


def test_each_step_sees_the_batch_that_numpy_gathers_crops_mirrors_and_scales(tf: Any, digits: Dataset) -> None:
    from mnist_sweep.data.augmentation import draw

    trial = TrialConfig(
        model=Softmax(),
        optimizer=GradientDescent(learning_rate=0.5),
        num_steps=3,
        batch_size=20,
        augmentation="pad_crop_flip",
        seed=3,
    )
    weights, biases = np.zeros((64, 10)), np.zeros(10)
    for step, rows in enumerate(indices(3, 0, 3, batch_size=20, num_examples=len(digits.train))):
        seed, number = tf.constant([subseed(3, "augmentation"), step], tf.int64)
        batch = []
        for row, (top, left, mirrored) in zip(rows, draw(seed, number, 20).numpy(), strict=True):
            window = np.pad(digits.train.images[row, ..., 0], 4)[top : top + 8, left : left + 8]
            batch.append((window[:, ::-1] if mirrored else window).ravel() / 16.0)
        shares = np.exp(batch @ weights + biases)
        error = shares / shares.sum(axis=1, keepdims=True) - np.eye(10)[digits.train.labels[rows]]
        weights -= 0.5 * np.transpose(batch) @ error / 20
        biases -= 0.5 * error.mean(axis=0)
    learned = fit(trial, digits).model.get_weights()
    np.testing.assert_allclose(learned[0], weights, atol=1e-6)
    np.testing.assert_allclose(learned[1], biases, atol=1e-6)


@pytest.mark.parametrize(
    "optimizer",
    [
        GradientDescent(learning_rate=0.3),
        Momentum(learning_rate=0.05),
        Adam(learning_rate=0.005),
        RMSProp(learning_rate=0.003),
        Adagrad(learning_rate=0.05),
    ],
)
def test_every_optimizer_learns_the_digits(optimizer: Any, digits: Dataset) -> None:
    trial = replace(SMALL, optimizer=optimizer, num_steps=300, evaluate_every=300)
    assert val_accuracy(fit(trial, digits)) > 0.8


@pytest.mark.parametrize("precision", ["mixed_bfloat16", "mixed_float16"])
def test_mixed_precision_learns_as_float32_does(precision: Precision, digits: Dataset) -> None:
    trial = replace(SMALL, num_steps=200, evaluate_every=200)
    exact, mixed = fit(trial, digits), fit(replace(trial, precision=precision), digits)
    assert val_accuracy(mixed) == pytest.approx(val_accuracy(exact), abs=0.05)
    assert mixed.history[-1].val_loss != exact.history[-1].val_loss


def test_float16_survives_a_loss_scale_that_overflows(digits: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    from mnist_sweep.training import train_step

    monkeypatch.setattr(train_step, "INITIAL_LOSS_SCALE", 2.0**40)
    result = fit(replace(SMALL, precision="mixed_float16", num_steps=200, evaluate_every=200), digits)
    assert val_accuracy(result) > 0.7


def test_a_batch_larger_than_the_training_split_is_refused(digits: Dataset) -> None:
    with pytest.raises(ConfigError, match=r"batch_size <= 1197 .* batch_size=1198"):
        fit(replace(SMALL, batch_size=1198), digits)


def test_a_model_whose_check_is_none_has_none(digits: Dataset) -> None:
    @dataclass(frozen=True)
    class Unchecked(Normalized):
        check: None = None

    validate(replace(SMALL, model=Unchecked()), digits)


def test_blocks_that_do_not_fit_the_image_are_refused_before_tensorflow_is_asked(digits: Dataset) -> None:
    with pytest.raises(ConfigError, match="block 4"):
        validate(replace(SMALL, model=CNN(filters=(4,) * 5)), digits)


def as_floats(dataset: Dataset, low: float, high: float) -> Dataset:
    """Return a data set whose full pixel is 16 as floats from `low` to `high`."""
    splits: dict[str, Any] = {
        name: replace(split, images=split.images.astype(np.float32) * np.float32((high - low) / 16) + np.float32(low))
        for name, split in dataset.splits.items()
    }
    return replace(dataset, **splits, pixel_max=255, value_range=(low, high))


@pytest.mark.parametrize("augmentation", ["none", "pad_crop_flip"])
def test_floats_train_to_the_same_numbers_as_the_levels_that_they_are(augmentation: Any, digits: Dataset) -> None:
    trial = replace(SMALL, augmentation=augmentation)
    plain = fit(trial, digits)
    for low, high in ((0, 16), (0, 1), (-1, 1)):  # a sixteenth is a whole number of bits
        assert numbers(fit(trial, as_floats(digits, low, high))) == numbers(plain)
    assert len(tensorflow_runtime._CACHE["networks"]) == 4
