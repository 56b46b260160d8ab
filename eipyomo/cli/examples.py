"""Examples at the end of a help text."""

from __future__ import annotations


def examples(*lines: str) -> str:
    """Return the end of a help text; the escape keeps click from joining the lines."""
    return "\n".join(("\b", f"Example{'s' if len(lines) > 1 else ''}:", *(f"  {x}" for x in lines)))
