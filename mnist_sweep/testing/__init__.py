"""Contract suites: hold a model, data set, runner or tracker of your own against the interface it implements.

Each function raises an `AssertionError` whose one line names the law that is broken, so a test is a single call:

    def test_my_model_keeps_the_contract():
        check_model(Perceptron(), image_shape=(6, 6, 1), num_classes=2)

The package's own tests call the same functions. May import: everything but `cli`. Begin with `models`.
"""

from mnist_sweep.testing.data_sources import check_data_source
from mnist_sweep.testing.models import check_model
from mnist_sweep.testing.runners import check_runner
from mnist_sweep.testing.trackers import check_tracker

__all__ = ["check_data_source", "check_model", "check_runner", "check_tracker"]
