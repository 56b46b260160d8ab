"""Models as files for other solvers: .nl with names and a manifest, .gms; and .sol read back."""

from __future__ import annotations

import io
import json
import math
import re
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields, replace
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pyomo.environ as pyo
from pyomo.common.errors import InfeasibleConstraintException, PyomoException
from pyomo.common.numeric_types import native_types
from pyomo.core.base.external import ExternalFunction
from pyomo.core.expr.numeric_expr import Expr_ifExpression, ExternalFunctionExpression
from pyomo.core.expr.visitor import StreamBasedExpressionVisitor
from pyomo.repn.plugins.lp_writer import LPWriter
from pyomo.repn.plugins.nl_writer import NLWriter
from pyomo.repn.util import categorize_valid_components

from eipyomo.errors import InputError
from eipyomo.files import (
    PathLike,
    read_document,
    read_text,
    require_path,
    to_json,
    write_atomically,
)
from eipyomo.instance import Instance
from eipyomo.models.build import minlp
from eipyomo.models.diagnostics import objective
from eipyomo.models.source import require_own_data, source_of
from eipyomo.models.symbols import (
    BUDGET_DATA,
    COUPLING,
    SYSTEM_DATA,
    USER_DATA,
    USER_VARIABLES,
    VARIABLES,
)
from eipyomo.models.types import Model
from eipyomo.problem import Problem, Restriction

SCHEMA = "eipyomo/export@1"
LINEAR_ONLY = (".lp", ".mps")

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


def export(model: Model, path: PathLike) -> list[Path]:
    """Write a model to a file, in the format that its suffix names.

    ``model.nl`` comes with ``model.row`` and ``model.col``, the names of its rows and columns one
    a line, and every format with ``model.nl.manifest.json`` (or ``.gms.manifest.json``): the
    instance, the formulation, symbols and units, which column is which variable of which user,
    the variables that are not in the file, because they are fixed or unused, with their values,
    and the suffixes that are not: a file is in the model's own units and says nothing but the
    problem, so that hints such as ``scaling_factor`` stay out of it. Parameters are numbers in the
    file. The same model gives the same bytes.

    Parameters
    ----------
    model
        A model made by :func:`eipyomo.models.minlp`, changed or not.
    path
        The file; ``.nl`` or ``.gms``.

    Returns
    -------
    list of Path
        The files written, the model first.

    Raises
    ------
    InputError
        If the suffix names another format, the model holds something that is not a number or that
        no file can say (a suffix or component that is no hint, row, column or the one objective), a
        row that cannot hold, or the file cannot be written. Existing files are then left as they
        were.
    """
    require_path(path)
    target = Path(path)
    suffix = target.suffix.lower()
    if suffix in LINEAR_ONLY:
        raise InputError(
            f"cannot export to {target.name!r}: {suffix} holds linear and quadratic models only, "
            "but this one has logarithms and quotients; use .nl or .gms"
        )
    if suffix not in (".nl", ".gms"):
        raise InputError(
            f"cannot export to {target.name!r}: the suffix is {suffix!r}, but must be .nl or .gms"
        )
    require_own_data(model)
    manifest_path = target.with_name(target.name + ".manifest.json")
    files: dict[PathLike, str | bytes] = {}
    columns: dict[int | str, Any]
    if suffix == ".gms":
        files[target], columns = _gms(model)
        rows = 0
    else:
        files[target], variables, names = nl(model)
        rows = len(names) - 1
        files[target.with_suffix(".row")] = _lines(names)
        files[target.with_suffix(".col")] = _lines(variables)
        columns = dict(enumerate(variables))
    files[manifest_path] = to_json(_manifest(model, target, columns, rows))
    write_atomically(files)
    return [Path(file) for file in files]


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
        _refuse_terms(model)
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


def _gms(model: Model) -> tuple[str, dict[int | str, Any]]:
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
            f"the variable {name!r} has a bound that is no number: {_first_line(error)}"
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
    if not _is_finite(value):
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


def _refuse_terms(model: Any) -> None:
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
    if isinstance(value, str | bool) or _is_finite(value):
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


def _is_finite(value: Any) -> bool:
    try:
        return math.isfinite(value)
    except TypeError:
        return False


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
            f"{_culprit(model)} cannot be written as {suffix}: {_first_line(error)}"
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
        raise InputError(f"the model cannot be written: {_first_line(error)}") from None
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


