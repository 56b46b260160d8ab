"""What an installation does, by Python, versions of packages and what surrounds it.

Run ``python -m experiments.matrix``, with ``python3.11`` to ``python3.14`` on the path and uv
(``pip install uv``); ``python -m experiments.matrix 3.12`` for one of them, which takes some ten
minutes. Wheel and source distribution are built once. Each Python gets a fresh environment outside
of the checkout with the wheel and its extra ``test``, in which the tests of the source distribution
are run, and commands in several surroundings; `pages` follows the first pages in others. What has
failed keeps its last lines in the table, and is checked again by the next run; a row names the
commit that it is of. ``docs/releasing.md`` shows all.
"""

from __future__ import annotations

import atexit
import json
import os
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import pandas as pd

from eipyomo.files import write_atomically
from experiments import pages, provenance
from experiments.table import Case, Row, Table, command, passed

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "releasing.md"
ENVIRONMENTS = (
    ("3.11", "lowest"),
    ("3.11", "newest"),
    ("3.12", "newest"),
    ("3.13", "newest"),
    ("3.14", "newest"),
)
ENDS = (ENVIRONMENTS[0], ENVIRONMENTS[1], ENVIRONMENTS[-1])
"""Environments in which all surroundings are tried."""
NEWCOMERS = (ENVIRONMENTS[1], ENVIRONMENTS[-1])
"""Environments in which the first pages are followed."""
TOLD = ("numpy", "numba", "pandas", "pyomo", "matplotlib", "casadi", "pyscipopt", "highspy")
"""Packages whose versions stand on the page."""
LAST = 4000
"""Characters kept of what a check that failed has printed."""


@dataclass(frozen=True)
class Surroundings:
    """What a process finds when it starts.

    Attributes
    ----------
    name
        As the table has it.
    options
        Of Python.
    variables
        Of the environment; None takes one away.
    closed
        Whether there is no standard input at all.
    left_out
        Words of commands that cannot work in them.
    """

    name: str
    options: Sequence[str] = ()
    variables: Mapping[str, str | None] = field(default_factory=dict)
    closed: bool = False
    left_out: Sequence[str] = ()


AS_IS = Surroundings("as it is")
SURROUNDINGS = (
    Surroundings("warnings are errors", variables={"PYTHONWARNINGS": "error"}),
    Surroundings("python -O", options=("-O",)),
    Surroundings(  # Pyomo cannot be imported without docstrings
        "PYTHONOPTIMIZE=2",
        variables={"PYTHONOPTIMIZE": "2"},
        left_out=("compare", "export"),
    ),
    Surroundings(
        "LC_ALL=C",
        variables={"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"},
    ),
    Surroundings(
        "decimal commas, Asia/Kathmandu",
        variables={"LC_ALL": "de_DE.UTF-8", "LANG": "de_DE.UTF-8", "TZ": "Asia/Kathmandu"},
    ),
    Surroundings("no HOME", variables={"HOME": None, "XDG_CACHE_HOME": None}),
    Surroundings("HOME is not there", variables={"HOME": "/nowhere"}),
    Surroundings("no standard input", closed=True),
)

COMMANDS = (
    "generate --users 3 --seed 1 -o instance.json",
    "solve instance.json -o result.json --certificate proof.json",
    "verify instance.json proof.json --result result.json",
    "evaluate instance.json result.json --json",
    "compare instance.json --methods exact,admm,milp,minlp:bonmin,eco --table compare.csv",
    "sweep instance.json --vary bandwidth_mhz=10,20 -m exact -m eco --store s.db --csv sweep.csv",
    "plot result.json -o result.pdf",
    "export instance.json -o model.nl",
    "train instance.json --rounds 2 -o process.json",
    "report result.json -o report.html",
)


@dataclass(frozen=True)
class Installation:
    """A fresh environment with the wheel, and beside it what the source distribution holds."""

    python: Path
    tree: Path

    def run(
        self, words: Sequence[str], folder: Path, around: Surroundings = AS_IS
    ) -> subprocess.CompletedProcess[str]:
        """Run this Python in a folder."""
        return run([str(self.python), *around.options, *words], folder, around)

    def versions(self) -> str:
        """Return the version of Python and of the packages that the page names."""
        script = (
            "import json, platform; from importlib.metadata import version; "
            f"print(json.dumps({{n: version(n) for n in {TOLD}}}), platform.python_version())"
        )
        found, python = ordered(self.run(["-c", script], self.tree)).rsplit(" ", 1)
        told = ", ".join(f"{name} {number}" for name, number in json.loads(found).items())
        return f"Python {python.strip()}, {told}"


