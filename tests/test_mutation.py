"""Mutants: a fault that is made is found, and of what survives somebody has said why."""

from __future__ import annotations

import json

import pytest

import eipyomo as ei
from eipyomo.evaluation import _EVALUATED
from experiments import mutants, mutation
from experiments.mutants import ROOT, Mutant
from tests.allocations import random_allocation

JUDGE = "eipyomo/solvers/judge.py"


def planted(file: str, was: str, became: str) -> Mutant:
    """Return the mutant of the only place of a file that has a text."""
    text = (ROOT / file).read_text(encoding="utf-8")
    assert text.count(was) == 1
    start = text.index(was)
    return Mutant(
        file, text.count("\n", 0, start) + 1, start - text.rfind("\n", 0, start), was, became
    )


def test_a_planted_fault_is_found() -> None:
    """A bound above the cost that is believed is killed by the test of it; a no-op survives."""
    claimed = planted(JUDGE, "bound - cost > ROUNDING", "bound - cost < ROUNDING")
    same = planted(JUDGE, "bound - cost > ROUNDING", "bound + -cost > ROUNDING")
    whole = planted(JUDGE, "REPAIR = 1e-5", "REPAIR = 1e-2")
    names = ("false_claims_are_contradicted", "repair_is_small")
    tests = [f"tests/test_judge.py::test_{name}" for name in names]
    process = mutants.Process(tests=tests, limit_s=60.0)
    told = [process.outcome(one) for one in (claimed, same, whole)]
    process.close()
    assert [one.state for one in told] == ["killed", "survived", "killed"]
    assert [one.by for one in told] == [tests[0], "", tests[1]]


def test_a_compiled_function_that_does_the_same_survives() -> None:
    """What is compiled with a mutant fails by nothing but the mutant, also beside what is kept."""
    was = "if used + counts[j] > len(cells):"
    same = planted(mutants.COMPILED, was, was.replace("used + counts[j]", "counts[j] + used"))
    process = mutants.Process(
        tests=["tests/test_bound_rules.py::test_cells_prove_what_they_say"],
        limit_s=300.0,
        apart=True,
    )
    told = process.outcome(same)
    process.close()
    assert told.state == "survived"


def test_a_mutant_is_one_place_of_a_file() -> None:
    """It changes what it says and no more, and refuses a file that has changed."""
    one = planted(JUDGE, "if 1.0 < over <= 1.0 + REPAIR:", "if 1.0 < over:")
    text = (ROOT / JUDGE).read_text(encoding="utf-8")
    assert one.applied() == text.replace(one.was, one.became)
    with pytest.raises(ValueError, match=r"judge\.py:1:1 is not"):
        one._replace(line=1, column=1).applied()
    assert 0.0 <= mutants.drawn(one) < 1.0
    assert mutants.drawn(one) == mutants.drawn(one._replace(line=1))


def test_what_calls_a_compiled_function_is_compiled_with_it() -> None:
    """A cell's code is in that of what covers users by cells, and not in that of the band."""
    file = mutants.COMPILED
    place = next(one for one in mutants.places(file) if one.name == "write_cell")
    names = mutants.stale(Mutant(file, place.last, 1, "", ""))
    assert {"write_cell", "cover_local", "cover", "cover_all"} <= names
    assert "efficiency" not in names


def test_what_was_judged_before_a_mutant_is_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    """Otherwise an allocation that tests keep would be judged by what is not mutated."""
    instance = ei.Instance.letter(users=2)
    allocation = random_allocation(instance, 1)
    ei.evaluate(instance, allocation)
    assert allocation in _EVALUATED
    monkeypatch.setattr("gc.get_objects", list)  # caches of functions stay
    mutants.forget()
    assert allocation not in _EVALUATED


def test_every_survivor_is_explained() -> None:
    """Each that is stored has a sentence, each sentence is of one that is stored."""
    stored = mutation.TABLE.stored()
    assert set(stored["state"]) <= {"killed", "survived", "timeout"}
    survived = stored[stored["state"] == "survived"]
    places = {(one["file"], one["in"], one["was"], one["became"]) for _, one in survived.iterrows()}
    assert set(mutation.explained()) == places
    assert all(len(why) > 10 for why in mutation.explained().values())
    assert set(stored["area"]) <= set(mutation.AREAS)


def test_the_page_is_that_of_the_table() -> None:
    """docs/mutation.md is what ``python -m experiments.mutation --plot-only`` writes."""
    assert mutation.PAGE.read_text(encoding="utf-8") == mutation.page(mutation.TABLE.stored())
    json.dumps(mutation.cases())
