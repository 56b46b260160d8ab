"""What limits an answer: the band, the last upload, full speed, deadlines, budgets, and whom what.

A result document alone tells of the band, of uploads and branches; of limits that stand in the
instance it tells only prices.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from eipyomo.allocation import Allocation
from eipyomo.claims.document import as_now
from eipyomo.evaluation import evaluate
from eipyomo.instance import Instance
from eipyomo.objective import OBJECTIVES, WSEL
from eipyomo.planning.limiting import NEAR
from eipyomo.problem import Problem
from eipyomo.reporting.sentences import Number, Sentence, listed, percent
from eipyomo.reporting.traces import heading
from eipyomo.resources import Budget
from eipyomo.restriction import named_or_joint

if TYPE_CHECKING:
    import pandas as pd

FEW = 5
"""So many users are named that a limit binds."""


def users_of(document: Mapping[str, Any]) -> pd.DataFrame:
    """Return decisions and terms of the users of a document, and which branch of (9) ends last.

    Columns are those of both, in the order of the breakdown; ``waits_for`` has "server", "own
    device", or "both". ``offload_fraction`` is NaN where it is no decision.
    """
    import pandas as pd

    terms = pd.DataFrame(document["breakdown"]["users"])
    decided = pd.DataFrame(document["allocation"]["users"])
    terms["place"] = range(len(terms))
    terms = terms.merge(decided.assign(decided=range(len(decided))), on="name", how="left")
    # A round of training has no tasks, and modes say themselves what is sent of them.
    if named_or_joint(document["problem"])[1] == "training":
        terms["offload_fraction"] = np.nan
    elif "mode" in terms:
        terms["offload_fraction"] = terms["offload_fraction"].where(terms["mode"].isna())
    sync_s = document["allocation"]["sync_s"]
    own_s = sync_s + terms["download_s"] + terms["local_inference_s"]
    own_s = own_s.where(terms["download"] | (terms["local_inference_s"] > 0.0), -np.inf)
    server_s = terms["ready_s"] + terms["edge_inference_s"]
    end_s = np.maximum(own_s, server_s) * (1.0 - NEAR)
    own, server = own_s >= end_s, server_s >= end_s
    terms["waits_for"] = np.select([own & server, own], ["both", "own device"], "server")
    return terms


def what_binds(
    document: Mapping[str, Any], users: pd.DataFrame, instance: Instance | None
) -> list[Sentence]:
    """Return a sentence for each thing that limits, or could.

    Parameters
    ----------
    document
        A result that has an allocation and was checked.
    users
        What :func:`users_of` returns of it.
    instance
        The instance, if it is at hand.
    """
    found = [*_band(document, users), *_last_upload(document, users), *_branches(users)]
    if instance is None:
        return [*found, *_priced(document)]
    return [*found, *_limits(document, instance)]


def _band(document: Mapping[str, Any], users: pd.DataFrame) -> Iterator[Sentence]:
    if as_now(document)["minimised"] == "band":
        return
    up, down = float(users["uplink_share"].sum()), float(users["downlink_share"].sum())
    parts = (
        percent("=sum(uplink_share)", up),
        " for sending, ",
        percent("=sum(downlink_share)", down),
        " for receiving.",
    )
    if up + down >= 1.0 - NEAR:
        yield "The band is used up: ", *parts
    else:
        yield "Some of the band is left: ", *parts


def _last_upload(document: Mapping[str, Any], users: pd.DataFrame) -> Iterator[Sentence]:
    if "previous_download_s" not in users:
        return
    sync_s = document["allocation"]["sync_s"]
    uploaded_s = users["previous_download_s"] + users["local_training_s"] + users["upload_s"]
    sends = users.get("sits_out", 0.0 * uploaded_s) == 0.0
    last = users.loc[sends & (uploaded_s >= sync_s * (1.0 - NEAR)), "name"].tolist()
    if last:
        when = Number("allocation.sync_s", sync_s, "s")
        count = Number("=count(last uploads)", len(last))
        ends = ("The last upload ends",) if len(last) == 1 else ("The last ", count, " uploads end")
        yield (
            *ends,
            " at ",
            when,
            ", and only then is the new model made: ",
            *listed(last, FEW),
            ".",
        )


def _branches(users: pd.DataFrame) -> Iterator[Sentence]:
    words = {
        "server": "for the server to compute what they have sent",
        "own device": "for their own download and computing",
        "both": "for both, which end at the same time",
    }
    for kind, what in words.items():
        names = users.loc[users["waits_for"] == kind, "name"].tolist()
        if names:
            yield (
                Number(f"=count(waits_for {kind})", len(names)),
                " of ",
                Number("=count(users)", len(users)),
                f" users wait {what}: ",
                *listed(names, FEW),
                ".",
            )


def _priced(document: Mapping[str, Any]) -> Iterator[Sentence]:
    """Iterate over the limits of users that have a price, and so bind."""
    priced = (document.get("prices") or {}).get("users", ())
    for key, what in (("deadline_per_s", "deadline"), ("energy_budget_per_j", "energy budget")):
        names = [user["name"] for user in priced if user.get(key)]
        if names:
            yield _at_limit(key, what, names)


def _at_limit(key: str, what: str, names: list[str]) -> Sentence:
    count = Number(f"=count({key})", len(names))
    users = "user is" if len(names) == 1 else "users are"
    return count, f" {users} at the {what}: ", *listed(names, FEW), "."


def _limits(document: Mapping[str, Any], instance: Instance) -> Iterator[Sentence]:
    """Iterate over limits of the instance: of each user, and of all together."""
    restriction, stage = named_or_joint(document["problem"])
    objective = OBJECTIVES.get(as_now(document)["minimised"], WSEL)
    problem = Problem(instance, restriction, stage, objective)
    data = problem.whole
    plan = Allocation.from_dict(document["allocation"]).for_users(data.names).plan(data)
    terms = evaluate(problem, Allocation.from_dict(document["allocation"])).breakdown
    names = np.array(data.names, object)
    computes = terms.local_inference_s > 0.0
    if computes.any():
        fast = computes & (plan.frequency_ghz >= data.max_frequency_ghz * (1.0 - NEAR))
        yield (
            Number("=count(frequency_hz at most)", int(fast.sum())),
            " of ",
            Number("=count(local_inference_s)", int(computes.sum())),
            " users that compute on their own run at full speed (f_max)",
            *((": ", *listed(names[fast].tolist(), FEW)) if fast.any() else ()),
            ".",
        )
    for key, what, used, unit in (
        ("deadline_s", "deadline", terms.latency_s, "s"),
        ("energy_budget_j", "energy budget", terms.energy_j, "J"),
    ):
        limit = getattr(data, key)
        if key in problem.limits:
            yield _user_limit(key, what, names, limit, used, unit)
    for budget in problem.budgets:
        if budget.name != "bandwidth" and not budget.is_minimised:
            yield _budget(document, budget, budget.used(plan, terms))


def _budget(document: Mapping[str, Any], budget: Budget, taken: float) -> Sentence:
    """Say how much is taken of what all users share, and whether that limits."""
    draw = budget.draws[0]
    is_share = draw.quantity in ("uplink_share", "downlink_share")
    unit, scale = ("%", 100.0) if is_share else (heading(draw.quantity)[1], 1.0)
    spent = Number(f"=used({budget.name})", taken, unit, scale)
    capacity = Number(f"=capacity({budget.name})", budget.capacity, unit, scale)
    words = "some of it is left"
    if taken >= budget.capacity * (1.0 - NEAR):
        is_free = (document.get("prices") or {}).get(draw.price) == 0.0
        words = "all is taken, but more would save nothing" if is_free else "it is used up"
    return f"{budget.meaning.capitalize()}: ", spent, " of ", capacity, f"; {words}."


def _user_limit(key: str, what: str, names: Any, limit: Any, used: Any, unit: str) -> Sentence:
    """Say who is at a limit; or, if nobody is, who is next to it."""
    with np.errstate(invalid="ignore"):
        room = np.where(np.isfinite(limit), limit - used, np.inf)
        at = room <= np.abs(used) * NEAR
    if at.any():
        return _at_limit(key, what, names[at].tolist())
    j = int(np.argmin(room))
    left = Number(f"=room({key})", float(room[j]), unit)
    return f"Nobody is at the {what}; the least room has ", *listed([names[j]]), ": ", left, "."
