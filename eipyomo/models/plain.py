"""What a file of rows and columns can say: everything else in a model is refused by its name."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import pyomo.environ as pyo
from pyomo.common.numeric_types import native_types
from pyomo.core.base.external import ExternalFunction
from pyomo.core.expr.numeric_expr import Expr_ifExpression, ExternalFunctionExpression
from pyomo.core.expr.visitor import StreamBasedExpressionVisitor
from pyomo.repn.util import categorize_valid_components

from eipyomo.errors import InputError
from eipyomo.models.diagnostics import objective

HINTS = frozenset(
    {
        *("scaling_factor", "priority", "direction", "upPseudocost", "downPseudocost"),
        *("dual", "rc", "lrc", "urc", "slack", "sstatus", "astatus"),
        *("ipopt_zL_in", "ipopt_zU_in", "ipopt_zL_out", "ipopt_zU_out"),
    }
)
"""Suffixes that tell a solver how to search or where to begin, or bring back what it found; with
any values of theirs the problem is the same. ``casadi_child.py`` has the list as well."""

PLAIN = {
    *(pyo.Block, pyo.Var, pyo.Constraint, pyo.Objective, pyo.Expression, pyo.Param),
    *(pyo.Set, pyo.RangeSet, pyo.BuildCheck, pyo.BuildAction, ExternalFunction),
}
"""What a file of rows and columns can say, or need not say; see :func:`plain`."""

ROUNDING = 1e-6
"""How far fixed values may leave a row's side, relative to it where it is above 1."""

WRITERS_OWN = 1e-8
"""How far Pyomo's writer of .nl lets a fixed value be off its bounds."""


class TriviallyInfeasibleError(InputError):
    """What cannot hold whatever a solver does, since it leaves no choice.

    Attributes
    ----------
    row
        Name of the row, all of whose variables are fixed, or of a variable without any value.
    """

    def __init__(self, sentence: str, row: str) -> None:
        super().__init__(sentence)
        self.row = row

    def __reduce__(self) -> tuple[Any, ...]:
        """Keep the row on the way to another process."""
        return type(self), (str(self), self.row)


@contextmanager
def plain(model: Any) -> Iterator[None]:
    """Refuse a model that says what rows, columns and one objective cannot; leave out its hints.

    Suffixes in ``HINTS`` are inactive meanwhile, so that no writer scales by them or writes them.

    Raises
    ------
    TriviallyInfeasibleError
        If the bounds of a variable leave it no value.
    InputError
        If the model has not exactly one objective; a component or a suffix of another kind, named
        in the sentence; or a variable whose bounds, fixed value or domain no file can hold.
    """
    objective(model)
    _refuse_components(model)
    for variable in model.component_data_objects(pyo.Var, active=True, descend_into=True):
        _refuse_variable(variable)
    left_out = hints(model)
    for suffix in left_out:
        suffix.deactivate()
    try:
        yield
    finally:
        for suffix in left_out:
            suffix.activate()


def hints(model: Any) -> list[Any]:
    """Return the suffixes that are meant for a solver but only hints; refuse all others.

    Raises
    ------
    InputError
        If a suffix may change the problem.
    """
    exported = [
        suffix
        for suffix in model.component_objects(pyo.Suffix, active=True, descend_into=True)
        if suffix.export_enabled() and len(suffix) > 0
    ]
    for suffix in exported:
        if suffix.local_name not in HINTS:
            raise InputError(
                f"the suffix {suffix.name!r} may change the problem and is not handed over, but "
                "every exported suffix must be a known hint such as 'scaling_factor' or "
                "'priority': remove or deactivate it"
            )
    return exported


def _refuse_components(model: Any) -> None:
    """Refuse what is neither a row nor a column, such as sets of type SOS and complementarity."""
    _, others = categorize_valid_components(model, active=True, valid=PLAIN, targets={pyo.Suffix})
    named = [(kind.__name__, part.name) for kind, parts in others.items() for part in parts]
    named += [
        ("complementarity", row.name)
        for row in model.component_data_objects(pyo.Constraint, active=True, descend_into=True)
        if hasattr(row, "_complementarity")
    ]
    if named:
        kind, name = named[0]
        raise InputError(
            f"the model's {name!r} is of the kind {kind}, but a model must have variables, "
            "constraints and one objective only: write it in these terms, or deactivate it"
        )


