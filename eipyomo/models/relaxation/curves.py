"""The convex functions of a user, as the tangents at some of their points."""

from __future__ import annotations

import bisect
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import pyomo.environ as pyo

from eipyomo.models.formulations.spectral import full_load_s, nats_of
from eipyomo.models.relaxation.read import Linear, place_of, stated, work_of
from eipyomo.models.relaxation.rows import ULP, WIDTH, Range, Row
from eipyomo.models.types import Block, Model, Variable
from eipyomo.models.with_modes import links_of

Reader = Callable[[Variable], float]

FREQUENCIES = 0.03
"""Tangents of e^c begin at this part of the frequency that a whole task needs at the latest."""


@dataclass
class Curve:
    """A convex function of one parameter (u, or f), as the tangents at some of its points.

    Attributes
    ----------
    tangents
        The rows that hold at one point.
    parameter
        Where on the curve a point of the model is.
    spread
        Points over a box, in ascending order.
    place
        The parameter's variable, if it is one; then a cell needs the points near its box only.
    """

    tangents: Callable[[float], tuple[Row, ...]]
    parameter: Callable[[Reader], float]
    spread: Callable[[Sequence[Range]], list[float]]
    place: int | None = None
    points: list[float] = field(default_factory=list)
    rows: dict[float, tuple[Row, ...]] = field(default_factory=dict)

    def at(self, point: float) -> tuple[Row, ...]:
        """Return the rows at a point."""
        if point not in self.rows:
            self.rows[point] = self.tangents(point)
        return self.rows[point]

    def near(self, box: Sequence[Range]) -> list[float]:
        """Return the points in a box, and the next one on either side."""
        if self.place is None:
            return self.points
        low, high = box[self.place]
        first = max(bisect.bisect_right(self.points, low) - 1, 0)
        return self.points[first : bisect.bisect_left(self.points, high) + 1]


def curves(
    model: Model, name: Any, places: Any, active: set[str], tangents: int
) -> Iterator[Curve]:
    """Iterate over a user's convex functions: of u up, of u down, and of f."""
    block = model.user[name]
    for way in links_of(model, name).values():
        nats = nats_of(block, way)
        if not nats.fixed:
            # The ends of u are logarithms of 1 + g/b, which was rounded against 1.
            low, high = nats.bounds
            nats.setlb(max(low - 4.0 * ULP * max(1.0, low), 0.5 * low))
            nats.setub(high + 4.0 * ULP * max(1.0, high))
        place = None if nats.fixed else place_of(nats, places)
        yield Curve(
            partial(
                transmission,
                nats=nats,
                snr=float(pyo.value(way.snr)),
                load_s=float(pyo.value(full_load_s(model, way))),
                share=way.share if f"{way.link}_efficiency" in active else None,
                seconds=way.seconds if way.row in active else None,
                places=places,
            ),
            partial(_value_of, nats),
            partial(_spread_nats, nats, place, tangents),
            place,
        )
    ends = {row for row in ("local_pace", "local_energy") if block.component(row) is not None}
    if ends <= active:
        fastest = float(pyo.value(block.max_frequency_ghz))
        work = work_of(block, model)
        seconds = block.local_inference_s
        place = None if seconds.fixed else place_of(seconds, places)
        yield Curve(
            partial(_energy, block=block, work=work, places=places),
            lambda value: _frequency(value, block, work, fastest),
            partial(_spread_frequencies, seconds, place, tangents, work.most, fastest),
        )


def transmission(
    at: float,
    *,
    nats: Variable,
    snr: float,
    load_s: float,
    share: Variable | None,
    seconds: Variable | None,
    places: Any,
) -> tuple[Row, ...]:
    """Return the tangents of b and of τ as functions of u, of those rows that are active."""
    rows: list[Row] = []
    if at <= 0.0:
        return ()
    try:
        grown = math.expm1(at)
        if share is not None:
            # b = g/(e^u - 1), whose slope is -b e^u/(e^u - 1)
            value = snr / grown
            rows += _tangent(share, nats, at, value, value / math.expm1(-at), places)
        if seconds is not None:
            # τ = D_m ln 2/(g B) (e^u - 1)/u
            rows += _tangent(seconds, nats, at, load_s * grown / at, load_s * _slope(at), places)
    except OverflowError:
        pass
    return tuple(rows)


def _tangent(
    y: Variable, x: Variable, at: float, value: float, slope: float, places: Any
) -> tuple[Row, ...]:
    """Return y ≥ value + slope (x - at), less rounding."""
    side = value - slope * at
    side -= WIDTH * (abs(value) + abs(slope * at))
    return stated([(y, 1.0), (x, -slope)], side, places)


def _slope(at: float) -> float:
    """Return the slope of (e^u - 1)/u, which is Σ (k+1)/(k+2)! u^k, without cancellation."""
    if at > 1.0:
        return (math.exp(at) * (at - 1.0) + 1.0) / at**2
    total, power = 0.0, 1.0
    for k in range(20):
        total += (k + 1) * power
        power *= at / (k + 3)
    return 0.5 * total


def _energy(at: float, *, block: Block, work: Linear, places: Any) -> tuple[Row, ...]:
    """Return e^c ≥ κ (3 f² w - 2 f³ d), the tangent of κ w³/d² where w = f d, for one f."""
    unit = float(pyo.value(block.energy_coefficient)) * at**2
    terms = (
        (block.local_inference_j, 1.0),
        *((variable, -3.0 * unit * c) for variable, c in work.terms),
        (block.local_inference_s, 2.0 * unit * at),
    )
    return stated(terms, 3.0 * unit * work.constant, places)


def _spread_nats(
    nats: Variable, place: int | None, count: int, box: Sequence[Range]
) -> list[float]:
    """Return values of u at equal distances over its range."""
    low, high = (nats.value, nats.value) if place is None else box[place]
    return sorted({low + (high - low) * (k / (count - 1)) for k in range(count)})


def _spread_frequencies(
    seconds: Variable,
    place: int | None,
    count: int,
    work: float,
    fastest: float,
    box: Sequence[Range],
) -> list[float]:
    """Return frequencies at equal ratios up to the largest, from one that is slow for its box."""
    latest = seconds.value if place is None else box[place][1]
    least = FREQUENCIES * min(work / latest, fastest) if latest > 0.0 else 0.0
    if not 0.0 < least < fastest:
        return [fastest]
    return [fastest * (least / fastest) ** (1.0 - k / (count - 1)) for k in range(count)]


def _value_of(variable: Variable, value: Reader) -> float:
    """Return u itself."""
    return value(variable)


def _frequency(value: Reader, block: Block, work: Linear, fastest: float) -> float:
    """Return f = w/d, in (0, f_max]."""
    seconds = value(block.local_inference_s)
    done = work.constant + sum(c * value(variable) for variable, c in work.terms)
    return min(done / seconds, fastest) if seconds > 0.0 and done > 0.0 else fastest
