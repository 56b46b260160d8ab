"""What the decisions in a document show of violations and restrictions without an instance."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from eipyomo.allocation import Allocation
from eipyomo.claims.breakdown import Terms
from eipyomo.claims.document import Document
from eipyomo.claims.values import TOLERANCE, written
from eipyomo.evaluation import FEASIBILITY_TOLERANCE
from eipyomo.restriction import demands_beside, named_or_joint
from eipyomo.words import short


def violations(read: Document, terms: Terms) -> Iterator[str]:
    """Hold max_violation against what of it the decisions show without an instance."""
    allocation = terms.allocation
    a, offload = allocation.download, allocation.offload_fraction
    up, down = allocation.uplink_share, allocation.downlink_share
    shares, decides = up.sum() + down.sum(), ~terms.has_mode
    seen = {
        **({} if read.minimised == "band" else {"shares of the band above 1": float(shares) - 1.0}),
        "a share below 0": float(max((-up).max(), (-down).max())),
        "an upload without a share": float((decides & (up <= 0)).any()),
        "a download without a share": float((a & (down <= 0)).any()),
        "an offload fraction outside of 0 to 1": float(max((-offload).max(), offload.max() - 1.0)),
        "a local part without download": float(
            np.where(a | terms.has_mode, 0.0, 1.0 - offload).max()
        ),
    }
    if read.stage == "training":
        seen["a training round without download"] = float((~a).any())
    if terms.uploaded_s is not None:
        sends = decides | (terms["upload_s"] > 0.0)
        last_s = float(terms.uploaded_s.max(where=sends, initial=0.0))
        if math.isfinite(last_s) and last_s > 0:
            seen["a sync time before the last upload"] = (last_s - allocation.sync_s) / last_s
    assert read.max_violation is not None
    worst = max(seen, key=lambda key: seen[key])
    if seen[worst] > read.max_violation * (1.0 + TOLERANCE) + TOLERANCE:
        yield f"max_violation {read.max_violation:.3g}, but has {worst}, by {seen[worst]:.3g}"


def restriction(read: Document, allocation: Allocation) -> Iterator[str]:
    """Hold a feasible allocation against what the problem's name does not allow beside (10)."""
    if not read.feasible or read.termination == "error":  # an error may be this very violation
        return
    named, _ = named_or_joint(read.problem)
    open_to = named.decisions(len(allocation.names))
    if allocation.mode is not None:
        open_to = open_to.but_for(np.array([mode is not None for mode in allocation.mode]))
    for demand in demands_beside(
        open_to, named.grid, allocation.download, allocation.offload_fraction
    ):
        for j in np.flatnonzero(demand.amounts > FEASIBILITY_TOLERANCE):
            value = getattr(allocation, demand.decision)[j].item()
            yield (
                f"problem {short(read.problem)}, which has {demand.words}, but "
                f"{demand.decision} of "
                f"user {short(allocation.names[j])} is {written(value)}"
            )
    halves = named.split_band and read.minimised != "band"
    for key in ("uplink_share", "downlink_share") if halves else ():
        total = float(getattr(allocation, key).sum())
        if total > 0.5 * (1.0 + FEASIBILITY_TOLERANCE):
            yield (
                f"problem {short(read.problem)}, which has half of the band in each direction, but "
                f"{key} sums to {total:.9g}"
            )
