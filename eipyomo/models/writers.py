"""Models as texts for solvers: .nl, .lp and .gms, plain and always the same."""

from __future__ import annotations

import io
import json
import re
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pyomo.environ as pyo
from pyomo.common.errors import InfeasibleConstraintException, PyomoException
from pyomo.repn.plugins.lp_writer import LPWriter
from pyomo.repn.plugins.nl_writer import NLWriter

from eipyomo.errors import InputError
from eipyomo.models.plain import ROUNDING, TriviallyInfeasibleError, first_line, plain, refuse_terms
from eipyomo.models.types import Model


def nl(model: Model, *, expressions: bool = True) -> tuple[str, list[Any], list[Any]]:
    """Return a model as .nl text, with its variables and its rows in the file's order.

    The text is plain: no comments and no suffixes, since not every reader takes them, and nothing
    is scaled or presolved away. With `expressions` what is used several times is defined once.

    Raises
    ------
    TriviallyInfeasibleError
        If a row cannot hold, since all its variables are fixed, or a variable has no value left.
    InputError
        If the model holds something that is not a finite number, or that a file cannot say; see
        :func:`plain`.
    """
    with plain(model):
        refuse_terms(model)
        text, info = _checked(model, ".nl", partial(_nl, expressions=expressions))
    return text, list(info.variables), [*info.constraints, *info.objectives]


def _nl(model: Any, *, expressions: bool = True) -> tuple[str, Any]:
    stream = io.StringIO()
    info = NLWriter().write(
        model,
        stream,
        linear_presolve=False,
        scale_model=False,
        symbolic_solver_labels=False,
        export_defined_variables=expressions,
    )
    # A name stands in the first line as it is, whatever it holds.
    named = f"# problem {model.name}\n"
    return stream.getvalue().replace(named, "# problem unknown\n", 1), info


def lp(model: Any) -> tuple[str, dict[str, Any]]:
    """Return a linear model as .lp text, with its variables by their names in the file.

    Raises
    ------
    InputError
        As for :func:`nl`, but a row whose variables are all fixed is written as it is.
    """
    with plain(model):
        text, info = _checked(model, ".lp", _lp)
    symbols = info.symbol_map.bySymbol.items()
    return text, {name: part for name, part in symbols if part.ctype is pyo.Var}


def _lp(model: Any) -> tuple[str, Any]:
    stream = io.StringIO()
    info = LPWriter().write(model, stream, symbolic_solver_labels=False)
    return stream.getvalue().replace(f" model name={model.name} *", " model *", 1), info


def gms(model: Model) -> tuple[str, dict[int | str, Any]]:
    """Return a model as GAMS text, with its variables by their names in the file."""
    nl(model)  # it knows rows without a free variable, of which GAMS's writer says nothing
    with plain(model):
        text, symbols = _checked(model, ".gms", _gms_text)
    by_label = model.solutions.symbol_map[symbols].bySymbol
    return text, {key: part for key, part in by_label.items() if part.ctype is pyo.Var}


def _gms_text(model: Any) -> tuple[str, Any]:
    with tempfile.TemporaryDirectory(prefix="eipyomo-") as folder:
        file = Path(folder) / "model.gms"
        options = {"symbolic_solver_labels": False, "skip_trivial_constraints": True}
        _, symbols = model.write(str(file), io_options=options)
        return file.read_text(encoding="utf-8"), symbols


WRITER_ERRORS = (
    *(PyomoException, ValueError, ArithmeticError, RuntimeError, TypeError, AttributeError),
)


def _checked(model: Any, suffix: str, write: Callable[[Any], tuple[str, Any]]) -> tuple[str, Any]:
    """Return what a writer makes of a model; what stops it becomes a sentence that names it."""
    idle: list[Any] = []  # rows of fixed variables that hold but for rounding
    try:
        while True:
            try:
                text, info = write(model)
                break
            except InfeasibleConstraintException as error:
                row = _rounded(model, error)
                row.deactivate()
                idle.append(row)
    except InputError:
        raise
    except WRITER_ERRORS as error:
        raise InputError(
            f"{_culprit(model)} cannot be written as {suffix}: {first_line(error)}"
        ) from None
    finally:
        for row in idle:
            row.activate()
    if _holds_no_number(text):
        raise InputError(
            f"{_culprit(model)} holds NaN or an infinity, but every parameter, bound and fixed "
            "value must be a finite number"
        )
    return text, info


FIXED_ROW = re.compile(
    r"constraint '(.*)' \(fixed body value\s+(\S+) outside bounds \[(.*), (.*)\]"
)


def _rounded(model: Any, error: Exception) -> Any:
    """Return the row of fixed variables that a writer has refused, if it holds but for rounding."""
    found = FIXED_ROW.search(" ".join(str(error).split()))
    if found is None:
        raise InputError(f"the model cannot be written: {first_line(error)}") from None
    name, *numbers = found.groups()
    body, low, high = (None if number == "None" else float(number) for number in numbers)
    assert body is not None
    short = 0.0 if low is None else (low - body) / max(1.0, abs(low))
    over = 0.0 if high is None else (body - high) / max(1.0, abs(high))
    rows = model.component_data_objects(pyo.Constraint, active=True, descend_into=True)
    row = next((row for row in rows if " ".join(row.name.split()) == name), None)
    if row is None or not max(short, over) <= ROUNDING:
        raise TriviallyInfeasibleError(
            f"the row {name!r} cannot hold: its variables are fixed", name
        ) from None
    return row


def _culprit(model: Any) -> str:
    """Return which row cannot be written by itself, or else "the model"."""
    kinds = (pyo.Constraint, pyo.Objective)
    for row in model.component_data_objects(kinds, active=True, descend_into=True):
        alone = pyo.ConcreteModel()
        try:
            alone.row = row.ctype(expr=row.expr)
            wrong = _holds_no_number(_nl(alone)[0])
        except WRITER_ERRORS:
            wrong = True
        if wrong:
            return f"the {row.ctype.__name__.lower()} {row.name!r}"
    return "the model"


def _holds_no_number(text: str) -> bool:
    text = text.replace("-inf <= ", "").replace(" <= +inf", "")  # no bounds, in .lp
    return re.search(r"\bn?(nan|inf)\b", text, flags=re.IGNORECASE) is not None


def label(component: Any) -> str:
    """Return a component's name on one line: control characters and quotes as JSON writes them."""
    return json.dumps(component.name, ensure_ascii=False)[1:-1]
