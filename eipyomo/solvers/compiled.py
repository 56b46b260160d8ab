"""How functions are compiled: once a machine where that can be kept, else once a process."""

from __future__ import annotations

import inspect
import logging
from collections.abc import Callable
from functools import cache
from typing import Any, TypeVar, cast

import numba
from numba.core import boxing, pythonapi, serialize, types

from eipyomo.errors import SolverError

Function = TypeVar("Function", bound=Callable[..., Any])

SETTINGS: dict[str, Any] = {"error_model": "numpy", "nogil": True}
"""Sums are not reordered, and threads may share out the end users."""


def compiled(function: Function) -> Function:
    """Compile a function on first use, and keep the machine code where there is a place for it.

    Numba keeps it beside the source or in the user's cache folder, or in ``NUMBA_CACHE_DIR``. In a
    container or on a cluster there may be none of them; then every process compiles anew.

    Raises
    ------
    SolverError
        If numba is told not to compile: columns of records have their names in compiled code only.
    TypeError
        For a generator: in another process numba does not know the type of one that was kept.
    """
    if cast("Any", numba.config).DISABLE_JIT:
        raise SolverError(
            "NUMBA_DISABLE_JIT is set, but what computes here must be compiled: unset it"
        )
    if inspect.isgeneratorfunction(function):
        raise TypeError(
            f"{function.__qualname__} yields, but what is compiled and kept must return"
        )
    try:
        kept: Function = numba.njit(cache=True, **SETTINGS)(function)
        _without_harm(kept)
        _for_all_constants(kept)
        return kept
    except RuntimeError:  # no locator available
        _say_that_nothing_is_kept()
        unkept: Function = numba.njit(**SETTINGS)(function)
        _for_all_constants(unkept)
        return unkept


def interpreted(function: Function) -> Function:
    """Return a compiled function as it is written, for single calls from Python.

    To hand records of many numbers over to compiled code takes longer than a few lines do.
    """
    written: Function = getattr(function, "py_func", function)
    return written


def _without_harm(function: Any) -> None:
    """Let a function be compiled anew where what is kept is broken, or there is no space for it."""
    kept = function._cache
    load, save = kept.load_overload, kept.save_overload

    def load_or_none(*arguments: Any) -> Any:
        try:
            return load(*arguments)
        except Exception:  # whatever unpickling a broken file raises
            return None

    def save_or_say(*arguments: Any) -> None:
        try:
            save(*arguments)
        except Exception:  # the index may be broken as well
            _say_that_nothing_is_kept()

    kept.load_overload, kept.save_overload = load_or_none, save_or_say


def _for_all_constants(function: Any) -> None:
    """Let a function be compiled for a kind of number, and not once more for each constant.

    Whether a branch is taken would be known then, but all that is called there is compiled again.
    """
    resolve, kind_of = function.get_call_template, cast("Any", numba.types).unliteral

    def resolved(args: Any, kws: Any) -> Any:
        return resolve(tuple(map(kind_of, args)), {key: kind_of(one) for key, one in kws.items()})

    function.get_call_template = resolved


def _named_tuple(kind: Any, value: Any, at: Any) -> Any:
    """Emit what makes a named tuple of compiled code's one for Python; as numba's, but in C alone.

    Numba calls the class, which is written in Python. There signals are heard, as Ctrl-C, and what
    they raise is not expected: the process would end by a segmentation fault.
    """
    new, own = (
        at.env_manager.read_const(at.env_manager.add_const(one))
        for one in (tuple.__new__, kind.instance_class)
    )
    fields = boxing.box_tuple(kind, value, at)
    arguments = at.pyapi.tuple_pack([own, fields])
    found = at.pyapi.call(new, arguments)
    at.pyapi.decref(arguments)
    at.pyapi.decref(fields)
    return found


def _hand_over_in_c() -> None:
    """Let no Python run between the end of compiled code and what it returns."""
    for kind in (types.NamedTuple, types.NamedUniTuple):
        pythonapi._boxers.functions[kind] = _named_tuple
    serialize._numba_unpickle = cache(serialize._numba_unpickle)  # of types of arrays


_hand_over_in_c()


@cache
def _say_that_nothing_is_kept() -> None:
    """Say once a process what it costs that compiled code cannot be kept."""
    logging.getLogger("eipyomo").warning(
        "compiled code cannot be kept, since neither the package's folder nor the user's cache is "
        "writable and has space: each process compiles for half a minute; set NUMBA_CACHE_DIR to a "
        "folder of yours"
    )
