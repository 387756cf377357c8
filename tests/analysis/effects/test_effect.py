"""Laws of the values: the table has a line for each level; what is shown of them is short and escaped."""

import numpy as np

from mnist_sweep.analysis.effects.effects_of_trials import effects
from tests.analysis.effects.planted import GAIN, GRID, MakeTrials, optimizer_of


def test_frame_has_a_line_for_each_level(make_trials: MakeTrials) -> None:
    found = effects(make_trials(GRID, lambda config: 0.95 + GAIN[optimizer_of(config)]))
    frame = found.to_frame()
    assert list(frame) == ["name", "level", "n", "mean", "low", "high", "share", "sentence"]
    assert list(frame["level"][:3]) == [level.value for level in found.effects[0].levels]
    assert len(frame) == 3 + 4 + 3 + 2
    assert list(frame["sentence"].unique()) == [effect.sentence for effect in found.effects]


def test_repr_names_what_is_significant(make_trials: MakeTrials) -> None:
    found = effects(make_trials(GRID, lambda config: 0.95 + GAIN[optimizer_of(config)]))
    assert repr(found) == "<Effects of 4 hyperparameters over 72 trials; significant: optimizer>"
    assert repr(found.effects[0]).startswith("Effect(name='optimizer', kind='category', share=0.")


def test_printed_they_are_their_sentences_and_notes(make_trials: MakeTrials) -> None:
    found = effects(make_trials(GRID, lambda _: 0.9))
    assert str(found).splitlines() == [*found.sentences, *found.notes]


def test_notebook_shows_the_sentences_and_the_levels_escaped(make_trials: MakeTrials) -> None:
    trials = make_trials(GRID, lambda _: 0.9)
    trials["precision"] = np.where(np.arange(len(trials)) % 2, "<b>", "x")
    page = effects(trials)._repr_html_()
    assert "<b>" not in page
    assert "&lt;b&gt;" in page
    assert page.startswith("<p>")
