"""How soon all users can have their inference, who is the last, and what it waits for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from eipyomo.instance import Instance
from eipyomo.planning.rows import GAP, TIME_LIMIT_S, Asking, numbers, said, table
from eipyomo.planning.terms import latency_phases
from eipyomo.restriction import Restriction
from eipyomo.result import Result
from eipyomo.scaled import HZ_PER_MHZ
from eipyomo.validation import require_kind, whole_number

if TYPE_CHECKING:
    import pandas as pd

POINTS = 17
"""Number of bands of a curve; an odd one has the instance's in its middle."""
RANGE = 16.0
"""An automatic range goes from such a part of the instance's band to so many times of it."""
AS_SLOW = 1e-5
"""Relative difference of latencies that is none."""

PHASES = {
    "local training": "local_training_s",
    "model upload": "upload_s",
    "task offload": "offload_s",
    "model download": "download_s",
    "local inference": "local_inference_s",
    "edge inference": "edge_inference_s",
    "waiting": "waiting_s",
}
"""What a latency is made of, by the phases of :func:`eipyomo.evaluation.timeline`."""

COLUMNS = (
    *("bandwidth_mhz", "slowest_s", "bound_s", "gap", "termination", "user", "as_slow"),
    *("longest_phase", "longest_phase_s", "last_upload", "downloads", "energy_j", "latency_s"),
    "message",
)


def slowest(
    instance: Instance,
    bandwidths_mhz: Sequence[float] | float | None = None,
    *,
    points: int = POINTS,
    problem: str | Restriction = "joint",
    gap: float = GAP,
    time_limit: float = TIME_LIMIT_S,
    workers: int | None = None,
    progress: bool = True,
) -> pd.DataFrame:
    """Return the least largest latency of a user against the band, certified.

    Parameters
    ----------
    instance
        The instance.
    bandwidths_mhz
        Bands in MHz; from a sixteenth of the instance's to sixteen times of it, evenly in the
        logarithm, if left out.
    points
        How many bands such a range has; with an odd number the instance's is among them.
    problem, gap, time_limit, workers, progress
        As for :func:`~eipyomo.plan.band`.

    Returns
    -------
    DataFrame
        A row for each band, ascending:

        * ``bandwidth_mhz``: the band.
        * ``slowest_s``, ``bound_s``, ``gap``, ``termination``: an allocation was found in which
          nobody's latency is larger, and in none it is below the bound for everybody.
        * ``user``, ``as_slow``: the slowest user, the first of so many that are as slow.
        * ``longest_phase``, ``longest_phase_s``: what takes most of that user's latency, on the
          branch of (9) that ends last: ``local training``, ``model upload``, ``task offload``,
          ``waiting`` (for others' uploads), ``model download``, ``local inference`` or ``edge
          inference``.
        * ``last_upload``: the user whose upload everybody's download waits for.
        * ``downloads``, ``energy_j``, ``latency_s``: of the allocation, the energy and the latency
          of all users together; ``message``.

    Raises
    ------
    InputError
        If an argument is not allowed.

    Examples
    --------
    >>> import eipyomo as ei
    >>> ei.plan.slowest(ei.Instance.letter(), [10.0, 20.0])["slowest_s"].round(3).tolist()
    [7.139, 5.753]
    """
    require_kind("instance", instance, Instance)
    points = whole_number("points", points, 2)
    asking = Asking(problem, gap, time_limit, workers, progress)
    own_mhz = instance.scaled.bandwidth_mhz
    if bandwidths_mhz is None:
        bands = np.geomspace(own_mhz / RANGE, own_mhz * RANGE, points).tolist()
    else:
        bands = numbers("bandwidths_mhz", bandwidths_mhz)
    asked = [instance.replace(bandwidth_hz=one * HZ_PER_MHZ) for one in bands]
    rows = [
        {
            "bandwidth_mhz": one,
            "slowest_s": result.value,
            "bound_s": result.bound,
            "gap": result.gap,
            **_who(result),
            **said(result),
        }
        for one, result in zip(bands, asking.solve(asked, objective="slowest"), strict=True)
    ]
    return table(rows, COLUMNS)


def _who(result: Result) -> dict[str, Any]:
    """Return who is the slowest, and what takes it longest; nothing without an allocation."""
    if result.evaluation is None or not result.feasible:
        return {}
    terms = result.evaluation.breakdown
    latest_s = terms.latency_s.max()
    slow = np.flatnonzero(terms.latency_s >= latest_s - AS_SLOW * abs(latest_s))
    parts = latency_phases(terms, result.evaluation.sync_s)
    phases = {phase: float(parts[key][slow[0]]) for phase, key in PHASES.items()}
    longest = max(phases, key=lambda phase: phases[phase])
    uploaded_s = terms.previous_download_s + terms.local_training_s + terms.upload_s
    sends = terms.upload_s > 0.0
    last = int(np.argmax(np.where(sends, uploaded_s, -np.inf)))
    return {
        "user": terms.names[slow[0]],
        "as_slow": len(slow),
        "longest_phase": longest,
        "longest_phase_s": phases[longest],
        "last_upload": terms.names[last] if sends.any() else None,
    }
