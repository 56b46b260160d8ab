"""A process that tries mutants: places of a file with another text in them.

Nothing here imports the package, so that what is forked may import it with a mutant in it.
"""

from __future__ import annotations

import ast
import gc
import hashlib
import importlib
import importlib.abc
import importlib.util
import inspect
import itertools
import json
import math
import os
import select
import signal
import subprocess
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from functools import cache, cached_property
from importlib.machinery import ModuleSpec, SourceFileLoader
from pathlib import Path
from types import CodeType, FunctionType, ModuleType
from typing import Any, NamedTuple

import numba
import pytest

ROOT = Path(__file__).parents[1]
COMPILED = "eipyomo/solvers/exact/kernels.py"


class Mutant(NamedTuple):
    """A place of a file, counted as in an editor, with what is there and what is put there."""

    file: str
    line: int
    column: int
    was: str
    became: str

    def fits(self) -> bool:
        """Tell whether the place has the text that is said to be there."""
        text, start = self._start()
        return text.startswith(self.was, start)

    def _start(self) -> tuple[str, int]:
        text = (ROOT / self.file).read_text(encoding="utf-8")
        before = text.splitlines(keepends=True)[: self.line - 1]
        return text, sum(map(len, before)) + self.column - 1

    def applied(self) -> str:
        """Return the text of the file with the mutant in it.

        Raises
        ------
        ValueError
            If something else is there.
        """
        text, start = self._start()
        if not self.fits():
            raise ValueError(f"{self.file}:{self.line}:{self.column} is not {self.was!r}")
        return text[:start] + self.became + text[start + len(self.was) :]


class Place(NamedTuple):
    """A name at the top of a file, with its first and last line."""

    name: str
    first: int
    last: int


def places(file: str) -> list[Place]:
    """Return functions and methods of a file, and what is not in any of them, by line."""
    found = []
    for node in ast.parse((ROOT / file).read_text(encoding="utf-8")).body:
        inner = node.body if isinstance(node, ast.ClassDef) else []
        methods = [one for one in inner if isinstance(one, ast.FunctionDef)]
        if isinstance(node, ast.FunctionDef):
            found.append(Place(node.name, node.lineno, node.end_lineno or 0))
        elif isinstance(node, ast.ClassDef):
            found += [
                Place(f"{node.name}.{one.name}", one.lineno, one.end_lineno or 0) for one in methods
            ]
        elif isinstance(node, ast.Assign):
            found.append(Place(ast.unparse(node.targets[0]), node.lineno, node.end_lineno or 0))
    return found


def alike(one: str, other: str) -> int:
    """Return how many characters two texts have in common at their beginnings."""
    return sum(
        1
        for _ in itertools.takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False))
    )


def drawn(mutant: Mutant) -> float:
    """Return a number in [0, 1) that is the same for a text at the same place of its line."""
    text = f"{mutant.file} {mutant.column} {mutant.was} {mutant.became}"
    return int(hashlib.sha256(text.encode()).hexdigest()[:8], 16) / 2.0**32


# --- a process for each ---------------------------------------------------------------------------


class _Loader(SourceFileLoader):
    """Loads a module from another text than its file's."""

    text = ""

    def get_code(self, fullname: str) -> CodeType:
        return compile(self.text, self.get_filename(fullname), "exec", dont_inherit=True)


class _Finder(importlib.abc.MetaPathFinder):
    """Finds the module of a mutant."""

    def __init__(self, mutant: Mutant) -> None:
        self.name = mutant.file.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
        self.file, self.text = str(ROOT / mutant.file), mutant.applied()

    def find_spec(self, fullname: str, path: Any, target: Any = None) -> ModuleSpec | None:
        del path, target
        if fullname != self.name:
            return None
        loader = _Loader(fullname, self.file)
        loader.text = self.text
        return importlib.util.spec_from_file_location(fullname, self.file, loader=loader)


class _Recorder:
    """Orders tests, leaves slow ones out, and notes the first that fails."""

    def __init__(self, slow: frozenset[str], killed: Counter[str]) -> None:
        self.slow, self.killed, self.by = slow, killed, ""
        self.seconds: dict[str, float] = defaultdict(float)

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        quick = [item for item in items if item.nodeid not in self.slow]
        items[:] = sorted(quick, key=lambda item: -self.killed[item.nodeid])

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self.seconds[report.nodeid] += report.duration
        if report.failed:
            self.by = self.by or report.nodeid


def forget() -> None:
    """Empty all caches of functions, and what is known of allocations that were judged."""
    for one in gc.get_objects():
        if type(one) is _Cached:
            one.cache_clear()
    judged = sys.modules.get("eipyomo.evaluation")
    if judged is not None:
        judged._EVALUATED.clear()


_Cached = type(cache(len))


