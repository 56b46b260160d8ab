"""Sessions: solvers' processes that stay alive answer as new ones do, and leave nothing behind."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
import textwrap
import time
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from pathlib import Path
from typing import Any

import pyomo.environ as pyo
import pytest

import eipyomo as ei
from eipyomo.solvers.backends import BACKENDS, sessions
from eipyomo.solvers.backends.base import Backend
from eipyomo.solvers.backends.worker import Worker
from tests.backends import EVERY, fake, small
from tests.conftest import slow_but
from tests.test_ends import of_mark

PAGE = (Path(__file__).parents[1] / "docs" / "resolving.md").read_text(encoding="utf-8")


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[Worker]:
    """Return a list of all workers that sessions will have started."""
    workers: list[Worker] = []

    def start(*words: Any) -> Worker:
        workers.append(Worker(*words))
        return workers[-1]

    monkeypatch.setattr(sessions, "Worker", start)
    return workers


def re_solved(solver: str, times: int) -> Iterator[dict[str, Any]]:
    """Solve one model with ever more band; yield the documents but for times."""
    instance = ei.Instance.letter(users=2)
    model = ei.models.minlp(instance)
    ei.models.fix(model, download=1)
    for n in range(times):
        ei.models.update(model, instance.replace(bandwidth_hz=2e7 * (1 + n / 10)))
        document = ei.solve_model(model, solver, time_limit=20).to_dict()
        yield {key: part for key, part in document.items() if key not in ("wall_s", "setup_s")}


@pytest.mark.parametrize("solver", slow_but(["ipopt", "bonmin"], "ipopt"))
def test_a_session_answers_as_new_processes_do(solver: str, started: list[Worker]) -> None:
    """Every number of every re-solve is the same to the last bit, from one process."""
    apart = list(re_solved(solver, 4))
    assert started == []
    with ei.solvers.session():
        assert list(re_solved(solver, 4)) == apart
    assert len(started) == 1
    assert apart[0]["objective"] != apart[1]["objective"]


@pytest.mark.parametrize("name", EVERY)
def test_every_solver_from_a_wheel_can_stay_alive(name: str, started: list[Worker]) -> None:
    """All of them solve a small model three times in one process, as each does alone."""
    backend = BACKENDS[name]

    def solve() -> list[float]:
        model = small(integer=backend.capabilities.integers)
        answer = backend.solve(model, time_limit=20.0, gap=1e-6)
        assert answer.status in ("optimal", "converged"), answer.message
        assert answer.point is not None
        return [value for _, value in answer.point]

    alone = solve()
    with ei.solvers.session():
        assert [solve() for _ in range(3)] == [alone] * 3
    assert len(started) == 1


def fails_twice(backend: Backend, words: str, *, time_limit: float) -> None:
    """Hold that a solver fails, and once more, in one sentence with some words."""
    for _ in range(2):
        answer = backend.solve(small(), time_limit=time_limit, gap=1e-4)
        assert answer.status == "error"
        assert words in answer.message
        assert "\n" not in answer.message


@pytest.mark.parametrize(
    ("script", "words"),
    [
        ("os.kill(os.getpid(), 11)", "ended by signal SIGSEGV"),
        ("os.abort()", "ended by signal SIGABRT"),
        ("raise RuntimeError('no licence')", "exit status 1: RuntimeError: no licence"),
        ("sys.exit('no licence')", "exit status 1"),
        ("sys.exit(0)", "it ended without an answer"),
        ("os._exit(3)", "exit status 3"),
        ("print('x' * 10_000_000)", "it ended without an answer"),
        ("open('answer.json', 'w').write('}{')", "it ended without an answer"),
    ],
)
def test_a_job_that_fails_costs_no_worker(
    script: str, words: str, tmp_path: Path, started: list[Worker]
) -> None:
    """What a solver does to its process comes back as one sentence, and the next is not hurt."""
    backend = fake(tmp_path, f"import os, sys\ndef main():\n    {script}\n")
    with ei.solvers.session():
        fails_twice(backend, words, time_limit=10.0)
    assert len(started) == 1


@pytest.mark.parametrize(
    ("script", "words"),
    [
        ("def main():\n    while True: time.sleep(1)", "did not stop at its time limit"),
        ("def main():\n    os.kill(os.getppid(), 9); time.sleep(9)", "ended by signal SIGKILL"),
        ("raise ImportError('no such library')", "exit status 1"),
    ],
)
def test_after_a_worker_that_ended_there_is_a_new_one(
    script: str,
    words: str,
    tmp_path: Path,
    started: list[Worker],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A deadline holds from outside; a worker that is killed, or never begins, is replaced."""
    monkeypatch.setattr("eipyomo.solvers.backends.process.GRACE_S", 0.5)
    backend = fake(tmp_path, f"import os, time\n{script}\n")
    with ei.solvers.session():
        fails_twice(backend, words, time_limit=0.5)
        assert not any(worker.close.alive for worker in started)
        assert BACKENDS["ipopt"].trouble() is None
    assert len(started) == 3


