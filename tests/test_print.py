"""Figures for print and for notebooks: sizes, fonts, names, given axes, and what objects say."""

from __future__ import annotations

import io
import re
import warnings
from functools import cache
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure

import eipyomo as ei
from eipyomo import plotting
from eipyomo.cli import main
from eipyomo.plotting.style import COLORS, HATCHES
from eipyomo.studies.judged import Benchmark
from tests.conftest import reference

PAGE = (Path(__file__).parents[1] / "docs" / "plotting.md").read_text(encoding="utf-8")
NAMES = ("Zoë", "χρήστης", "用户一", "مستخدم", "😀")


@cache
def result(method: str = "exact") -> ei.Result:
    """Return an answer for two users."""
    return ei.solve(reference("letter-m2"), method)


@cache
def process() -> ei.Training:
    """Return three rounds of two users."""
    return ei.train(reference("letter-m2"), 3, seed=1, method="lco")


@cache
def judged() -> Benchmark:
    """Return a benchmark of two policies on one instance."""
    row = {"instance": "x", "excess": 0.1, "cost": 1.1, "optimum": 1.0, "bound": 1.0, "digest": ""}
    row |= {"feasible": True, "violated": None, "failure": None, "message": None, "seconds": 0.1}
    return Benchmark(tuple({**row, "policy": name} for name in ("a", "b")), "exact", 1.0)


DRAWN: dict[str, tuple[Any, Any, int]] = {
    "overview": (plotting.overview, result, 4),
    "timeline": (plotting.timeline, result, 1),
    "bandwidth": (plotting.bandwidth, result, 1),
    "costs": (plotting.costs, result, 2),
    "convergence": (plotting.convergence, lambda: result("admm"), 6),
    "training_overview": (plotting.training_overview, process, 4),
    "training_timeline": (plotting.training_timeline, process, 1),
    "training_costs": (plotting.training_costs, process, 3),
    "excess": (plotting.excess, judged, 1),
}


@pytest.mark.parametrize("name", DRAWN)
def test_every_figure_draws_on_given_axes_and_for_print(name: str) -> None:
    """It returns the given figure, without a title; a page has the width of a journal."""
    draw, what, panels = DRAWN[name]
    before = dict(mpl.rcParams)
    figure = Figure()
    axes = figure.subplots(1, panels)
    keyword = "ax" if panels == 1 else "axes"
    assert draw(what(), **{keyword: axes}) is figure
    assert figure.get_suptitle() == ""
    assert all(np.ravel(axes)[k].has_data() for k in range(panels))
    column, page = (draw(what(), width=width, title=False) for width in ("column", "page"))
    assert (column.get_figwidth(), page.get_figwidth()) == (3.5, 7.16)
    assert column.get_suptitle() == ""
    assert dict(mpl.rcParams) == before


def test_what_does_not_fit_is_refused() -> None:
    """A wrong width, a width beside axes, and too few axes get one sentence."""
    axes = Figure().subplots()
    with pytest.raises(
        ei.InputError, match="width is 'wide', but must be one of: 'column', 'page'"
    ):
        plotting.overview(result(), width="wide")  # type: ignore[arg-type]
    with pytest.raises(ei.InputError, match="have a width of their own"):
        plotting.timeline(result(), ax=axes, width="page")
    with pytest.raises(ei.InputError, match="axes are 1, but the figure has 2 panels"):
        plotting.costs(result(), axes=[axes])
    with pytest.raises(ei.InputError, match="axes is 5, but must be an Axes"):
        plotting.costs(result(), axes=[5, 5])  # type: ignore[list-item]


def test_files_hold_letters_of_every_script_without_a_warning() -> None:
    """TrueType in PDF and no Type 3, text in SVG; □ and the place where no font has the letters."""
    users = reference("letter-m4").users
    named = [*users, users[0]]
    data = [{**user.data(), "name": name} for user, name in zip(named, NAMES, strict=True)]
    instance = reference("letter-m4").replace(users=data, name=" ".join(NAMES))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        figure = plotting.overview(ei.solve(instance, "lco"), width="column")
        figure.savefig(pdf := io.BytesIO(), format="pdf")
        figure.savefig(svg := io.BytesIO(), format="svg")
    assert b"/CIDFontType2" in pdf.getvalue()
    assert b"/Type3" not in pdf.getvalue()
    text = svg.getvalue().decode()
    assert "Zoë</text>" in text
    assert "χρήστης</text>" in text
    labels = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert len(set(labels)) == len(NAMES)
    for label, name in zip(labels, NAMES, strict=True):
        assert label == name or re.fullmatch(r".*□.* \(\d\)", label)


