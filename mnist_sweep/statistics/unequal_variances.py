"""How unequally seeds scatter from config to config, and which lead over a config chance alone reaches then.

With few seeds a config's own variance is hardly known, and a test that gives each config its own (Games and Howell
1976) shows nothing. All configs together tell how unequal their variances may be: these are drawn from an inverse gamma
distribution (Wright and Simon 2003), as wide as the accuracies allow at 99%, and the critical value is the 3% point
then: both risks together are 4% (Berger and Boos 1994), and one more is left for variances that are distributed in
another way. It is found by simulation of the same configs and seeds, all equal in mean.

Of 4, 10 or 40 equal configs with 2, 3 or 5 seeds, any was called worse in 0 to 4.6% of 2,000 sweeps (standard
deviations alike; log-normal with 0.25, 0.5 and 1; every other 3 times, every tenth or one 5 times the others). Tukey's
range test with the same errors did in 3.7 to 21% with 40 configs and three seeds. The price: of configs that are worse
by 6 standard deviations of a seed, where these are alike, 90% are found instead of 99%, and where they are log-normal
with 0.5, 42% instead of 86%. `python -m tests.benchmarks.equals` measures it.
"""

import functools
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Array = NDArray[np.float64]
    Codes = NDArray[np.intp]

NUM_DRAWS = 2000
OUTSIDE = 0.01  # risk that variances are more unequal than is assumed
BEYOND = 0.03  # risk of a larger lead; a point is left for variances of another distribution
SPREADS = tuple(number / 5 for number in range(16))  # that are tried, all as likely beforehand (Gelman 2006)
ALIKE = 1e6  # degrees of freedom of a distribution of variances that are the same
SMALLEST_CHANGE = 1e-12
SMALLEST_SHARE = 1e-4  # of the mean variance: a smaller one is that of accuracies that are rounded to images


def residuals(accuracy: "Array", config: "Codes", seed: "Codes") -> "Array":
    """Return what remains of accuracies when each config and each seed has an effect of its own: float64 `[n]`."""
    import numpy as np

    # Means of configs and of seeds are taken off by turns, which ends at once where every config has every seed.
    rest, groups = accuracy, [(group, np.bincount(group)) for group in (config, seed)]
    for turn in range(400):
        group, num = groups[turn % 2]
        mean = np.bincount(group, rest) / num
        if turn > 1 and np.abs(mean).max() < SMALLEST_CHANGE:
            break
        rest = rest - mean[group]
    return rest


def leads(accuracy: "Array", config: "Codes", seed: "Codes", best: int, variance: float) -> tuple["Array", "Array"]:
    """Return the best config's lead over each, and its standard error: float64 `[num_configs]`, over shared seeds.

    The variance is that of all configs or that of the pair's own differences, whichever is larger.
    """
    import numpy as np

    num_configs = int(config.max()) + 1
    of_best = np.full(int(seed.max()) + 1, np.nan)
    of_best[seed[config == best]] = accuracy[config == best]
    lead = of_best[seed] - accuracy
    if not (shared := ~np.isnan(lead)).all():
        lead, config = lead[shared], config[shared]
    n = np.bincount(config, minlength=num_configs)
    mean = np.bincount(config, lead, num_configs) / np.maximum(n, 1)
    own = np.bincount(config, (lead - mean[config]) ** 2, num_configs) / np.maximum(n - 1, 1) / 2
    return mean, np.sqrt(np.maximum(own, variance) / np.maximum(n, 1))


def spread(rest: "Array", config: "Codes") -> float:
    """Return how unequal the configs' variances may be at 99%: the standard deviation of their logarithms, up to 3.

    Args:
        rest: What `residuals` returns.
        config: Number of the config of each, from 0.
    """
    import numpy as np
    from scipy.special import digamma, gammaln

    df = np.bincount(config) - 1
    squares = np.bincount(config, rest**2)[df > 0]
    df = df[df > 0]
    if not squares.any():
        return 0.0
    logs = np.log(np.maximum(squares / df, SMALLEST_SHARE * squares.sum() / df.sum()))
    likelihood = []
    for prior in map(_degrees, SPREADS):  # variances over a scale then have F distributions of df and prior
        expected = digamma(df / 2) - np.log(df / 2) - digamma(prior / 2) + np.log(prior / 2)
        over = logs - (logs - expected).mean()
        constant = gammaln((df + prior) / 2) - gammaln(df / 2) - gammaln(prior / 2) + df / 2 * np.log(df / prior)
        likelihood.append((constant + df / 2 * over - (df + prior) / 2 * np.log1p(df / prior * np.exp(over))).sum())
    weights = np.exp(np.array(likelihood) - max(likelihood))
    return SPREADS[int(np.searchsorted(weights.cumsum(), (1 - OUTSIDE) * weights.sum()))]


def critical(config: "Codes", seed: "Codes", degrees: float, spread: float) -> float:
    """Return the lead, in standard errors, that the best of equal configs has over any other in 3% of sweeps.

    Args:
        config: As in `leads`.
        seed: As in `leads`.
        degrees: Degrees of freedom of the variance of all configs.
        spread: Standard deviation of the logarithms of the configs' variances, one of SPREADS.
    """
    import numpy as np

    return _critical(np.asarray(config, np.intp).tobytes(), np.asarray(seed, np.intp).tobytes(), degrees, spread)


@functools.lru_cache(maxsize=256)
def _critical(configs: bytes, seeds: bytes, degrees: float, spread: float) -> float:
    import numpy as np

    config, seed = np.frombuffer(configs, np.intp), np.frombuffer(seeds, np.intp)
    draw, n, prior, largest = np.random.default_rng(0), np.bincount(config), _degrees(spread), []
    for _ in range(NUM_DRAWS):
        scale = np.sqrt(prior / draw.chisquare(prior, len(n)))
        accuracy = scale[config] * draw.standard_normal(len(config))
        best = int((np.bincount(config, accuracy) / n).argmax())
        variance = float((residuals(accuracy, config, seed) ** 2).sum() / degrees)
        lead, error = leads(accuracy, config, seed, best, variance)
        largest.append((lead / error).max())
    return float(np.quantile(largest, 1 - BEYOND))


@functools.cache
def _degrees(spread: float) -> float:
    """Return the degrees of freedom of an inverse chi-squared distribution by the deviation of its logarithm."""
    from scipy.special import polygamma

    if spread == 0:
        return ALIKE
    half, variance = 0.5 + 1 / spread**2, spread**2
    for _ in range(20):  # Newton's steps towards trigamma(half) = variance (Smyth 2004)
        value = polygamma(1, half)
        half += value * (1 - value / variance) / polygamma(2, half)
    return 2 * float(half)