def _lines(components: Sequence[Any]) -> str:
    return "".join(f"{label(component)}\n" for component in components)


def label(component: Any) -> str:
    """Return a component's name on one line: control characters and quotes as JSON writes them."""
    return json.dumps(component.name, ensure_ascii=False)[1:-1]


def _manifest(
    model: Model, target: Path, columns: Mapping[int | str, Any], rows: int
) -> dict[str, Any]:
    """Return what a reader of the file needs to know to make sense of it."""
    in_file = {id(variable) for variable in columns.values()}
    left_out = [
        {
            **_identity(model, variable),
            "value": variable.value,
            "why": "fixed" if variable.fixed else "unused",
        }
        for variable in model.component_data_objects(pyo.Var, descend_into=True)
        if id(variable) not in in_file
    ]
    source = source_of(model)
    problem = source.problem
    own = {budget.datum for budget in problem.budgets}
    data = {**SYSTEM_DATA, **USER_DATA, **{k: v for k, v in BUDGET_DATA.items() if k in own}}
    return {
        "schema": SCHEMA,
        "file": target.name,
        "versions": {name: version(name) for name in ("eipyomo", "pyomo")},
        "formulation": source.formulation,
        "round": problem.stage,
        "problem": problem.name,
        "restriction": _restriction(problem.restriction),
        "options": dict(source.options),
        "units": {key: quantity.unit for key, quantity in data.items()},
        "symbols": {
            key: {"symbol": quantity.symbol, "unit": quantity.unit, "meaning": quantity.meaning}
            for key, quantity in (data | VARIABLES).items()
        },
        "rows": rows,
        "columns": [
            {"column": column, **_identity(model, variable)} for column, variable in columns.items()
        ],
        "left_out": left_out,
        "hints_left_out": [suffix.name for suffix in hints(model)],
        "instance": source.instance.to_dict(),
    }


def _restriction(restriction: Restriction) -> dict[str, Any]:
    """Return what a restriction has beyond none, by its names."""
    found = {}
    for field in fields(restriction):
        value = getattr(restriction, field.name)
        if np.any(value != field.default):
            found[field.name] = np.asarray(value).tolist()
    return found


def _identity(model: Model, variable: Any) -> dict[str, Any]:
    """Tell which variable of which user this is; the user's name stands here as it is."""
    component, block = variable.parent_component(), variable.parent_block()
    index = variable.index() if component.is_indexed() else None
    if block is model:
        user, point = index if index in model.users else None, None
    else:
        user, point = block.index(), index
    return {
        "name": variable.name,
        "variable": component.local_name,
        "user": user,
        **({} if point is None else {"point": point}),
    }


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0].rstrip(".")


@dataclass(frozen=True)
class SolFile:
    """What a .sol file says.

    Attributes
    ----------
    message
        The solver's words, on one line.
    point
        The columns' values, in the .nl file's order; None if the file has none.
    code
        AMPL's code for the end of the solve: below 200 solved, 200-299 infeasible, 400-499 a
        limit; None if the file does not say.
    extended
        Whether the file's model had rows of a user's own beside those as built; looked at only
        where the code says infeasible or unbounded, which such rows may have made it.
    """

    message: str
    point: tuple[float, ...] | None
    code: int | None
    extended: bool = False


def parse_sol(text: str, rows: int, columns: int) -> SolFile:
    """Read the text of a .sol file that belongs to a .nl file of known size.

    Blank messages, missing Options, Windows line ends and missing multipliers are taken; wrong
    counts, missing numbers and what is not a finite number are refused, never guessed.

    Parameters
    ----------
    text
        The file's text.
    rows, columns
        Numbers of constraints and variables in the .nl file.

    Raises
    ------
    InputError
        With the end of a sentence that starts with the file.
    """
    lines = [line.strip() for line in text.splitlines()]
    end = next((k for k, line in enumerate(lines) if line.startswith("objno")), len(lines))
    if "Options" in lines[:end]:
        first = lines.index("Options")
        numbers, tail = _without_options(_numbers(lines[first + 1 : end]))
    else:
        first = end
        while first > 0 and _is_number(lines[first - 1]):
            first -= 1
        numbers, tail = _numbers(lines[first:end]), 0
    sizes, body = numbers[:4], numbers[4 + tail :]
    if len(sizes) < 4 or (sizes[0], sizes[2]) != (rows, columns):
        given = f"{sizes[0]:g} rows and {sizes[2]:g} columns" if len(sizes) == 4 else "nothing"
        raise InputError(f"is for {given}, but must be for {rows} rows and {columns} columns")
    if sizes[1] not in (0, rows) or sizes[3] not in (0, columns):
        raise InputError(
            f"announces {sizes[1]:g} multipliers and {sizes[3]:g} values, but must have none or "
            f"{rows} and {columns}"
        )
    if len(body) != sizes[1] + sizes[3]:
        raise InputError(
            f"is cut off or damaged: it has {len(body)} of {sizes[1] + sizes[3]:g} numbers"
        )
    values = tuple(body[int(sizes[1]) :])
    if not all(math.isfinite(value) for value in values):
        raise InputError("holds NaN or an infinity, but every value must be a finite number")
    message = " ".join(line for line in lines[:first] if line)
    return SolFile(message, values or None, _code(lines[end]) if end < len(lines) else None)


