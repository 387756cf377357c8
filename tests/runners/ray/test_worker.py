"""What workers send; what becomes of it in the driver is in test_runner and test_ray_tune."""

import pickle

import numpy as np

from mnist_sweep.results.predictions import Predictions, equal
from mnist_sweep.runners.ray.worker import Payload
from mnist_sweep.trials.artifacts import SavedModel


def test_what_is_large_is_a_short_text_and_arrives_whole() -> None:
    model = Payload(SavedModel(bytes(10**7), b""))
    predictions = Predictions(np.arange(300) % 10, np.arange(300) % 7)
    classes = Payload(predictions)
    assert all(len(f"{[{'model': parcel}]}") < 200 for parcel in (model, classes))
    assert pickle.loads(pickle.dumps(model)).content == model.content
    assert equal(pickle.loads(pickle.dumps(classes)).content, predictions)
