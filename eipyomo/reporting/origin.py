"""Where an answer comes from."""

from __future__ import annotations

from collections.abc import Mapping
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
    facts: dict[tuple[str, str], Cell] = {
        heading(name): Number(place, value, digits=9) if is_number(value) else Name(value)
        for name, (place, value) in told.items()
        if value is not None
    }
    checked = "itself alone" if instance is None else "itself, and its instance, evaluated anew"
    return Details("Where this comes from", facts={**facts, ("Checked against", ""): checked})
