"""The ready sweep for data without a script: five optimizers, four rates of dropout and two widths of a small network.

On the digits it is `sweeps/quickstart.py`, with the same trial ids.
"""

import re
from dataclasses import replace
from pathlib import Path

from mnist_sweep.data import loading
from mnist_sweep.data.dataset import DataSource
from mnist_sweep.data.digits import Digits
from mnist_sweep.data.files.arrays import Arrays
from mnist_sweep.data.files.csv_table import Csv
from mnist_sweep.data.files.own_files import OwnFiles
from mnist_sweep.data.files.parquet_table import Parquet
from mnist_sweep.models.cnn import CNN
from mnist_sweep.optim.losses import MeanSquaredError
from mnist_sweep.optim.optimizers import Adagrad, Adam, GradientDescent, Momentum, RMSProp
from mnist_sweep.optim.regression import RMSE
from mnist_sweep.search.grids import grid
from mnist_sweep.sweep.sweep import Sweep
from mnist_sweep.trials.config import TrialConfig, to_flat

AXES = {
    "model.filters": [(8, 16), (16, 32)],
    "model.dropout": [0.0, 0.2, 0.4, 0.6],
    "optimizer": [
        GradientDescent(learning_rate=0.5),
        Momentum(learning_rate=0.05),
        Adam(learning_rate=0.003),
        RMSProp(learning_rate=0.003),
        Adagrad(learning_rate=0.05),
    ],
}


def ready_sweep(data: DataSource | None = None) -> Sweep:
    """Return the sweep on a data set, named after its path, or on the digits, named `quickstart`.

    Raises:
        DataError: A data set that may hold numbers, and so is loaded now, cannot be.
    """
    base = TrialConfig(
        data=data or Digits(),
        model=CNN(filters=(8, 16), kernel_size=3, units=64),
        num_steps=240,
        batch_size=50,
        evaluate_every=24,
    )
    loaded = {data: loading.load(data)} if isinstance(data, Arrays | Csv | Parquet) else {}
    if any(dataset.is_regression for dataset in loaded.values()):
        base = replace(base, loss=MeanSquaredError(), objective=RMSE())
    path = Path(data.path).resolve().stem if isinstance(data, OwnFiles) else to_flat(base)["data"]
    name = re.sub(r"[^A-Za-z0-9_-]+", "-", path).strip("-")[:100] if data else "quickstart"
    return Sweep(name=name or "quickstart", trials=grid(base, AXES), loaded=loaded)
