"""Figures of results."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import wraps
from typing import TYPE_CHECKING, Any

import pandas as pd
from matplotlib import font_manager, rc_context
from matplotlib.figure import Figure
from matplotlib.font_manager import get_font
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator

from eipyomo import claims, evaluation
from eipyomo.errors import InputError
from eipyomo.result import Result
from eipyomo.solvers.training import Training
from eipyomo.validation import labels, require_kind, shown

if TYPE_CHECKING:
    from matplotlib.axes import Axes

USERS_IN_LEGEND = 12


def _style() -> Any:
    """Return settings by which letters stay letters in files, and have fonts.

    Publishers refuse Type 3 fonts, and a text can be searched.
    """
    kinds = {"pdf.fonttype": 42, "ps.fonttype": 42, "svg.fonttype": "none"}
    return {**kinds, "font.family": _families()}


class Page(Figure):
    """A figure whose files hold its texts as texts."""

    def savefig(self, *arguments: Any, **options: Any) -> None:
        """Write the figure; see :meth:`matplotlib.figure.Figure.savefig`."""
        with rc_context(_style()):
            super().savefig(*arguments, **options)


Drawing = Callable[..., Figure]


def _in_style(draw: Drawing) -> Drawing:
    """Let a figure be drawn with fonts that have the letters of its names."""

    @wraps(draw)
    def drawn(result: Any) -> Figure:
        _find_fonts(_names_in(result))
        with rc_context(_style()):
            return draw(result)

    return drawn


_FONTS: dict[str, frozenset[int]] = {}
"""Fonts that figures use, by name, with the characters that each of them has."""


def _families() -> list[str]:
    if not _FONTS:
        file = font_manager.findfont("DejaVu Sans")  # which comes with matplotlib
        _FONTS["DejaVu Sans"] = frozenset(get_font(file).get_charmap())
    return list(_FONTS)


def _can_draw(sign: str) -> bool:
    return any(ord(sign) in known for known in _FONTS.values())


def _find_fonts(text: str) -> None:
    """Add fonts of this machine until all letters of a text have one, or none has the rest."""
    _families()
    missing = {sign for sign in text if sign.isprintable() and not _can_draw(sign)}
    entries = [entry for entry in font_manager.fontManager.ttflist if _is_usable(entry)]
    for entry in sorted(entries, key=lambda entry: (entry.name, entry.fname)) if missing else ():
        if entry.name in _FONTS:
            continue
        try:
            known = frozenset(get_font(entry.fname).get_charmap())
        except (OSError, RuntimeError):  # a font of pictures, or none at all
            continue
        if any(ord(sign) in known for sign in missing):
            _FONTS[entry.name] = known
            missing = {sign for sign in missing if not _can_draw(sign)}
        if not missing:
            return


def _is_usable(entry: font_manager.FontEntry) -> bool:
    """Tell whether a font is an upright one that a PDF can hold."""
    plain = (entry.style, entry.variant, entry.stretch) == ("normal", "normal", "normal")
    return (
        plain
        and str(entry.weight) in ("400", "normal", "regular")
        and (entry.fname.lower().endswith(".ttf"))
    )


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


@_in_style
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
    document = _document(result)
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
    figure.suptitle(f"ADMM on {_printable_title(document['instance'])}")
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
    names = _printable(
        [user["name"] for user in (document["allocation"] or {"users": []})["users"]]
    )
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
    axes.plot(iterations, [row[key] for row in trace], label=label, **style)


SHOWN_USERS = 20
"""Figures of single users show the first so many."""

COLORS = {
    "previous model download": "#BBBBBB",
    "local training": "#DDCC77",
    "model upload": "#0072B2",
    "task offload": "#56B4E9",
    "waiting": "#EEEEEE",
    "model download": "#D55E00",
    "local inference": "#E69F00",
    "edge inference": "#009E73",
}
"""One colour for each phase in all figures; they are told apart by colour-blind readers too."""

AFTER_SYNC = ("model download", "local inference")
"""Phases that a user goes through while its task is offloaded and computed at the server."""

ENERGIES = {
    "local training": "local_training_j",
    "model upload": "upload_j",
    "task offload": "offload_j",
    "model download": "download_j",
    "local inference": "local_inference_j",
}


@_in_style
def overview(result: Result | Mapping[str, Any]) -> Figure:
    """Draw the round, the band, and every term of energy and latency on one page.

    Parameters
    ----------
    result
        A result, or its JSON document.

    Returns
    -------
    Figure
        The panels of :func:`timeline`, :func:`bandwidth` and :func:`costs`; the first 20 users.

    Raises
    ------
    InputError
        If the result has no allocation, or lacks what is drawn.
    """
    document, terms = _drawn(result)
    figure = Page(figsize=(10.0, 7.2), layout="constrained")
    grid = figure.add_gridspec(2, 3, height_ratios=(1.25, 1.0))
    _round(figure.add_subplot(grid[0, :]), document, terms)
    for column, panel in enumerate((_band, _energy, _latency)):
        panel(figure.add_subplot(grid[1, column]), document, terms)
    _phases_legend(figure, [*COLORS])
    figure.suptitle(_title(document))
    return figure


@_in_style
def timeline(result: Result | Mapping[str, Any]) -> Figure:
    """Draw who trains, uploads, offloads, downloads and computes, and when, as in Fig. 1.

    Parameters and errors are those of :func:`overview`. The lower lane of a user shows what it does
    after the sync time, beside the offloading and the server's computing in the upper lane.
    """
    document, terms = _drawn(result)
    figure = Page(figsize=(9.0, 1.8 + 0.5 * len(terms)), layout="constrained")
    _round(figure.subplots(), document, terms)
    _phases_legend(figure, [phase for phase in COLORS if phase != "waiting"])
    figure.suptitle(_title(document))
    return figure


@_in_style
def bandwidth(result: Result | Mapping[str, Any]) -> Figure:
    """Draw each user's share of the band; parameters and errors are those of :func:`overview`."""
    document, terms = _drawn(result)
    figure = Page(figsize=(5.5, 4.0), layout="constrained")
    _band(figure.subplots(), document, terms)
    figure.suptitle(_title(document))
    return figure