def run(
    words: Sequence[str], folder: Path, around: Surroundings = AS_IS
) -> subprocess.CompletedProcess[str]:
    """Run a process in a folder and in surroundings, and keep all that it prints."""
    variables = {key: text for key, text in os.environ.items() if not key.startswith("PYTHON")}
    for key, text in around.variables.items():
        variables.pop(key, None)
        variables |= {} if text is None else {key: text}
    words = ["sh", "-c", 'exec "$@" <&-', "sh", *words] if around.closed else words
    return subprocess.run(
        words,
        cwd=folder,
        env=variables,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
        check=False,
    )


def ordered(done: subprocess.CompletedProcess[str]) -> str:
    """Return what a process printed that was to end in order."""
    if done.returncode:
        raise SystemExit(f"{done.args}: exit status {done.returncode}\n{done.stdout[-LAST:]}")
    return done.stdout


@cache
def room() -> Path:
    """Return a folder outside of the checkout that is there as long as this process."""
    folder = Path(tempfile.mkdtemp(prefix="matrix-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


@cache
def built() -> tuple[Path, Path]:
    """Return the wheel and the source distribution of this checkout."""
    ordered(run(["uv", "build", "--quiet", str(ROOT), "-o", str(room())], room()))
    return next(room().glob("*.whl")), next(room().glob("*.tar.gz"))


def unpacked(name: str) -> Path:
    """Return a folder with what the source distribution holds."""
    folder = room() / name
    folder.mkdir()
    ordered(run(["tar", "-xf", str(built()[1]), "--strip-components=1", "-C", name], room()))
    return folder


@cache
def installation(on_python: str, versions: str) -> Installation:
    """Return a fresh environment; the tree's package gives way to that of the wheel."""
    name = f"{on_python}-{versions}"
    folder, wheel, tree = room() / name, built()[0], unpacked(f"tree-{name}")
    python = folder / "bin" / "python"
    resolution = "lowest-direct" if versions == "lowest" else "highest"
    asked = ["--extra", "test", "--python-version", on_python, "--resolution", resolution]
    needed = str(room() / f"{name}.txt")
    into = ["uv", "pip", "install", "--quiet", "--python", str(python)]
    for words in (
        ["uv", "venv", "--quiet", "--no-python-downloads", "--python", on_python, str(folder)],
        ["uv", "pip", "compile", "--quiet", *asked, str(tree / "pyproject.toml"), "-o", needed],
        [*into, "--only-binary", ":all:", "-r", needed],
        [*into, "--no-deps", str(wheel)],
    ):
        ordered(run(words, room()))
    shutil.rmtree(tree / "eipyomo")
    script = "import eipyomo; print(eipyomo.__path__[0])"
    package = ordered(run([str(python), "-c", script], room())).strip()
    (tree / "eipyomo").symlink_to(package)
    return Installation(python, tree)


def cases() -> Iterator[Case]:
    """Iterate over environments and what is checked in them."""
    for on_python, versions in ENVIRONMENTS:
        yield on_python, versions, "packages agree"
        yield on_python, versions, "quick tests"
        for around in SURROUNDINGS if (on_python, versions) in ENDS else SURROUNDINGS[:1]:
            yield on_python, versions, around.name
        for page in pages.PAGES if (on_python, versions) in NEWCOMERS else ():
            yield on_python, versions, page


def row(on_python: str, versions: str, check: str) -> Row:
    """Return the row of a check: how many tests, commands or blocks passed, and what failed."""
    here = installation(on_python, versions)
    start_s = time.perf_counter()
    if check == "quick tests":
        found = tested(here)
    elif check == "packages agree":
        done = run(["uv", "pip", "check", "--python", str(here.python)], room())
        found = {"passed": int(not done.returncode), "failed": done.returncode, "says": done.stdout}
    elif check in pages.PAGES:
        found = followed(check, on_python)
    else:
        around = next(one for one in SURROUNDINGS if one.name == check)
        found = commanded(here.python, around)
    return {
        "on_python": on_python,
        "with_packages": versions,
        "check": check,
        "passed": found["passed"],
        "skipped": found.get("skipped", 0),
        "failed": found["failed"],
        "seconds": round(time.perf_counter() - start_s),
        "says": found["says"][-LAST:] if found["failed"] else None,
        "versions": here.versions(),
        "tested": provenance.provenance()["commit"],
    }


def tested(here: Installation) -> Row:
    """Return what the quick stage of the tests has found."""
    words = ["-m", "pytest", "-q", "--tb=short", "-n", "2", "-m", "not slow"]
    words += ["-p", "no:cacheprovider"]
    temporary = f"--basetemp={here.tree.parent / 'basetemp'}"
    done = here.run([*words, temporary], here.tree)
    return counted(done.stdout) | {"says": done.stdout}


def counted(text: str) -> Row:
    """Return how many tests passed, were skipped and failed, as the last line of pytest says."""
    last = text.rstrip().rpartition("\n")[2]
    counts = {word: int(number) for number, word in re.findall(r"(\d+) ([a-z]+)", last)}
    failed = sum(counts.get(word, 0) for word in ("failed", "error", "errors"))
    passed = counts.get("passed", 0)
    return {
        "passed": passed,
        "skipped": counts.get("skipped", 0),
        "failed": failed if passed else max(failed, 1),
    }


def commanded(python: Path, around: Surroundings) -> Row:
    """Return what an import, and a working day's commands in an empty folder, have found."""
    failed = []
    with tempfile.TemporaryDirectory() as folder:
        start = [str(python), *around.options]
        asked = [line.split() for line in COMMANDS]
        asked = [words for words in asked if words[0] not in around.left_out]
        lines = [["-c", "import eipyomo"], *(["-m", "eipyomo.cli", *words] for words in asked)]
        for words in lines:
            done = run([*start, *words], Path(folder), around)
            if done.returncode or "Traceback" in done.stdout or "Warning" in done.stdout:
                failed.append(f"{' '.join(words)}: {done.returncode}\n{done.stdout[-LAST:]}")
    return {
        "passed": len(lines) - len(failed),
        "failed": len(failed),
        "says": "\n".join(failed),
    }


def followed(page: str, on_python: str) -> Row:
    """Return what following a page has found, with the Python that it is followed with."""
    tree = unpacked(f"{on_python}-{Path(page).name}")
    programs = room() / f"programs-{on_python}"
    programs.mkdir(exist_ok=True)
    found = shutil.which(f"python{on_python}")
    if found is None:
        raise SystemExit(f"python{on_python} is not on the path")
    python3 = programs / "python3"
    if not python3.exists():
        python3.write_text(f'#!/bin/sh\nexec "{found}" "$@"\n', encoding="utf-8")
        python3.chmod(0o755)
    path = f"{programs}{os.pathsep}{os.environ['PATH']}"
    around = Surroundings("a newcomer's", variables={"PATH": path, "VIRTUAL_ENV": None})
    done = run(["bash", "-c", pages.script(tree / page)], tree, around)
    wrong = pages.differences(tree / page, done.stdout)
    failed = int(done.returncode != 0) + len(wrong)
    blocks = len(pages.blocks(tree / page))
    says = "\n".join([done.stdout, *wrong])
    return {"passed": blocks if not failed else 0, "failed": failed, "says": says}


def shown(table: pd.DataFrame) -> str:
    """Return the table of the page: a line for each environment."""
    lines = [
        "| Python | packages | quick tests | commands in other surroundings | first pages |",
        "|---|---|---|---|---|",
    ]
    for (python, packages), rows in table.groupby(["on_python", "with_packages"], sort=False):
        of = rows.set_index("check")
        cells = [
            outcome(of.loc[["quick tests"]]),
            outcome(of[of.index.isin([one.name for one in SURROUNDINGS])]),
            outcome(of[of.index.isin(pages.PAGES)]),
        ]
        lines.append(f"| {python} | {packages} | {' | '.join(cells)} |")
    lines += [""]
    for (_, packages), rows in table.groupby(["on_python", "with_packages"], sort=False):
        commits = ", ".join(f"`{one[:7]}`" for one in rows["tested"].unique())
        lines.append(f"* {packages}: {rows['versions'].iloc[0]}; commit {commits}")
    return "\n".join(lines)


def outcome(rows: pd.DataFrame) -> str:
    """Return in a few words what some checks have found."""
    if rows.empty:
        return ""
    text = f"{rows['passed'].sum()} passed"
    text += f", {rows['skipped'].sum()} skipped" if rows["skipped"].any() else ""
    text += f", **{rows['failed'].sum()} failed**" if rows["failed"].any() else ""
    return f"{text}, {rows['seconds'].sum()} s"


def page(table: pd.DataFrame) -> str:
    """Return the page with another table in the place of its own."""
    text = PAGE.read_text(encoding="utf-8")
    start, end = text.index("| Python |"), text.index("\n\nSeconds are")
    return text[:start] + shown(table) + text[end:]


TABLE = Table("matrix", cases, row, ("pandas",), settled=passed)


def main() -> None:
    """Compute the table, and write it into the page."""
    command([TABLE], lambda: write_atomically({PAGE: page(TABLE.stored())}))


if __name__ == "__main__":
    main()
