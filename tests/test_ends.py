"""However a command ends, nothing of it goes on: no process, no folder, no half-written file."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import uuid
from pathlib import Path

import pytest

import eipyomo as ei
from eipyomo.solvers.processors import quota
from tests.conftest import REFERENCE, slow_but
from tests.test_ampl import executable

LARGE = ("--method", "minlp:scip", "--time-limit", "300")
DEAF = "for number in (1, 2, 15): signal.signal(number, signal.SIG_IGN)\nwhile True: time.sleep(1)"
CLEAR_S = 5.0


def of_mark(mark: str) -> list[str]:
    """Return the command lines of all processes whose environment holds a mark."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                marked = mark.encode() in (entry / "environ").read_bytes()
                command = (entry / "cmdline").read_bytes().replace(b"\0", b" ")
                state = (entry / "stat").read_text(encoding="utf-8").rsplit(")", 1)[1].split()[0]
            except OSError:
                continue
            if marked and state != "Z":
                found.append(command.decode(errors="replace"))
    return found


COMMANDS = {
    "solve by scip": ["solve", "{instance}", *LARGE],
    "solve by mindtpy": ["solve", "{instance}", "--method", "minlp:mindtpy", "--time-limit", "99"],
    "solve by milp": ["solve", "{instance}", "--method", "milp", "--time-limit", "99"],
    "solve by an executable that hears nothing": [
        "solve",
        "{instance}",
        "--method",
        "minlp:deaf",
        "--executable",
        "{deaf}",
        "--time-limit",
        "99",
    ],
    "sweep": [
        "sweep",
        "{instance}",
        "-m",
        "minlp:scip",
        "-m",
        "minlp:scip gap=1e-5",
        "--time-limit",
        "99",
        "--workers",
        "2",
        "--store",
        "{folder}/store.db",
    ],
}
CASES = [
    (command, name)
    for command in COMMANDS
    for name in ("TERM", "HUP", "INT", "KILL")
    if name in ("TERM", "KILL") or command in ("sweep", "solve by scip")
]


@pytest.mark.slow
@pytest.mark.parametrize(("command", "name"), CASES)
def test_an_ended_command_leaves_nothing_behind(command: str, name: str, tmp_path: Path) -> None:
    """5 s after a signal in the middle of a solve no process and no folder of it is left."""
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    instance = tmp_path / "instance.json"
    ei.Instance.letter(users=12, seed=1).to_json(instance)
    deaf = executable(tmp_path, DEAF, "deaf")
    words = [
        word.format(instance=instance, deaf=deaf, folder=tmp_path) for word in COMMANDS[command]
    ]
    mark = uuid.uuid4().hex
    process = subprocess.Popen(
        [sys.executable, "-m", "eipyomo.cli", *words],
        env={**os.environ, "TMPDIR": str(scratch), "EIPYOMO_MARK": mark},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        start_new_session=True,
        cwd=REFERENCE.parents[1],
    )
    until = time.monotonic() + 60
    while not any(
        "child.py" in one or "worker.py" in one or f"{deaf} model" in one for one in of_mark(mark)
    ):
        assert time.monotonic() < until, of_mark(mark)
        assert process.poll() is None, process.stderr
        time.sleep(0.2)
    time.sleep(1.0)
    process.send_signal(getattr(signal, f"SIG{name}"))
    _, errors = process.communicate(timeout=30)
    until = time.monotonic() + CLEAR_S
    while (of_mark(mark) or any(scratch.iterdir())) and time.monotonic() < until:
        time.sleep(0.2)
    assert of_mark(mark) == []
    assert list(scratch.iterdir()) == []
    if name != "KILL":
        sentences = errors.decode()
        expected = "interrupted" if name == "INT" else f"stopped by SIG{name}"
        assert f"eipyomo: {expected}" in sentences
        assert "Traceback" not in sentences


@pytest.mark.slow
def test_a_solver_that_counts_cpu_time_is_asked_first(tmp_path: Path) -> None:
    """One that writes its point at SIGINT only is interrupted at the limit, and the point kept."""
    instance = ei.Instance.letter(users=2)
    best = ei.solve(instance).allocation
    assert best is not None
    model = ei.models.minlp(instance)
    ei.models.load(model, best)
    values = [variable.value for variable in ei.models.writers.nl(model)[1]]
    script = (
        f"def stop(*_):\n    sol({values!r}, code=421)\n    sys.exit(0)\n"
        "signal.signal(signal.SIGINT, stop)\nwhile True: time.sleep(0.1)"
    )
    file = executable(tmp_path, script, "slow")
    result = ei.solve(instance, "minlp", solver="slow", executable=file, time_limit=1)
    assert result.termination == "limit"
    assert "did not stop at its time limit and was interrupted" in result.message
    assert result.objective == pytest.approx(ei.evaluate(instance, best).objective)


