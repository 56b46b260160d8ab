"""The letter's statements hold, on channels computed now and in the stored results."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from experiments import claims, fig2a, fig2b
from experiments.claims import CLAIMS, Means, Verdict
from experiments.fig2 import LETTER_SEEDS

CHECKS = [check for section in CLAIMS.values() for _, check in section]


@pytest.fixture(scope="module")
def reduced(tmp_path_factory: pytest.TempPathFactory) -> Means:
    """Return means over the ten channels of seeds 0 to 9, at few model sizes and σ."""
    folder = tmp_path_factory.mktemp("stores")
    over_model = replace(fig2a.EXPERIMENT, values=(2.0, 16.0, 64.0), seeds=LETTER_SEEDS)
    over_sigma = replace(fig2b.EXPERIMENT, values=(2.5, 2.7, 3.0, 3.3), seeds=LETTER_SEEDS)
    one, other = (each.table.computed(folder=folder) for each in (over_model, over_sigma))
    assert one is not None
    assert other is not None
    assert not one["unproven"].any()
    assert not other["unproven"].any()
    return Means.of(one, other, LETTER_SEEDS)


@pytest.mark.slow
@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_the_letters_statements_hold_on_a_reduced_sweep(
    check: Callable[[Means], Verdict], reduced: Means
) -> None:
    """Every statement of section IV, computed anew with the letter's ten channels."""
    holds, measured = check(reduced)
    assert holds, measured


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_the_letters_statements_hold_in_the_stored_results(
    check: Callable[[Means], Verdict],
) -> None:
    """The same statements in the tables behind the figures, for ten channels and for all."""
    tables = fig2a.EXPERIMENT.table.stored(), fig2b.EXPERIMENT.table.stored()
    for seeds in (LETTER_SEEDS, len(tables[0])):
        holds, measured = check(Means.of(*tables, seeds))
        assert holds, measured


def test_the_page_is_that_of_the_stored_results() -> None:
    """docs/claims.md is what the tables give, so that no number in it is typed by hand."""
    assert claims.PAGE.read_text(encoding="utf-8") == claims.page()


@pytest.mark.parametrize(
    "table", [fig2a.EXPERIMENT.table.stored(), fig2b.EXPERIMENT.table.stored()]
)
def test_stored_optima_are_below_everything(table: pd.DataFrame) -> None:
    """On every channel, no method beats the certified bound, and nested grids never get worse."""
    methods = [name for name in fig2a.EXPERIMENT.lines if name in table]
    assert (table[methods].min(axis=1) >= table["bound"]).all()
    assert (table["exact"] - table["bound"] <= 1.0001e-6 * table["exact"]).all()
    for coarse in ("exhaustive_0.5", "exhaustive_0.2"):
        if {coarse, "exhaustive_0.1"} <= set(table):
            assert (table["exhaustive_0.1"] <= table[coarse] * (1 + 1e-6)).all()
    assert np.isfinite(table[methods]).all(axis=None)


def test_figures_are_drawn_from_the_stored_results(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Drawing needs the table alone, and writes PDF and PNG."""
    monkeypatch.setattr("experiments.provenance.FIGURES", tmp_path / "figures")
    fig2b.EXPERIMENT.draw()
    assert {file.name for file in (tmp_path / "figures").iterdir()} == {"fig2b.pdf", "fig2b.png"}
