"""What the letter says of its results, and what was measured: ``docs/claims.md``.

Run ``python -m experiments.claims`` to write the page again from the stored tables; no number in it
is typed by hand. The statements are about means over channels, and are checked on the ten channels
of seeds 0 to 9 and on all that are stored.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from eipyomo.files import write_atomically
from experiments import convergence, fig2a, fig2b, scaling
from experiments.fig2 import LETTER_SEEDS
from experiments.gap import LETTER_PERCENT

PAGE = Path(__file__).parents[1] / "docs" / "claims.md"
LARGE_SIGMA = 3.0
NEAR = 0.02
"""Two means that differ by less, relative to the optimum, count as meeting."""

Verdict = tuple[bool, str]
"""Whether a statement holds, and what was measured."""


@dataclass(frozen=True)
class Means:
    """Means over channels: one row per value of D_m (σ = 2.9), and per σ (16 Mbit)."""

    over_model: pd.DataFrame
    over_sigma: pd.DataFrame

    @classmethod
    def of(cls, over_model: pd.DataFrame, over_sigma: pd.DataFrame, seeds: int) -> Means:
        """Average the first seeds of two tables of :class:`~experiments.fig2.Experiment`."""

        def mean(table: pd.DataFrame, quantity: str) -> pd.DataFrame:
            part = table[table["seed"] < seeds]
            return part.groupby(quantity).mean(numeric_only=True)

        return cls(mean(over_model, "model_mbit"), mean(over_sigma, "path_loss_exponent"))


def small_model_gbe(means: Means) -> Verdict:
    """GBE is better than ECO and LCO at a small model."""
    table = means.over_model
    value, row = table.index[0], table.iloc[0]
    best = min(row["eco"], row["lco"])
    return bool(row["gbe"] < best), (
        f"at {value:g} Mbit GBE costs {row['gbe']:.3f}, ECO {row['eco']:.3f}, LCO {row['lco']:.3f}"
    )


def large_model_gbe(means: Means) -> Verdict:
    """GBE deteriorates as the model grows: its excess over the optimum rises."""
    excess = _excess(means.over_model, "gbe")
    first, last = excess.iloc[0], excess.iloc[-1]
    return bool(last > 2.0 * first), (
        f"GBE is {first:.1%} above the optimum at {excess.index[0]:g} Mbit, and {last:.1%} at "
        f"{excess.index[-1]:g} Mbit"
    )


def crossover(means: Means) -> Verdict:
    """LCO is the cheaper of LCO and ECO at a small model, or the other way, and then they cross."""
    lead = means.over_model["eco"] - means.over_model["lco"]
    changed = ((lead > 0) != (lead.iloc[0] > 0)).to_list()
    if True not in changed:
        return False, "the cheaper of the two is the same for all model sizes"
    place = changed.index(True)
    before, after = lead.index[place - 1], lead.index[place]
    cheaper = "LCO" if lead.iloc[0] > 0 else "ECO"
    return True, f"{cheaper} is cheaper up to {before:g} Mbit, the other from {after:g} Mbit"


def large_model_eco(means: Means) -> Verdict:
    """ECO meets the optimum at a large model."""
    excess = _excess(means.over_model, "eco")
    return bool(excess.iloc[-1] < NEAR), (
        f"at {excess.index[-1]:g} Mbit ECO is {excess.iloc[-1]:.2%} above the optimum"
    )


def grid_refinement(means: Means) -> Verdict:
    """Exhaustive search gains from Δι = 0.5 to 0.2, and little more from 0.2 to 0.1."""
    table = means.over_model
    coarse, middle, fine = (
        float(_excess(table, f"exhaustive_{step}").mean()) for step in ("0.5", "0.2", "0.1")
    )
    return coarse - middle > middle - fine > 0, (
        f"on average over the model sizes it is {coarse:.2%} above the optimum at 0.5, "
        f"{middle:.2%} at 0.2 and {fine:.2%} at 0.1"
    )


def small_sigma_gbe(means: Means) -> Verdict:
    """GBE is better than LCO at σ = 2.7."""
    row = means.over_sigma.loc[2.7]
    return bool(row["gbe"] < row["lco"]), f"GBE costs {row['gbe']:.3f}, LCO {row['lco']:.3f}"


def large_sigma_gbe(means: Means) -> Verdict:
    """GBE is better than ECO at large σ."""
    table = means.over_sigma.loc[LARGE_SIGMA:]
    lead = table["eco"] - table["gbe"]
    return bool((lead > 0).all()), (
        f"from σ = {table.index[0]:g} to {table.index[-1]:g} ECO costs at least {lead.min():.3f} "
        "more than GBE"
    )


def small_sigma_eco(means: Means) -> Verdict:
    """ECO approaches the optimum at small σ, and degrades as σ grows."""
    excess = _excess(means.over_sigma, "eco")
    first, last = excess.iloc[0], excess.iloc[-1]
    return bool(first < NEAR < last), (
        f"ECO is {first:.2%} above the optimum at σ = {excess.index[0]:g}, and {last:.1%} at "
        f"σ = {excess.index[-1]:g}"
    )


def large_sigma_lco(means: Means) -> Verdict:
    """LCO's distance to the optimum shrinks as σ grows."""
    excess = _excess(means.over_sigma, "lco")
    steps = excess.diff().dropna()
    return bool((steps < 0).all()), (
        f"LCO is {excess.iloc[0]:.1%} above the optimum at σ = {excess.index[0]:g}, and "
        f"{excess.iloc[-1]:.1%} at σ = {excess.index[-1]:g}; it falls in "
        f"{int((steps < 0).sum())} of {len(steps)} steps"
    )


