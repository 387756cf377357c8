"""The confusion matrix of the selected config on the test split, which selection did not use."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mnist_sweep.errors import LedgerError
from mnist_sweep.reports.blocks import Cell, Plot, Table, columns_of
from mnist_sweep.reports.plotly_figures import BLUE, bars, figure, literal
from mnist_sweep.results import data_cards, predictions
from mnist_sweep.text.lines import listed
from mnist_sweep.text.numbers import counted, percent
from mnist_sweep.trials.ranking import BEST_TRIAL
from mnist_sweep.trials.row import TrialRow

if TYPE_CHECKING:
    from mnist_sweep.reports.report_data import Results

MAX_CLASSES = 20
MAX_COUNTED = 2048  # whose counts take 34 MB
MAX_PAIRS = 50
MAX_BARS = 20
NUM_NAMED = 3
MAX_NAME = 14  # characters of a class in a figure
CLEAR, STRONG = "rgba(213, 94, 0, 0)", "rgba(213, 94, 0, 0.85)"  # over either background
DIAGONAL = "rgba(128, 128, 128, 0.25)"


def plot(results: "Results") -> Plot | None:
    """Return the confusion matrix of the selected config's median seed; None if no predictions are kept.

    Raises:
        LedgerError: Its predictions or labels are damaged, missing or do not match.
    """
    found = results.best_of(ids_with_file(results, ".npz"))
    if found is None:
        return None
    row, role = found
    drawn = plot_of(results.folder, row)
    return drawn if role == BEST_TRIAL else replace(drawn, finding=f"{drawn.finding} The trial is {role}.")


def plot_of(folder: Path, row: TrialRow) -> Plot:
    """Return the confusion matrix of a trial whose predictions are kept.

    Raises:
        LedgerError: Its predictions or labels are damaged, missing or do not match.
    """
    predicted = predictions.read(folder, row.trial_id).test
    labels = predictions.read_labels(folder, predictions.data_id(row.config)).test
    if len(predicted) != len(labels):
        raise LedgerError(
            f"{predictions.path_of(folder, row.trial_id)} has {counted(len(predicted), 'prediction')} of "
            f"{counted(len(labels), 'test image')}: move it away, and the report does without it."
        )
    if "f" in (predicted.dtype.kind, labels.dtype.kind):
        raise LedgerError(f"{row.trial_id} predicts numbers, which are not confused: {folder / 'data'} lacks its card.")
    if (largest := max(int(labels.max()), int(predicted.max()))) >= MAX_COUNTED:
        raise LedgerError(f"classes of {row.trial_id} go up to {largest:,}: a matrix takes {MAX_COUNTED:,} at most.")
    counts = count_pairs(labels, predicted)
    names = data_cards.read(folder, row.config).names(len(counts))
    if len(counts) > MAX_CLASSES:
        title, drawing = f"Most frequent confusions of {row.trial_id} on the test split", _pairs_figure(counts, names)
    else:
        title, drawing = f"Confusion matrix of {row.trial_id} on the test split", _figure(counts, names)
    return Plot(title=title, finding=_finding(counts, names), figure=drawing, table=_table(counts, names))


def ids_with_file(results: "Results", suffix: str) -> set[str]:
    """Return the trials that have a file of this suffix in the predictions folder."""
    return {path.name.removesuffix(suffix) for path in (results.folder / predictions.FOLDER).glob(f"*{suffix}")}


def count_pairs(labels: NDArray[Any], predicted: NDArray[Any]) -> NDArray[np.int64]:
    """Return the images by true class (row) and predicted class (column), int64 `[classes, classes]`."""
    from sklearn.metrics import confusion_matrix

    classes = np.arange(1 + max(int(labels.max()), int(predicted.max())))
    counts: NDArray[np.int64] = confusion_matrix(labels, predicted, labels=classes)
    return counts


def confusions(counts: NDArray[np.int64]) -> list[tuple[int, int, int]]:
    """Return number, true class and predicted class of misclassified images, most frequent first."""
    wrong = counts - np.diag(np.diag(counts))
    pairs = [(int(wrong[true, predicted]), int(true), int(predicted)) for true, predicted in np.argwhere(wrong)]
    return sorted(pairs, key=lambda pair: (-pair[0], *pair[1:]))


def _finding(counts: NDArray[np.int64], names: Sequence[str]) -> str:
    total, right = int(counts.sum()), int(counts.trace())
    if right == total:
        return f"All {total:,} test images are classified correctly."
    frequent = confusions(counts)[:NUM_NAMED]
    most = [f"{names[true]} as {names[predicted]} ({number:,})" for number, true, predicted in frequent]
    share = percent(1 - right / total)
    return f"{total - right:,} of {total:,} test images ({share}) are misclassified, most often {listed(most)}."


def _figure(counts: NDArray[np.int64], names: Sequence[str]) -> Any:
    import plotly.graph_objects as go

    places, labels = [*range(len(names))], [literal(_cut(name)) for name in names]
    numbers: list[list[int]] = counts.tolist()
    wrong = [[*row[:label], None, *row[label + 1 :]] for label, row in enumerate(numbers)]
    heatmap = figure(
        go.Heatmap(
            z=wrong,
            x=[literal(name) for name in names],
            y=[literal(name) for name in names],
            xgap=1,
            ygap=1,
            zmin=0,
            colorscale=[[0, CLEAR], [1, STRONG]],
            showscale=False,
            name="images",
            hovertemplate="%{y} classified as %{x}: %{z}<extra></extra>",
        ),
        x="predicted class",
        y="true class",
        height=460,
        xaxis={"type": "category", "showgrid": False, "side": "bottom", "tickvals": places, "ticktext": labels},
        yaxis={"type": "category", "showgrid": False, "autorange": "reversed", "tickvals": places, "ticktext": labels},
    )
    ends = [(label - 0.5, label + 0.5) for label in range(len(numbers))]
    square = {"type": "rect", "line": {"width": 0}, "fillcolor": DIAGONAL}
    cell = {"showarrow": False, "bgcolor": "rgba(0,0,0,0)"}
    cells = [(x, y, number) for y, row in enumerate(numbers) for x, number in enumerate(row)]
    return heatmap.update_layout(  # added one by one, each would take as long as all
        shapes=[{**square, "x0": low, "x1": high, "y0": low, "y1": high} for low, high in ends],
        annotations=[{**cell, "x": x, "y": y, "text": f"{number}"} for x, y, number in cells],
    )


def _cut(name: str) -> str:
    """Return the name of a class in the length that an axis of a phone has room for; the table has it whole."""
    return name if len(name) <= MAX_NAME else f"{name[: MAX_NAME - 1]}…"


def _pairs_figure(counts: NDArray[np.int64], names: Sequence[str]) -> Any:
    """Return bars of the most frequent confusions: the cells of many classes would be too small to read."""
    pairs = confusions(counts)[:MAX_BARS]
    trace = bars(
        x=[number for number, *_ in pairs],
        y=[literal(f"{names[true]} as {names[predicted]}") for _, true, predicted in pairs],
        marker={"color": BLUE},
        hovertemplate="%{y}: %{x}<extra></extra>",
    )
    layout = {
        "yaxis_autorange": "reversed",
        "yaxis_type": "category",
        "yaxis_tickvals": [*range(len(pairs))],
        "yaxis_ticktext": [literal(f"{_cut(names[true])} as {_cut(names[predicted])}") for _, true, predicted in pairs],
        "xaxis_tickformat": ",d",
        "meta": {"y": "classes"},
    }
    return figure(trace, x="test images", y="", height=120 + 22 * len(pairs), **layout)


def _table(counts: NDArray[np.int64], names: Sequence[str]) -> Table:
    if len(counts) > MAX_CLASSES:
        columns = columns_of("true class", "predicted class", ("images", 0))
        pairs = confusions(counts)[:MAX_PAIRS]
        rows: list[list[Cell]] = [[names[true], names[predicted], number] for number, true, predicted in pairs]
        return Table(caption="Most frequent confusions", columns=columns, rows=rows)
    return Table(
        caption="Images by true class (row) and predicted class (column)",
        columns=columns_of("true class", *((name, 0) for name in names)),
        rows=[[name, *row] for name, row in zip(names, counts.tolist(), strict=True)],
    )
