"""Figures of results, of processes of many rounds, of tables, of benchmarks, and of plans."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from eipyomo.plotting.admm import convergence
from eipyomo.plotting.benchmark import excess
from eipyomo.plotting.curves import ERRORS, curve_points, curves, drawn, learning
from eipyomo.plotting.fonts import Page
from eipyomo.plotting.map import users_map
from eipyomo.plotting.planning_answers import binding, phase, sensitivity, stress, what_if
from eipyomo.plotting.planning_resources import (
    pareto,
    required_band,
    required_edge_frequency,
    slowest,
)
from eipyomo.plotting.process import training_costs, training_overview, training_timeline
from eipyomo.plotting.result import bandwidth, costs, overview, timeline
from eipyomo.plotting.style import line_styles

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = [
    "ERRORS",
    "FIGURES",
    "TRAINING_FIGURES",
    "Page",
    "bandwidth",
    "binding",
    "convergence",
    "costs",
    "curve_points",
    "curves",
    "drawn",
    "excess",
    "learning",
    "line_styles",
    "overview",
    "pareto",
    "phase",
    "required_band",
    "required_edge_frequency",
    "sensitivity",
    "slowest",
    "stress",
    "timeline",
    "training_costs",
    "training_overview",
    "training_timeline",
    "users_map",
    "what_if",
]

FIGURES: Mapping[str, Callable[..., Figure]] = {
    "overview": overview,
    "timeline": timeline,
    "bandwidth": bandwidth,
    "costs": costs,
    "convergence": convergence,
}
"""The figures of a result by name."""

TRAINING_FIGURES: Mapping[str, Callable[..., Figure]] = {
    "overview": training_overview,
    "timeline": training_timeline,
    "costs": training_costs,
}
"""The figures of a process of many rounds by name."""