@_in_style
def costs(result: Result | Mapping[str, Any]) -> Figure:
    """Draw energy and latency of each user, stacked by term.

    Parameters and errors are those of :func:`overview`. The terms of a latency are those on its
    critical path, the branch of (9) that ends last, and what of it is waiting.
    """
    document, terms = _drawn(result)
    figure = Page(figsize=(9.0, 4.4), layout="constrained")
    left, right = figure.subplots(1, 2)
    _energy(left, document, terms)
    _latency(right, document, terms)
    _phases_legend(figure, [phase for phase in COLORS if phase != "previous model download"])
    figure.suptitle(_title(document))
    return figure


FIGURES = {
    "overview": overview,
    "timeline": timeline,
    "bandwidth": bandwidth,
    "costs": costs,
    "convergence": convergence,
}
"""The figures of a result by name."""


@_in_style
def training_overview(process: Training | Mapping[str, Any]) -> Figure:
    """Draw all rounds of a process on one time axis, and what each of them costs.

    Parameters
    ----------
    process
        What :func:`eipyomo.train` returns, or its JSON document.

    Returns
    -------
    Figure
        The panels of :func:`training_timeline` and :func:`training_costs`; the first 20 users.

    Raises
    ------
    InputError
        If no round has an allocation.
    """
    document, rounds = _rounds(process)
    users = len(rounds[0][1])
    figure = Page(figsize=(_width(rounds), 5.2 + 0.3 * users), layout="constrained")
    grid = figure.add_gridspec(2, 3, height_ratios=(0.8 + 0.3 * users, 2.6))
    _all_rounds(figure.add_subplot(grid[0, :]), rounds)
    for column, panel in enumerate((_costs_by_round, _energy_by_round, _time_by_round)):
        panel(figure.add_subplot(grid[1, column]), rounds)
    _phases_legend(figure, [phase for phase in COLORS if phase != "waiting"])
    figure.suptitle(_training_title(document, rounds))
    return figure


@_in_style
def training_timeline(process: Training | Mapping[str, Any]) -> Figure:
    """Draw who trains, uploads, downloads and computes in all rounds, and when.

    Parameters and errors are those of :func:`training_overview`.
    """
    document, rounds = _rounds(process)
    height = 1.8 + 0.4 * len(rounds[0][1])
    figure = Page(figsize=(_width(rounds), height), layout="constrained")
    _all_rounds(figure.subplots(), rounds)
    _phases_legend(figure, [phase for phase in COLORS if phase != "waiting"])
    figure.suptitle(_training_title(document, rounds))
    return figure