@pytest.mark.parametrize("off", slow_but([1e-6, 1e-5, 3e-5, 1e-4, 1e-3], 1e-4))
def test_a_point_that_is_off_by_a_little_is_rescued(off: float, tmp_path: Path) -> None:
    """Shares too large by 1e-6 to 1e-3: repaired, or solved again for its a and ι, and said so."""
    instance = ei.Instance.letter(users=2)
    best = ei.solve(instance).allocation
    assert best is not None
    model = ei.models.minlp(instance)
    ei.models.load(model, best)
    for name in model.users:
        model.uplink_share[name].set_value(model.uplink_share[name].value * (1 + off))
    values = [variable.value for variable in ei.models.writers.nl(model)[1]]
    file = executable(tmp_path, f"sol({values!r})", "rough")
    result = ei.solve(instance, "minlp", solver="rough", executable=file, time_limit=5)
    assert result.termination == "converged", result.message
    assert result.evaluation is not None
    assert result.evaluation.feasible
    cost = ei.evaluate(instance, best).objective
    assert result.objective == pytest.approx(cost, rel=1e-4)
    assert ("the rest was solved by Ipopt" in result.message) == (off > 2e-5)


def run_python(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run Python in a folder, with this package at hand, and return what became of it."""
    return subprocess.run(
        [sys.executable, *arguments],
        capture_output=True,
        text=True,
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": str(REFERENCE.parents[1])},
        check=False,
    )


SCRIPT = """
import eipyomo as ei
from eipyomo.studies.store import Store
from eipyomo.studies.sweep import cells, sweep
print(len(sweep(cells([ei.Instance.letter(users=2)], ["exact", "eco"]), Store("store.db"))))
"""


@pytest.mark.slow
def test_a_script_without_a_main_guard(tmp_path: Path) -> None:
    """One sentence on what to do, nothing stored; with the guard the same store gives results."""
    file = tmp_path / "script.py"
    file.write_text(SCRIPT)
    run = run_python(str(file), cwd=tmp_path)
    assert run.returncode == 1
    assert "below 'if __name__ == \"__main__\":'" in run.stderr.splitlines()[-1]
    head, body = SCRIPT.split("print", 1)
    file.write_text(f'{head}if __name__ == "__main__":\n    print{body}')
    run = run_python(str(file), cwd=tmp_path)
    assert run.stdout.strip() == "2", run.stderr


@pytest.mark.slow
def test_a_sweep_inside_of_a_pool(tmp_path: Path) -> None:
    """A process of a pool may start no others, so the sweep computes by itself."""
    file = tmp_path / "script.py"
    file.write_text(
        "import multiprocessing\nimport eipyomo as ei\n"
        "from eipyomo.studies.sweep import cells, sweep\n"
        "def work(seed):\n"
        "    return len(sweep(cells([ei.Instance.letter(users=2, seed=seed)], ['exact'])))\n"
        "if __name__ == '__main__':\n"
        "    with multiprocessing.get_context('spawn').Pool(1) as pool:\n"
        "        print(pool.map(work, [1, 2]))\n"
    )
    run = run_python(str(file), cwd=tmp_path)
    assert run.stdout.strip() == "[1, 1]", run.stderr


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"cpu.max": "150000 100000\n"}, 1.5),
        ({"cpu.max": "max 100000\n"}, float("inf")),
        ({"cpu/cpu.cfs_quota_us": "400000\n", "cpu/cpu.cfs_period_us": "100000\n"}, 4.0),
        ({"cpu/cpu.cfs_quota_us": "-1\n", "cpu/cpu.cfs_period_us": "100000\n"}, float("inf")),
        ({"cpu.max": "rubbish"}, float("inf")),
        ({}, float("inf")),
    ],
)
def test_quotas_of_control_groups(files: dict[str, str], expected: float, tmp_path: Path) -> None:
    """Both versions of control groups, no limit, and what is no number."""
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    assert quota(tmp_path) == expected


@pytest.mark.slow
def test_workers_follow_the_affinity() -> None:
    """A process that is bound to one processor counts one, whatever the machine has."""
    script = (
        "import os; os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})\n"
        "from eipyomo.solvers.processors import processors; print(processors())"
    )
    run = run_python("-c", script, cwd=REFERENCE.parents[1])
    assert run.returncode == 0, run.stderr
    assert run.stdout.strip() == "1"


@pytest.mark.slow
def test_nothing_to_cache_in() -> None:
    """Without any place for compiled code exact and ADMM compile, and say once what that costs."""
    script = (
        "import json, logging, numba.core.caching as caching\n"
        "caching.CacheImpl._locator_classes = []\n"
        "import eipyomo as ei\n"
        "logging.getLogger('eipyomo').addHandler(logging.StreamHandler())\n"
        "instance = ei.Instance.letter(users=2)\n"
        "print(json.dumps([ei.solve(instance, m).objective for m in ('exact', 'admm')]))"
    )
    run = run_python("-c", script, cwd=REFERENCE.parents[1])
    assert run.returncode == 0, run.stderr
    exact, admm = json.loads(run.stdout)
    assert exact == ei.solve(ei.Instance.letter(users=2), "exact").objective
    assert admm == pytest.approx(exact, rel=0.01)
    assert run.stderr.count("compiled code cannot be kept") == 1
