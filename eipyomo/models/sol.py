"""Solutions read back: the .sol file that any solver wrote for a model of ours."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from eipyomo.errors import InputError
from eipyomo.files import PathLike, read_document, read_text
from eipyomo.instance import Instance
from eipyomo.models.build import minlp
from eipyomo.models.files import SCHEMA
from eipyomo.models.symbols import COUPLING, LEAST, USER_VARIABLES
from eipyomo.models.types import Model
from eipyomo.models.writers import nl
from eipyomo.objective import WSEL, objective_of
from eipyomo.problem import Problem
from eipyomo.restriction import Restriction
from eipyomo.words import reason_of, short


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
            f"schema in {str(description)!r} is {short(document.get('schema'))}, but a manifest "
            f"must have {SCHEMA!r}"
        )
    try:
        instance = Instance.from_dict(document["instance"])
        restriction = Restriction(**document.get("restriction", {}))
        objective = objective_of(document.get("objective", WSEL.name))
        problem = Problem(instance, restriction, document["round"], objective)
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
    except InputError as error:
        raise InputError(f"the solution file {str(target)!r} {error}") from None
    except (KeyError, TypeError, AttributeError, ValueError, OverflowError) as error:
        raise InputError(
            f"the manifest file {str(description)!r} is damaged: {type(error).__name__} "
            f"{reason_of(error)}"
        ) from None
    return model, solution


def _put(model: Model, entry: Mapping[str, Any], value: float | None) -> None:
    """Set the variable that a manifest's entry names; one that a user had added is passed over."""
    name, user = entry["variable"], entry["user"]
    if name in USER_VARIABLES:
        variable = getattr(model.user[user], name)
        if "point" in entry:
            variable = variable[entry["point"]]
    elif name in COUPLING or name in LEAST:
        variable = getattr(model, name) if user is None else getattr(model, name)[user]
    else:
        return
    variable.set_value(value, skip_validation=True)
