"""Published settings, solved: ``docs/presets.md``.

Run ``python -m experiments.presets``: 20 seeds of each preset, with as many users as it has, by the
certified method, ADMM and the letter's benchmarks; it takes a few minutes. The page is written
from the stored table and the presets themselves, ``--plot-only`` for that alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

import eipyomo as ei
from eipyomo.files import write_atomically
from eipyomo.presets.published import DEFAULT, Preset
from eipyomo.ranges import number_text
from experiments.table import Case, Row, Table, command

METHODS = ("exact", "admm", "lco", "eco", "gbe")
SEEDS, TIME_LIMIT_S = 20, 60.0
PAGE = Path(__file__).parents[1] / "docs" / "presets.md"

OPENING = """\
# Published settings

Papers of the field state their settings each in a form of its own, so that nobody can hold one
against another. Here they are in one form: each value with where it comes from, and what of the
paper an instance of problem (10) has and has not. This page is written by `python -m
experiments.presets` from the files of `eipyomo/presets` and a stored table.

```sh
eipyomo presets list
eipyomo presets show lydroo
eipyomo generate --preset lydroo --users 6 --seed 1 -o instance.json
eipyomo generate --preset lydroo --set model_mbit=1 -o with_a_model.json
```

```python
import eipyomo as ei

instance = ei.presets.instance("lydroo", users=6, seed=1)
print(ei.solve(instance).objective, ei.presets.names())
print(ei.presets.preset("lydroo").frame())  # key, value, source, note
```

One seed is one channel, and the same arguments give the same instance. `--links-output` keeps the
places and what the gains are made of, for [maps and fading rounds](channels.md). What a setting
does not state is the letter's and says so (`default`); `--set` changes any value.

Two rules hold for all of them. **Papers on offloading** train no model: its size is one bit here,
and times and energies of training are 0, so that what is left is the paper's own question, which
part of a task goes to the edge. With `--set model_mbit=16` or any other size it becomes the joint
problem; a model larger than the task then sends everybody to the edge. **Papers on federated
learning** have no task to infer: the letter's 64 Mbit stand for what the trained model is used for.

Numbers stem from papers' own texts or from files of public code, mostly the authors' own. Settings
that could not be read in one of them are not here: those of Yang et al. (arXiv 1911.02417 and
2007.03462), Zhou et al. (arXiv 2209.14900), and Tran and Pompili (IEEE TVT 68, 2019).

## What optima look like

{seeds} seeds each, the preset's own number of users. WSEL is the mean of certified optima (gap
1e-6); the other methods' columns are how far they are above it, mean and worst, all as `evaluate`
counts it; 3 x is three times the optimum. LCO, ECO and GBE are solved to optimality themselves:
their excess is what the restriction costs. GBE keeps half of the band for the downlink, where
papers on offloading have next to nothing to send. Latency and energy are a user's; what is
offloaded is the part of all tasks together at the optimum.

Stored in [presets.csv](../experiments/results/presets.csv): {provenance}.
"""

CLOSING = """\
ADMM ends at everybody's local answer on `qeco`: at the optimum one user takes nearly all of the
band, which no user by itself sees a gain in. On `lydroo`, where users part, it is off as well."""

HEAD = (
    "| preset | users | WSEL | latency | energy | offloaded | ADMM | LCO | ECO | GBE |",
    "|---|---|---|---|---|---|---|---|---|---|",
)


def cases() -> Iterator[Case]:
    """Iterate over presets, their seeds, and the instances' digests, by which changed ones tell."""
    for name in ei.presets.names():
        for seed in range(SEEDS):
            yield name, seed, ei.presets.instance(name, seed=seed).digest()


def row(name: str, seed: int, digest: str) -> list[Row]:
    """Return what each method finds on a seed of a preset."""
    instance = ei.presets.instance(name, seed=seed)
    assert instance.digest() == digest
    results = {method: ei.solve(instance, method, time_limit=TIME_LIMIT_S) for method in METHODS}
    best = results["exact"].objective
    rows: list[Row] = []
    for method, result in results.items():
        found: Row = {"preset": name, "users": len(instance.users), "seed": seed, "method": method}
        found |= {"termination": result.termination, "objective": result.objective}
        if result.objective is not None and best is not None:
            found["excess"] = result.objective / best - 1.0
        if method == "exact":
            found |= {"gap": result.gap, **_shape(instance, result)}
        rows.append(found)
    return rows


