"""Figures of results: what they show, that they survive odd results, and the command."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure

import eipyomo as ei
from eipyomo import plotting
from eipyomo.cli import main
from tests.conftest import reference


@pytest.fixture(scope="module")
def result() -> ei.Result:
    """Return an answer in which some users do both, offload and compute."""
    return ei.solve(reference("letter-m4-small-model"))


def heights(axes: Axes) -> list[float]:
    """Return the height of the stack at each user."""
    tops: dict[float, float] = {}
    for bar in axes.patches:
        box = bar.get_extents().transformed(axes.transData.inverted())
        middle = round((box.x0 + box.x1) / 2, 6)
        tops[middle] = max(tops.get(middle, 0.0), box.y1)
    return [tops[place] for place in sorted(tops)]


def test_stacks_add_up_to_what_evaluate_says(result: ei.Result) -> None:
    """The tops of the stacks are energy, latency and the shares, user by user."""
    assert result.evaluation is not None
    assert result.allocation is not None
    terms, allocation = result.evaluation.breakdown, result.allocation
    energy, latency = plotting.costs(result).axes
    assert heights(energy) == pytest.approx(terms.energy_j)
    assert heights(latency) == pytest.approx(terms.latency_s)
    (band,) = plotting.bandwidth(result).axes
    shares = allocation.uplink_share + allocation.downlink_share
    assert heights(band) == pytest.approx(100.0 * shares)


def test_the_timeline_is_that_of_the_evaluation(result: ei.Result) -> None:
    """One bar for each phase that happens, at its time; a file tells as much as the result."""
    assert result.evaluation is not None
    (axes,) = plotting.timeline(json.loads(json.dumps(result.to_dict()))).axes
    boxes = [bar.get_extents().transformed(axes.transData.inverted()) for bar in axes.patches]
    drawn = sorted((box.x0, box.x1) for box in boxes)
    spans = result.evaluation.timeline()
    expected = sorted(zip(spans["start_s"], spans["end_s"], strict=True))
    np.testing.assert_allclose(drawn, expected, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("figure", ["overview", "timeline", "bandwidth", "costs"])
def test_axes_carry_units(figure: str, result: ei.Result) -> None:
    """Every axis with numbers names its unit."""
    for axes in plotting.FIGURES[figure](result).axes:
        label = axes.get_xlabel() or axes.get_ylabel()
        assert any(unit in label for unit in ("(s)", "(J)", "(%)"))


@pytest.mark.parametrize(
    "instance",
    [
        ei.Instance.letter(users=1),
        ei.Instance.letter(users=30, bandwidth_mhz=150.0),
        reference("mixed-m4"),
    ],
    ids=["one", "many", "unlike"],
)
def test_any_result_can_be_drawn(instance: ei.Instance) -> None:
    """One user, more users than are shown, users without a task: no warning, no error."""
    figure = plotting.overview(ei.solve(instance))
    figure.canvas.draw()
    assert isinstance(figure, Figure)


def test_odd_names_are_drawn_as_they_are(result: ei.Result) -> None:
    """Dollars are no mathematics, line breaks no lines, and long names are cut in the middle."""
    document = result.to_dict()
    for part in (document["allocation"], document["breakdown"]):
        for user, name in zip(part["users"], ("$x^", "_a\nb", "ü" * 99, "1"), strict=True):
            user["name"] = name
    document["instance"] = "$^ " * 99
    figure = plotting.overview(document)
    figure.canvas.draw()
    labels = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert labels == [r"\$x^", "_a b", "ü" * 7 + "..." + "ü" * 6, "1"]


def test_what_cannot_be_drawn_is_named(result: ei.Result) -> None:
    """A result without an allocation, or from before the terms were complete, gets a sentence."""
    document: dict[str, Any] = result.to_dict()
    with pytest.raises(ei.InputError, match="has no allocation to draw"):
        plotting.overview({**document, "allocation": None})
    for user in document["breakdown"]["users"]:
        del user["local_training_s"]
    with pytest.raises(ei.InputError, match="lacks local_training_s"):
        plotting.timeline(document)


def test_the_command_writes_a_figure(
    result: ei.Result, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Beside the result by default, in the format of the name, or a sentence and status 2."""
    file = tmp_path / "result.json"
    result.to_json(file)
    assert main(["plot", str(file)]) == 0
    assert (tmp_path / "result.png").read_bytes().startswith(b"\x89PNG")
    assert main(["plot", str(file), "--figure", "timeline", "-o", str(tmp_path / "t.pdf")]) == 0
    assert (tmp_path / "t.pdf").read_bytes().startswith(b"%PDF")
    for arguments in (["-o", "t.xyz"], ["--figure", "convergence"]):
        assert main(["plot", str(file), *arguments]) == 2
    assert "Traceback" not in capsys.readouterr().err
