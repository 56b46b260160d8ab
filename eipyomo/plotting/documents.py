"""What figures take from a result or its document, of which nothing false is drawn."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import wraps
from typing import TYPE_CHECKING, Any

from matplotlib import rc_context
from matplotlib.figure import Figure

from eipyomo import claims
from eipyomo.errors import InputError
from eipyomo.plotting.fonts import find_fonts, style
from eipyomo.plotting.style import SHOWN_USERS, printable
from eipyomo.process import Training
from eipyomo.result import Result
from eipyomo.validation import require_kind
from eipyomo.words import shown

if TYPE_CHECKING:
    import pandas as pd

Drawing = Callable[..., Figure]


def in_style(draw: Drawing) -> Drawing:
    """Let a figure be drawn with fonts that have the letters of its names."""

    @wraps(draw)
    def in_its_style(result: Any) -> Figure:
        find_fonts(_names_in(result))
        with rc_context(style()):
            return draw(result)

    return in_its_style


def _names_in(result: Any) -> str:
    """Return all texts that a figure may show of a document, whatever it holds."""
    document = result.to_dict() if isinstance(result, Result | Training) else result
    if not isinstance(document, Mapping):
        raise InputError(f"result is {shown(document)}, but must be a result or its document")
    found = [str(document.get("instance"))]
    parts = document.get("rounds")
    for part in [document, *(parts[:1] if isinstance(parts, list) else ())]:
        decisions = part.get("allocation") if isinstance(part, Mapping) else None
        users = decisions.get("users") if isinstance(decisions, Mapping) else None
        shown_users = users[:SHOWN_USERS] if isinstance(users, list) else []
        found += [str(user.get("name")) for user in shown_users if isinstance(user, Mapping)]
    return " ".join(found)


def document_of(result: Result | Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a result's document; one that was read is drawn only if it does not contradict itself.

    Raises
    ------
    InputError
        If it is broken or false; see :mod:`eipyomo.claims`.
    """
    if isinstance(result, Result | Training):
        require_answer(result, Result)
        return result.to_dict()
    claims.check(result)
    return result


def drawn(result: Result | Mapping[str, Any]) -> tuple[Mapping[str, Any], pd.DataFrame]:
    """Return the document, and the terms of the users that are shown."""
    if isinstance(result, Mapping):
        _require_allocation(result)
    document = document_of(result)
    return document, terms_of(document)


def require_answer(answer: Any, kind: type[Any]) -> None:
    """Refuse a process where a result is drawn, and the other way round."""
    hint = "; figures of many rounds are those of TRAINING_FIGURES"
    require_kind("what is to be drawn", answer, kind, hint)


def _require_allocation(document: Mapping[str, Any]) -> None:
    """Refuse a result that holds nothing to draw."""
    if not document.get("allocation") or not document.get("breakdown"):
        raise InputError(
            f"the result of method {document.get('method')!r} has no allocation to draw, but must "
            "hold one"
        )


def terms_of(document: Mapping[str, Any]) -> pd.DataFrame:
    """Return the terms of the users that are shown, names made printable."""
    _require_allocation(document)
    decisions, breakdown = document["allocation"], document["breakdown"]
    import pandas as pd

    terms = pd.DataFrame(breakdown["users"][:SHOWN_USERS])
    terms = terms.merge(pd.DataFrame(decisions["users"]), on="name", how="left")
    missing = {"previous_download_s", "local_training_s", "uplink_share"} - set(terms)
    if missing:
        raise InputError(
            f"the result lacks {', '.join(sorted(missing))} of its users, but a figure needs it: "
            "solve the instance again"
        )
    terms["label"] = printable([user["name"] for user in decisions["users"]])[: len(terms)]
    return terms
