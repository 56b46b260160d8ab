"""How ADMM converged."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from eipyomo.errors import InputError
from eipyomo.plotting.documents import document_of, in_style
from eipyomo.plotting.fonts import Page
from eipyomo.plotting.style import printable, printable_title

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from eipyomo.result import Result

USERS_IN_LEGEND = 12


@in_style
def convergence(result: Result | Mapping[str, Any]) -> Figure:
    """Draw how ADMM converged: residuals, objectives, sync time and offload fractions.

    Parameters
    ----------
    result
        A result of method ``admm``, or its JSON document.

    Returns
    -------
    Figure
        Four panels over the iterations. For more than 20 users, whose ι the trace does not hold,
        the last one shows the number of downloads.

    Raises
    ------
    InputError
        If the result has no trace of ADMM, or its document is broken or false.
    """
    document = document_of(result)
    trace = document.get("trace") or []
    if not trace or "primal_residual" not in trace[0]:
        raise InputError(
            f"the result of method {document.get('method')!r} has no residuals to draw, but method "
            "'admm' gives them"
        )
    figure = Page(figsize=(9.0, 6.5), layout="constrained")
    panels: Sequence[Callable[[Axes, Mapping[str, Any]], None]]
    panels = (_residuals, _objectives, _sync_time, _decisions)
    for axes, panel in zip(figure.subplots(2, 2, sharex=True).flat, panels, strict=True):
        panel(axes, document)
        axes.grid(True, alpha=0.3)
    for axes in figure.axes[2:]:
        axes.set_xlabel("iteration")
    figure.suptitle(f"ADMM on {printable_title(document['instance'])}")
    return figure


def _residuals(axes: Axes, document: Mapping[str, Any]) -> None:
    """Draw both sums of (24) with the parts of the first."""
    _draw(axes, document, "primal_residual", "primal, (24a)", color="C0")
    _draw(axes, document, "dual_residual", "dual, (24b)", color="C1")
    _draw(axes, document, "uplink_residual", "of it uplink", color="C2", linestyle=":")
    _draw(axes, document, "sync_residual", "of it sync time", color="C3", linestyle=":")
    _draw(axes, document, "downlink_residual", "of it downlink", color="C4", linestyle=":")
    axes.set_yscale("log", nonpositive="mask")
    axes.set_ylabel("residual (s and fractions of the band)")
    axes.legend(fontsize="small")


def _objectives(axes: Axes, document: Mapping[str, Any]) -> None:
    """Draw what the agents believe, what can be recovered, and the incumbent."""
    _draw(axes, document, "consensus_objective", "agents' copies", color="C0")
    _draw(axes, document, "recovered_objective", "recovered", color="C1", linestyle="--")
    _draw(axes, document, "best_objective", "incumbent", color="C2")
    axes.set_ylabel("WSEL (weighted J and s)")
    axes.legend(fontsize="small")


def _sync_time(axes: Axes, document: Mapping[str, Any]) -> None:
    """Draw the consensus' sync time."""
    _draw(axes, document, "sync_s", "τ̂", color="C0")
    axes.set_ylabel("sync time τ̂ (s)")


def _decisions(axes: Axes, document: Mapping[str, Any]) -> None:
    """Draw ι of every user, or the number of downloads where the trace has no more."""
    trace = document["trace"]
    if "offload_fraction" not in trace[0]:
        _draw(axes, document, "downloads", "downloads", color="C0")
        axes.set_ylabel("users that download (number)")
        return
    names = printable([user["name"] for user in (document["allocation"] or {"users": []})["users"]])
    iterations = [row["iteration"] for row in trace]
    for j in range(len(trace[0]["offload_fraction"])):
        label = names[j] if j < len(names) else f"user {j + 1}"
        label = f" {label}" if label.startswith("_") else label  # which would hide it
        axes.plot(iterations, [row["offload_fraction"][j] for row in trace], label=label)
    axes.set_ylim(-0.03, 1.03)
    axes.set_ylabel("offload fraction ι (share of the task)")
    if len(trace[0]["offload_fraction"]) <= USERS_IN_LEGEND:
        axes.legend(fontsize="small")


def _draw(axes: Axes, document: Mapping[str, Any], key: str, label: str, **style: Any) -> None:
    trace = document["trace"]
    iterations = [row["iteration"] for row in trace]
    values = [float("nan") if row[key] is None else row[key] for row in trace]
    axes.plot(iterations, values, label=label, **style)