def admm_near_optimal(means: Means) -> Verdict:
    """ADMM is within 3.18 % of the optimum at all σ."""
    excess = _excess(means.over_sigma, "admm")
    return bool(100.0 * excess.max() < LETTER_PERCENT), (
        f"at most {excess.max():.3%}, at σ = {excess.idxmax():g}"
    )


def admm_beats_benchmarks(means: Means) -> Verdict:
    """ADMM is better than GBE, ECO and LCO at all model sizes and σ, or as good."""
    worst = max(
        float((table["admm"] / table[["gbe", "eco", "lco"]].min(axis=1) - 1.0).max())
        for table in (means.over_model, means.over_sigma)
    )
    return worst < NEAR, f"against the best of the three it costs at most {worst:+.2%}"


def _excess(table: pd.DataFrame, method: str) -> pd.Series[float]:
    """Return how far the mean of a method is above the mean optimum, relative to it."""
    excess: pd.Series[float] = table[method] / table["exact"] - 1.0
    return excess


CLAIMS: dict[str, tuple[tuple[str, Callable[[Means], Verdict]], ...]] = {
    "Fig. 2(a): model size D_m, σ = 2.9": (
        ("A finer grid pays from Δι = 0.5 to 0.2, and hardly from 0.2 to 0.1.", grid_refinement),
        ("With a small model, GBE is better than ECO and LCO.", small_model_gbe),
        ("With a large model, GBE is far from the optimum.", large_model_gbe),
        ("ECO and LCO cross as the model grows.", crossover),
        ("With a large model, ECO is as good as the optimum.", large_model_eco),
    ),
    "Fig. 2(b): path loss exponent σ, D_m = 16 Mbit": (
        ("At σ = 2.7, GBE is better than LCO.", small_sigma_gbe),
        ("At large σ, GBE is better than ECO.", large_sigma_gbe),
        ("At small σ, ECO is close to the optimum; as σ grows it falls behind.", small_sigma_eco),
        ("LCO comes closer to the optimum as σ grows.", large_sigma_lco),
        ("ADMM is less than 3.18 % above the optimum at every σ.", admm_near_optimal),
    ),
    "Both": (("ADMM is better than GBE, ECO and LCO, or as good.", admm_beats_benchmarks),),
}
"""The letter's statements in other words, and the functions that check them."""


