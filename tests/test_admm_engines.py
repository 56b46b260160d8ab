"""Both engines of step 1 give the same numbers, wherever they run; and the worker between them."""

from __future__ import annotations

import multiprocessing
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from eipyomo import Instance, SolverError, models
from eipyomo.models import bounds
from eipyomo.scaled import Scaled
from eipyomo.solvers import backends
from eipyomo.solvers.admm.kernel import solve_range
from eipyomo.solvers.admm.pyomo_agents import HORIZON_FACTOR, PyomoAgent
from eipyomo.solvers.admm.records import TARGET, user_records
from eipyomo.solvers.backends.worker import Worker
from tests.admm_cases import answers, random_targets
from tests.conftest import reference, slow_but, solve_admm
from tests.instances import KINDS

SCRIPT = Path(backends.__file__).with_name("casadi_worker.py")
COPIES = ("uplink_share", "sync_s", "downlink_share", "edge_frequency_ghz")


@pytest.fixture(scope="module")
def worker() -> Worker:
    """Return one worker for all agents of this module."""
    return Worker(SCRIPT)


def pyomo_agents(data: Scaled, worker: Worker) -> list[PyomoAgent]:
    """Return one agent for each user."""
    latest_s = HORIZON_FACTOR * bounds.latest_s(data)
    return [
        PyomoAgent(data.repeated(np.array([j])), float(latest_s[j]), worker)
        for j in range(len(data))
    ]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "name",
    slow_but(["letter-m4", "mixed-m4", "letter-m2", "hostile-06", "hostile-24"], "letter-m2"),
)
def test_same_step_one_at_fixed_decisions(name: str, kind: str, worker: Worker) -> None:
    """x, y, z, v, f and S agree to 1e-8 at 5 decisions and 4 random states of the coordinator.

    Where it is limited v is in GHz and S bends little in it, which costs a digit of the copies.
    """
    data = KINDS[kind](reference(name)).scaled
    near = 1e-8 if kind == "plain" else 1e-7
    agents = pyomo_agents(data, worker)
    for seed in range(4):
        targets = random_targets(data, seed)
        for download, offload in (
            (True, 0.0),
            (True, 0.3),
            (True, 0.7),
            (True, 0.95),
            (False, 1.0),
        ):
            compiled = answers(download, offload, len(data))
            solve_range(user_records(data), targets, compiled, 0, len(data))
            for j, agent in enumerate(agents):
                agent.warm = None
                solved = agent.solve(targets[j : j + 1], download, offload)[0]
                scale = 1.0 + abs(compiled[j]["value"])
                assert solved["value"] == pytest.approx(compiled[j]["value"], abs=1e-8 * scale)
                for copy in COPIES:
                    assert solved[copy] == pytest.approx(compiled[j][copy], rel=near, abs=near)
                assert solved["frequency_ghz"] == pytest.approx(
                    compiled[j]["frequency_ghz"], rel=1e-6, abs=1e-6
                )


def test_proposition_1_with_ipopts_multipliers(worker: Worker) -> None:
    """The f of (19) follows from the multiplier μ that Ipopt gives the local branch.

    μ + ν = w^t with the edge branch's multiplier ν, and ν > 0 only where both branches end
    together.
    """
    data = reference("mixed-m4").scaled
    for j, agent in enumerate(pyomo_agents(data, worker)):
        user = agent.model.user
        marginal = 2.0 * data.energy_weight[j] * data.energy_coefficient[j]
        for seed in range(6):
            agent.warm = None
            solved = agent.solve(random_targets(data, seed)[j : j + 1], True, 0.15 * seed)[0]
            local = abs(agent.multiplier(user.local_latency))
            edge = abs(agent.multiplier(user.edge_latency))
            assert local == pytest.approx(solved["mu"])
            assert local + edge == pytest.approx(data.latency_weight[j], rel=1e-7)
            if data.task_mbit[j] > 0:
                expected = min(np.cbrt(local / marginal), data.max_frequency_ghz[j])
                assert solved["frequency_ghz"] == pytest.approx(expected, rel=1e-6)
            if edge > 1e-6:
                spare_s = models.largest_violation(agent.model)  # the model's own constraints hold
                assert spare_s[1] <= 1e-8
                edge_end_s = user.ready_s.value + float(user.edge_inference_s())
                local_end_s = agent.model.sync_copy.value + float(user.counted_download_s())
                local_end_s += user.local_inference_s.value
                assert local_end_s == pytest.approx(edge_end_s, abs=1e-6)