def _refuse_variable(variable: Any) -> None:
    """Refuse what a writer would lose, misread or stumble over."""
    name, value = variable.name, variable.value
    try:
        bounds = variable.bounds
    except ValueError as error:
        raise InputError(
            f"the variable {name!r} has a bound that is no number: {first_line(error)}"
        ) from None
    whole = variable.is_integer() or variable.is_binary()
    if not (whole or variable.is_continuous()):
        raise InputError(
            f"the domain of the variable {name!r} is {variable.domain.name!r}, but must be an "
            "interval of real numbers or of integers"
        )
    low, high = whole_bounds(*bounds) if whole else bounds
    low, high = -math.inf if low is None else low, math.inf if high is None else high
    if low > high:
        raise TriviallyInfeasibleError(
            f"the variable {name!r} cannot hold any value: its bounds leave none", name
        )
    if value is None and not variable.fixed:
        return
    how = "is fixed at" if variable.fixed else "begins at"
    if not is_finite(value):
        raise InputError(
            f"the variable {name!r} {how} {value}, but its value must be a finite number"
        )
    if variable.fixed and not (
        low - WRITERS_OWN <= value <= high + WRITERS_OWN
        and (not whole or abs(value - round(value)) <= WRITERS_OWN)
    ):
        kind = "a whole number" if whole else "a number"
        raise InputError(
            f"the variable {name!r} {how} {value!s}, but must be {kind} from {low:g} to {high:g}"
        )


def refuse_terms(model: Any) -> None:
    """Refuse rows with a constant part that is no number; Pyomo's writer drops some without a word.

    With a p of -1 it writes log(p) x <= 1 as no row at all.
    """
    walker = StreamBasedExpressionVisitor(
        initializeWalker=_leaf_first, beforeChild=_leaf, exitNode=_fold
    )
    kinds = (pyo.Constraint, pyo.Objective)
    for row in model.component_data_objects(kinds, active=True, descend_into=True):
        try:
            walker.walk_expression(row.body if row.ctype is pyo.Constraint else row.expr)
        except _NoNumberError as error:
            raise InputError(
                f"the {row.ctype.__name__.lower()} {row.name!r} holds {error.args[0]!r}, which is "
                "NaN or an infinity, but every parameter and fixed value must give a finite number"
            ) from None


class _NoNumberError(Exception):
    """A constant part of an expression is not a finite number."""


def _constant(node: Any, value: Any) -> Any:
    if isinstance(value, str | bool) or is_finite(value):
        return value
    raise _NoNumberError(str(node)[:60])


def _leaf(_parent: Any, child: Any, _place: int) -> tuple[bool, Any]:
    """Return the value of what has no parts, None if it varies; enter the rest."""
    if child.__class__ in native_types:
        return False, _constant(child, child)
    if child.is_expression_type():
        # Only one branch of a choice counts.
        return child.__class__ is not Expr_ifExpression, None
    if child.is_numeric_type() and child.is_fixed():
        return False, _constant(child, child.value)
    return False, None


def _leaf_first(node: Any) -> tuple[bool, Any]:
    enter, value = _leaf(None, node, 0)
    return enter, node if enter else value


def _fold(node: Any, parts: Sequence[Any]) -> Any:
    """Return the value of an expression, None if it varies."""
    if None in parts or node.__class__ is ExternalFunctionExpression:
        return None
    try:
        value = node._apply_operation(parts)
    except (ValueError, ArithmeticError):
        value = None
    return _constant(node, value)


def whole_bounds(low: float | None, high: float | None) -> tuple[float | None, float | None]:
    """Return the least and the greatest whole number within bounds."""
    return (
        None if low is None else math.ceil(low - ROUNDING),
        None if high is None else math.floor(high + ROUNDING),
    )


def is_finite(value: Any) -> bool:
    """Tell whether something is a finite number."""
    try:
        return math.isfinite(value)
    except TypeError:
        return False


def first_line(error: Exception) -> str:
    """Return the first line of what an error says, without its full stop."""
    return str(error).strip().splitlines()[0].rstrip(".")
