"""Numbers as people write them into tables: with decimal commas, groups of digits, and blanks."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from typing import Any, Final

from eipyomo.errors import InputError
from eipyomo.validation import plain_number

NOTHING: Final = frozenset(
    {"", "-", "\N{EN DASH}", "\N{EM DASH}", "na", "n/a", "#n/a", "nan", "null", "none"}
)
"""What stands in a cell for numbers that holds none, in lower case."""

_NUMERAL = re.compile(
    r"""(?P<sign>[+-]?)
    (?: (?P<groups> [1-9][0-9]{0,2} (?P<between>[\s'\N{RIGHT SINGLE QUOTATION MARK}.,]) [0-9]{3}
                    (?: (?P=between) [0-9]{3} )* )
      | (?P<digits> [0-9]*) )
    (?: (?P<mark>[.,]) (?P<fraction>[0-9]*) )?
    (?P<exponent> [eE][+-]?[0-9]+ )?""",
    re.VERBOSE,
)

_PLAIN = re.compile(r"[+-]?[0-9]+(\.[0-9]*)?([eE][+-]?[0-9]+)?")
"""As programs write numbers: most are, and they are read fast."""


def is_blank(cell: Any) -> bool:
    """Tell whether a cell holds nothing: None, NaN, pandas' NA, or a text that stands for it."""
    if isinstance(cell, str):
        return cell.strip().casefold() in NOTHING
    return cell is None or (not isinstance(cell, bool | int) and _is_missing(cell))


def _is_missing(cell: Any) -> bool:
    """Tell whether a cell is unlike itself, as NaN is, or refuses to say, as pandas' NA does."""
    try:
        return bool(cell != cell)
    except (TypeError, ValueError):
        return type(cell).__name__ == "NAType"


def decimal_marks(cells: Iterable[Any]) -> set[str]:
    """Return which of ``.`` and ``,`` are decimal marks for certain, none where no comma stands.

    In ``1,5`` and ``0,125`` the comma is; in ``1,234`` it may as well stand between thousands.
    """
    texts = [cell for cell in cells if isinstance(cell, str)]
    if not any("," in text for text in texts):
        return set()
    found = map(_NUMERAL.fullmatch, map(_tidied, texts))
    return {mark for one in found if one and (mark := _mark(one)) is not None}


def number_of(cell: Any, marks: Collection[str] = ()) -> float:
    """Return the number in a cell, rounded only once.

    ``1,234`` is 1.234 where the table has decimal commas and no decimal points, and ``1.234`` is
    where it has not; else they are refused, since they may be 1234.

    Parameters
    ----------
    cell
        A number or a text.
    marks
        What :func:`decimal_marks` says of the whole table.

    Raises
    ------
    ValueError
        If it is no number.
    InputError
        If it may be one of two; the sentence's end says how to write them.
    """
    if isinstance(cell, str) and not marks and _PLAIN.fullmatch(cell):
        return float(cell)
    number = plain_number(cell)
    if isinstance(number, float):
        return number
    found = _NUMERAL.fullmatch(_tidied(cell)) if isinstance(cell, str) else None
    if found is None:
        raise ValueError
    sign, groups, between, digits, mark, fraction, exponent = found.groups()
    if groups is None:
        whole = digits
    elif between == mark:
        raise ValueError
    elif _is_in_doubt(found):
        whole, fraction = groups.split(between)
        has_commas = set(marks) == {","}
        if exponent is None and has_commas is not (between == ","):
            with_mark = f"{whole},{fraction}" if has_commas else f"{whole}.{fraction}"
            raise InputError(f"must be {with_mark} or {whole}{fraction}, whichever is meant")
    else:
        whole = "".join(filter(str.isdecimal, groups))
    if not whole and not fraction:
        raise ValueError
    return float(f"{sign}{whole}.{fraction or 0}{exponent or ''}")


def _tidied(text: str) -> str:
    return text.strip().replace("\N{MINUS SIGN}", "-")


def _is_in_doubt(found: re.Match[str]) -> bool:
    """Tell whether the only mark of a number stands where one between thousands would."""
    return found["mark"] is None and found["between"] in (".", ",") and len(found["groups"]) < 8


def _mark(found: re.Match[str]) -> str | None:
    """Return the decimal mark of a number, if it has one without doubt."""
    if found["mark"] is None and found["exponent"] is not None and _is_in_doubt(found):
        return found["between"]
    return found["mark"]
