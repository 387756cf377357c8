import numpy as np

from mnist_sweep import Dataset, Digits, Split
from mnist_sweep.training.checks import sample


def test_a_sample_holds_scaled_images_of_the_training_split_and_noise_and_is_always_the_same() -> None:
    data = Digits().load()
    one, again = sample.draw(data), sample.draw(data)
    assert (one.image_shape, one.num_classes) == ((8, 8, 1), 10)
    assert (one.images.dtype.name, one.images.shape, one.labels.dtype.name) == ("float32", (8, 8, 8, 1), "int32")
    np.testing.assert_array_equal(one.images[[0, 3]] * 16, data.train.images[[0, -1]])
    np.testing.assert_array_equal(one.labels[[0, 3]], data.train.labels[[0, -1]])
    assert one.images[4:].max() > 0.9
    assert all(map(np.array_equal, one[:2], again[:2]))


def test_one_image_of_one_class_is_enough() -> None:
    split = Split(images=np.zeros((1, 2, 3, 1), np.uint8), labels=np.zeros(1, np.uint8))
    one = sample.draw(Dataset(train=split, val=split, test=split, num_classes=1))
    assert (one.image_shape, set(one.labels)) == ((2, 3, 1), {0})
