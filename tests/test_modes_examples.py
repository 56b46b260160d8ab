"""The worked examples of docs/modes.md: what they compute is what is stored and drawn."""

from __future__ import annotations

import pandas as pd
import pytest

from experiments import modes_examples as examples
from experiments.table import Row


def matches(rows: list[Row], stored: pd.DataFrame, **case: float) -> None:
    """Hold rows against those of a stored table; phones that are alike may be swapped."""
    for key, value in case.items():
        stored = stored[stored[key] == value]
    anew = pd.DataFrame(rows)
    assert len(anew) == len(stored)
    for column in anew:
        if anew[column].dtype.kind == "f":
            assert sorted(anew[column]) == pytest.approx(sorted(stored[column]), rel=1e-5)
        else:
            assert sorted(anew[column]) == sorted(stored[column])


def test_phones_cut_where_the_table_says() -> None:
    """With few pictures not at all, with many behind the last layer."""
    stored = examples.VGG16.stored()
    matches(examples.of_pictures(30), stored, pictures=30)
    assert (stored["bound"] <= stored["wsel"]).all()
    costs = stored.drop_duplicates("pictures")["wsel"]
    assert costs.is_monotonic_increasing


def test_updates_have_the_bits_that_the_table_says() -> None:
    """The free choice is never dearer than one number of bits for all."""
    stored = examples.UPDATES.stored()
    matches([examples.of_band(8.0)], stored, bandwidth_mhz=8.0)
    for bits in examples.BITS:
        assert (stored["wsel"] <= stored[f"wsel_{bits}_bit"] * (1.0 + 1e-6)).all()


def test_more_participants_cost_more() -> None:
    """And as many train as must; one who trains goes on to."""
    stored = examples.SELECTION.stored()
    matches(examples.of_selection(3), stored, min_participants=3)
    once = stored.drop_duplicates("min_participants")
    assert once["wsel"].is_monotonic_increasing
    assert once["sync_s"].is_monotonic_increasing
    trains = stored.groupby("min_participants")["trains"].sum()
    assert trains.tolist() == list(examples.SELECTED)


@pytest.mark.parametrize("name", examples.FIGURES)
def test_figures_are_drawn_from_what_is_stored(name: str) -> None:
    """Each has its axes named, with units."""
    figure = examples.FIGURES[name]()
    for axes in figure.axes:
        assert axes.get_xlabel() or axes.get_ylabel()
