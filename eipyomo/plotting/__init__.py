"""Figures of results, of processes of many rounds, of tables, and of benchmarks."""

from eipyomo.plotting.admm import convergence
from eipyomo.plotting.benchmark import excess
from eipyomo.plotting.curves import ERRORS, curve_points, curves, drawn
from eipyomo.plotting.process import training_costs, training_overview, training_timeline
from eipyomo.plotting.result import bandwidth, costs, overview, timeline

__all__ = [
    "ERRORS",
    "FIGURES",
    "TRAINING_FIGURES",
    "bandwidth",
    "convergence",
    "costs",
    "curve_points",
    "curves",
    "drawn",
    "excess",
    "overview",
    "timeline",
    "training_costs",
    "training_overview",
    "training_timeline",
]

FIGURES = {
    "overview": overview,
    "timeline": timeline,
    "bandwidth": bandwidth,
    "costs": costs,
    "convergence": convergence,
}
"""The figures of a result by name."""

TRAINING_FIGURES = {
    "overview": training_overview,
    "timeline": training_timeline,
    "costs": training_costs,
}
"""The figures of a process of many rounds by name."""