@pytest.mark.parametrize(
    ("name", "kind", "iterations"),
    slow_but(
        [
            ("letter-m4", "plain", 20),
            ("mixed-m4", "plain", 20),
            ("letter-m2", "plain", 20),
            ("letter-m2", "limited", 6),
        ],
        ("letter-m2", "limited", 6),
    ),
)
def test_same_iterates(name: str, kind: str, iterations: int) -> None:
    """The first iterations agree to 1e-6; users without a task apart, whose ι means nothing."""
    instance = KINDS[kind](reference(name))
    compiled, solved = (
        solve_admm(instance, engine=engine, max_iterations=iterations, dual_tolerance=1e-12)
        for engine in ("kernel", "pyomo")
    )
    assert len(compiled.trace) == len(solved.trace) == iterations
    works = instance.scaled.task_mbit > 0
    for one, other in zip(compiled.trace, solved.trace, strict=True):
        for key in (
            "consensus_objective",
            "recovered_objective",
            "sync_s",
            "primal_residual",
            "dual_residual",
            *(["edge_residual"] if kind == "limited" else []),
        ):
            assert other[key] == pytest.approx(one[key], rel=1e-6, abs=1e-6)
        for key in ("download", "offload_fraction"):
            assert np.array(other[key], float)[works] == pytest.approx(
                np.array(one[key], float)[works], abs=1e-6
            )


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["threads", "processes"])
def test_the_executor_changes_nothing(kind: str) -> None:
    """Two iterations in two threads or processes are those without an executor, bit by bit."""
    instance = reference("letter-m2")
    pool: Executor
    if kind == "threads":
        pool = ThreadPoolExecutor(2)
    else:
        pool = ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn"))
    alone = solve_admm(instance, engine="pyomo", max_iterations=2)
    with pool:
        shared = solve_admm(instance, engine="pyomo", max_iterations=2, executor=pool)
    assert shared.trace == alone.trace
    assert shared.objective == alone.objective


@pytest.mark.slow
def test_time_limit_within_an_iteration() -> None:
    """The Pyomo engine stops between users; without one iteration there is no answer."""
    result = solve_admm(reference("letter-m4"), engine="pyomo", time_limit=1e-9)
    assert result.termination == "limit"
    assert result.allocation is None
    assert "too short" in result.message


def test_agent_has_one_user() -> None:
    """An agent of two users is refused."""
    with pytest.raises(ValueError, match="exactly one"):
        models.build_agent(reference("letter-m2").scaled, 10.0)


def test_targets_are_told_in_the_order_of_the_record() -> None:
    """A Pyomo agent is told all fields of TARGET; those of the edge and of limits if need be."""
    letter, shared = Instance.letter(users=1), Instance.letter(users=1, total_frequency_ghz=6.0)
    due = {"eu1": {"deadline_s": 9.0}}
    assert TARGET.names is not None
    assert len(models.AGENT_PARAMETERS) == len(TARGET.names)
    for name, field in zip(models.AGENT_PARAMETERS, TARGET.names, strict=True):
        assert name.partition("_")[0] == field.partition("_")[0]
    told = models.agent_parameters(shared.replace(users=due).scaled)
    assert told == list(models.AGENT_PARAMETERS)
    assert set(told) - set(models.agent_parameters(shared.scaled)) == {"limit_price"}
    without = set(told) - set(models.agent_parameters(letter.replace(users=due).scaled))
    assert without == {name for name in told if name.startswith("edge_")}


def script(folder: Path, *lines: str) -> Path:
    """Write a worker's script."""
    path = folder / "script.py"
    path.write_text("\n".join(("import json, os, sys, time", *lines)), encoding="utf-8")
    return path


def test_worker_answers_question_after_question(tmp_path: Path) -> None:
    """One child, many answers; what it prints to standard error does not disturb."""
    echo = Worker(
        script(
            tmp_path,
            "for line in sys.stdin:",
            "    print('noise', file=sys.stderr)",
            "    print(json.dumps({'got': json.loads(line)['n'], 'pid': os.getpid()}), flush=True)",
        )
    )
    answered = [echo.ask({"n": n, "text": "x" * 200_000}, 20.0) for n in range(3)]
    assert [answer["got"] for answer in answered] == [0, 1, 2]
    assert len({answer["pid"] for answer in answered}) == 1
    echo.close()
    with pytest.raises(SolverError, match="has ended before"):
        echo.ask({"n": 3}, 1.0)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("lines", "words"),
    [
        (("time.sleep(60)",), "did not answer in time"),
        (("sys.stdin.readline()", "os.kill(os.getpid(), 9)"), "signal SIGKILL"),
        (("sys.stdin.readline()", "raise RuntimeError('out of order')"), "out of order"),
        (("sys.stdin.readline()", "print('no JSON', flush=True)", "time.sleep(60)"), "Expecting"),
    ],
)
def test_a_worker_that_fails_is_a_solver_error(
    tmp_path: Path, lines: tuple[str, ...], words: str
) -> None:
    """A hang, a kill, a crash and nonsense come back as one sentence, and the child is gone."""
    failing = Worker(script(tmp_path, *lines))
    with pytest.raises(SolverError) as error:
        failing.ask({"n": 0}, 2.0)
    assert words in str(error.value)
    assert not failing.close.alive
