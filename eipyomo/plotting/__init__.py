"""Figures of results, of processes of many rounds, of benchmarks, and of plans."""

from eipyomo.plotting.admm import convergence
from eipyomo.plotting.benchmark import excess
from eipyomo.plotting.planning_answers import binding, phase, sensitivity, stress, what_if
from eipyomo.plotting.planning_resources import (
    pareto,
    required_band,
    required_edge_frequency,
    slowest,
)
from eipyomo.plotting.process import training_costs, training_overview, training_timeline
from eipyomo.plotting.result import bandwidth, costs, overview, timeline

__all__ = [
    "FIGURES",
    "TRAINING_FIGURES",
    "bandwidth",
    "binding",
    "convergence",
    "costs",
    "excess",
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
    "what_if",
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
