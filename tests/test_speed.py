"""What a change has made slower is noticed: counts that machines agree in, ratios in one run."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import pytest

import eipyomo as ei
from eipyomo.solvers.compiled import compiled
from eipyomo.solvers.exact import method
from experiments import counts

MORE = 1.1
"""So many times the stored count is too much."""
STORED = {
    (row["method"], row["setting"], row["users"]): row
    for row in counts.TABLE.stored().to_dict("records")
}


@pytest.mark.parametrize(("method", "setting", "users"), list(counts.cases()))
def test_no_more_work_than_stored(method: str, setting: str, users: int) -> None:
    """Evaluations, nodes or iterations, and memory: at most a tenth more than in the table."""
    found, stored = counts.row(method, setting, users), STORED[method, setting, users]
    for key in ("evaluations", "iterations", "peak_bytes"):
        assert found[key] <= MORE * stored[key], key


def least_s(run: Callable[[], object]) -> float:
    """Return the least of the seconds that ten runs take."""
    seconds = []
    for _ in range(10):
        began = time.perf_counter()
        run()
        seconds.append(time.perf_counter() - began)
    return min(seconds)


def test_an_optimum_takes_no_more_than_so_many_evaluations() -> None:
    """The time of a solve in that of a judgement of its answer, about 30: both are small numpy."""
    instance = ei.Instance.letter(users=4)
    result = ei.solve(instance)
    assert result.allocation is not None
    allocation = result.allocation
    judged_s = least_s(lambda: [ei.evaluate(instance, allocation) for _ in range(10)]) / 10.0
    assert least_s(lambda: ei.solve(instance)) < 80.0 * judged_s


def test_no_generator_is_compiled() -> None:
    """Another process would not load what was kept of one."""

    def numbers() -> Iterator[int]:
        yield 1

    with pytest.raises(TypeError, match="numbers yields, but"):
        compiled(numbers)


def test_compiling_takes_nothing_from_the_time_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a new machine the first answer is as good as the second."""
    monkeypatch.setattr(method, "prepare", lambda: 100.0)
    for name in ("exact", "gbe"):
        assert ei.solve(ei.Instance.letter(), name, time_limit=1e-6).termination == "optimal"


def test_code_is_compiled_once_for_all_constants() -> None:
    """That True and 1 are known when code is compiled is no reason to compile it for them alone."""

    @compiled
    def chosen(first: bool, number: int) -> int:
        return number if first else -number

    @compiled
    def total() -> int:
        three: int = chosen(True, 3)
        return three + chosen(False, 1) + chosen(True, 2)

    assert total() == 4
    assert len(getattr(chosen, "signatures", ())) == 1
