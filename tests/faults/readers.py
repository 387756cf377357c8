"""Readers of the files of users and of results folders, each as a function of any bytes.

What they may raise is the project's own errors, in one line; anything else is a crash. Digests keep damage away from
what is behind them, so an input is also read with a fitting digest around it.
"""

import gzip
import hashlib
import io
import json
import tempfile
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

from mnist_sweep import (
    Adam,
    Choice,
    Integer,
    LogUniform,
    ResNet,
    Search,
    TrialConfig,
    read_history,
    read_summary,
    read_trials,
    to_flat,
    trial_id,
)
from mnist_sweep.data import idx
from mnist_sweep.errors import DataError, SweepError
from mnist_sweep.models import keras_file
from mnist_sweep.predict import preprocessing
from mnist_sweep.results import mistakes, predictions, runs, saved_plan, saved_race
from mnist_sweep.results.data_cards import DataCard
from mnist_sweep.results.ledger import Ledger
from mnist_sweep.search import pending_proposals, saved_objectives
from mnist_sweep.training import checkpoints
from mnist_sweep.training.trial_progress import TrainingState
from mnist_sweep.trials.row import Evaluation

REFERENCE = Path(__file__).parents[2] / "results" / "reference"
IDENTITY = {"trial_id": "a-0", "version": "1"}
SEARCH = Search(
    base=TrialConfig(),
    axes={
        "optimizer": Choice(("adam", "momentum")),
        "optimizer.learning_rate": LogUniform(low=1e-4, high=1.0),
        "model.units": Integer(low=8, high=64),
    },
    num_trials=1,
)
PROPOSED = SEARCH.trial({"optimizer": Adam(), "optimizer.learning_rate": 0.001, "model.units": 32})
ARRAYS = ("val", "test", *mistakes.Mistakes._fields)
ODD: list[Any] = [
    *(None, True, 0, -1, 10**40, 2.5, 1e400, "", "a", "\ud800\n", "cnn", "2.5", "/", [], {}, [[]], {"a": []}, [None]),
    *([1, [2]], "a" * 300, -(2**63), 1e-320, "\0", ["a", 1], {"": 1}),
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reader:
    """What is read, and how.

    Attributes:
        file: Where it lies in its folder.
        reads: The functions that read it.
        seeds: Makes small inputs that are valid.
        forms: What files are made of an input.
    """

    file: str
    reads: tuple[Callable[[Path], object], ...]
    seeds: Callable[[], list[bytes]]
    forms: tuple[Callable[[bytes], bytes], ...] = (bytes,)

    def hold(self, content: bytes, folder: Path) -> int:
        """Read an input in all its forms in all ways; return how many of them were refused.

        Raises:
            Exception: Any but the project's own, or one of its own whose message is not one line.
        """
        path = folder / self.file
        path.parent.mkdir(exist_ok=True)
        refused = 0
        for form in self.forms:
            path.unlink(missing_ok=True)  # ext4 flushes a file that is written over, which takes 200 times as long
            path.write_bytes(form(content))
            for read in self.reads:
                try:
                    read(path)
                except SweepError as error:
                    if len(str(error).splitlines()) != 1:
                        raise ValueError(f"its message is not one line: {str(error)!r}") from error
                    refused += 1
        return refused


def mutated(content: bytes, drawn: Random) -> bytes | None:
    """Return JSON text with one value in it replaced, left out or moved; None if the content is no JSON list or object.

    So an input stays readable, which hardly any damage to its bytes leaves it.
    """
    try:
        whole = json.loads(content)
    except (ValueError, RecursionError):
        return None
    inner = [part for part in _parts(whole) if part]
    if not inner:
        return None
    part = drawn.choice(inner)
    key = drawn.choice(list(part) if isinstance(part, dict) else range(len(part)))
    match drawn.randrange(5):
        case 0:
            del part[key]
        case 1:
            part[key] = drawn.choice(list(_parts(whole, all_values=True)))
        case 2 if isinstance(part, dict):
            part[drawn.choice(["a", "seed", "config", "history", "model.units"])] = part[key]
        case _:
            part[key] = drawn.choice(ODD)
    try:
        return json.dumps(whole).encode()
    except (ValueError, RecursionError):
        return None  # a value was put into itself


def _parts(value: Any, *, all_values: bool = False) -> list[Any]:
    """Return the lists and objects in a JSON value, it among them, or all values in it."""
    found, unseen = [], [value]
    while unseen:
        one = unseen.pop()
        inside = isinstance(one, dict | list)
        found += [one] * (inside or all_values)
        unseen += (list(one.values()) if isinstance(one, dict) else one) if inside else []
    return found


def _images() -> list[bytes]:
    images = b"".join(size.to_bytes(4, "big") for size in (2051, 2, 5, 4)) + bytes(range(0, 240, 6))
    labels = b"".join(size.to_bytes(4, "big") for size in (2049, 20)) + bytes(range(10)) * 2
    return [images, labels, gzip.compress(images, mtime=0), gzip.compress(labels, mtime=0)]


def _rows() -> list[bytes]:
    paths = sorted((REFERENCE / "quickstart" / "rows").iterdir())[:3]
    paths += sorted((REFERENCE / "deep_mnist" / "rows").iterdir())[:1]  # of format 1
    whole = [path.read_bytes() for path in paths]
    contents = [json.loads(text) for text in whole]
    return whole + [
        json.dumps({name: value for name, value in content.items() if name not in {"format", "digest"}}).encode()
        for content in contents
    ]


def _read_pictures(path: Path, image_shape: tuple[int, int, int], *, handwriting: bool) -> None:
    for found in preprocessing.read(path, image_shape, DataCard(handwriting=handwriting)):
        if isinstance(found, DataError):
            raise found


def _pictures() -> list[bytes]:
    from PIL import ExifTags, Image, ImageDraw

    page = Image.new("L", (28, 20), 230)
    ImageDraw.Draw(page).ellipse((6, 4, 17, 14), outline=30, width=2)
    turned = Image.Exif()
    turned[ExifTags.Base.Orientation] = 6
    clear = page.convert("RGBA")
    clear.putalpha(page)
    kinds: list[tuple[Image.Image, str, dict[str, Any]]] = [
        *((page.convert(mode), "PNG", {}) for mode in ("1", "L", "P", "RGB", "I;16")),
        *((page.convert(mode), "JPEG", {}) for mode in ("L", "RGB", "CMYK")),
        (page.convert("P"), "PNG", {"transparency": 3}),
        (clear, "PNG", {"exif": turned}),
        (page, "JPEG", {"exif": turned, "progressive": True}),
    ]
    made = [io.BytesIO() for _ in kinds]
    for file, (image, kind, options) in zip(made, kinds, strict=True):
        image.save(file, kind, **options)
    return [*(file.getvalue() for file in made), _images()[0]]


def _predictions() -> list[bytes]:
    import numpy as np

    with tempfile.TemporaryDirectory(prefix="mnist-sweep-") as folder:
        classes = np.arange(20) % 10
        predictions.write(Path(folder), "a-0", predictions.Predictions(classes, classes[:7] + 250))
        kept = predictions.path_of(Path(folder), "a-0").read_bytes()
    images = np.zeros((2, 4, 4, 1), np.uint8)
    wrong = mistakes.to_bytes(mistakes.Mistakes(images, classes[:2], classes[1:3], np.array([0.9, 0.8], np.float32)))
    alone = [io.BytesIO(), io.BytesIO()]
    np.save(alone[0], classes.astype(np.uint8))
    np.save(alone[1], images)
    return [kept, wrong, *(file.getvalue() for file in alone)]


def _checkpoints() -> list[bytes]:
    import numpy as np

    course = TrainingState(
        step=27, first=20, loss_sum=0.8, num_correct=99, history=[Evaluation(20, 1, 0.5, None, 1, 0, 1.5)]
    )
    content = checkpoints.to_bytes(course, {"model/0": np.ones((2, 3), np.float32)}, IDENTITY)
    with np.load(io.BytesIO(content[checkpoints.DIGEST_BYTES :])) as arrays:
        return [content, content[checkpoints.DIGEST_BYTES :], arrays[checkpoints.STATE].tobytes()]


def _proposals() -> list[bytes]:
    return [json.dumps(to_flat(trial), indent=1).encode() for trial in (PROPOSED, TrialConfig(model=ResNet()))]


def _plans() -> list[bytes]:
    return [b'{"trials": "%s", "runner": "RayTune", "num_workers": 2, "seconds": 12.5}' % (b"0a" * 32)]


def _races() -> list[bytes]:
    limits = b'"known": {"within": 0.005, "error": 0.05, "max_seeds": 30}, "first_seed": 0'
    measure = b'"objective": {"name": "accuracy", "direction": "maximize", "unit": "share"}, "num_val": 300'
    return [b'{"settings": ["%s", "%s"], %s, %s}' % (b"0a" * 6, b"1b" * 6, limits, measure)]


def _runs() -> list[bytes]:
    run = runs.describe_run(seconds=0.0, runner="ray", num_workers=2, num_run=3, data={"images": "0a" * 32})
    with tempfile.TemporaryDirectory(prefix="mnist-sweep-") as folder:
        runs.append(Path(folder), run)
        line = (Path(folder) / runs.FILE).read_bytes()
    return [line, line * 2]


def _models() -> list[bytes]:
    layer = {"module": "keras.layers", "class_name": "InputLayer", "config": {"batch_shape": [None, 28, 28, 1]}}
    config = {"module": "keras", "class_name": "Sequential", "config": {"name": "a", "layers": [layer]}}
    text = json.dumps(config).encode()
    return [text, _zipped({"metadata.json": b"{}", keras_file.CONFIG: text})]


def _tables() -> list[bytes]:
    made = []
    for name in ("trials.csv", "history.csv", "summary.csv"):
        lines = (REFERENCE / "quickstart" / name).read_bytes().splitlines(keepends=True)
        made.append(b"".join(lines[:3]))
    return made


def _with_crcs(content: bytes) -> bytes:
    """Return a PNG file in which each chunk has the checksum that fits."""
    place, made = 8, [content[:8]]
    while place + 12 <= len(content):
        end = place + 8 + int.from_bytes(content[place : place + 4], "big")
        made.append(content[place:end] + zlib.crc32(content[place + 4 : end]).to_bytes(4, "big"))
        place = end + 4
    return b"".join(made)


def _with_digest(content: bytes) -> bytes:
    return hashlib.sha256(content).digest() + content


def _row_with_digest(content: bytes) -> bytes:
    """Return a row of the fields in a JSON object."""
    body = b"," + content[1:]
    return b'{"format": 2, "digest": "%s"' % hashlib.sha256(body).hexdigest()[:16].encode() + body


def _state_in_checkpoint(content: bytes) -> bytes:
    import numpy as np

    file = io.BytesIO()
    np.savez(file, allow_pickle=False, **{checkpoints.STATE: np.frombuffer(content, np.uint8)})
    return _with_digest(file.getvalue())


def _zipped(members: dict[str, bytes]) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archived:
        for name, content in members.items():
            archived.writestr(zipfile.ZipInfo(name), content)
    return file.getvalue()


def _search(path: Path) -> None:
    for name, flat in pending_proposals.read(path.parents[1]).items():
        SEARCH.find(name, flat)


READERS = {
    "idx": Reader(
        file="images",
        reads=(
            lambda path: idx.parse(idx.read_bytes(path), path, idx.IMAGES_MAGIC),
            lambda path: idx.parse(idx.read_bytes(path), path, idx.LABELS_MAGIC),
        ),
        seeds=_images,
    ),
    "row": Reader(
        file=f"rows/{min(REFERENCE.glob('quickstart/rows/*')).name}",
        reads=(
            lambda path: Ledger(path.parents[1]).rows(),
            lambda path: Ledger(path.parents[1]).rows(with_history=False),
        ),
        seeds=_rows,
        forms=(bytes, _row_with_digest),
    ),
    "picture": Reader(
        file="picture",
        reads=(
            lambda path: _read_pictures(path, (28, 28, 1), handwriting=True),
            lambda path: _read_pictures(path, (20, 28, 3), handwriting=False),
        ),
        seeds=_pictures,
        forms=(bytes, _with_crcs),
    ),
    "checkpoint": Reader(
        file="a-0.ckpt",
        reads=(lambda path: checkpoints.from_bytes(path.read_bytes(), IDENTITY),),
        seeds=_checkpoints,
        forms=(bytes, _with_digest, _state_in_checkpoint),
    ),
    "predictions": Reader(
        file="predictions/a-0.npz",
        reads=(lambda path: predictions.read(path.parents[1], "a-0"), mistakes.read),
        seeds=_predictions,
        forms=(bytes, lambda content: _zipped({f"{name}.npy": content for name in ARRAYS})),
    ),
    "proposal": Reader(file=f"proposals/{trial_id(PROPOSED)}.json", reads=(_search,), seeds=_proposals),
    "plan": Reader(file=saved_plan.FILE, reads=(lambda path: saved_plan.read(path.parent),), seeds=_plans),
    "objectives": Reader(
        file=saved_objectives.FILE,
        reads=(lambda path: saved_objectives.read(path.parent),),
        seeds=lambda: [b'{"names": ["accuracy", "parameters"]}'],
    ),
    "race": Reader(file=saved_race.FILE, reads=(lambda path: saved_race.read(path.parent),), seeds=_races),
    "runs": Reader(file=runs.FILE, reads=(lambda path: runs.read(path.parent),), seeds=_runs),
    "model": Reader(
        file="a-0.keras",
        reads=(keras_file.image_shape,),
        seeds=_models,
        forms=(bytes, lambda content: _zipped({keras_file.CONFIG: content})),
    ),
    "table": Reader(file="trials.csv", reads=(read_trials, read_history, read_summary), seeds=_tables),
}
