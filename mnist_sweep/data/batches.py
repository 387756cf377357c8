"""The training examples of each step, as a function of (seed, step).

The examples form one endless stream, a new permutation of the training split for each epoch, and step s takes its s-th
batch. Batches straddle epochs, so nothing is dropped; a resumed trial finds its place without replaying anything,
because every permutation comes from a counter-based generator keyed with the seed and the epoch.
"""

import functools
import hashlib

import numpy as np
from numpy.typing import NDArray

from mnist_sweep.validation import require


def subseed(seed: int, name: str) -> int:
    """Return the seed for one named use of a trial's seed, in [0, 2**63): the leading bits of a SHA-256 of both.

    Uses of the same seed under different names are independent, and a new use changes no existing one.
    """
    digest = hashlib.sha256(f"{int(seed)}/{name}".encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1


def indices(seed: int, first: int, last: int, *, batch_size: int, num_examples: int) -> NDArray[np.int32]:
    """Return the training examples of steps `first` to `last - 1`.

    Returns:
        int32 `[last - first, batch_size]`, in `[0, num_examples)`: row `s - first` is the batch of step s.

    Raises:
        ConfigError: There are more examples than an int32 can tell apart.
    """
    require(num_examples < 2**31, "num_examples < 2**31", num_examples=num_examples)
    start, stop = first * batch_size, last * batch_size
    stream = np.empty(stop - start, np.int32)
    position = start
    while position < stop:
        epoch, offset = divmod(position, num_examples)
        count = min(num_examples - offset, stop - position)
        stream[position - start :][:count] = _permutation(seed, epoch, num_examples)[offset : offset + count]
        position += count
    return stream.reshape(last - first, batch_size)


@functools.lru_cache(maxsize=2)  # a step's batch is in one epoch or two
def _permutation(seed: int, epoch: int, num_examples: int) -> NDArray[np.intp]:
    """Return the order of the examples in one epoch: intp `[num_examples]`.

    It ranks raw words of the generator instead of calling `Generator.permutation`, because NumPy guarantees the raw
    stream of a bit generator across versions (NEP 19), but not the methods of `Generator`.
    """
    key = np.array([subseed(seed, "batches"), epoch], np.uint64)
    words = np.random.Philox(key=key).random_raw(num_examples)
    return np.argsort(words, kind="stable")