def complexity() -> list[tuple[str, Verdict]]:
    """Check what sections III-D and IV say of iterations, complexity and enumeration."""
    runs = convergence.RUNS.stored()
    found = []
    for preset, part in runs.groupby("preset"):
        few = part[part["users"].isin(convergence.LETTER_USERS)]
        most = int(few["iterations"].max())
        words = (
            f"preset `{preset}`: medians from {_medians(few).min():g} to {_medians(few).max():g}, "
            f"{(few['iterations'] <= MOST_ITERATIONS).mean():.0%} of {len(few)} runs within "
            f"{MOST_ITERATIONS}, at most {most}"
        )
        found.append((ITERATIONS, (most <= MOST_ITERATIONS, words)))
        medians = _medians(part)
        words = (
            f"preset `{preset}`: the median goes from {medians.iloc[0]:g} at {medians.index[0]} "
            f"users to {medians.iloc[-1]:g} at {medians.index[-1]}, and is never above "
            f"{medians.max():g}"
        )
        found.append((STEADY, (bool(medians.max() < STEADY_RATIO * medians.iloc[0]), words)))
    times = scaling.TABLE.stored()
    admm = times[times["method"] == "admm"]
    for band, part in admm.groupby("band"):
        power = scaling.growth(part, scaling.per_iteration(part))
        words = (
            f"{band}, {scaling.FROM_USERS} to {part['users'].max()} users: time an iteration "
            f"grows as M to the power {power:.2f}"
        )
        found.append((LINEAR, (power < LINEAR_EXPONENT, words)))
    every = times[times["line"].str.contains("every combination")]
    seconds = every.set_index("users")["seconds"]
    factor = float(seconds.iloc[-1] / seconds.iloc[-2])
    most, before = seconds.index[-1], seconds.index[-2]
    words = (
        f"at Δι = 0.2, {most} users take {seconds[most]:.1f} s, {factor:.1f} times as long as "
        f"{before}; bounds in place of enumeration prove the same optimum for "
        f"{_bounded(times)['users'].max()} users in {_bounded(times)['seconds'].iloc[-1]:.1f} s"
    )
    found.append((PROHIBITIVE, (factor > PROHIBITIVE_FACTOR, words)))
    return found


def _medians(runs: pd.DataFrame) -> pd.Series[float]:
    medians: pd.Series[float] = runs.groupby("users")["iterations"].median()
    return medians


def _bounded(times: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of exhaustive search by bounds that it finished."""
    return times[times["line"].str.contains("by bounds") & (times["termination"] == "optimal")]


ITERATIONS = "ADMM needs at most 60 iterations for 2 to 12 users."
MOST_ITERATIONS = max(convergence.LETTER_ITERATIONS)
STEADY = "The number of iterations hardly grows with the number of users."
STEADY_RATIO = 1.5
LINEAR = "ADMM's time an iteration grows linearly with the number of users."
LINEAR_EXPONENT = 1.1
PROHIBITIVE = "Enumeration is out of reach for more than a few users."
PROHIBITIVE_FACTOR = 3.0


def page() -> str:
    """Return the text of the page."""
    over_model, over_sigma = fig2a.EXPERIMENT.table.stored(), fig2b.EXPERIMENT.table.stored()
    stored = [table["seed"].nunique() for table in (over_model, over_sigma)]
    channels = dict(zip(CLAIMS, (*stored, min(stored)), strict=True))
    unproven = int(over_model["unproven"].notna().sum() + over_sigma["unproven"].notna().sum())
    rows = len(over_model) + len(over_sigma)
    opening = f"""# What the letter says, and what was measured

This page is written by `python -m experiments.claims` from the tables in `experiments/results`;
nothing in it is typed by hand. The statements are about means over channels. The letter averages
{LETTER_SEEDS} channels (here seeds 0 to {LETTER_SEEDS - 1}); more of them tell chance from rule.
The optimum and all benchmarks are proven to a relative gap of 1e-6 in {rows - unproven} of {rows}
channels and settings. "Close" and "as good" mean a mean within {NEAR:.0%}."""
    lines = [opening]
    for section, claims in CLAIMS.items():
        lines += ["", f"## {section}", "", "| Statement | Channels | Measured | Holds |"]
        lines += ["|---|---|---|---|"]
        for statement, check in claims:
            for seeds in (LETTER_SEEDS, channels[section]):
                holds, words = check(Means.of(over_model, over_sigma, seeds))
                lines.append(f"| {statement} | {seeds} | {words} | {_yes(holds)} |")
    lines += ["", "## Sections III-D and IV: iterations and complexity", ""]
    lines += ["| Statement | Measured | Holds |", "|---|---|---|"]
    for statement, (holds, words) in complexity():
        lines.append(f"| {statement} | {words} | {_yes(holds)} |")
    return "\n".join([*lines, ""])


def _yes(holds: bool) -> str:
    return "yes" if holds else "**no**"


def main() -> None:
    """Write the page."""
    write_atomically({PAGE: page()})


if __name__ == "__main__":
    main()
