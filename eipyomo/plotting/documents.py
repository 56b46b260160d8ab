"""What figures take from a result or its document, of which nothing false is drawn."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from eipyomo import claims
from eipyomo.errors import InputError
from eipyomo.plotting.fonts import find_fonts
from eipyomo.plotting.style import printable
from eipyomo.process import Training
from eipyomo.result import Result
from eipyomo.validation import require_kind
from eipyomo.words import shown

if TYPE_CHECKING:
    import pandas as pd


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
    require_document(result)
    claims.check(result)
    return result


def require_document(result: Any) -> None:
    """Refuse what is neither an answer nor its document."""
    if not isinstance(result, Mapping):
        raise InputError(f"result is {shown(result)}, but must be a result or its document")


def drawn(result: Result | Mapping[str, Any]) -> tuple[Mapping[str, Any], pd.DataFrame]:
    """Return the document, and the terms of the users."""
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
    """Return the decisions and terms of all users, with labels that can be drawn."""
    _require_allocation(document)
    decisions, breakdown = document["allocation"], document["breakdown"]
    import pandas as pd

    terms = pd.DataFrame(breakdown["users"])
    terms = terms.merge(pd.DataFrame(decisions["users"]), on="name", how="left")
    missing = {"previous_download_s", "local_training_s", "uplink_share"} - set(terms)
    if missing:
        raise InputError(
            f"the result lacks {', '.join(sorted(missing))} of its users, but a figure needs it: "
            "solve the instance again"
        )
    terms["label"] = labels_of(document)
    return terms


def labels_of(document: Mapping[str, Any]) -> list[str]:
    """Return labels of the users of a document that can be drawn; none where it has no answer."""
    users = (document["allocation"] or {"users": []})["users"]
    names = [user["name"] for user in users]
    modes = [user.get("mode") or "" for user in users]
    find_fonts(" ".join([str(document["instance"]), *names, *modes]))
    return printable(names)
