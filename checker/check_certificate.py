"""Check a certificate of a lower bound, or of infeasibility: nothing but Python's standard library.

It was written from docs/certificate.md, to which its terms refer, and shares nothing with what
writes certificates or with ``eipyomo verify``. Its numbers are intervals of decimals::

    python -m checker instance.json proof.json

Exit status: 0 the claim is proven, 4 it is not, 2 the file is broken or of another instance.
"""

import argparse
import copy
import hashlib
import json
import math
import sys
from decimal import Decimal
from fractions import Fraction
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

from checker.intervals import ONE, ZERO, Interval, Link, exact, ratio

INFINITY = Decimal("Infinity")
KEYS = "schema instance problem round objective claim bound split_band grid domains tree"
LIMITS = "min_uplink_share max_uplink_share min_downlink_share max_downlink_share deadline_s \
energy_budget_j download min_offload_fraction max_offload_fraction modes min_participants \
total_energy_budget_j total_latency_budget_s total_penalty_budget"
ALIKE_BUT_FOR = ["name", "energy_weight", "latency_weight"]
Domain = Any  # a frozenset of open modes, or (whether a = 0 is open, the ends of ι or None)


class BrokenError(Exception):
    """The certificate is not what it has to be."""


def need(holds: object, what: str) -> None:
    """Call the file broken where something does not hold."""
    if not holds:
        raise BrokenError(what)


def fields(document: Any, keys: str) -> list[Any]:
    """Return the values of a document that has these keys and no other."""
    right = isinstance(document, dict) and sorted(document) == sorted(keys.split())
    need(right, f"it has other keys than {keys}")
    return [document[key] for key in keys.split()]


def numbers(values: Any, count: int | None, least: float = 0, most: float = 1e300) -> list[float]:
    """Return a list of so many numbers, or any, within these bounds."""
    need(isinstance(values, list) and count in (None, len(values)), "a list is of another length")
    good = all(type(x) in (int, float) and least <= x <= most for x in values)
    need(good, f"a number that is not within {least:g} and {most:g}")
    return [float(x) for x in values]


def number(value: Any, least: float = -1e300, most: float = 1e300, whole: bool = False) -> float:
    """Return a number within these bounds."""
    found = numbers([value], 1, least, most)[0]
    need(not whole or found == int(found), f"{value} is not whole")
    return found


class Work(NamedTuple):
    """What a decision asks for: bits, cycles, seconds, joules, and a penalty."""

    update: Interval
    task: Interval
    download: Interval
    edge: Interval
    local: Interval
    begin: Interval
    training: Interval
    penalty: Interval = ZERO
    in_sequence: bool = False


class User:
    """A user: its data, its links, and what its decisions ask for."""

    def __init__(self, told: dict[str, Any], data: dict[str, Any], most: Interval, training: bool):
        self.told, self.data, self.training, self.most = told, data, training, most
        self.before, server = told["previous_download_s"], data["server"]
        sent, noise = self.of("transmit_power_w"), exact(server["noise_density_w_per_hz"])
        self.up = self._link(sent / noise, "uplink")
        sent, noise = exact(server["transmit_power_w"]), self.of("noise_density_w_per_hz")
        self.down = self._link(sent / noise, "downlink")
        self.modes: list[dict[str, Any]] = data["modes"][told["modes"]] if "modes" in told else []

    def _link(self, ratio: Interval, way: str) -> Link:
        band, least = exact(self.data["bandwidth_hz"]), exact(self.told.get(f"min_{way}_share", 0))
        most = min(self.most, exact(self.told.get(f"max_{way}_share", 1e300)))
        return Link(ratio * self.of("channel_gain") / band, band, least, max(least, most))

    def of(self, key: str) -> Interval:
        """Return a number of the user's data."""
        return exact(self.told[key])

    @lru_cache(maxsize=2**12)  # noqa: B019
    def split(self, fraction: Interval, download: bool) -> Work:
        """Return what a = 1, or a = 0, and an offload fraction ask for."""
        cycles, task = exact(self.data["cycles_per_bit"]), self.of("task_bits")
        task = ZERO if self.training else task
        update, begin = (
            exact(self.data["model_bits"]),
            exact(self.before) + self.of("local_training_s"),
        )
        edge, local = cycles * task * fraction, cycles * task * (ONE - fraction)
        got, energy = update if download else ZERO, self.of("local_training_j")
        return Work(update, fraction * task, got, edge, local, begin, energy)

    @lru_cache(maxsize=2**12)  # noqa: B019
    def mode(self, k: int) -> Work:
        """Return what a mode asks for; what its row leaves out is computed in doubles."""
        row, told, data = self.modes[k], self.told, self.data
        model, cycles = data["model_bits"], data["cycles_per_bit"]
        task = row.get("offload_bits", 0.0)
        edge = row.get("edge_cycles", cycles * task)
        local = row.get("local_cycles", max(0.0, cycles * told["task_bits"] - edge))
        got = row.get("download_bits", model if local > 0 else 0.0)
        if self.training:
            task, edge, local, got = 0.0, 0.0, 0.0, model
        begin = exact(self.before) + exact(row.get("training_s", told["local_training_s"]))
        energy, penalty = row.get("training_j", told["local_training_j"]), row.get("penalty", 0.0)
        update = exact(row.get("update_bits", model))
        sequence = row.get("in_sequence", False) and got + local > 0 and task + edge > 0
        cycles = exact(edge), exact(local), begin, exact(energy), exact(penalty), sequence
        return Work(update, exact(task), exact(got), *cycles)

    def every(self, closed: frozenset[int]) -> list[Work]:
        """Return what the user may have to do at the least: in each mode, or at ι = 0."""
        if not self.modes:
            return [self.split(ZERO, False)]
        return [self.mode(k) for k in range(len(self.modes)) if k not in closed]