def _without_options(numbers: list[float]) -> tuple[list[float], int]:
    """Cut off AMPL's options; return also how many numbers of theirs follow the four sizes.

    A count above 4 means two options fewer, and a tolerance behind the sizes.
    """
    count = int(numbers[0]) if numbers and 0 <= numbers[0] <= 9 else 0
    return (numbers[1 + count - 2 :], 1) if count > 4 else (numbers[1 + count :], 0)


def _numbers(lines: Sequence[str]) -> list[float]:
    """Return the numbers on a run of lines; it must hold nothing else."""
    for line in lines:
        if not _is_number(line):
            raise InputError(f"has {line[:40]!r} where a number must stand")
    return [float(line) for line in lines]


def _is_number(line: str) -> bool:
    try:
        float(line)
    except ValueError:
        return False
    return True


def _code(line: str) -> int | None:
    parts = line.split()
    return int(parts[2]) if len(parts) > 2 and parts[2].lstrip("-").isdigit() else None


def read_sol(path: PathLike, manifest: PathLike | None = None) -> tuple[Model, SolFile]:
    """Read the .sol file that any solver wrote for a model that :func:`export` wrote.

    Parameters
    ----------
    path
        The .sol file.
    manifest
        The export's manifest; looked for beside the .sol file if left out.

    Returns
    -------
    model
        The model of the manifest's problem and formulation, with the file's values in it, and
        those of the variables that were left out of the file.
    solution
        What the file says.

    Raises
    ------
    InputError
        If a file is missing, damaged, or belongs to another model.
    """
    target = Path(path)
    description = Path(manifest or target.with_name(f"{target.stem}.nl.manifest.json"))
    document = read_document(description, "manifest")
    if document.get("schema") != SCHEMA:
        raise InputError(
            f"schema in {str(description)!r} is {document.get('schema')!r}, but a manifest must "
            f"have {SCHEMA!r}"
        )
    try:
        instance = Instance.from_dict(document["instance"])
        restriction = Restriction(**document.get("restriction", {}))
        problem = Problem(instance, restriction, document["round"])
        model = minlp(problem, document["formulation"], **document.get("options", {}))
        columns, left_out = document["columns"], document["left_out"]
        rows = int(document["rows"])
        solution = parse_sol(read_text(target, "solution"), rows, len(columns))
        for column, value in zip(columns, solution.point or (), strict=False):
            _put(model, column, value)
        for entry in left_out:
            _put(model, entry, entry["value"])
        if solution.code is not None and 200 <= solution.code < 400:
            solution = replace(solution, extended=rows > len(nl(model)[2]) - 1)
    except (KeyError, TypeError, AttributeError) as error:
        raise InputError(
            f"the manifest file {str(description)!r} is damaged: {type(error).__name__} {error}"
        ) from None
    except InputError as error:
        raise InputError(f"the solution file {str(target)!r} {error}") from None
    return model, solution


def _put(model: Model, entry: Mapping[str, Any], value: float | None) -> None:
    """Set the variable that a manifest's entry names; one that a user had added is passed over."""
    name, user = entry["variable"], entry["user"]
    if name in USER_VARIABLES:
        variable = getattr(model.user[user], name)
        if "point" in entry:
            variable = variable[entry["point"]]
    elif name in COUPLING:
        variable = getattr(model, name) if user is None else getattr(model, name)[user]
    else:
        return
    variable.set_value(value, skip_validation=True)