def functions_of(namespace: dict[str, Any], module: str) -> dict[str, FunctionType]:
    """Return the functions and methods that a module defines, by their qualified names."""
    found, todo = {}, list(namespace.values())
    while todo:
        one = inspect.unwrap(todo.pop()) if not isinstance(todo[-1], type) else todo.pop()
        if isinstance(one, type) and one.__module__ == module:
            todo += vars(one).values()
        elif isinstance(one, property | classmethod | staticmethod | cached_property):
            todo += [
                part
                for key in ("fget", "__func__", "func")
                if (part := getattr(one, key, None)) is not None
            ]
        elif isinstance(one, FunctionType) and one.__module__ == module:
            found[one.__qualname__] = one
    return found


def swapped(mutant: Mutant) -> bool:
    """Put the mutant's code into the function that it is in; False if it is in none."""
    finder = _Finder(mutant)
    module = importlib.import_module(finder.name)
    own = functions_of(vars(module), finder.name)
    loader = SourceFileLoader(finder.name, finder.file)
    fresh = ModuleType(finder.name)
    fresh.__file__, fresh.__package__ = finder.file, module.__package__
    if hasattr(module, "__path__"):
        fresh.__path__ = module.__path__
    before = sys.modules[finder.name]
    sys.modules[finder.name] = fresh  # dataclasses look for it
    try:
        exec(loader.source_to_code(finder.text.encode(), finder.file), vars(fresh))
    finally:
        sys.modules[finder.name] = before
    changed = 0
    for name, other in functions_of(vars(fresh), finder.name).items():
        one = own.get(name)
        if one is not None and one.__code__ != other.__code__:
            if one.__code__.co_freevars != other.__code__.co_freevars:
                return False
            one.__code__ = other.__code__
            changed += 1
    return changed == 1


def import_anew(mutant: Mutant) -> None:
    """Let the package and its tests be imported again, with the mutant in its place."""
    for name in [name for name in sys.modules if name.split(".")[0] in ("eipyomo", "tests")]:
        del sys.modules[name]
    sys.meta_path.insert(0, _Finder(mutant))
    if mutant.file == COMPILED:
        compile_anew(stale(mutant))


def stale(mutant: Mutant) -> set[str]:
    """Return the names of compiled functions in whose code a mutant is, callers included."""
    uses = {}
    for place in places(mutant.file):
        lines = (ROOT / mutant.file).read_text(encoding="utf-8").splitlines()
        tree = ast.parse("\n".join(lines[place.first - 1 : place.last]).lstrip())
        uses[place.name] = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
        if place.first <= mutant.line <= place.last:
            own = place.name
    found = {own}
    while more := {name for name, used in uses.items() if used & found} - found:
        found |= more
    return found


def compile_anew(names: set[str]) -> None:
    """Let functions be compiled in this process and not be kept, since others would take them."""
    compiled: Any = importlib.import_module("eipyomo.solvers.compiled")
    kept = compiled.compiled

    def unkept(function: Any) -> Any:
        if function.__name__ not in names:
            return kept(function)
        found = numba.njit(**compiled.SETTINGS)(function)
        compiled._for_all_constants(found)
        return found

    compiled.compiled = unkept


class Outcome(NamedTuple):
    """What became of a mutant: killed, survived or timeout; by which test, and in what time."""

    state: str
    by: str
    seconds: float