def _shape(instance: ei.Instance, result: ei.Result) -> Row:
    """Return what an optimum looks like."""
    assert result.allocation is not None
    assert result.evaluation is not None
    task_bits = instance.users.numbers("task_bits")
    terms, allocation = result.evaluation.breakdown, result.allocation
    return {
        "downloads": float(np.mean(allocation.download)),
        "offloaded": float(allocation.offload_fraction @ task_bits / task_bits.sum()),
        "latency_s": float(np.mean(terms.latency_s)),
        "energy_j": float(np.mean(terms.energy_j)),
    }


def summed_up(table: pd.DataFrame) -> pd.DataFrame:
    """Return a row for each preset and method."""
    groups = table.groupby(["preset", "users", "method"], sort=False)
    mean = ["objective", "gap", "downloads", "offloaded", "latency_s", "energy_j"]
    found = groups[mean].mean()
    found["excess_mean"] = groups["excess"].mean()
    found["excess_max"] = groups["excess"].max()
    found["answered"] = groups["objective"].count()
    return found.reset_index()


TABLE = Table("presets", cases, row, ("numba", "pydantic"), finish=summed_up)


def page() -> str:
    """Return the page."""
    table = TABLE.stored()
    first = table.iloc[0]
    keys = ("date", "commit", "python", "eipyomo", "numpy", "numba")
    provenance = ", ".join(f"{key} {first[key]}" for key in keys)
    text = OPENING.replace("{seeds}", str(SEEDS)).replace("{provenance}", provenance)
    lines = [text, *HEAD]
    lines += [
        _line(name, table[table["preset"] == name].set_index("method"))
        for name in ei.presets.names()
    ]
    lines += ["", *(f"* `{one.name}`: {one.answer}" for one in _presets())]
    lines += ["", CLOSING]
    for one in _presets():
        lines += ["", *_section(one)]
    return "\n".join([*lines, ""])


def _presets() -> Iterator[Preset]:
    return map(ei.presets.preset, ei.presets.names())


def _line(name: str, rows: pd.DataFrame) -> str:
    best = rows.loc["exact"]
    shape = (
        f"{best['objective']:.3g}",
        _scaled(best["latency_s"], "s"),
        _scaled(best["energy_j"], "J"),
        f"{100 * best['offloaded']:.0f} %",
    )
    others = (
        f"{_part(rows.loc[one, 'excess_mean'])}, {_part(rows.loc[one, 'excess_max'])}"
        for one in METHODS[1:]
    )
    return f"| `{name}` | {best['users']} | {' | '.join([*shape, *others])} |"


def _scaled(value: Any, unit: str) -> str:
    return f"{value:.3g} {unit}" if value >= 0.01 else f"{1e3 * value:.3g} m{unit}"


def _part(excess: Any) -> str:
    """Return an excess in per cent; what is twice the optimum or more as a factor."""
    if excess < 5e-6:
        return "0"
    return f"{100 * excess:.2g} %" if excess < 0.995 else f"{float(f'{1 + excess:.2g}'):g} x"


def _section(one: Preset) -> Iterator[str]:
    yield f"## `{one.name}`"
    yield ""
    yield f"{one.summary}"
    yield ""
    yield f"{one.reference}."
    yield ""
    yield f"What maps: {'; '.join(one.maps)}."
    yield ""
    yield f"What does not: {'; '.join(one.leaves_out)}."
    yield ""
    yield from (f"* {source}: {text}" for source, text in one.sources.items())
    yield ""
    yield "| value | | source |"
    yield "|---|---|---|"
    for given in one.setting:
        value = number_text(given.value) if isinstance(given.value, float) else given.value
        yield f"| `{given.key}` | {value} | {given.source}: {given.note} |"
    left = [row["key"] for row in one.frame().to_dict("records") if row["source"] == DEFAULT]
    own = [key for key in left if key not in {given.key for given in one.setting}]
    if own:
        yield ""
        yield f"The letter's: {', '.join(f'`{key}`' for key in own)}."


def write() -> None:
    """Write the page."""
    write_atomically({PAGE: page()})


if __name__ == "__main__":
    command([TABLE], write)
