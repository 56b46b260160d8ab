"""What a result may depend on, in one text: this package's sources, and what they compute with."""

from __future__ import annotations

import contextlib
import hashlib
import logging
import re
from collections.abc import Iterable, Mapping
from functools import cache
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path
from typing import Any

from eipyomo.errors import InputError, SolverError
from eipyomo.solvers.backends import backend
from eipyomo.solvers.methods import resolve

LOGGER = logging.getLogger("eipyomo")

INDIFFERENT = {"click", "flwr", "gymnasium", "matplotlib", "pyarrow", "rich", "scipy", "torch"}
"""Distributions that this package needs, and of which no result depends."""


@cache
def version_of_code() -> str:
    """Return this package's version, and a hash of its files and of what it computes with.

    Versions alone would not tell code that was changed from the code that was released.
    """
    seen = hashlib.sha256()
    package = Path(__file__).parents[1]
    for file in sorted([*package.rglob("*.py"), *package.rglob("*.npz")]):
        text = file.read_bytes()
        seen.update(f"{file.relative_to(package).as_posix()} {len(text)}\n".encode() + text)
    for name, found in distributions().items():
        if name not in INDIFFERENT:
            seen.update(f"{name} {found}\n".encode())
    return f"{version('eipyomo')}+{seen.hexdigest()[:16]}"


def distributions() -> dict[str, str]:
    """Return the versions of what this package needs, extras too where they are here, by name."""
    needed = {
        re.split(r"[^\w.-]", line, maxsplit=1)[0]
        for line in requires("eipyomo") or ()
        if 'extra == "test"' not in line.replace("'", '"')
    }
    found = {}
    for name in sorted(needed):
        with contextlib.suppress(PackageNotFoundError):  # an extra that is not here
            found[name] = version(name)
    return found


def executables(method: str, options: Mapping[str, Any]) -> str:
    """Return which executables outside of Python a method would run, and networks, as of now."""
    job = resolve(method, dict(options))
    executable = getattr(job.options, "executable", None)
    found = []
    for one in job.method.backends(job.options):
        try:
            where = Path(backend(one, executable).where() or "missing")
        except (InputError, SolverError):
            where = Path("missing")
        if where.is_file():
            found.append(_as_of_now(where))
        elif str(where) == "missing":
            found.append(f" {one} missing")
    network = getattr(job.options, "network", None)
    if network is not None and Path(network).is_file():
        found.append(_as_of_now(Path(network)))
    return "".join(found)


def warn_of_missing(wanted: Iterable[tuple[str, Mapping[str, Any]]]) -> None:
    """Warn, once each, of solvers that are not here, before the others begin to take their time."""
    sentences = {}
    for method, options in wanted:
        job = resolve(method, dict(options))
        for one in job.method.backends(job.options):
            try:
                backend(one, getattr(job.options, "executable", None)).require()
            except (InputError, SolverError) as error:
                sentences[f"{method} will have no answer: {error}"] = error
    for sentence in sentences:
        LOGGER.warning(sentence)


def _as_of_now(file: Path) -> str:
    """Return what tells a file from another one, or from itself once it has changed."""
    state = file.stat()
    return f" {file.absolute()} {state.st_size} {state.st_mtime_ns}"


version_of_code()  # now, before the sources can change under a process that has loaded them
