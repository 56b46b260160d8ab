"""What can be judged: methods, functions, scripts, and answers that were noted elsewhere."""

from __future__ import annotations

import hashlib
import json
import os
import re
import sys
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cloudpickle

from eipyomo.errors import EipyomoError, InputError, SolverError
from eipyomo.files import require_unique
from eipyomo.instance import Instance
from eipyomo.solvers.backends.worker import Worker
from eipyomo.solvers.methods import attempt, options_of, resolve
from eipyomo.studies.answers import FailedError, Plain, plain
from eipyomo.studies.cell import Cell
from eipyomo.studies.recorded import ARRAYS, TABLES, Recorded
from eipyomo.studies.versions import executables
from eipyomo.words import shown

CHILD = Path(__file__).with_name("policy_child.py")

LOAD_S = 120.0
"""Seconds that loading a policy may take; it may have to load a network."""

SCRIPT = re.compile(r"(?P<script>.+\.py):(?P<function>\w+)")
FILES = (*TABLES, *ARRAYS)
"""Ends of the names of tables."""


class Policy(ABC):
    """Something that says what to do with an instance."""

    @property
    @abstractmethod
    def digest(self) -> str:
        """What it is known by in a store: another one may answer otherwise."""

    @abstractmethod
    def answer(self, instance: Instance, time_limit: float) -> tuple[Plain, float | None]:
        """Return an answer in plain data, and the seconds that it took if that is known.

        Raises
        ------
        FailedError
            If there is none.
        """


@dataclass(frozen=True)
class ByMethod(Policy):
    """A method of this package with its options."""

    method: str
    options: Mapping[str, Any]

    @property
    def digest(self) -> str:
        """The method's name, its options, and the executables that it would run."""
        options = dict(self.options)
        found = executables(self.method, options)
        return f"{self.method} {json.dumps(options, sort_keys=True)}{found}"

    def answer(self, instance: Instance, time_limit: float) -> tuple[Plain, float | None]:
        """Solve the instance."""
        options = dict(self.options)
        if "time_limit" in options_of(self.method.partition(":")[0]):
            options = {"time_limit": time_limit, **options}
        try:
            result = attempt(instance, self.method, **options)
        except EipyomoError as error:
            raise FailedError("method", str(error)) from None
        if result.allocation is None:
            raise FailedError("method", result.message)
        return plain(result.allocation, instance.users.texts("name")), result.wall_s


@dataclass(frozen=True)
class ByCode(Policy):
    """A function, called in a process of its own.

    Attributes
    ----------
    where
        Where that process finds it; see :func:`eipyomo.studies.served.loaded`.
    digest_of_code
        Hash of the code.
    name
        For sentences.
    """

    where: Mapping[str, Any]
    digest_of_code: str
    name: str

    @property
    def digest(self) -> str:
        """The code's hash."""
        return self.digest_of_code

    def answer(self, instance: Instance, time_limit: float) -> tuple[Plain, float | None]:
        """Ask its process, and end it where it is late."""
        question = {
            "instance": instance.to_dict(),
            "seed": int(instance.digest()[:8], 16),
        }
        found = _heard(self._child(), question, time_limit)
        return found["answer"], found["seconds"]

    def require(self) -> None:
        """Load it once.

        Raises
        ------
        InputError
            If that fails.
        """
        try:
            self._child()
        except FailedError as error:
            raise InputError(f"the policy {self.name!r} cannot be loaded: {error}") from None

    def _child(self) -> Worker:
        """Return its process, a new one if there is none that is alive."""
        key = json.dumps(self.where, sort_keys=True)
        child = _CHILDREN.get(key)
        if child is None or not child.close.alive:
            child = _CHILDREN[key] = Worker(CHILD)
            try:
                _heard(child, self.where, LOAD_S)
            except FailedError:
                child.close()
                raise
        return child


_CHILDREN: dict[str, Worker] = {}
"""Processes of policies, kept from one instance to the next."""


def end_children() -> None:
    """End the processes of policies."""
    while _CHILDREN:
        _CHILDREN.popitem()[1].close()


def _heard(child: Worker, question: Mapping[str, Any], time_limit: float) -> dict[str, Any]:
    """Return what a policy's process answers.

    Raises
    ------
    FailedError
        If it dies, does not answer in time, or tells of a failure.
    """
    try:
        child.tell(question)
        found = child.hear(time_limit)
    except SolverError as error:
        reason = str(error).removeprefix("the worker gave no answer: ")
        raise FailedError("died", f"its process died: {reason}") from None
    if found is None:
        child.close()
        raise FailedError("time-out", f"it gave no answer in {time_limit:g} s")
    if "failure" in found:
        raise FailedError(found["failure"], found["message"])
    return found


