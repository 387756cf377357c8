"""How often does a race err for new images, if it asks for these or for new ones?

All settings are equally good for new images. Each image has a chance to be classified correctly, which differs between
settings by the image, and a seed moves all images of its run. Looked at after every row, with 30 seeds.

Command: python -m tests.benchmarks.race_images
Result: results/reference/benchmarks/race_images.csv
"""

import itertools
from pathlib import Path

import click
import numpy as np

from mnist_sweep.search.race import Images
from mnist_sweep.statistics.image_margins import ImageCounts, margin_factor
from mnist_sweep.statistics.intervals import share_upper_limit
from mnist_sweep.statistics.sequential import Elimination
from tests.benchmarks.contest import machine, read_lines, write_lines
from tests.benchmarks.kinds import Array, Draw
from tests.benchmarks.race import FOLDER

FILE = FOLDER / "race_images.csv"
NUM_SWEEPS, NUM_SEEDS, ERROR = 1000, 30, 0.05
OWN = {"alike": 0.5, "unlike": 2.0}  # how much settings differ in an image, in logits


def simulate(num: int, num_images: int, own: float, within: float, num_sweeps: int) -> dict[str, float]:
    """Return for both questions how often any setting was lost, "within" was claimed, and what share of trials ran."""
    found = {}
    for images in ("these", "new"):
        draw = np.random.default_rng(num)
        ends = np.array([_raced(draw, num, num_images, own, within, images) for _ in range(num_sweeps)])
        lost, limited, trials = ends.sum(axis=0).tolist()
        found[f"{images}_lost"] = lost / num_sweeps
        found[f"{images}_lost_high"] = round(share_upper_limit(int(lost), num_sweeps), 4)
        found[f"{images}_only_images"] = limited / num_sweeps
        found[f"{images}_trials"] = round(trials / num_sweeps / num / NUM_SEEDS, 4)
    return found


def _raced(draw: Draw, num: int, num_images: int, own: float, within: float, images: Images) -> tuple[bool, bool, int]:
    chance = _chances(draw, num, num_images, own)
    error = ERROR / 2 if images == "new" else ERROR
    state, counts = Elimination(num, within=within, error=error, step=1 / num_images), ImageCounts(num, num_images)
    if images == "new":
        state.for_new_images(np.ones((num, num)), np.zeros((num, num)))
    num_trials = 0
    for _, setting in itertools.product(range(NUM_SEEDS), range(num)):
        if state.remaining[0, setting] and not state.is_decided[0]:
            num_trials += 1
            correct = draw.random(num_images) < np.clip(chance[setting] + draw.normal(0, 0.005), 0, 1)
            counts.add(setting, correct)
            state.add(setting, correct.mean(keepdims=True))
        if setting == num - 1:
            if images == "new":
                factor = margin_factor(num, num_images, ERROR / 2)
                state.for_new_images(*(np.minimum(factor * one, 1.0) for one in counts.errors()))
            state.end_round()
    return not state.remaining[0].all(), bool(state.limited[0]), num_trials


def _chances(draw: Draw, num: int, num_images: int, own: float) -> Array:
    """Return the chance of each setting on each image, of which most are easy."""
    logits = draw.normal(4, 2, num_images) + draw.normal(0, own, (num, num_images))
    return np.asarray(1 / (1 + np.exp(-logits)))


@click.command(help="Measure every layout that the CSV file does not hold yet.")
@click.option("--file", type=click.Path(path_type=Path), default=FILE, help="The CSV file.")
@click.option("--sweeps", type=click.IntRange(1), default=NUM_SWEEPS, show_default=True, help="Of each layout.")
def main(file: Path, sweeps: int) -> None:
    lines = read_lines(file)
    measured = {(line["num_settings"], line["num_images"], line["images"], line["within"]) for line in lines}
    for num, num_images, own, within in itertools.product((2, 4, 10), (300, 2000), OWN, (0.005, 0.1)):
        if (num, num_images, own, within) in measured:
            continue
        layout = {"num_settings": num, "num_images": num_images, "images": own, "within": within}
        lines.append(layout | simulate(num, num_images, OWN[own], within, sweeps) | machine(sweeps))
        write_lines(file, lines)
        click.echo(lines[-1])


if __name__ == "__main__":
    main()