def test_grey_print_keeps_phases_and_lines_apart() -> None:
    """Phases of like lightness have unlike hatches, and no two of 140 lines look the same."""
    grey = {phase: np.dot(to_rgb(color), (0.299, 0.587, 0.114)) for phase, color in COLORS.items()}
    for one in COLORS:
        for other in COLORS:
            alike = abs(grey[one] - grey[other]) < 0.1 and HATCHES.get(one) == HATCHES.get(other)
            assert one == other or not alike
    styles = [tuple(style.values()) for style in plotting.line_styles(140)]
    assert len(set(styles)) == 140


def test_tolerances_are_drawn_where_the_run_stopped() -> None:
    """The last measures of a converged run, and only those, are below the lines of its options."""
    found = result("admm")
    panel = plotting.convergence(found).axes[1]
    primal, dual, limit = (np.asarray(line.get_ydata(), float) for line in panel.lines)
    assert limit[0] == found.options["primal_tolerance"] == found.options["dual_tolerance"]
    assert primal[-1] <= limit[0]
    assert dual[-1] <= limit[0]
    assert np.all(np.maximum(primal, dual)[:-1] > limit[0])


def test_many_users_are_all_counted() -> None:
    """The areas of energies end at what evaluate says; the slowest user is the first lane."""
    found = ei.solve(ei.Instance.letter(users=40, bandwidth_mhz=200.0), "exact")
    assert found.evaluation is not None
    terms = found.evaluation.breakdown
    lanes, _, energy, _ = plotting.overview(found).axes
    slowest = terms.names[int(np.argmax(terms.latency_s))]
    assert lanes.get_yticklabels()[0].get_text() == slowest
    assert lanes.get_ylabel() == "the 20 slowest of 40 users"
    assert f"sum {terms.energy_j.sum():.4g} J" in energy.get_title()
    paths = [path for area in energy.collections for path in area.get_paths()]
    top = max(np.asarray(path.vertices)[:, 1].max() for path in paths)
    assert top == pytest.approx(terms.energy_j.max())


def test_many_rounds_show_the_latency_of_everybody() -> None:
    """The picture of 13 rounds has the latencies of each, users as given where they are few."""
    found = ei.train(reference("letter-m2"), 13, method="lco")
    (image,) = plotting.training_overview(found).axes[0].images
    latencies = [
        round_.evaluation.breakdown.latency_s for round_ in found.rounds if round_.evaluation
    ]
    assert np.asarray(image.get_array()) == pytest.approx(np.array(latencies).T)


def test_objects_say_briefly_what_they_are() -> None:
    """A line of at most 200 characters, and a table in which names are no markup."""
    odd = reference("letter-m2").replace(name="<b>" * 99)
    evaluation = result().evaluation
    assert evaluation is not None
    shown = [odd, odd.replace(name="x"), ei.Problem(odd), result(), result().allocation, evaluation]
    for one in [*shown, evaluation.breakdown, process(), judged(), ei.Recorded([])]:
        assert repr(one) == str(one)
        assert len(repr(one)) <= 200
        html = one._repr_html_()  # type: ignore[union-attr]
        assert type(one).__name__ in html
        assert "<b><b>" not in html
    assert repr(result()).startswith("<Result 'letter-m2': exact, joint: optimal, WSEL 0.97")


def test_a_fresh_kernel_shows_figures() -> None:
    """Without pyplot a figure has a picture of its own."""
    assert plotting.bandwidth(result())._repr_png_().startswith(b"\x89PNG")  # type: ignore[attr-defined]


def test_the_command_draws_for_print(tmp_path: Path) -> None:
    """A column of 3.5 in at 72 points each is 252 points wide, and has no title."""
    result().to_json(file := tmp_path / "result.json")
    output = tmp_path / "column.pdf"
    assert main(["plot", str(file), "--width", "column", "--no-title", "-o", str(output)]) == 0
    assert re.search(rb"/MediaBox \[\s*0 0 252 ", output.read_bytes())


def test_the_examples_of_the_page_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each block is a whole script, and all pictures are there and small."""
    monkeypatch.chdir(tmp_path)
    for example in re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL):
        exec(example, {})
    assert (tmp_path / "costs.pdf").exists()
    assert (tmp_path / "methods.png").exists()
    folder = Path(__file__).parents[1] / "docs"
    pictures = [folder / name for name in re.findall(r"\((pictures/.*?\.png)\)", PAGE)]
    assert len(pictures) == 4
    assert all(picture.stat().st_size < 100_000 for picture in pictures)