@dataclass(frozen=True)
class Noted(Policy):
    """An answer to one instance that is known; `said` is one for :func:`.answers.plain`."""

    said: Any

    @property
    def digest(self) -> str:
        """A hash of the answer."""
        return hashlib.sha256(json.dumps(self.said, sort_keys=True).encode()).hexdigest()

    def answer(self, instance: Instance, time_limit: float) -> tuple[Plain, float | None]:
        """Return it."""
        del time_limit
        if self.said is None:
            raise FailedError("answer", "nothing is recorded for this instance")
        return plain(self.said, instance.users.texts("name")), None


def require(policy: Policy | Recorded, count: int) -> None:
    """Refuse what cannot answer so many instances, before anything is asked.

    Raises
    ------
    InputError
        If that is so.
    """
    if isinstance(policy, Recorded):
        policy.require(count)
    elif isinstance(policy, ByCode):
        policy.require()


def at(policy: Policy | Recorded, place: int, instance: Instance) -> Policy:
    """Return what is asked about the instance at a place of all."""
    return Noted(policy.answer(place, instance)) if isinstance(policy, Recorded) else policy


def policies_of(policies: Any, room: Callable[[], Path]) -> dict[str, Policy | Recorded]:
    """Return policies by their names.

    Parameters
    ----------
    policies
        Of each by its name, or in a list, what it is: the name of a method, or a pair of that and
        options; a function; ``"script.py:function"``; a table, or a file of one.
    room
        Makes a folder for a function that processes need to know.

    Raises
    ------
    InputError
        If something is no policy, or two have one name.
    """
    if callable(policies) or isinstance(policies, str | Recorded):
        policies = [policies]
    if isinstance(policies, Mapping):
        named = list(policies.items())
    elif isinstance(policies, list | tuple):
        named = [(_name_of(one), one) for one in policies]
    else:
        raise InputError(
            f"policies is {shown(policies)}, but must be a list of policies, or a mapping from "
            "their names"
        )
    if not named:
        raise InputError("policies is empty, but must hold at least one policy")
    require_unique([name for name, _ in named], "policies has the name")
    return {name: policy_of(one, room) for name, one in named}


def _name_of(what: Any) -> str:
    """Return what to call a policy that was given no name."""
    if isinstance(what, list | tuple) and what:
        return str(what[0])
    if isinstance(what, Recorded):
        return what.name
    if isinstance(what, str | os.PathLike):
        return os.fspath(what)
    return str(getattr(what, "__name__", type(what).__name__))


def policy_of(what: Any, room: Callable[[], Path]) -> Policy | Recorded:
    """Return a policy; see :func:`policies_of`."""
    if isinstance(what, Recorded):
        return what
    if isinstance(what, os.PathLike) or (isinstance(what, str) and what.lower().endswith(FILES)):
        return Recorded.from_file(what)
    if isinstance(what, str):
        found = SCRIPT.fullmatch(what)
        return _by_method(what, {}) if found is None else _by_script(found, what)
    if isinstance(what, list | tuple) and len(what) == 2 and isinstance(what[1], Mapping):
        return _by_method(*what)
    if callable(what):
        return _by_function(what, room)
    raise InputError(
        f"a policy is {shown(what)}, but must be the name of a method, a function, "
        "'script.py:function', or a table of allocations"
    )


def _by_method(method: Any, options: Mapping[str, Any]) -> ByMethod:
    resolve(method, dict(options))
    return ByMethod(method, Cell(Instance.letter(users=1), method, options).arguments())


def _by_script(found: re.Match[str], text: str) -> ByCode:
    script = Path(found["script"]).absolute()
    try:
        code = script.read_bytes()
    except OSError as error:
        raise InputError(f"cannot read the policy {text!r}: {error.strerror}") from None
    where = {"script": str(script), "function": found["function"]}
    return _by_code(where, code + found["function"].encode(), text)


def _by_function(function: Callable[..., Any], room: Callable[[], Path]) -> ByCode:
    name = _name_of(function)
    try:
        code = cloudpickle.dumps(function)
    except Exception as error:  # whatever somebody's object raises
        raise InputError(
            f"the policy {name!r} cannot be sent to a process: {type(error).__name__}: {error}"
        ) from None
    file = room() / "function.pickle"
    file.write_bytes(code)
    return _by_code({"pickle": str(file)}, code + _source(function), name)


def _source(function: Callable[..., Any]) -> bytes:
    """Return the module of a function that is sent by its name alone."""
    module = getattr(function, "__module__", "__main__")
    file = getattr(sys.modules.get(module), "__file__", None)
    return b"" if module == "__main__" or file is None else Path(file).read_bytes()


def _by_code(where: Mapping[str, Any], code: bytes, name: str) -> ByCode:
    found = {**where, "path": sys.path, "folder": str(Path.cwd())}
    return ByCode(found, hashlib.sha256(code).hexdigest(), name)
