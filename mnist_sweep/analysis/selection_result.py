"""The result of selecting a config by validation."""

from dataclasses import dataclass

from mnist_sweep.analysis.html_repr import html_repr
from mnist_sweep.text.numbers import percent


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """The config with the best mean validation accuracy over its seeds.

    Accuracies are shares in [0, 1]; a number that is unknown is NaN.

    Attributes:
        config_id: The selected config.
        n: Its seeds that succeeded.
        val_mean: Its mean validation accuracy.
        val_low: Lower end of the 95% interval of that mean, in [0, 1]: the t-interval over seeds; Wilson's for one
            seed, or for several with equal accuracies, which leave no variance to estimate.
        val_high: Upper end of it.
        test_mean: Its mean test accuracy.
        test_low: Lower end of the 95% interval of that mean.
        test_high: Upper end of it.
        num_compared: Configs that it was selected from, itself included.
        selection_bias: By how much its validation accuracy is expected to overstate its accuracy with other seeds, or
            on other images where configs have one seed, because it was selected by it; in [-1, 1].
        selection_bias_low: Lower end of the 95% interval of that bias.
        selection_bias_high: Upper end of it.
        tied: Configs that are statistically tied with it (not significantly worse at the 5% level), best first; the
            first one is itself. All configs where no test is possible.
        method: The statistical test behind `tied`, its correction and its source.
        sentences: The result in words.
    """

    config_id: str
    n: int
    val_mean: float
    val_low: float
    val_high: float
    test_mean: float
    test_low: float
    test_high: float
    num_compared: int
    selection_bias: float
    selection_bias_low: float
    selection_bias_high: float
    tied: tuple[str, ...]
    method: str
    sentences: tuple[str, ...]

    def __str__(self) -> str:
        return "\n".join(self.sentences)

    def __repr__(self) -> str:
        return (
            f"<Selection of {self.config_id}: validation {percent(self.val_mean)}, test {percent(self.test_mean)}; "
            f"{len(self.tied):,} of {self.num_compared:,} tied>"
        )

    def _repr_html_(self) -> str:
        import pandas as pd

        lines = [
            ("validation", self.val_mean, self.val_low, self.val_high),
            ("test", self.test_mean, self.test_low, self.test_high),
        ]
        return html_repr(self.sentences, pd.DataFrame(lines, columns=["split", "mean", "low", "high"]))
