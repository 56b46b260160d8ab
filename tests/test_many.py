"""Many instances at once: the results of one by one, in order, whatever fails on the way."""

from __future__ import annotations

import contextlib
import itertools
import math
import os
import pickle
import re
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import pytest

import eipyomo as ei
from eipyomo.problem import Problem
from eipyomo.studies import many, spreading
from eipyomo.studies.pools import open_pools


def channels(count: int, users: int = 3) -> list[ei.Instance]:
    """Return the letter's setting with so many channels."""
    return [ei.Instance.letter(users=users, seed=seed) for seed in range(count)]


def same(one: ei.Result, other: ei.Result) -> bool:
    """Tell whether two results agree in every bit, but for the seconds."""
    documents = [result.to_dict() for result in (one, other)]
    for document in documents:
        for key in ("wall_s", "setup_s"):
            del document[key]
        for step in document["trace"]:
            del step["elapsed_s"]
    return bool(documents[0] == documents[1])


@pytest.fixture(params=[(1, 0.0), (2, 0.0), (2, math.inf)], ids=["1", "2", "2 with this one"])
def workers(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    """Return a number of processes, which begin at once, and of which this one can be one."""
    number, short_s = request.param
    monkeypatch.setattr(many, "HERE_S", 0.0)
    monkeypatch.setattr(many, "SHORT_S", short_s)
    return int(number)


def test_results_are_those_of_one_by_one(workers: int) -> None:
    """In every bit and in order, with the words of a shortcut and options."""
    instances = channels(25)
    options: dict[str, Any] = {"gap": 1e-4, "problem": "gbe"}
    found = list(ei.solve_many(instances, workers=workers, progress=False, **options))
    for result, instance in zip(found, instances, strict=True):
        assert same(result, ei.solve(instance, **options))


def test_instances_are_taken_as_needed() -> None:
    """An endless stream of channels is no trouble with one worker."""
    taken: list[ei.Instance] = []

    def endless() -> Iterator[ei.Instance]:
        while True:
            taken.append(ei.Instance.letter(users=2, seed=len(taken)))
            yield taken[-1]

    found = ei.solve_many(endless(), "eco", workers=1, progress=False)
    assert [next(found).objective is not None for _ in range(3)] == [True] * 3
    assert len(taken) == 3


def test_bad_words_are_refused_at_once() -> None:
    """The method and its options before anything is solved, an instance when its turn comes."""
    with pytest.raises(ei.InputError, match="method is 'best'"):
        ei.solve_many([], "best")
    with pytest.raises(ei.InputError, match="gapp is not an option"):
        ei.solve_many([], gapp=1.0)
    with pytest.raises(ei.InputError, match="workers is 0"):
        ei.solve_many([], workers=0)
    found = ei.solve_many([*channels(1), "one"], workers=1, progress=False)  # type: ignore[list-item]
    assert next(found).feasible
    with pytest.raises(ei.InputError, match="an element of instances is"):
        next(found)


def test_what_a_method_does_not_handle_is_refused_in_its_turn(workers: int) -> None:
    """The results before it are there."""
    late = channels(1)[0].replace(users={"eu1": {"deadline_s": 9.0}})
    total = late.replace(total_latency_budget_s=99.0)
    found = ei.solve_many([*channels(2), total], "admm", workers=workers, progress=False)
    assert [next(found).termination for _ in range(2)] == ["converged"] * 2
    with pytest.raises(ei.InputError, match="does not handle totals"):
        next(found)


class Deadly(ei.Instance):
    """An instance that ends the process of the worker that receives it."""

    def __reduce__(self) -> Any:
        """Make unpickling fatal."""
        return os._exit, (9,)


def test_a_death_stops_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who ends its process has an error for a result, and the others are solved."""
    monkeypatch.setattr(many, "HERE_S", 0.0)
    monkeypatch.setattr(many, "SHORT_S", 0.0)
    instances = channels(6)
    instances[3] = Deadly(**instances[3].data())
    found = list(ei.solve_many(instances, "eco", workers=2, progress=False))
    assert [result.termination for result in found].count("error") == 1
    assert found[3].message == "the process that computed it died"
    assert all(result.feasible for result in found if result is not found[3])


def deadly(parent: int, number: int) -> int:
    """Return the number, or end the process for some numbers, unless it is the parent."""
    if number % 40 == 39 and os.getpid() != parent:
        os._exit(9)
    time.sleep(0.005)
    return number


@pytest.mark.slow
def test_a_death_elsewhere_stops_nothing_here() -> None:
    """Of tasks that wait beside those of a process that dies, none has an error for an answer."""
    with contextlib.closing(open_pools(1, None)) as pools:
        found = dict(spreading.spread(partial(deadly, os.getpid()), range(600), pools, here=True))
    died = {number for number, answer in found.items() if answer != number}
    assert sorted(found) == list(range(600))
    assert died
    assert all(number % 40 == 39 for number in died)
    assert {spreading.why(found[number]) for number in died} == {
        "the process that computed it died"
    }


def test_nothing_is_shown_but_in_a_terminal(capfd: pytest.CaptureFixture[str]) -> None:
    """Standard output stays free, and standard error too where nobody looks."""
    assert len(list(ei.solve_many(channels(2), "eco", workers=1))) == 2
    assert capfd.readouterr() == ("", "")


def test_the_example_of_the_page_runs() -> None:
    """And gives twenty costs."""
    page = (Path(__file__).parents[1] / "docs" / "speed.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    names: dict[str, Any] = {}
    exec(example, names)
    assert len(names["costs"]) == 20


def test_who_is_slow_keeps_nobody_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tasks that were handed out together are given back once one of them has taken long."""
    monkeypatch.setattr(spreading, "LONG_S", -1.0)
    seconds, answers = spreading._answers(abs, [-1, -2, -3])
    assert answers == [1]
    assert seconds >= 0.0
    with ThreadPoolExecutor(1) as executor:
        found = dict(spreading.spread(abs, range(-5, 0), itertools.repeat((executor, 1))))
    assert found == {-n: n for n in range(1, 6)}


def test_there_is_no_end_of_tasks(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is kept while tasks are handed out does not grow with their number."""
    monkeypatch.setattr(spreading, "MOST", 1)
    with ThreadPoolExecutor(1) as executor:
        found = spreading.spread(abs, iter(range(20_000)), itertools.repeat((executor, 1)))
        assert sum(answer for _, answer in found if isinstance(answer, int)) == 199_990_000


@pytest.mark.parametrize("objective", ["wsel", "slowest"])
def test_a_problem_from_a_pickle_is_the_same_one(objective: str) -> None:
    """So that a worker minimises what it is asked to, though all that it gets are copies."""
    problem = Problem.of(channels(1)[0], objective=objective)
    again = pickle.loads(pickle.dumps(problem))
    assert same(ei.solve(again, node_limit=20), ei.solve(problem, node_limit=20))