@_in_style
def training_costs(process: Training | Mapping[str, Any]) -> Figure:
    """Draw WSEL, energy by term, and duration of every round, over all users.

    Parameters and errors are those of :func:`training_overview`.
    """
    document, rounds = _rounds(process)
    figure = Page(figsize=(11.0, 4.0), layout="constrained")
    for axes, panel in zip(
        figure.subplots(1, 3), (_costs_by_round, _energy_by_round, _time_by_round), strict=True
    ):
        panel(axes, rounds)
    _phases_legend(figure, list(ENERGIES))
    figure.suptitle(_training_title(document, rounds))
    return figure


TRAINING_FIGURES = {
    "overview": training_overview,
    "timeline": training_timeline,
    "costs": training_costs,
}
"""The figures of a process of many rounds by name."""

SolvedRound = tuple[float, pd.DataFrame, Mapping[str, Any]]
"""When a round starts in s, its terms of the users that are shown, and its result document."""


def _rounds(
    process: Training | Mapping[str, Any],
) -> tuple[Mapping[str, Any], list[SolvedRound]]:
    """Return the document, and its rounds that have an allocation."""
    document: Mapping[str, Any]
    if isinstance(process, Training | Result):
        _require(process, Training)
        document = process.to_dict()
    else:
        claims.check_process(document := process)
    starts_s = document.get("starts_s") or []
    if not starts_s:
        raise InputError("the process has no allocation to draw, but must hold one")
    rounds = []
    for start_s, result in zip(starts_s, document["rounds"], strict=False):
        rounds.append((start_s, _terms(result), result))
    return document, rounds


def _width(rounds: Sequence[SolvedRound]) -> float:
    """Return a width in inches at which the phases of many rounds can be told apart."""
    return min(max(10.0, 1.2 * len(rounds)), 24.0)


def _training_title(document: Mapping[str, Any], rounds: Sequence[SolvedRound]) -> str:
    cost = document["totals"]["wsel"]
    name = _printable_title(document["instance"])
    of = document["planned_rounds"]
    return f"{len(rounds)} of {of} rounds, method {document['method']}: WSEL {cost:.5g}\n{name}"


def _all_rounds(axes: Axes, rounds: Sequence[SolvedRound]) -> None:
    """Draw the timelines of all rounds, two lanes a user; dashed lines are sync times."""
    place = {name: j for j, name in enumerate(rounds[0][1]["name"])}
    for n, (start_s, terms, result) in enumerate(rounds):
        sync_s = result["allocation"]["sync_s"]
        for phase, spans in evaluation.timeline(terms, sync_s).groupby("phase"):
            if n > 0 and phase == "previous model download":
                continue  # the round before has drawn it
            lane = 0.19 if phase in AFTER_SYNC else -0.19
            axes.barh(
                spans["user"].map(place) + lane,
                spans["end_s"] - spans["start_s"],
                left=start_s + spans["start_s"],
                height=0.36,
                color=COLORS[str(phase)],
                linewidth=0.0,
            )
        axes.axvline(start_s + sync_s, color="black", linestyle="--", linewidth=0.6)
    axes.set_yticks(range(len(place)), rounds[0][1]["label"])
    axes.set_ylabel(_which_users(rounds[0][2], rounds[0][1]))
    axes.set_ylim(len(place) - 0.45, -0.55)
    axes.set_xlim(left=0.0)
    axes.set_xlabel("time since the process began (s); dashed: sync times")
    axes.grid(True, axis="x", alpha=0.3)
    axes.set_axisbelow(True)


def _costs_by_round(axes: Axes, rounds: Sequence[SolvedRound]) -> None:
    """Draw WSEL of each round."""
    costs = [result["objective"] for _, _, result in rounds]
    _by_round(axes, costs, "WSEL (weighted J and s)")


def _energy_by_round(axes: Axes, rounds: Sequence[SolvedRound]) -> None:
    """Draw the energy of all users in each round, by the terms of (8)."""
    numbers = range(1, len(rounds) + 1)
    bottom = [0.0] * len(rounds)
    for phase, column in ENERGIES.items():
        part = [sum(user[column] for user in result["breakdown"]["users"]) for *_, result in rounds]
        axes.bar(numbers, part, 0.8, bottom=bottom, color=COLORS[phase])
        bottom = [low + high for low, high in zip(bottom, part, strict=True)]
    _label_rounds(axes, "energy of all users (J)", max(bottom))


