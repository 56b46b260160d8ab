"""Importing loads what is asked for, and nothing else; what is offered is there all the same."""

from __future__ import annotations

import pickle
import subprocess
import sys
import textwrap
from importlib.metadata import version
from pathlib import Path
from typing import Any

import click
import pytest

import eipyomo as ei
from eipyomo.cli.commands import LISTED, cli, loaded
from eipyomo.lazily import _homes
from tests.conftest import REFERENCE

PACKAGE = Path(str(ei.__file__)).parent
LETTER = REFERENCE / "instances" / "letter-m2.json"
WAITED_FOR = (
    *("casadi", "dask", "distributed", "flint", "highspy", "matplotlib", "numba", "numpy"),
    *("pandas", "pydantic", "pyomo", "pyscipopt", "rich", "scipy", "sqlalchemy", "sqlite3"),
)
"""Packages that take a while to load."""

DATA = {"numpy", "pydantic"}
COMMAND = {*DATA, "rich"}
COMPILED = {"numba", "scipy"}


def python(script: str, *options: str) -> str:
    """Return what a script of its own process prints; it must end in order."""
    done = subprocess.run(
        [sys.executable, *options, "-c", textwrap.dedent(script)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def loaded_by(script: str) -> set[str]:
    """Return which of the packages a script loads."""
    watch = f"import sys\n{script}\nprint('loaded', *set(sys.modules).intersection({WAITED_FOR}))"
    return set(python(watch).splitlines()[-1].split()[1:])


def test_importing_loads_nothing_but_python() -> None:
    """After `import eipyomo` none of the packages that it needs is there."""
    assert loaded_by("import eipyomo, eipyomo.models, eipyomo.solvers") == set()


def test_no_module_hides_what_its_package_offers() -> None:
    """A module that is loaded takes its name in its package, from anything else that had it."""
    for file in PACKAGE.rglob("__init__.py"):
        for name, home in _homes(file.read_text(encoding="utf-8")).items():
            is_module = (file.parent / f"{name}.py").exists() or (file.parent / name).is_dir()
            package = ".".join(("eipyomo", *file.parent.relative_to(PACKAGE).parts))
            assert not is_module or home == (package, name), f"{package}.{name}"


@pytest.mark.parametrize(
    ("script", "needed"),
    [
        ("ei.Instance.letter().to_dict()", DATA),
        ("ei.Instance.letter().replace(bandwidth_hz=1e7)", DATA),
        ("ei.solve(ei.Instance.letter(users=2)).to_dict()", DATA | COMPILED),
        ("ei.solve(ei.Instance.letter(users=2), 'admm').to_dict()", DATA | COMPILED),
        ("ei.solvers.METHODS, ei.solvers.BACKENDS", DATA),
        ("ei.models.minlp(ei.Instance.letter(users=2))", {*DATA, "pyomo"}),
        ("ei.Instance.letter().users_frame()", {*DATA, "pandas"}),
    ],
)
def test_python_loads_what_it_needs(script: str, needed: set[str]) -> None:
    """Tables load pandas, models Pyomo, the compiled methods numba; nothing else does."""
    found = loaded_by(f"import eipyomo as ei\n{script}")
    assert found <= needed


@pytest.mark.parametrize(
    ("words", "needed"),
    [
        (["--help"], {"numpy"}),
        (["--version"], {"numpy"}),
        (["generate"], COMMAND),
        (["evaluate", str(LETTER), "result.json"], COMMAND),
        (["solve", str(LETTER)], COMMAND | COMPILED),
        (["solve", str(LETTER), "--method", "admm"], COMMAND | COMPILED),
        (["solve", "--help"], COMMAND),
        (["export", "--help"], COMMAND),
    ],
)
def test_commands_load_what_they_need(
    words: list[str], needed: set[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither help nor the exact method waits for Pyomo or pandas, and help for nothing at all."""
    monkeypatch.chdir(tmp_path)
    ei.solve(ei.Instance.from_json(LETTER), "eco").to_json("result.json")
    found = loaded_by(f"from eipyomo.cli import main\nassert main({words}) == 0")
    assert found <= needed


@pytest.mark.parametrize("name", list(LISTED))
def test_the_list_of_commands_says_what_they_say(name: str) -> None:
    """The line beside a command, and its name, are those of the command itself."""
    listed, command = cli.commands[name], loaded(name)
    assert isinstance(command, click.Command)
    assert command.name == name
    assert listed.get_short_help_str(100) == command.get_short_help_str(100)


PACKAGES = (
    *("eipyomo", "eipyomo.catalog", "eipyomo.models", "eipyomo.planning"),
    *("eipyomo.scenario", "eipyomo.solvers"),
    *("eipyomo.solvers.admm", "eipyomo.solvers.backends", "eipyomo.solvers.exact"),
    *("eipyomo.solvers.milp", "eipyomo.solvers.model", "eipyomo.solvers.policies"),
)


@pytest.mark.parametrize("package", PACKAGES)
def test_all_names_are_there(package: str) -> None:
    """What `dir` shows, and so a shell completes, can be had, by `import *` too."""
    module = sys.modules.get(package) or __import__(package, fromlist=["*"])
    assert dir(module) == module.__all__ == sorted(module.__all__)
    assert all(getattr(module, name) is not None for name in dir(module))
    there: dict[str, Any] = {}
    exec(f"from {package} import *", there)
    assert set(module.__all__) <= set(there)


def test_a_wrong_name_is_refused_in_pythons_words() -> None:
    """The sentence is the ordinary one, and knows the name for whoever suggests another."""
    wrong = "slove"
    with pytest.raises(
        AttributeError, match=r"^module 'eipyomo' has no attribute 'slove'$"
    ) as error:
        getattr(ei, wrong)
    assert error.value.name == wrong
    assert error.value.obj is ei
    with pytest.raises(ImportError, match="cannot import name 'slove' from 'eipyomo'"):
        exec(f"from eipyomo import {wrong}")


def test_the_version_is_that_of_the_package() -> None:
    """It is looked up when it is asked for."""
    assert ei.__version__ == version("eipyomo")


def test_data_come_back_from_pickles_in_a_new_process(tmp_path: Path) -> None:
    """Whoever loads a pickle need not have imported anything."""
    instance = ei.Instance.letter(users=2)
    result = ei.solve(instance, "eco")
    data = (instance, ei.Problem.of(instance), ei.Restriction.gbe(), result, result.allocation)
    file = tmp_path / "data.pickle"
    file.write_bytes(pickle.dumps(data))
    script = f"""
        import pickle
        with open({str(file)!r}, "rb") as file:
            print(*(type(one).__name__ for one in pickle.load(file)))
    """
    assert python(script).split() == ["Instance", "Problem", "Restriction", "Result", "Allocation"]


def test_threads_may_ask_at_the_same_time() -> None:
    """Names are loaded once, whoever asks first, with warnings as errors."""
    script = """
        import threading
        from concurrent.futures import ThreadPoolExecutor
        import eipyomo as ei

        names = [*ei.__all__, *ei.__all__[::-1]]
        models = list(ei.models.__all__)
        begin = threading.Barrier(8)

        def ask(place):
            begin.wait()
            own = (models if place % 2 else names)[place:]
            home = ei.models if place % 2 else ei
            return [getattr(home, name) is getattr(home, name) for name in own]

        with ThreadPoolExecutor(8) as threads:
            print(all(map(all, threads.map(ask, range(8)))))
    """
    assert python(script, "-W", "error") == "True\n"


@pytest.mark.parametrize(
    "order",
    [
        "import eipyomo; import pyomo.environ as pyo",
        "import pyomo.environ as pyo; import eipyomo",
        "import eipyomo; eipyomo.models.minlp; import pyomo.environ as pyo",
        "import pyomo.opt; import eipyomo; import pyomo.environ as pyo",
    ],
)
def test_pyomo_knows_our_solvers(order: str) -> None:
    """Whichever is imported first; and a name alone loads no model."""
    script = f"""
        import sys
        {order}
        assert "eipyomo.bonmin" in pyo.SolverFactory
        assert "local NLP" in pyo.SolverFactory.doc("eipyomo.bonmin")
        print(pyo.SolverFactory("eipyomo.ipopt").available())
    """
    assert python(script, "-W", "error") == "True\n"


USERS_SCRIPT = """
import eipyomo as ei

instance = ei.Instance.letter(users=2)
reveal_type(ei.solve(instance))
reveal_type(ei.solve_model(ei.models.minlp(instance), "ipopt"))
reveal_type(ei.compare([instance]))
reveal_type(ei.__version__)
ei.slove
ei.models.minlp(instance, formulation=3)
"""


@pytest.mark.slow
def test_type_checkers_see_all_names(tmp_path: Path) -> None:
    """A script of a user's has types, and its mistakes are found."""
    (tmp_path / "script.py").write_text(USERS_SCRIPT)
    command = [sys.executable, "-m", "mypy", "--strict", "script.py"]
    found = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    for words in (
        'Revealed type is "eipyomo.result.Result"',
        'DataFrame"',
        'Revealed type is "str"',
        'error: Module has no attribute "slove"',
        'Argument "formulation" to "minlp" has incompatible type "int"',
        "Found 2 errors in 1 file",
    ):
        assert words in found.stdout


LOADED_BEFORE = "numpy, matplotlib, pandas, pyomo.environ, numba, scipy.optimize, rich.console"
"""What others do to a process, or draw from `random`, when they are imported."""


def test_importing_changes_nothing_but_pyomos_list_of_solvers() -> None:
    """Warnings, logging, environment, signals, numpy, matplotlib, pandas stay as they were."""
    script = f"""
        import {LOADED_BEFORE}
        import logging, os, random, signal, sys, threading, warnings
        import matplotlib, numpy, pandas
        from pyomo.opt import SolverFactory

        def state():
            return {{
                "warnings": [str(one) for one in warnings.filters],
                "logging": [logging.root.level, logging.root.handlers[:]],
                "levels": {{name: one.level for name, one in
                           logging.Logger.manager.loggerDict.items() if hasattr(one, "level")
                           and one.level}},
                "environment": dict(os.environ),
                "folder": os.getcwd(),
                "signals": [signal.getsignal(one) for one in signal.valid_signals()],
                "hooks": [sys.excepthook, sys.displayhook, sys.unraisablehook,
                          threading.excepthook, *sys.meta_path],
                "path": sys.path[:],
                "recursion": sys.getrecursionlimit(),
                "threads": threading.active_count(),
                "random": random.getstate(),
                "numpy": [numpy.geterr(), numpy.get_printoptions(), str(numpy.random.get_state())],
                "matplotlib": [dict.copy(matplotlib.rcParams),
                               dict.get(matplotlib.rcParams, "backend")],
                "pandas": str(pandas.options.d),
            }}

        before, solvers = state(), set(SolverFactory)
        import eipyomo as ei
        for home in (ei, ei.models, ei.solvers):
            for name in home.__all__:
                getattr(home, name)
        after = state()
        print(*(key for key in before if before[key] != after[key]))
        new = set(SolverFactory) - solvers
        print(bool(new) and all(name.startswith("eipyomo.") for name in new))
    """
    assert python(script).splitlines() == ["", "True"]
