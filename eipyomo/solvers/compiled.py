"""One typed door to numba."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba

Function = TypeVar("Function", bound=Callable[..., Any])


def compiled(function: Function) -> Function:
    """Compile a function on first use and keep the machine code for later processes.

    Division by zero follows IEEE rules, sums are not reordered, and the interpreter is not locked,
    so that threads can share out the end users. Functions that call each other belong in one file:
    the cache notices changes of a function's own file only.
    """
    options = {"cache": True, "error_model": "numpy", "nogil": True}
    return cast(Function, numba.njit(**options)(function))
