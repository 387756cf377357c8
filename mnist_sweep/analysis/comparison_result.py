"""The result of comparing two trials or configs."""

from dataclasses import dataclass

from mnist_sweep.analysis.comparison_sentences import difference
from mnist_sweep.analysis.html_repr import html_repr
from mnist_sweep.analysis.split_difference import SplitDifference


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """The difference between two trials or configs, with its uncertainty.

    Attributes:
        a: Id of the first one.
        b: Id of the second one.
        seeds: The compared seeds of a and b, pair by pair; they differ only where single trials are compared.
        val: The difference on validation.
        test: The difference on test.
        method: The statistical test, with its source.
        sentence: The conclusion.
        notes: The limits of the conclusion.
    """

    a: str
    b: str
    seeds: tuple[tuple[int, int], ...]
    val: SplitDifference
    test: SplitDifference
    method: str
    sentence: str
    notes: tuple[str, ...]

    def __str__(self) -> str:
        return "\n".join((self.sentence, *self.notes))

    def __repr__(self) -> str:
        return f"<Comparison of {self.a} and {self.b}: {difference(self.val.difference)} on validation>"

    def _repr_html_(self) -> str:
        import pandas as pd

        splits = {split.name: split for split in (self.val, self.test)}
        lines = {
            name: {self.a: split.accuracy_a, self.b: split.accuracy_b, "difference": split.difference.mean}
            | {end: getattr(split.difference, end) for end in ("low", "high", "pvalue")}
            for name, split in splits.items()
        }
        table = pd.DataFrame.from_dict(lines, orient="index").reset_index(names="split")
        return html_repr((self.sentence, *self.notes, self.method), table)
