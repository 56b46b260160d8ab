"""Where an answer comes from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from eipyomo.claims.values import is_number
from eipyomo.instance import Instance
from eipyomo.reporting.sentences import Cell, Details, Name, Number
from eipyomo.reporting.traces import heading


def origin(told: Mapping[str, tuple[str, Any]], instance: Instance | None) -> Details:
    """Return what is known of how an answer came about, and against what it was checked.

    Parameters
    ----------
    told
        By names; where in the document it stands, and what it is. None is left out.
    instance
        The instance, if it is at hand.
    """
    known = {name: one for name, one in told.items() if one[1] is not None}
    facts = dict(
        fact for name, (place, value) in known.items() for fact in _facts(name, place, value)
    )
    checked = "itself alone" if instance is None else "itself, and its instance, evaluated anew"
    return Details("Where this comes from", facts={**facts, ("Checked against", ""): checked})


def _facts(name: str, place: str, value: Any) -> Iterator[tuple[tuple[str, str], Cell]]:
    """Iterate over a fact, or over those that it is made of."""
    if isinstance(value, Mapping):
        for key, part in value.items():
            yield from _facts(f"{name}, {key}", f"{place}.{key}", part)
    elif isinstance(value, bool):
        yield heading(name), "yes" if value else "no"
    elif is_number(value):
        yield heading(CALLED.get(name, name)), Number(place, value, digits=9)
    else:
        yield heading(name), Name(value)


CALLED = {"wall_s": "time_to_solve_s", "setup_s": "time_to_set_up_s"}
"""What is told by another name than documents have for it."""