class Trials:
    """Forks a process for each mutant, which imports the package and runs tests of it.

    Attributes
    ----------
    tests
        Files or names of tests.
    limit_s
        Seconds for each mutant.
    slow
        Tests that are left out.
    killed
        How many mutants each test has killed: those that killed most go first.
    forget
        Whether what tests have kept of their first run is computed again with the mutant.
    apart
        Whether each process imports all by itself, as it must where compiled functions are changed:
        of a package that is imported twice, numba takes records of the first for the second's.
    """

    def __init__(
        self,
        tests: Sequence[str],
        limit_s: float,
        slow_s: float = math.inf,
        forget: bool = True,
        apart: bool = False,
    ) -> None:
        self.tests, self.limit_s, self.forget = list(tests), limit_s, forget
        self.apart = apart
        self.slow: frozenset[str] = frozenset()
        self.killed: Counter[str] = Counter()
        told = self._told(None)
        if told is None or told["by"] or told["status"] != 0:
            raise RuntimeError(f"tests fail without a mutant: {told}")
        seconds = told["seconds"]
        self.slow = frozenset(name for name in seconds if seconds[name] > slow_s)

    def outcome(self, mutant: Mutant) -> Outcome:
        """Return what becomes of a mutant."""
        begun = time.monotonic()
        told = self._told(mutant)
        seconds = time.monotonic() - begun
        if told is None:
            return Outcome("timeout", "", seconds)
        if told["by"]:
            self.killed[told["by"]] += 1
        elif told["status"] == 0:
            return Outcome("survived", "", seconds)
        return Outcome("killed", told["by"] or "import", seconds)

    def _told(self, mutant: Mutant | None) -> dict[str, Any] | None:
        """Return what a process tells of a mutant, or None if it is not done in time."""
        if mutant is None and not self.apart:  # all is imported and compiled for those that follow
            return self._tested(_Recorder(self.slow, self.killed))
        reads, writes = os.pipe()
        process = os.fork()
        if process == 0:
            os.close(reads)
            self._run(mutant, writes)
        os.close(writes)
        text, end = b"", math.inf if mutant is None else time.monotonic() + self.limit_s
        while select.select([reads], [], [], _until(end))[0]:
            part = os.read(reads, 1 << 16)
            text += part
            if not part:
                break
        else:
            os.killpg(process, signal.SIGKILL)
            text = b""
        os.waitpid(process, 0)
        os.close(reads)
        dead = {"by": "", "status": -1, "seconds": {}}
        return (json.loads(text) if text else dead) if time.monotonic() < end else None

    def _killed_by(self, tests: str) -> int:
        """Return how many mutants some of the tests have killed."""
        return sum(n for name, n in self.killed.items() if name.startswith(tests))

    def _run(self, mutant: Mutant | None, writes: int) -> None:
        """Run the tests in this process, tell what came of it, and end it."""
        os.setsid()
        told: dict[str, Any] = {"by": "", "status": -1, "seconds": {}}
        try:
            if self.forget:
                forget()
            if mutant is not None and (mutant.file == COMPILED or not swapped(mutant)):
                import_anew(mutant)
            told = self._tested(_Recorder(self.slow, self.killed))
        finally:
            os.write(writes, json.dumps(told).encode())
            os.close(writes)
            os._exit(0)

    def _tested(self, recorder: _Recorder) -> dict[str, Any]:
        """Run the tests, up to the first that fails, without a word; and return what came of it."""
        options = ["-x", "-q", "--tb=no", "-m", "not slow", "-o", "addopts=", *WITHOUT]
        status, nothing = -1, os.open(os.devnull, os.O_RDWR)
        said = [os.dup(number) for number in (0, 1, 2)]
        for number in (0, 1, 2):
            os.dup2(nothing, number)
        for tests in sorted(self.tests, key=self._killed_by, reverse=True):
            status = int(pytest.main([*options, tests], plugins=[recorder]))
            if status != 0:
                break
        for stream in (sys.stdout, sys.stderr):
            stream.flush()  # what waits to be written is not said either
        for number in (0, 1, 2):
            os.dup2(said[number], number)
        return {"by": recorder.by, "status": status, "seconds": recorder.seconds}


def _until(end: float) -> float | None:
    """Return the seconds until a time, or None if it never comes."""
    return None if end == math.inf else max(0.0, end - time.monotonic())


# --- the command ----------------------------------------------------------------------------------

LIBRARIES = ("click", "flint", "hypothesis", "numba", "pandas", "pydantic", "pyomo.environ", "rich")
"""What the package and its tests import, and what need not be imported for each mutant."""


WITHOUT = ("-p", "no:cacheprovider", "-W", "ignore::pytest.PytestAssertRewriteWarning")
"""Nothing is kept, and tests are there before pytest is, which says that it cannot rewrite them."""


def serve(lines: Iterable[str]) -> Iterator[str]:
    """Answer the first line, which says how to try, and then each mutant."""
    os.chdir(ROOT)
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"  # the start of pytest is what takes longest
    for name in LIBRARIES:
        importlib.import_module(name)
    begun = iter(lines)
    trials = Trials(**json.loads(next(begun)))
    yield json.dumps(sorted(trials.slow))
    for line in begun:
        yield json.dumps(trials.outcome(Mutant(*json.loads(line))))


class Process:
    """A process that tries mutants, apart from this one, which need not import what they change.

    Its arguments are those of :class:`Trials`.
    """

    def __init__(self, **how: Any) -> None:
        pipe = subprocess.PIPE
        command = [sys.executable, "-m", "experiments.mutants"]
        self._process = subprocess.Popen(command, cwd=ROOT, stdin=pipe, stdout=pipe, text=True)
        self.slow: list[str] = self._told(how)

    def outcome(self, mutant: Mutant) -> Outcome:
        """Return what becomes of a mutant."""
        return Outcome(*self._told(mutant))

    def _told(self, what: Any) -> Any:
        asks, tells = self._process.stdin, self._process.stdout
        assert asks is not None
        assert tells is not None
        asks.write(json.dumps(what) + "\n")
        asks.flush()
        return json.loads(tells.readline())

    def close(self) -> None:
        """End it."""
        self._process.communicate()


if __name__ == "__main__":
    for answer in serve(sys.stdin):
        print(answer, flush=True)  # noqa: T201