def test_a_session_ends_its_processes(
    tmp_path: Path, started: list[Worker], monkeypatch: pytest.MonkeyPatch
) -> None:
    """At the end of the block, also by an error, no process and no folder is left."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with contextlib.suppress(ZeroDivisionError), ei.solvers.session():
        assert BACKENDS["ipopt"].trouble() is None
        assert BACKENDS["highs"].trouble() is None
        assert len(list(tmp_path.iterdir())) == 2
        _ = 1 / 0
    assert len(started) == 2
    assert [worker.status for worker in started] == [-signal.SIGKILL] * 2
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", slow_but(["TERM", "KILL", "INT"], "KILL"))
def test_a_script_that_is_ended_leaves_nothing(name: str, tmp_path: Path) -> None:
    """Whatever signal ends it in the middle of a session, with files of its own in a folder."""
    script = """
        import time
        import eipyomo as ei
        from eipyomo.solvers.backends.guard import scratch
        with ei.solvers.session(), scratch() as folder:
            (folder / "part.txt").write_text("half")
            assert ei.solvers.BACKENDS["ipopt"].trouble() is None
            print("ready", flush=True)
            time.sleep(60)
    """
    mark = uuid.uuid4().hex
    process = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(script)],
        env={**os.environ, "TMPDIR": str(tmp_path), "EIPYOMO_MARK": mark},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == b"ready\n"
    process.send_signal(getattr(signal, f"SIG{name}"))
    process.wait(10)
    process.stdout.close()
    until = time.monotonic() + 5.0
    while (of_mark(mark) or any(tmp_path.iterdir())) and time.monotonic() < until:
        time.sleep(0.1)
    assert of_mark(mark) == []
    assert list(tmp_path.iterdir()) == []


def test_sessions_belong_to_their_threads(started: list[Worker]) -> None:
    """A thread outside has new processes; those inside of one do not wait for each other."""

    def solve() -> str | None:
        return BACKENDS["ipopt"].trouble()

    with ei.solvers.session(), ThreadPoolExecutor(2) as threads:
        assert threads.submit(solve).result() is None
        assert started == []
        with ei.solvers.session():  # within another it is the same
            inside = [threads.submit(copy_context().run, solve) for _ in range(4)]
            assert [job.result() for job in inside] == [None] * 4
            assert 1 <= len(started) <= 2
            assert solve() is None
        assert len(started) <= 2
    assert not any(worker.close.alive for worker in started)


def test_what_is_shown_and_kept_is_the_jobs_own(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Pyomo's `tee`, `logfile` and `keepfiles` have what this solve printed, natively too."""
    model = small(integer=False)
    with ei.solvers.session():
        for n in range(2):
            log = tmp_path / f"{n}.log"
            solver = pyo.SolverFactory("eipyomo.ipopt")
            results = solver.solve(model, tee=True, logfile=str(log), keepfiles=True)
            pyo.assert_optimal_termination(results)
            out = capsys.readouterr().out
            assert log.read_text().count("EXIT: Optimal Solution Found.") == 1
            assert out.count("EXIT: Optimal Solution Found.") == 1
            kept = re.search(r"are kept in '(.*)'", out)
            assert kept is not None
            assert {"job.json", "model.nl", "answer.json", "log.txt"} == {
                file.name for file in Path(kept[1]).iterdir()
            }


def test_the_loop_of_the_page(started: list[Worker]) -> None:
    """It runs as it stands, in one process, and more band costs no more."""
    script = re.search(r"```python\n(.*?)```", PAGE, flags=re.DOTALL)
    assert script is not None
    names: dict[str, Any] = {}
    exec(compile(script[1], "resolving.md", "exec"), names)
    costs = names["costs"]
    assert len(costs) == 21
    assert costs == sorted(costs, reverse=True)
    assert len(started) == 1
