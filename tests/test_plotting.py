"""The convergence figure shows the trace, whatever the users are called."""

from __future__ import annotations

import io
import json

import numpy as np
import pytest
from matplotlib.axes import Axes

from eipyomo import InputError, Instance, Result
from eipyomo.plotting import convergence
from tests.conftest import reference, solve_admm


def drawn(axes: Axes) -> list[float]:
    """Return the values of the first line."""
    values: list[float] = np.asarray(axes.lines[0].get_ydata(), dtype=float).tolist()
    return values


def test_convergence_draws_the_trace_with_units() -> None:
    """Residuals, objectives, sync time, ι; data are the trace's, and labels have units."""
    result = solve_admm(reference("letter-m4"))
    figure = convergence(result)
    residuals, _, objectives, _, sync, offload = figure.axes
    assert drawn(residuals) == [row["primal_residual"] for row in result.trace]
    assert drawn(sync) == [row["sync_s"] for row in result.trace]
    assert len(objectives.lines) == 3
    assert len(offload.lines) == 4
    assert "(s)" in sync.get_ylabel()
    assert offload.get_xlabel() == "iteration"
    assert residuals.get_yscale() == "log"


def test_convergence_takes_the_document_of_a_file() -> None:
    """The JSON document of a result gives the same figure; many users show their downloads."""
    result = solve_admm(reference("letter-m100"), max_iterations=3)
    figure = convergence(json.loads(json.dumps(result.to_dict())))
    assert "download" in figure.axes[5].get_ylabel()
    assert drawn(figure.axes[5]) == [row["downloads"] for row in result.trace]


def test_names_are_text() -> None:
    """Names with dollars, underscores and other letters are drawn without an error."""
    document = reference("letter-m2").to_dict()
    document["users"][0]["name"] = "_$x^$"
    document["users"][1]["name"] = "Zürich $"
    figure = convergence(solve_admm(Instance.from_dict(document), max_iterations=3))
    legend = figure.axes[5].get_legend()
    assert legend is not None
    assert len(legend.get_texts()) == 2
    figure.savefig(io.BytesIO(), format="png")


def test_other_results_are_refused() -> None:
    """Without residuals there is nothing to draw, and the sentence names the method."""
    with pytest.raises(InputError, match="'lco' has no residuals"):
        convergence(Result(instance="x", method="lco", problem="lco", termination="limit"))