def _time_by_round(axes: Axes, rounds: Sequence[SolvedRound]) -> None:
    """Draw how long each round takes until the model is updated."""
    _by_round(axes, [result["allocation"]["sync_s"] for *_, result in rounds], "sync time τ̂ (s)")


def _by_round(axes: Axes, values: Sequence[float], label: str) -> None:
    axes.plot(range(1, len(values) + 1), values, "o-", markersize=3.0, color="C0")
    _label_rounds(axes, label, max(values))


def _label_rounds(axes: Axes, label: str, largest: float) -> None:
    axes.set_ylim(0.0, 1.05 * largest)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_xlabel("round")
    axes.set_ylabel(label)
    axes.grid(True, alpha=0.3)
    axes.set_axisbelow(True)


def _document(result: Result | Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a result's document; one that was read is drawn only if it does not contradict itself.

    Raises
    ------
    InputError
        If it is broken or false; see :mod:`eipyomo.claims`.
    """
    if isinstance(result, Result | Training):
        _require(result, Result)
        return result.to_dict()
    claims.check(result)
    return result


def _drawn(result: Result | Mapping[str, Any]) -> tuple[Mapping[str, Any], pd.DataFrame]:
    """Return the document, and the terms of the users that are shown."""
    if isinstance(result, Mapping):
        _require_allocation(result)
    document = _document(result)
    return document, _terms(document)


def _require(answer: Any, kind: type[Any]) -> None:
    hint = "; figures of many rounds are those of TRAINING_FIGURES"
    require_kind("what is to be drawn", answer, kind, hint)


def _require_allocation(document: Mapping[str, Any]) -> None:
    """Refuse a result that holds nothing to draw."""
    if not document.get("allocation") or not document.get("breakdown"):
        raise InputError(
            f"the result of method {document.get('method')!r} has no allocation to draw, but must "
            "hold one"
        )


def _terms(document: Mapping[str, Any]) -> pd.DataFrame:
    """Return the terms of the users that are shown, names made printable."""
    _require_allocation(document)
    decisions, breakdown = document["allocation"], document["breakdown"]
    terms = pd.DataFrame(breakdown["users"][:SHOWN_USERS])
    terms = terms.merge(pd.DataFrame(decisions["users"]), on="name", how="left")
    missing = {"previous_download_s", "local_training_s", "uplink_share"} - set(terms)
    if missing:
        raise InputError(
            f"the result lacks {', '.join(sorted(missing))} of its users, but a figure needs it: "
            "solve the instance again"
        )
    terms["label"] = _printable([user["name"] for user in decisions["users"]])[: len(terms)]
    return terms


def _printable(names: Sequence[str]) -> list[str]:
    """Return names of some length that matplotlib can draw and does not read as mathematics."""
    return [_drawable(label) for label in labels(names, LABEL_LENGTH)]


def _drawable(line: str) -> str:
    """Return a line with escapes for what no font has."""
    signs = (sign if _can_draw(sign) else ascii(sign)[1:-1] for sign in line)
    return "".join(signs).replace("$", r"\$")


LABEL_LENGTH, TITLE_LENGTH = 16, 70


def _title(document: Mapping[str, Any]) -> str:
    name = _printable_title(document["instance"])
    cost = document.get("objective")
    value = f": WSEL {cost:.5g}" if cost is not None else ": not feasible"
    return f"method {document['method']}, problem {document['problem']}{value}\n{name}"


def _printable_title(name: str | None) -> str:
    return _drawable(labels([name or "an unnamed instance"], TITLE_LENGTH)[0])


def _which_users(document: Mapping[str, Any], terms: pd.DataFrame) -> str:
    """Say at an axis of single users that they are not all."""
    users = len(document["allocation"]["users"])
    return f"the first {len(terms)} of {users} users" if users > len(terms) else ""


def _phases_legend(figure: Figure, phases: Sequence[str]) -> None:
    patches = [Patch(facecolor=COLORS[phase], edgecolor="0.4", label=phase) for phase in phases]
    figure.legend(handles=patches, loc="outside lower center", ncols=4, frameon=False)


def _round(axes: Axes, document: Mapping[str, Any], terms: pd.DataFrame) -> None:
    """Draw the timeline, two lanes a user, the first user on top."""
    sync_s = document["allocation"]["sync_s"]
    place = {name: j for j, name in enumerate(terms["name"])}
    for phase, spans in evaluation.timeline(terms, sync_s).groupby("phase"):
        lane = 0.19 if phase in AFTER_SYNC else -0.19
        axes.barh(
            spans["user"].map(place) + lane,
            spans["end_s"] - spans["start_s"],
            left=spans["start_s"],
            height=0.36,
            color=COLORS[str(phase)],
            edgecolor="0.3",
            linewidth=0.5,
        )
    axes.axvline(sync_s, color="black", linestyle="--", linewidth=1.0)
    axes.annotate(
        f"τ̂ = {sync_s:.4g} s",
        (sync_s, 1.0),
        xycoords=("data", "axes fraction"),
        xytext=(0, 3),
        textcoords="offset points",
        ha="center",
        fontsize="small",
    )
    axes.set_yticks(range(len(terms)), terms["label"])
    axes.set_ylabel(_which_users(document, terms))
    axes.set_ylim(len(terms) - 0.45, -0.55)
    axes.set_xlim(left=0.0)
    axes.set_xlabel("time since the round began (s)")
    axes.grid(True, axis="x", alpha=0.3)
    axes.set_axisbelow(True)


def _band(axes: Axes, document: Mapping[str, Any], terms: pd.DataFrame) -> None:
    """Draw shares of the band; the legend has their sums over all users."""
    users = pd.DataFrame(document["allocation"]["users"])
    parts = {
        f"{name}, in all {users[column].sum():.1%}": (100.0 * terms[column], COLORS[phase])
        for name, column, phase in (
            ("uplink", "uplink_share", "model upload"),
            ("downlink", "downlink_share", "model download"),
        )
    }
    _stack(axes, document, terms, parts)
    axes.set_ylabel("share of the band (%)")
    axes.set_ylim(top=1.25 * axes.get_ylim()[1])
    axes.legend(fontsize="small", loc="upper left")


def _energy(axes: Axes, document: Mapping[str, Any], terms: pd.DataFrame) -> None:
    """Draw the terms of (8)."""
    parts = {phase: (terms[column], COLORS[phase]) for phase, column in ENERGIES.items()}
    _stack(axes, document, terms, parts)
    axes.set_ylabel("energy (J)")


def _latency(axes: Axes, document: Mapping[str, Any], terms: pd.DataFrame) -> None:
    """Draw the terms of (9) on the branch that ends last; they add up to the latency."""
    sync_s = document["allocation"]["sync_s"]
    local_s = sync_s + terms["download_s"] + terms["local_inference_s"]
    local = terms["download"] & (local_s >= terms["ready_s"] + terms["edge_inference_s"])
    phases = {
        "local training": terms["local_training_s"],
        "model upload": terms["upload_s"],
        "task offload": terms["offload_s"].where(~local, 0.0),
        "waiting": 0.0 * terms["upload_s"],
        "model download": terms["download_s"].where(local, 0.0),
        "local inference": terms["local_inference_s"].where(local, 0.0),
        "edge inference": terms["edge_inference_s"].where(~local, 0.0),
    }
    phases["waiting"] = (terms["latency_s"] - sum(phases.values())).clip(lower=0.0)
    _stack(axes, document, terms, {phase: (part, COLORS[phase]) for phase, part in phases.items()})
    axes.set_ylabel("latency, its longer branch (s)")


def _stack(
    axes: Axes,
    document: Mapping[str, Any],
    terms: pd.DataFrame,
    parts: Mapping[str, tuple[pd.Series[float], str]],
) -> None:
    """Draw one bar a user, with a part for each label."""
    bottom = 0.0 * terms["upload_s"]
    places = range(len(terms))
    for label, (part, color) in parts.items():
        style: dict[str, Any] = {"color": color, "edgecolor": "0.3", "linewidth": 0.5}
        axes.bar(places, part, 0.7, bottom=bottom, label=label, **style)
        bottom = bottom + part
    few = len(terms) <= FEW_LABELS
    axes.set_xticks(
        places, terms["label"], rotation=0 if few else 90, fontsize=None if few else "small"
    )
    axes.set_xlabel(_which_users(document, terms))
    axes.set_ylim(0.0, 1.05 * max(float(bottom.max()), 1e-12))
    axes.grid(True, axis="y", alpha=0.3)
    axes.set_axisbelow(True)


FEW_LABELS = 5