def kept(domain: Domain, threshold: float, high: bool, grid: int) -> Domain:
    """Return what a side of a branch leaves of a domain."""
    if isinstance(domain, frozenset):
        return frozenset(k for k in domain if (k > threshold) == high)
    least, most = domain[1] or (1, 0)
    least, most = (
        (max(least, threshold + (grid > 0)), most) if high else (least, min(most, threshold))
    )
    gone = least > most or (high and threshold >= (grid or 1))
    return domain[0] and high, None if gone else (least, most)


class Checker:
    """An instance and a certificate of it: what that proves, and of which problems."""

    def __init__(self, data: Any, proof: Any) -> None:
        need(isinstance(proof, dict), "it is no document")
        self.old = proof.get("schema") == "eipyomo/certificate@1"
        if self.old:
            limited = any(set(LIMITS.split()) & set(part) for part in (data, *data["users"]))
            need(
                not limited and "total_frequency_hz" not in data["server"], "version 1 with limits"
            )
            proof = proof | {"objective": "wsel", "claim": "bound"}
        told = fields(proof, KEYS)
        schema, digest, self.problem, stage, self.objective, claim, bound = told[:7]
        self.split, self.grid, domains, self.tree = told[7:]
        need(schema in ("eipyomo/certificate@1", "eipyomo/certificate@2"), "its schema is unknown")
        need(digest == digest_of(data), "it is of another instance")
        need(self.objective in ("wsel", "band", "edge_frequency", "slowest"), "unknown objective")
        need(claim == ("infeasible" if bound is None else "bound"), "claim and bound differ")
        need(stage in ("inference", "training"), "unknown round")
        need(type(self.split) is bool and type(self.grid) is int, "split_band or grid")
        need(isinstance(self.problem, str) and number(self.grid, 0) >= 0, "problem or grid")
        self.bound = bound if bound is None else number(bound)
        self.data, self.training, self.wsel = data, stage == "training", self.objective == "wsel"
        self.capacity = ONE / exact(1 + self.split)
        if self.objective == "band":
            within = self.bound is not None and self.bound > 0
            widest = exact(self.bound) / exact(data["bandwidth_hz"]) if within else ONE
            self.capacity = self.capacity * exact(1e6) * widest
        self.users = [User(u, data, self.capacity, self.training) for u in data["users"]]
        for user in self.users if self.objective == "slowest" and self.bound is not None else []:
            user.told["deadline_s"] = min(self.bound, user.told.get("deadline_s", math.inf))
        need(isinstance(domains, list) and len(domains) == len(self.users), "domains")
        read = [self._domain(*pair) for pair in zip(self.users, domains, strict=True)]
        self.domains, self.closed = [r[0] for r in read], [r[1] for r in read]
        kin = ["name"] if self.wsel and self.bound is not None else ALIKE_BUT_FOR
        self.kin = [
            ({k: v for k, v in u.items() if k not in kin}, d)
            for u, d in zip(data["users"], self.domains, strict=True)
        ]
        self.budgets = self._budgets()
        self.proven = self._proven()

    def _domain(self, user: User, told: Any) -> tuple[Domain, frozenset[int]]:
        """Return the decisions open to a user at the root, and modes that are closed."""
        if user.modes:
            closed = told.pop("closed", []) if isinstance(told, dict) else []
            (ends,), last = fields(told, "modes"), len(user.modes) - 1
            first, final = (int(number(k, 0, last, whole=True)) for k in numbers(ends, 2))
            closed = frozenset(int(number(k, 0, last, whole=True)) for k in numbers(closed, None))
            return frozenset(range(first, final + 1)) - closed, closed
        edge, local, least, most = fields(told, "edge local offload_min offload_max")
        need(type(edge) is bool and type(local) is bool, "edge or local")
        need(not (self.training and edge), "edge is open in a training round")
        whole = self.grid > 0
        ends = number(least, 0, whole=whole), number(most, most=self.grid or 1, whole=whole)
        return (edge, ends if local and ends[0] <= ends[1] else None), frozenset()

    def _budgets(self) -> dict[str, Interval]:
        """Return the capacities of what has a price, in the order of the prices."""
        data, many = self.data, len(self.users)
        found = {"uplink": self.capacity} | ({"downlink": self.capacity} if self.split else {})
        total = data["server"].get("total_frequency_hz")
        if self.objective == "edge_frequency":
            total = many * Fraction(data["server"]["frequency_hz"])
        if total is not None and not self.training:
            found["edge"] = ratio(Fraction(total) / 10**9)
        with_modes = any(user.modes for user in self.users)
        for key, name in (
            ("total_energy_budget_j", "energy"),
            ("total_latency_budget_s", "latency"),
        ):
            if key in data:
                found[name] = exact(data[key])
        if "min_participants" in data and with_modes:
            found["out"] = exact(many - data["min_participants"])
        if "total_penalty_budget" in data and with_modes:
            found["penalty"] = exact(data["total_penalty_budget"])
        return found

    def _proven(self) -> Decimal:
        """Return the bound that is proven; infinite where nothing is feasible."""
        value = self._node(self.tree, self.domains)
        ends = [self.tree[key] for key in ("first_s", "last_s")]
        value = value if self._nothing_before(ends[0]) else -INFINITY
        value = value if ends[1] is None else min(value, self._waiting(ends[1], after=True))
        if self.bound is None:
            return value if value == INFINITY else -INFINITY
        if self.wsel:
            return value
        if self.objective == "slowest":
            modes = any(user.modes for user in self.users)
            least = max(-Decimal(user.before) for user in self.users) if modes else Decimal(0)
            return max(least, Decimal(self.bound)) if value == INFINITY else least
        value = min(value, Decimal(self.bound)) if self.objective == "band" else value
        return max(value, Decimal(0))

    def _node(self, node: Any, domains: list[Domain]) -> Decimal:
        """Return what a node of the tree proves."""
        need(isinstance(node, dict), "a node is no document")
        kind = ([k for k in ("parts", "branch", "proof") if k in node] or [""])[0]
        first, last = fields(node, f"first_s last_s {kind}")[:2]
        first = number(first)
        need(not self.old if last is None else math.isfinite(number(last)), "a node has no end")
        if not all(d if isinstance(d, frozenset) else d[0] or d[1] for d in domains):
            return INFINITY
        if kind == "parts":
            parts, end = node["parts"], first
            need(isinstance(parts, list) and parts, "parts")
            values = [self._node(part, domains) for part in parts]
            for part in parts:
                need(part["first_s"] == end, "parts leave a gap")
                end = part["last_s"]
                need(end is None or part["first_s"] <= end, "a part ends before it begins")
            need(end == last, "parts leave a gap")
            return min(values)
        if kind == "branch":
            place, threshold, *sides = fields(node["branch"], "user threshold low high")
            need(type(place) is int and 0 <= place < len(domains), "a branch's user")
            threshold = number(threshold)
            values = []
            for side, high in zip(sides, (False, True), strict=True):
                left = [
                    kept(d, threshold, high, self.grid)
                    if self.kin[j] == self.kin[place] and (j >= place if high else j <= place)
                    else d
                    for j, d in enumerate(domains)
                ]
                values.append(self._node(side, left))
                need((side["first_s"], side["last_s"]) == (first, last), "a branch's times")
            return min(values)
        return self._leaf(node, domains) if kind else self._waiting(first)

    def _waiting(self, time: float, after: bool = False) -> Decimal:
        """Return what waiting alone proves of all sync times from one on, or after it."""
        waits = [Fraction(time) - Fraction(user.before) for user in self.users]
        most = [user.told.get("deadline_s", math.inf) for user in self.users]
        waits.append(sum(waits, Fraction(0)))
        most.append(self.data.get("total_latency_budget_s", math.inf))
        if any(w > m or (after and w == m) for w, m in zip(waits, most, strict=True)):
            return INFINITY
        total = ZERO
        for user, closed in zip(self.users, self.closed, strict=True) if self.wsel else ():
            slow, costs = user.up.slowness(user.up.most.high)[0], []
            for work in user.every(closed):
                energy = work.training + user.of("transmit_power_w") * work.update * slow
                costs.append(user.of("energy_weight") * energy + work.penalty)
            wait = user.of("latency_weight") * (exact(time) - exact(user.before))
            total = total + wait + min(costs)
        return total.low

    def _nothing_before(self, time: float) -> bool:
        """Tell whether the uploads cannot be there before a time."""
        shares = ZERO
        for user, closed in zip(self.users, self.closed, strict=True) if time > 0 else ():
            works = user.every(closed)
            found = [user.up.too_small(w.begin, w.update, exact(time)) for w in works]
            least = min((b for b in found if b is not None), default=INFINITY)
            shares = shares + Interval(least, least)
        return time <= 0 or shares.low > self.capacity.high

    def _leaf(self, node: Any, domains: list[Domain]) -> Decimal:
        """Return what a leaf proves."""
        keys = "prices users" if self.old else "prices users ray"
        told, rows, *rays = fields(node["proof"], keys)
        need(all(type(value) is bool for value in rays), "ray")
        ray = any(rays)
        price = dict(zip(self.budgets, numbers(told, len(self.budgets)), strict=True))
        need(isinstance(rows, list) and len(rows) == len(domains), "rows of users")
        unpaid: tuple[str, ...] = ()
        if self.objective == "band" and not ray:
            unpaid = ("uplink", "downlink")
            paid = sum(Fraction(price.get(key, 0)) for key in unpaid) / (1 + self.split)
            need(
                paid <= Fraction(self.data["bandwidth_hz"]) / 10**6, "the band's price is too high"
            )
        if self.objective == "edge_frequency" and not ray:
            unpaid = ("edge",)
            need(price.get("edge", 0) <= 1, "the edge frequency's price is too high")
        total = ZERO
        for key, cost in price.items():
            total = total if key in unpaid else total - exact(cost) * self.budgets[key]
        first, last = node["first_s"], node["last_s"]
        times = [exact(first), exact(first if last is None else last)]
        totals, rising = [total, total], True
        for user, domain, row in zip(self.users, domains, rows, strict=True):
            lines = [
                self._line(user, *choice, price, ray) for choice in self._choices(user, domain, row)
            ]
            totals = [
                total + min(base + slope * time for base, slope in lines)
                for total, time in zip(totals, times, strict=True)
            ]
            rising = rising and all(slope.low >= 0 for _, slope in lines)
        least = min(totals).low
        if (last is None and not rising) or (self.objective == "slowest" and not ray):
            return -INFINITY
        if ray:
            return INFINITY if least > 0 else -INFINITY
        return least

    def _choices(self, user: User, domain: Domain, row: Any) -> list[tuple[Work, list[float]]]:
        """Return points of the decisions that are open, each with its multipliers."""
        if user.modes:
            (told,) = fields(row, "modes")
            need(isinstance(told, list), "modes")
            rows = {k: rest for k, *rest in (numbers(one, 6) for one in told)}
            need(
                len(rows) == len(told)
                and all(0 <= k < len(user.modes) and k == int(k) for k in rows),
                "a mode",
            )
            need(domain <= rows.keys(), "an open mode has no multipliers")
            return [(user.mode(k), rows[k]) for k in domain]
        edge, local = fields(row, "edge local")
        need(edge is not None or not domain[0], "edge")
        width, rest = (2, [0.0, 0.0]) if self.old else (4, [])
        told = [] if edge is None else [0.0, *numbers(edge, width), *rest]
        choices = [(user.split(ONE, False), told)] if domain[0] else []
        need(isinstance(local, list), "cells")
        cells = sorted(numbers(cell, width + 3) + rest for cell in local)
        step, most = int(self.grid > 0), self.grid or 1
        need(all(a <= b <= most for a, b, *_ in cells), "ends of a cell")
        need(
            not self.grid or all(x == int(x) for cell in cells for x in cell[:2]), "ends on a grid"
        )
        need(all(a[:2] != b[:2] for a, b in pairwise(cells)), "a cell is there twice")
        if domain[1] is None:
            return choices
        reach = domain[1][0] - step
        for cell in cells:
            if cell[1] < domain[1][0] or cell[0] > domain[1][1]:
                continue
            need(cell[0] <= reach + step, "the cells leave a gap")
            reach = max(reach, cell[1])
            choices += [(user.split(ratio(Fraction(x) / most), True), cell[2:]) for x in cell[:2]]
        need(reach >= domain[1][1], "the cells leave a gap")
        return choices

    def _line(
        self, user: User, work: Work, multipliers: list[float], price: dict[str, float], ray: bool
    ) -> tuple[Interval, Interval]:
        """Return G of a decision, which is linear in the sync time: G at 0, and its slope."""
        data, server = user.told, self.data["server"]
        counts = self.wsel and not ray
        paid = {
            key: exact(price.get(key, 0.0))
            for key in ("uplink", "edge", "energy", "out", "penalty")
        }
        paid["downlink"] = exact(price.get("downlink", price["uplink"]))
        mu, nu, eta, delta, epsilon = (exact(x) for x in multipliers)
        exactly = [Fraction(x) for x in multipliers]
        weight = (
            exactly[3]
            + Fraction(price.get("latency", 0))
            + (Fraction(data["latency_weight"]) if counts else 0)
        )
        need(exactly[0] + exactly[1] <= weight, "multipliers above the weight")
        need("deadline_s" in data or not exactly[3], "a multiplier of no deadline")
        need("energy_budget_j" in data or not exactly[4], "a multiplier of no energy budget")
        need(work.update.high > 0 or not exactly[2], "a multiplier of no update")
        need((work.update + work.task).high > 0 or not exactly[1], "a multiplier of no upload")
        need(not (work.in_sequence and exactly[1]), "a multiplier of what is in sequence")
        joule = epsilon + paid["energy"] + (user.of("energy_weight") if counts else ZERO)
        base = joule * work.training - ratio(weight) * exact(user.before) + (nu + eta) * work.begin
        base = (
            base
            - delta * exact(data.get("deadline_s", 0))
            - epsilon * exact(data.get("energy_budget_j", 0))
        )
        bits = (joule * user.of("transmit_power_w") + nu) * (
            work.update + work.task
        ) + eta * work.update
        bits = bits + mu * work.task if work.in_sequence else bits
        base = base + user.up.cheapest(bits, paid["uplink"])
        if work.download.high > 0:
            got = (joule * user.of("receive_power_w") + mu) * work.download
            base = base + user.down.cheapest(got, paid["downlink"])
        late = ratio(exactly[0] if work.in_sequence else weight - exactly[0]) * work.edge
        fastest, hertz = exact(server["frequency_hz"]), paid["edge"] / exact(1e9)
        if late.low >= (hertz * fastest * fastest).high:
            base = base + late / fastest + hertz * fastest
        else:
            base = base + exact(2) * (late * hertz).apply("sqrt")
        if work.local.high > 0:
            fastest, power = user.of("max_frequency_hz"), joule * user.of("energy_coefficient")
            if mu.low >= (exact(2) * power * fastest * fastest * fastest).high:
                base = base + work.local * (power * fastest * fastest + mu / fastest)
            elif mu.low > 0:
                cube = (power * mu * mu / exact(4)).ln() / exact(3)
                base = base + work.local * exact(3) * cube.apply("exp")
        base = base + paid["penalty"] * work.penalty + (work.penalty if counts else ZERO)
        base = base + (ZERO if work.update.high > 0 else paid["out"])
        return base, ratio(weight - exactly[1] - exactly[2])

    def names(self) -> set[str]:
        """Return what the problem may be called."""
        if self.training:
            whole = all(
                d == frozenset(range(len(u.modes))) if u.modes else d[1]
                for u, d in zip(self.users, self.domains, strict=True)
            )
            return {"gbe training" if self.split else "training"} if whole else {"restricted"}
        everything = f"grid:{1 / self.grid:g}" if self.grid else "gbe" if self.split else "joint"
        pairs = list(zip(self.users, self.domains, strict=True))
        found = {
            name
            for name in {everything} | (set() if self.split else {"eco", "lco"})
            if not (self.split and self.grid) and all(self._open(u, name) == d for u, d in pairs)
        }
        full = (True, (0, self.grid or 1))
        limited = any(self._left(user, "joint") != full for user in self.users)
        return found | ({"restricted"} if limited or not found else set())

    def _open(self, user: User, name: str) -> Domain:
        """Return the decisions that a problem with a name leaves to a user."""
        if not user.modes:
            return self._left(user, name)
        works = [user.mode(k) for k in range(len(user.modes))]
        unlike = {"eco": ("download", "local"), "lco": ("task", "edge")}.get(name, ())
        left = (all(getattr(w, part).high == 0 for part in unlike) for w in works)
        return None if self.grid else frozenset(k for k, good in enumerate(left) if good)

    def _left(self, user: User, name: str) -> Domain:
        """Return the same for a user without modes."""
        least = user.told.get("min_offload_fraction", 0.0)
        most, steps = user.told.get("max_offload_fraction", 1.0), self.grid
        asked = user.told.get("download", "free")
        edge = name != "lco" and asked != "always" and most >= 1
        if steps:
            least, most = math.ceil(steps * least - 1e-9), math.floor(steps * most + 1e-9)
        most = 0 if name == "lco" else most
        local = name != "eco" and asked != "never" and least <= most
        return edge, (least, most) if local else None


