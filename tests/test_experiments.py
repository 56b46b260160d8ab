"""Experiments have one shape: nothing is computed twice, and a table says where it comes from."""

from __future__ import annotations

import datetime as dt
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import eipyomo as ei
from experiments import __main__ as everything
from experiments import (
    constraints,
    counts,
    exact_benchmark,
    exact_random,
    formulations,
    fuzz,
    library,
    limits_benchmark,
    limits_random,
    limits_reference,
    matrix,
    milp_benchmark,
    modes_examples,
    modes_random,
    mutation,
    policies,
    presets,
    provenance,
    resolves,
    signals,
    size,
    solver_defaults,
    solvers_benchmark,
    soundness,
    speed,
    table,
    training_benchmark,
)
from experiments.table import Row, Table, command, passed

COMPUTED: list[int] = []
ALL = (
    *everything.TABLES,
    *soundness.TABLES,
    constraints.TABLE,
    exact_benchmark.TABLE,
    exact_random.TABLE,
    formulations.TABLE,
    fuzz.TABLE,
    library.TABLE,
    limits_benchmark.TABLE,
    limits_random.TABLE,
    limits_reference.TABLE,
    matrix.TABLE,
    milp_benchmark.TABLE,
    *modes_examples.TABLES,
    modes_random.TABLE,
    mutation.TABLE,
    counts.TABLE,
    policies.TABLE,
    presets.TABLE,
    resolves.TABLE,
    signals.TABLE,
    solver_defaults.TABLE,
    solvers_benchmark.TABLE,
    size.TABLE,
    speed.TABLE,
    training_benchmark.TABLE,
)


def row(seed: int, name: str) -> Row | list[Row]:
    """Return one row for most seeds, two for seed 2, none for seed 3; the fifth call is stopped."""
    COMPUTED.append(seed)
    if len(COMPUTED) == 5:
        raise KeyboardInterrupt
    found: list[Row] = [
        {"seed": seed, "name": name, "half": np.float64(seed / 2), "even": np.bool_(seed % 2)}
    ]
    return {2: found * 2, 3: []}.get(seed, found[0])


def costs(seed: int) -> Row:
    """Return the cost of ECO on a channel."""
    return {"seed": seed, "eco": ei.solve(ei.Instance.letter(users=2, seed=seed), "eco").objective}


def with_most(found: pd.DataFrame) -> pd.DataFrame:
    """Add a column that needs the whole table."""
    return found.assign(most=found["half"].max())


TABLE = Table("own", lambda: ((n, "é") for n in range(6)), row, ("pyomo",), finish=with_most)
PARALLEL = Table("costs", lambda: ((seed,) for seed in range(4)), costs, ())


@pytest.fixture(autouse=True)
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep and store in a folder of the test's own."""
    monkeypatch.setattr(provenance, "RESULTS", tmp_path / "results")
    monkeypatch.setattr(table, "STORES", tmp_path / "stores")
    COMPUTED.clear()


def run(monkeypatch: pytest.MonkeyPatch, *words: str) -> None:
    """Run the command of the table."""
    monkeypatch.setattr(sys, "argv", ["own.py", *words])
    command([TABLE])


def test_a_run_that_was_stopped_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is finished is not computed again, and the table is stored when it is complete."""
    with pytest.raises(KeyboardInterrupt):
        run(monkeypatch)
    assert not provenance.RESULTS.exists()
    run(monkeypatch)
    assert COMPUTED == [0, 1, 2, 3, 4, 4, 5]
    found = TABLE.stored()
    assert found["seed"].tolist() == [0, 1, 2, 2, 4, 5]
    assert found["half"].tolist() == [0.0, 0.5, 1.0, 1.0, 2.0, 2.5]
    assert found["name"].unique().tolist() == ["é"]
    assert (found["most"] == 2.5).all()
    run(monkeypatch)
    assert len(COMPUTED) == 7


def test_what_is_settled_outlives_a_change_of_code(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows that have failed are computed again, by whatever code there is then, and no others."""

    def checked(n: int) -> Row:
        COMPUTED.append(n)
        return {"n": n, "failed": int(len(COMPUTED) == 2)}

    own = Table("own", lambda: ((n,) for n in range(3)), checked, (), settled=passed)
    own.compute()
    assert own.stored()["failed"].tolist() == [0, 1, 0]
    monkeypatch.setattr(table, "version_of_code", lambda: "another")
    own.compute()
    assert COMPUTED == [0, 1, 2, 1]
    assert own.stored()["failed"].tolist() == [0, 0, 0]


def test_some_cases_alone_are_kept_for_later(monkeypatch: pytest.MonkeyPatch) -> None:
    """Cases that are named are computed, and nothing is stored before all are."""
    run(monkeypatch, "1", "4")
    assert COMPUTED == [1, 4]
    assert not provenance.RESULTS.exists()


@pytest.mark.slow
def test_processes_find_the_same(tmp_path: Path) -> None:
    """Rows of several processes are those of one, in the order of the cases."""
    both = [
        Table("costs", PARALLEL.cases, costs, (), workers).computed(folder=tmp_path / str(workers))
        for workers in (1, 2)
    ]
    assert both[0] is not None
    assert both[1] is not None
    pd.testing.assert_frame_equal(both[0], both[1])


def test_a_stored_table_says_where_it_comes_from() -> None:
    """Versions, date, commit and processor stand in every row; seeds are the row's own."""
    PARALLEL.compute()
    found = PARALLEL.stored()
    assert found["date"].unique().tolist() == [dt.datetime.now(tz=dt.UTC).date().isoformat()]
    assert found["eipyomo"].unique().tolist() == [ei.__version__]
    assert found["commit"].str.fullmatch("[0-9a-f]{40}[+]?|unknown").all()
    assert found["processor"].str.len().min() > 0
    assert {"python", "numpy", "machine", "cores"} <= set(found)


def test_every_stored_table_is_one_of_an_experiment() -> None:
    """Stored tables have an experiment, and experiments a stored table; no case stands twice."""
    results = provenance.HERE / "results"
    assert {one.name for one in ALL} == {file.stem for file in results.iterdir()}
    for one in ALL:
        cases = list(one.cases())
        assert len(set(cases)) == len(cases)


def test_stored_figures_have_no_font_that_publishers_refuse() -> None:
    """No PDF embeds Type 3 fonts; dictionaries of fonts are never compressed in these files."""
    stored = sorted(provenance.FIGURES.glob("*.pdf"))
    assert stored
    assert [one.name for one in stored if b"/Type3" in one.read_bytes()] == []
    assert all(b"/FontFile2" in one.read_bytes() for one in stored)


def test_nothing_was_found_that_was_looked_for() -> None:
    """The stored runs: a million inputs to all readers, every command ended by three signals."""
    folder = Path(everything.__file__).parent / "results"
    readers, ended = (pd.read_csv(folder / f"{one}.csv") for one in ("fuzz", "signals"))
    assert readers["reader"].tolist() == [name for name, _ in fuzz.cases()]
    assert readers["inputs"].sum() >= 1_000_000
    assert not readers["faults"].any()
    assert len(ended) == 3 * len(signals.COMMANDS)
    assert ended["completed_then"].all()
    assert ended["faults"].isna().all()
