"""Benchmarks of solvers: what is asked and skipped, what counts as true, and what the page says.

Answers of made-up solvers stand for those of real ones; certified values are the library's.
"""

from __future__ import annotations

import os
import re
import shlex
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import eipyomo as ei
from eipyomo.cli import main
from experiments import benchmarks, provenance, solvers_benchmark, solvers_profiles
from experiments.solvers_benchmark import GAPS, TABLE, Child, judged, rows
from experiments.table import Row

PAGE = benchmarks.PAGE.read_text(encoding="utf-8")
ENTRY = ei.library.entry("letter-m4")
assert ENTRY.value is not None
assert ENTRY.bound is not None


def told(status: str, value: float | None = None, bound: float | None = None) -> Row:
    """Return an answer that took a second."""
    return {"status": status, "seconds": 1.0, "value": value, "bound": bound}


def hang(*_: Any) -> Row:
    """Never answer."""
    time.sleep(60.0)
    return {}


def die(*_: Any) -> Row:
    """End the process."""
    os._exit(3)


@pytest.mark.parametrize(
    ("answer", "true", "solved"),
    [
        (told("optimal", ENTRY.value, ENTRY.bound), True, True),
        (told("optimal", ENTRY.value, ENTRY.value * (1.0 + 1e-5)), False, False),
        (told("optimal", ENTRY.value * 1.01, ENTRY.bound), False, False),
        (told("optimal", ENTRY.value, ENTRY.bound * 0.99), True, False),
        (told("limit", ENTRY.value * 0.999, None), False, False),
        (told("limit", ENTRY.value, ENTRY.bound), True, False),
        (told("converged", ENTRY.value * 1.01, None), True, False),
        (told("infeasible"), False, False),
        (told("refused"), True, False),
    ],
)
def test_what_is_claimed_is_held_against_what_is_known(
    answer: Row, true: bool, solved: bool
) -> None:
    """Bounds above the optimum, points below it, and false optima are no solved entries."""
    row = judged(ENTRY, "x", 1e-4, answer)
    assert (row["true"], row["solved"]) == (true, solved)


def test_infeasibility_is_solved_where_it_is_known() -> None:
    """And a point there is false."""
    missed = ei.library.entry("letter-m4-missed")
    assert judged(missed, "x", 1e-4, told("infeasible"))["solved"]
    assert not judged(missed, "x", 1e-4, told("converged", 4.0))["true"]


def test_what_is_hopeless_is_not_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    """1e-6 is asked where 1e-4 was proven; larger ones of a family end with the first time-out."""
    asked = []

    def ask(name: str, method: str, gap: float, deadline_s: float) -> Row:
        del method
        asked.append((name, gap))
        known = ei.library.entry(name)
        if known.users >= 12:
            return {**told("limit", known.value, None), "seconds": deadline_s}
        return told("optimal", known.value, known.bound)

    monkeypatch.setattr(solvers_benchmark.CHILD, "ask", ask)
    found = rows("letter", "x", 5.0)
    small = [(name, gap) for name in ("letter-m2", "letter-m4") for gap in GAPS]
    assert asked == [*small, ("letter-m12", GAPS[0])]
    assert [row["status"] for row in found[len(asked) :]] == ["not tried"] * 4
    assert {row["why"] for row in found[len(asked) :]} == {"ran out of time on letter-m12"}
    assert {row["deadline_s"] for row in found} == {5.0}


def test_a_solver_that_is_missing_or_refuses_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """No row where it is missing; a row with the reason where it cannot take the problem."""
    monkeypatch.setattr(solvers_benchmark.CHILD, "ask", solvers_benchmark.answer_of)
    assert rows("mixed", "minlp:baron", 5.0) == []
    (row,) = rows("letter-band", "admm", 5.0)
    assert row["status"] == "refused"
    assert "objective 'band'" in row["why"]