def without_nulls(value: Any) -> Any:
    """Return a document without the keys that are null, and its numbers as doubles."""
    if isinstance(value, dict):
        return {k: without_nulls(v) for k, v in value.items() if v is not None}
    if isinstance(value, list):
        return [without_nulls(v) for v in value]
    return float(value) if type(value) is int else value


def digest_of(data: dict[str, Any]) -> str:
    """Return the digest of an instance's document without nulls."""
    told = {key: value for key, value in data.items() if key != "name"}
    if "min_participants" in told:
        told["min_participants"] = int(told["min_participants"])
    return hashlib.sha256(json.dumps(told, sort_keys=True, ensure_ascii=False).encode()).hexdigest()


class Proven(NamedTuple):
    """The bound that is proven, infinite without a feasible point, and what was claimed."""

    bound: float
    names: set[str]
    claim: str
    holds: bool

    def __str__(self) -> str:
        """Say in two lines what was claimed and what is proven."""
        told = f"{self.bound!r} or more" if math.isfinite(self.bound) else "nothing"
        told = "that nothing is feasible" if self.bound == math.inf else told
        sentence = "proven" if self.holds else "NOT proven"
        problem = " or ".join(sorted(self.names))
        return f"{sentence}: {self.claim}\nwhat is proven of problem {problem}: {told}"


