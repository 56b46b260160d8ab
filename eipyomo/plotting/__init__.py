"""Figures of results, of processes of many rounds, and of benchmarks."""

from eipyomo.plotting.admm import convergence
from eipyomo.plotting.benchmark import excess
from eipyomo.plotting.map import users_map
from eipyomo.plotting.process import training_costs, training_overview, training_timeline
from eipyomo.plotting.result import bandwidth, costs, overview, timeline

__all__ = [
    "FIGURES",
    "TRAINING_FIGURES",
    "bandwidth",
    "convergence",
    "costs",
    "excess",
    "overview",
    "timeline",
    "training_costs",
    "training_overview",
    "training_timeline",
    "users_map",
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
