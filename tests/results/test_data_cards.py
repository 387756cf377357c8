"""Laws of data cards: they hold what a data source declares, so that its code need not be run to read results."""

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mnist_sweep import CIFAR10, MNIST, Digits, ImageFolder, TrialConfig
from mnist_sweep.data import loading
from mnist_sweep.errors import DataError, LedgerError
from mnist_sweep.results import data_cards
from mnist_sweep.results.data_cards import DataCard
from mnist_sweep.results.predictions import data_id
from mnist_sweep.trials.config import to_flat
from tests.conftest import Refused

CARD = DataCard(class_names=("cat", "dog"), handwriting=True, splits_differ="Cats first.")


class Pets:
    CLASSES: Any = ("cat", "dog")


def own() -> Any:
    """A data source that is a function may declare, too."""


def test_what_was_written_is_read_back(tmp_path: Path) -> None:
    config = to_flat(TrialConfig())
    data_cards.write(tmp_path, data_id(config), CARD)
    assert data_cards.read(tmp_path, config) == CARD


@pytest.mark.parametrize("source", [Digits(), MNIST(), CIFAR10()])
def test_a_folder_of_an_older_version_has_the_cards_of_built_in_data(tmp_path: Path, source: Any) -> None:
    card = data_cards.read(tmp_path, to_flat(TrialConfig(data=source)))
    assert card == data_cards.describe(source)
    assert card.handwriting == (not isinstance(source, CIFAR10))
    assert (card.class_names[3:4], bool(card.splits_differ)) == (
        ("cat",) if isinstance(source, CIFAR10) else (),
        isinstance(source, Digits),
    )


def test_the_scale_is_that_of_the_data() -> None:
    assert data_cards.describe(Digits(), loading.load(Digits())).pixel_range == (0, 16)


def test_own_data_without_a_card_is_nothing_in_particular(tmp_path: Path) -> None:
    assert data_cards.read(tmp_path, {"data": "mine:Textures"}) == DataCard()
    assert data_cards.describe(own) == DataCard()


def test_classes_without_a_name_have_their_labels_and_no_name_controls_a_terminal() -> None:
    assert DataCard().names(3) == ["0", "1", "2"]
    assert DataCard(class_names=("a", "\x1b[2J")).names(3) == ["a", "\\x1b[2J", "2"]
    assert CARD.names(1) == ["cat"]


@pytest.mark.parametrize("given", [("cat", 1), 7, {"cat": 0}.values, "cat"])
def test_declarations_of_another_kind_are_refused(given: Any, refused: Refused) -> None:
    pets = Pets()
    pets.CLASSES = given
    with refused(DataError, "the data source Pets "):
        data_cards.describe(pets, loading.load(Digits()))


def test_there_must_be_a_name_for_each_class(refused: Refused) -> None:
    with refused(DataError, "the data source Pets has 2 CLASSES, but its data has 10 classes."):
        data_cards.describe(Pets(), loading.load(Digits()))


FIELDS = [b'{"class_names": [1]}', b'{"other": 1}', b'{"pixel_range": [1, 1]}']


@pytest.mark.parametrize("content", [b"", b"[]", b"{", *FIELDS, b"[" * 10**5, b"\xff"])
def test_a_damaged_card_is_named_with_the_way_out(tmp_path: Path, content: bytes, refused: Refused) -> None:
    config = to_flat(TrialConfig())
    data_cards.write(tmp_path, data_id(config), CARD)
    (file,) = (tmp_path / "data").iterdir()
    file.write_bytes(content)
    with refused(LedgerError, str(file), "is damaged", "delete it"):
        data_cards.read(tmp_path, config)


def test_a_card_is_a_file_of_bounded_size_and_no_pipe_is_waited_for(tmp_path: Path, refused: Refused) -> None:
    config = to_flat(TrialConfig())
    path = tmp_path / data_cards.FOLDER / f"{data_id(config)}.json"
    path.parent.mkdir()
    os.mkfifo(path)
    with refused(LedgerError, path.name, "special file"):
        data_cards.read(tmp_path, config)
    path.unlink()
    path.write_bytes(b" " * (data_cards.MAX_BYTES + 1))
    with refused(LedgerError, path.name, "more than the 17 MB allowed"):
        data_cards.read(tmp_path, config)


def test_class_names_and_scaling_come_from_the_data() -> None:
    dataset = replace(Digits().load(), class_names=tuple("abcdefghij"))
    card = data_cards.describe(ImageFolder("pets", resize="crop"), dataset)
    assert (card.names(10), card.resize) == ([*"abcdefghij"], "crop")
    assert data_cards.describe(Digits(), dataset).resize == "stretch"