def check(data: Any, proof: Any) -> Proven:
    """Return what a certificate proves of an instance, both as documents."""
    try:
        checker = Checker(without_nulls(data), copy.deepcopy(proof))
    except RecursionError as error:
        raise BrokenError("it is nested too deeply") from error
    proven, bound, names = checker.proven, checker.bound, checker.names()
    below = float(proven)
    below = math.nextafter(below, -math.inf) if Decimal(below) > proven else below
    told = "is infeasible" if bound is None else f"has {checker.objective} of {bound!r} or more"
    holds = Decimal(math.inf if bound is None else bound) <= proven and checker.problem in names
    return Proven(below, names, f"problem {checker.problem} {told}", holds)


def read(path: Path) -> Any:
    """Return the document of a JSON file in which no key is there twice."""

    def document(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        need(len(dict(pairs)) == len(pairs), "a key is there twice")
        return dict(pairs)

    return json.loads(path.read_text(encoding="utf-8"), object_pairs_hook=document)


def main() -> int:
    """Check the files of the command line, and say what is proven."""
    parser = argparse.ArgumentParser(prog="python -m checker", description=__doc__.split("\n\n")[0])
    parser.add_argument("instance", type=Path)
    parser.add_argument("certificate", type=Path)
    told = parser.parse_args()
    sys.setrecursionlimit(20_000)
    try:
        found = check(read(told.instance), read(told.certificate))
    except (BrokenError, OSError, ValueError, RecursionError) as error:
        sys.stderr.write(f"broken: {error}\n")
        return 2
    except (KeyError, TypeError, AttributeError) as error:
        sys.stderr.write(f"broken: a key or value is not what it has to be: {error}\n")
        return 2
    sys.stdout.write(f"{found}\n")
    return 0 if found.holds else 4
