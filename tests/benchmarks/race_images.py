"""How often does a race err for new images, if it asks for these or for new ones?

All settings are equally good for new images. Each image has a chance to be classified correctly, which differs between
settings by the image, and a seed moves all images of its run. Looked at after every row, with 30 seeds.

With `--losses`, settings are judged by their log loss, to which each image contributes its own; a seed moves the logit
of each image, and of all together.

Command: python -m tests.benchmarks.race_images; python -m tests.benchmarks.race_images --losses
Result: results/reference/benchmarks/race_images.csv, race_image_losses.csv
"""

import itertools
from pathlib import Path

import click
import numpy as np

from mnist_sweep.search.race import Images
from mnist_sweep.statistics.elimination import Elimination
from mnist_sweep.statistics.image_margins import ImageSums, margin_factor
from mnist_sweep.statistics.intervals import share_upper_limit
from tests.benchmarks.contest import machine, read_lines, write_lines
from tests.benchmarks.kinds import Array, Draw
from tests.benchmarks.race import FOLDER

FILE, LOSSES = FOLDER / "race_images.csv", FOLDER / "race_image_losses.csv"
NUM_SWEEPS, NUM_SEEDS, ERROR = 1000, 30, 0.05
OWN = {"alike": 0.5, "unlike": 2.0}  # how much settings differ in an image, in logits


def simulate(
    num: int, num_images: int, own: float, within: float, num_sweeps: int, *, losses: bool = False
) -> dict[str, float]:
    """Return for both questions how often any setting was lost, "within" was claimed, and what share of trials ran."""
    found = {}
    for images in ("these", "new"):
        draw = np.random.default_rng(num)
        ends = np.array([_raced(draw, num, num_images, own, within, images, losses) for _ in range(num_sweeps)])
        lost, limited, trials = ends.sum(axis=0).tolist()
        found[f"{images}_lost"] = lost / num_sweeps
        found[f"{images}_lost_high"] = round(share_upper_limit(int(lost), num_sweeps), 4)
        found[f"{images}_only_images"] = limited / num_sweeps
        found[f"{images}_trials"] = round(trials / num_sweeps / num / NUM_SEEDS, 4)
    return found


def _raced(
    draw: Draw, num: int, num_images: int, own: float, within: float, images: Images, losses: bool
) -> tuple[bool, bool, int]:
    logits = _logits(draw, num, num_images, own)
    chance, most = 1 / (1 + np.exp(-logits)), np.inf if losses else 1.0
    error, step = ERROR / 2 if images == "new" else ERROR, None if losses else 1 / num_images
    state, counts = Elimination(num, within=within, error=error, step=step), ImageSums(num, num_images)
    if images == "new":
        state.for_new_images(np.full((num, num), most), np.zeros((num, num)))
    num_trials = 0
    for _, setting in itertools.product(range(NUM_SEEDS), range(num)):
        if state.is_open[0, setting]:
            num_trials += 1
            if losses:
                values = -np.log1p(np.exp(-logits[setting] - draw.normal(0, 0.1) - draw.normal(0, 0.5, num_images)))
            else:
                values = draw.random(num_images) < np.clip(chance[setting] + draw.normal(0, 0.005), 0, 1)
            counts.add(setting, values)
            state.add(setting, values.mean(keepdims=True))
        if setting == num - 1:
            if images == "new":
                factor = margin_factor(num, num_images, ERROR / 2)
                state.for_new_images(*(np.minimum(factor * one, most) for one in counts.errors()))
            state.end_round()
    return not state.remaining[0].all(), bool(state.limited[0]), num_trials


def _logits(draw: Draw, num: int, num_images: int, own: float) -> Array:
    """Return the logit of the chance of each setting on each image, of which most are easy."""
    return np.asarray(draw.normal(4, 2, num_images) + draw.normal(0, own, (num, num_images)))


@click.command(help="Measure every layout that the CSV file does not hold yet.")
@click.option("--losses", is_flag=True, help="Of log losses in place of accuracies.")
@click.option("--file", type=click.Path(path_type=Path), help="The CSV file.")
@click.option("--sweeps", type=click.IntRange(1), default=NUM_SWEEPS, show_default=True, help="Of each layout.")
def main(losses: bool, file: Path | None, sweeps: int) -> None:
    file = file or (LOSSES if losses else FILE)
    lines = read_lines(file)
    measured = {(line["num_settings"], line["num_images"], line["images"], line["within"]) for line in lines}
    for num, num_images, own, within in itertools.product((2, 4, 10), (300, 2000), OWN, (0.005, 0.1)):
        if (num, num_images, own, within) in measured:
            continue
        layout = {"num_settings": num, "num_images": num_images, "images": own, "within": within}
        lines.append(layout | simulate(num, num_images, OWN[own], within, sweeps, losses=losses) | machine(sweeps))
        write_lines(file, lines)
        click.echo(lines[-1])


if __name__ == "__main__":
    main()
