"""Models as files for other solvers: .nl with .row, .col and a manifest, and .gms."""

from __future__ import annotations

import io
import json
import re
import tempfile
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyomo.environ as pyo
from pyomo.repn.plugins.nl_writer import NLWriter

from eipyomo.errors import InputError
from eipyomo.files import PathLike, to_json, write_atomically
from eipyomo.models.symbols import SYSTEM_DATA, USER_DATA, VARIABLES

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
    manifest_path = target.with_name(target.name + ".manifest.json")
    files: dict[PathLike, str | bytes] = {}
    columns: dict[int | str, Any]
    if suffix == ".gms":
        files[target], columns = _gms(model)
    else:
        files[target], variables, rows = nl(model)
        files[target.with_suffix(".row")] = _lines(rows)
        files[target.with_suffix(".col")] = _lines(variables)
        columns = dict(enumerate(variables))
    files[manifest_path] = to_json(_manifest(model, target, columns))
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


def _manifest(model: Model, target: Path, columns: Mapping[int | str, Any]) -> dict[str, Any]:
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
    source = model.source
    return {
        "schema": SCHEMA,
        "file": target.name,
        "versions": {name: version(name) for name in ("eipyomo", "pyomo")},
        "formulation": source.formulation,
        "round": source.round,
        "units": {key: quantity.unit for key, quantity in (SYSTEM_DATA | USER_DATA).items()},
        "symbols": {
            key: quantity._asdict()
            for key, quantity in (SYSTEM_DATA | USER_DATA | VARIABLES).items()
        },
        "columns": [
            {"column": column, **_identity(model, variable)} for column, variable in columns.items()
        ],
        "left_out": left_out,
        "instance": source.instance.to_dict(),
    }


def _identity(model: Model, variable: Any) -> dict[str, Any]:
    """Tell which variable of which user this is; the user's name stands here as it is."""
    component = variable.parent_component()
    index = variable.index() if component.is_indexed() else variable.parent_block().index()
    return {
        "name": variable.name,
        "variable": component.local_name,
        "user": index if index in model.users else None,
    }


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0].rstrip(".")
