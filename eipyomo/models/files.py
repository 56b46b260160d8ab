"""Models as files for other solvers: .nl with names and a manifest, and .gms."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pyomo.environ as pyo

from eipyomo.errors import InputError
from eipyomo.files import PathLike, require_path, to_json, write_atomically
from eipyomo.models.plain import hints
from eipyomo.models.source import require_own_data, source_of
from eipyomo.models.symbols import (
    BUDGET_DATA,
    MODE_DATA,
    SYSTEM_DATA,
    USER_DATA,
    USER_LIMITS,
    VARIABLES,
)
from eipyomo.models.types import Model
from eipyomo.models.writers import gms, label, nl
from eipyomo.restriction import Restriction

SCHEMA = "eipyomo/export@1"

LINEAR_ONLY = (".lp", ".mps")


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
        files[target], columns = gms(model)
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


def _lines(components: Sequence[Any]) -> str:
    return "".join(f"{label(component)}\n" for component in components)


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
    own = {budget.datum for budget in problem.budgets if not budget.is_minimised}
    own |= {key for key in USER_LIMITS if problem.data.limited(key)}
    some = BUDGET_DATA | USER_LIMITS
    data = {**SYSTEM_DATA, **USER_DATA, **{key: some[key] for key in some if key in own}}
    data |= {} if problem.data.modes is None else MODE_DATA
    return {
        "schema": SCHEMA,
        "file": target.name,
        "versions": {name: version(name) for name in ("eipyomo", "pyomo")},
        "formulation": source.formulation,
        "round": problem.stage,
        "problem": problem.name,
        "restriction": _restriction(problem.restriction),
        "objective": problem.objective.name,
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
