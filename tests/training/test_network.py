import numpy as np
import pytest

from mnist_sweep import CNN, Adam, Digits, TrialConfig
from mnist_sweep.data import sources
from mnist_sweep.data.dataset import Dataset
from mnist_sweep.models.inference import BATCH_SIZE
from mnist_sweep.training import runtime
from mnist_sweep.training.network import Network, build_model

TRIAL = TrialConfig(model=CNN(filters=(4,), kernel_size=3, units=8, dropout=0.5), optimizer=Adam())


@pytest.fixture(scope="module")
def digits() -> Dataset:
    runtime.configure(threads=1)
    return sources.load(Digits())


@pytest.fixture
def network(digits: Dataset) -> Network:
    return Network(build_model(TRIAL, digits), TRIAL, digits)


def test_evaluation_covers_every_image_once(network: Network, digits: Dataset) -> None:
    images, labels = digits.train.images, digits.train.labels.astype("int32")
    assert len(images) > BATCH_SIZE
    assert len(images) % BATCH_SIZE
    loss_sum, num_correct, classes = network.evaluate(images, labels)
    logits = network.model.predict(images / np.float32(16), verbose=0).astype("float64")
    losses = np.log(np.exp(logits).sum(axis=1)) - logits[np.arange(len(labels)), labels]
    assert float(loss_sum) == pytest.approx(losses.sum(), rel=1e-5)
    assert int(num_correct) == (logits.argmax(axis=1) == labels).sum()
    assert classes.numpy().tolist() == logits.argmax(axis=1).tolist()