def test_exact_solves_in_its_own_words(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two rows, one for each gap, whose bounds are what it has proven."""
    monkeypatch.setattr(solvers_benchmark.CHILD, "ask", solvers_benchmark.answer_of)
    found = rows("letter-large-model", "exact", 5.0)
    assert [row["asked_gap"] for row in found] == list(GAPS)
    assert all(row["solved"] and row["true"] for row in found)


def test_who_hangs_or_dies_is_ended_and_the_next_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """The process is replaced, whatever became of it."""
    child = Child()
    monkeypatch.setattr(solvers_benchmark, "OVERRUN_S", 0.2)
    monkeypatch.setattr(solvers_benchmark, "answer_of", hang)
    assert child.ask("x", "y", 1e-4, 0.1) == {
        "status": "killed",
        "why": "no answer 0.2 s after its limit",
    }
    monkeypatch.setattr(solvers_benchmark, "answer_of", die)
    assert child.ask("x", "y", 1e-4, 20.0)["why"] == "its process died"
    assert child.pools is not None
    child.pools.close()


def made_up(quick: float) -> pd.DataFrame:
    """Return a table of two entries: a solver proves one in so many seconds, `exact` both in 1."""
    found = []
    for name in ("letter-m4", "letter-m4-missed"):
        known = ei.library.entry(name)
        status = "infeasible" if known.infeasible else "optimal"
        for gap in GAPS[: 1 if known.infeasible else 2]:
            found.append(judged(known, "exact", gap, told(status, known.value, known.bound)))
            found.append(judged(known, "admm", gap, told("refused")))
    solver = told("optimal", ENTRY.value, ENTRY.bound)
    found += [judged(ENTRY, "minlp:scip", gap, {**solver, "seconds": quick}) for gap in GAPS]
    missed = ei.library.entry("letter-m4-missed")
    found.append(judged(missed, "minlp:scip", GAPS[0], told("limit")))
    table = pd.DataFrame(found).assign(deadline_s=60.0)
    return table.assign(**provenance.provenance(*TABLE.packages)).astype({"bound": float})


def test_profiles_are_shares_of_all_entries() -> None:
    """Half of two entries at four times the least seconds, and never more."""
    panel = solvers_profiles.profile(made_up(4.0)).axes[0]
    lines = {line.get_label(): line for line in panel.lines}
    assert np.asarray(lines["exact"].get_ydata())[-1] == 1.0
    x, y = (np.asarray(data) for data in lines["scip"].get_data())
    assert y[x >= 4.0].tolist() == [0.5, 0.5]
    assert (y[x < 4.0] == 0.0).all()
    assert "seconds" in panel.get_xlabel()


def test_the_page_says_where_we_lose() -> None:
    """A solver that is quicker than `exact` is named, one that is slower comes closest."""
    lost = benchmarks.page(made_up(0.25))
    assert "| `letter-m4` | 0.0001 | `minlp:scip` | 0.25 | 1 |" in lost
    assert "Proven sooner by another method than by `exact`: 2." in lost
    assert "`admm` refuses 1 entries: `letter-m4`." in lost
    won = benchmarks.page(made_up(4.0))
    assert "| `letter-m4` | 0.0001 | `minlp:scip` | 4 | 1 | 4 |" in won
    assert "No other method has proven any entry" in won


def test_the_page_is_what_the_table_says() -> None:
    """docs/benchmarks.md is written from the stored table, whose claims are those of the rows."""
    table = TABLE.stored()
    assert benchmarks.page(table) == PAGE
    for row in table.to_dict("records"):
        known = ei.library.entry(row["entry"])
        if row["method"] == "exact":
            assert row["solved"]
            assert row["true"]
        if row["bound"] == row["bound"] and known.value is not None:
            assert (row["bound"] <= known.value * (1.0 + 1e-6)) or not row["true"]


@pytest.mark.slow
def test_the_command_of_the_page_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """SCIP proves two users of the letter, as a newcomer would ask it."""
    monkeypatch.chdir(tmp_path)
    (block,) = re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL)
    for line in block.splitlines():
        words = [*shlex.split(line)[1:]]
        words[-1:] = ["60"] if "--time-limit" in words else words[-1:]
        assert main(words) == 0
