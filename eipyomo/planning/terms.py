"""What latencies are made of: phases that add up, on the branch of (9) that ends last."""

from __future__ import annotations

import numpy as np

from eipyomo.breakdown import Breakdown
from eipyomo.scaled import FloatColumn

AT_EDGE, LOCALLY = ("offload_s", "edge_inference_s"), ("download_s", "local_inference_s")
"""Terms of one branch of (9) alone."""

ENERGIES = ("local_training_j", "upload_j", "offload_j", "download_j", "local_inference_j")
"""The terms of (8)."""

PHASES = ("local_training_s", "upload_s", *AT_EDGE, *LOCALLY, "waiting_s")
"""What a latency is made of."""

ROUNDING = 1e-12


def branch_ends_s(terms: Breakdown, sync_s: float) -> tuple[FloatColumn, FloatColumn]:
    """Return when the server's branch of (9) ends, and the user's own; (users,), counted as T_j.

    The own one is -inf where the user computes nothing.
    """
    at_edge = terms.ready_s + terms.edge_inference_s
    computes = terms.download_s + terms.local_inference_s > 0.0
    own = np.where(computes, sync_s + terms.download_s + terms.local_inference_s, -np.inf)
    return at_edge - terms.previous_download_s, own - terms.previous_download_s


def latency_phases(terms: Breakdown, sync_s: float) -> dict[str, FloatColumn]:
    """Return what each latency is made of, (users,) each; with ``waiting_s`` they add up to T_j.

    Terms of the branch that ends first are 0: nobody waits for them. Where the server goes on with
    what a user has computed, both branches are one after the other, and all terms count.
    """
    at_edge, own = branch_ends_s(terms, sync_s)
    sent_s = terms.previous_download_s + terms.local_training_s + terms.upload_s + terms.offload_s
    in_sequence = terms.ready_s > np.maximum(sync_s, sent_s) * (1.0 + ROUNDING)
    is_own = own >= at_edge
    phases = {"local_training_s": terms.local_training_s, "upload_s": terms.upload_s}
    for names, counts in ((AT_EDGE, ~is_own), (LOCALLY, is_own)):
        for name in names:
            phases[name] = np.where(counts | in_sequence, getattr(terms, name), 0.0)
    rest = terms.latency_s - np.sum(list(phases.values()), axis=0)
    return {**phases, "waiting_s": np.maximum(rest, 0.0)}
