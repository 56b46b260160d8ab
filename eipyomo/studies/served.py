"""Asking a policy about one instance after another, in a process that nobody else trusts.

What a policy does here reaches nobody else: it has instances as copies of their documents, what it
prints is lost, and what it answers is judged by the process that asks.
"""

from __future__ import annotations

import json
import os
import random
import sys
import time
import traceback
from collections.abc import Callable, Mapping
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

import cloudpickle
from numpy.random import mtrand

from eipyomo.instance import Instance
from eipyomo.studies.answers import FailedError, plain

Policy = Callable[[Instance], Any]


def loaded(where: Mapping[str, Any]) -> tuple[Policy | None, dict[str, Any]]:
    """Return a policy, and what to tell about that.

    Parameters
    ----------
    where
        The working ``folder``; and ``pickle``, a file, or ``script``, a file, and ``function``.
    """
    os.chdir(where["folder"])
    try:
        policy = of_pickle(where["pickle"]) if "pickle" in where else of_script(where)
    except BaseException as error:  # whatever importing somebody's script raises
        return None, {"failure": "exception", "message": last_words(error)}
    if not callable(policy):
        return None, {"failure": "exception", "message": "the script has no function of this name"}
    return policy, {}


def of_pickle(file: str) -> Any:
    """Return what a file holds."""
    return cloudpickle.loads(Path(file).read_bytes())


def of_script(where: Mapping[str, Any]) -> Any:
    """Return a function of a script, whose folder is looked in for what it imports."""
    file = Path(where["script"])
    sys.path.insert(0, str(file.parent))
    spec = spec_from_file_location(file.stem, file)
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    sys.modules[file.stem] = module
    spec.loader.exec_module(module)
    return getattr(module, where["function"], None)


def answered(policy: Policy, question: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a policy says about an instance, and how long that took."""
    instance = Instance.from_dict(question["instance"])
    names = tuple(instance.users.texts("name"))
    random.seed(question["seed"])
    mtrand.seed(question["seed"])
    started = time.perf_counter()
    answer: dict[str, Any]
    try:
        said = policy(instance)
        seconds = time.perf_counter() - started
        answer = {"answer": plain(said, names)}
        json.dumps(answer)  # refused now if it holds what no document can
    except FailedError as error:
        answer = {"failure": error.kind, "message": str(error)}
    except SystemExit as error:
        answer = {"failure": "exit", "message": last_words(error)}
    except BaseException as error:  # whatever somebody's policy raises
        answer = {"failure": "exception", "message": last_words(error)}
    if "message" in answer:
        seconds = time.perf_counter() - started
    return {"seconds": seconds, **answer}


def last_words(error: BaseException) -> str:
    """Return kind and words of an exception, and the line that raised it."""
    frames = traceback.extract_tb(error.__traceback__)
    where = f" (line {frames[-1].lineno} of {Path(frames[-1].filename).name})" if frames else ""
    return f"{type(error).__name__}: {error}"[:300] + where
