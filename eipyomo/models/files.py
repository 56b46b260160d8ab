"""Models as files for other solvers: .nl with names and a manifest, .gms; and .sol read back."""

from __future__ import annotations

import io
import json
import math
import re
import tempfile
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyomo.environ as pyo
from pyomo.repn.plugins.nl_writer import NLWriter

from eipyomo.errors import InputError
from eipyomo.files import PathLike, read_document, read_text, to_json, write_atomically
from eipyomo.instance import Instance
from eipyomo.models.joint import minlp
from eipyomo.models.source import require_own_data, source_of
from eipyomo.models.symbols import COUPLING, SYSTEM_DATA, USER_DATA, USER_VARIABLES, VARIABLES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from eipyomo.models.joint import Model

SCHEMA = "eipyomo/export@1"
LINEAR_ONLY = (".lp", ".mps")


def export(model: Model, path: PathLike) -> list[Path]:
    """Write a model to a file, in the format that its suffix names.

    ``model.nl`` comes with ``model.row`` and ``model.col``, the names of its rows and columns one
    a line, and every format with ``model.nl.manifest.json`` (or ``.gms.manifest.json``): the
    instance, the formulation, symbols and units, which column is which variable of which user,
    and the variables that are not in the file, because they are fixed or unused, with their
    values. Parameters are numbers in the file. The same model gives the same bytes.

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
        If the suffix names another format, the model holds something that is not a number, or
        the file cannot be written. Existing files are then left as they were.
    """
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


def nl(model: Model) -> tuple[str, list[Any], list[Any]]:
    """Return a model as .nl text, with its variables and its rows in the file's order.

    The text is plain: no comments and no suffixes, since not every reader takes them, and nothing
    is presolved away.

    Raises
    ------
    InputError
        If the model holds something that is not a finite number.
    """
    stream = io.StringIO()
    try:
        info = NLWriter().write(model, stream, linear_presolve=False, symbolic_solver_labels=False)
    except (ValueError, ArithmeticError) as error:
        raise InputError(f"the model cannot be written as .nl: {_first_line(error)}") from None
    text = stream.getvalue()
    _refuse_what_is_no_number(text)
    return text, list(info.variables), [*info.constraints, *info.objectives]


def _gms(model: Model) -> tuple[str, dict[int | str, Any]]:
    """Return a model as GAMS text, with its variables by their names in the file."""
    with tempfile.TemporaryDirectory(prefix="eipyomo-") as folder:
        file = Path(folder) / "model.gms"
        try:
            _, symbols = model.write(str(file), io_options={"symbolic_solver_labels": False})
        except (ValueError, ArithmeticError) as error:
            raise InputError(f"the model cannot be written as .gms: {_first_line(error)}") from None
        text = file.read_text(encoding="utf-8")
    _refuse_what_is_no_number(text)
    by_label = model.solutions.symbol_map[symbols].bySymbol
    return text, {key: part for key, part in by_label.items() if part.ctype is pyo.Var}


def _refuse_what_is_no_number(text: str) -> None:
    if re.search(r"\bn?(nan|inf)\b", text, flags=re.IGNORECASE):
        raise InputError(
            "the model holds NaN or an infinity, but every parameter, bound and fixed value must "
            "be a finite number"
        )


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
    return {
        "schema": SCHEMA,
        "file": target.name,
        "versions": {name: version(name) for name in ("eipyomo", "pyomo")},
        "formulation": source.formulation,
        "round": source.round,
        "options": dict(source.options),
        "units": {key: quantity.unit for key, quantity in (SYSTEM_DATA | USER_DATA).items()},
        "symbols": {
            key: quantity._asdict()
            for key, quantity in (SYSTEM_DATA | USER_DATA | VARIABLES).items()
        },
        "rows": rows,
        "columns": [
            {"column": column, **_identity(model, variable)} for column, variable in columns.items()
        ],
        "left_out": left_out,
        "instance": source.instance.to_dict(),
    }


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
        The model of the manifest's instance and formulation, with the file's values in it, and
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
        model = minlp(
            instance,
            document["formulation"],
            document["round"],
            **document.get("options", {}),
        )
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
