"""Check a certificate of a lower bound, or of infeasibility: nothing but Python's standard library.

It was written from docs/certificate.md, to which its terms refer, and shares nothing with what
writes certificates or with ``eipyomo verify``. It computes in rationals, exactly but for logarithms
and roots, which are on the safe side. The instance is taken to be valid::

    python -m checker instance.json proof.json

Exit status: 0 the claim is proven, 4 it is not, 2 the file is broken or of another instance.
"""

import argparse
import hashlib
import json
import math
import sys
from collections import defaultdict
from collections.abc import Callable
from decimal import ROUND_CEILING, ROUND_FLOOR, Context, Decimal
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

INFINITY = math.inf
KEYS = "schema instance problem round objective claim bound split_band grid domains tree"
OLD, NEW = "eipyomo/certificate@1", "eipyomo/certificate@2"
ALLOWED = {
    "schema": (OLD, NEW),
    "round": ("inference", "training"),
    "objective": ("wsel", "band", "edge_frequency", "slowest"),
    "split_band": (True, False),
}
APART = {"name", "energy_weight", "latency_weight"}
ABOVE, BELOW = Context(prec=36, rounding=ROUND_CEILING), Context(prec=36, rounding=ROUND_FLOOR)
LN2 = Fraction(BELOW.next_minus(BELOW.ln(Decimal(2))))
Value = Fraction | float  # a float is infinite
Domain = list[tuple[Value, Value]]  # ranges of ι or modes, last infinity, which is no download


class BrokenError(Exception):
    """The certificate is not what it has to be."""


def need(holds: object, what: str) -> None:
    """Call the file broken where something does not hold."""
    if not holds:
        raise BrokenError(what)


def fields(document: Any, keys: str) -> list[Any]:
    """Return the values of a document that has these keys and no other."""
    need(document.keys() == set(keys.split()), f"it has other keys than {keys}")
    return [document[key] for key in keys.split()]


def numbers(values: list[Any], count: int) -> list[Fraction]:
    """Return a list of so many numbers, none below 0."""
    need(len(values) == count, "a list is of another length")
    need(all(type(x) is Fraction and x >= 0 for x in values), "a number below 0, or none")
    return values


def double(text: str) -> Fraction:
    """Return the double that a text stands for."""
    value = float(text)
    need(abs(value) <= 1e300, f"{text} is too large")
    return Fraction(value)


def reread(document: Any, number: Callable[[str], Any], nulls: bool) -> Any:
    """Return a document with its numbers made anew, and perhaps without what is null."""

    def some(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        return {key: value for key, value in pairs if nulls or value is not None}

    told = {"parse_float": number, "parse_int": number, "parse_constant": number}
    return json.loads(json.dumps(document), object_pairs_hook=some, **told)


def digest_of(instance: Any) -> str:
    """Return the digest of an instance."""
    told = reread(instance, float, nulls=False) | {"name": None}
    del told["name"]
    if "min_participants" in told:
        told["min_participants"] = int(told["min_participants"])
    return hashlib.sha256(json.dumps(told, sort_keys=True, ensure_ascii=False).encode()).hexdigest()


def below(x: Fraction) -> Fraction:
    """Return a number with a short denominator that is not above x, nor 2⁻²⁰⁰ below it."""
    return Fraction((x.numerator << 200) // x.denominator, 1 << 200)


def above(x: Fraction) -> Decimal:
    """Return a decimal that is not below x."""
    return ABOVE.divide(Decimal(x.numerator), Decimal(x.denominator))


def cheapest(power: Fraction, work: Fraction, n: int, least: Fraction, most: Fraction) -> Fraction:
    """Return what is below ``power * f**n + work / f`` for f from least to most: a tangent."""
    if not work:
        return power * least**n
    at = most
    if work < n * power * most ** (n + 1):
        best = above(work / (n * power))
        best = ABOVE.sqrt(best) if n == 1 else ABOVE.power(best, ABOVE.divide(1, n + 1))
        at = max(least, Fraction(best))
    slope = n * power * at ** (n - 1) - work / at**2
    return power * at**n + work / at + min(slope * (least - at), slope * (most - at))


class Link(NamedTuple):
    """A direction of a user's link: signal-to-noise ratio over the band, and range of shares."""

    snr: Fraction
    unit: Fraction  # B/ln 2
    least: Fraction
    most: Fraction

    def tangent(self, share: Fraction) -> tuple[Fraction, Fraction]:
        """Return (p, q) with 1/s(b) <= p + q b for all b: the rate is concave in b."""
        log = Fraction(ABOVE.next_plus(ABOVE.ln(above(1 + self.snr / share))))
        part = self.snr / (self.snr + share)
        return -below(-self.unit * share * part), -below(self.unit * (part - log))

    def cheapest(self, work: Fraction, price: Fraction) -> Fraction:
        """Return what is below ``work * s(b) + price * b`` for all shares b."""
        if not work:
            return price * self.least
        # Any share will do. At the best, with r = g/b, (ln(1+r) - r/(1+r)) (r/ln(1+r))² is goal.
        snr = float(self.snr)
        goal = max(float(price) * float(self.unit) * snr**2 / float(work), 1e-14)
        ratio = math.sqrt(2 * goal)
        for _ in range(8):
            log = math.log1p(ratio)
            ratio = math.sqrt(goal / (log - ratio / (1 + ratio))) * log
        start, slope = self.tangent(min(max(Fraction(snr / ratio), self.least), self.most))
        ends = start + slope * self.least, start + slope * self.most
        return cheapest(price / slope, work, 1, *ends) - price / slope * start

    def too_small(self, begin: Fraction, bits: Fraction, time: Fraction) -> Value:
        """Return a share with which bits come after a time: Newton's method on the rate."""
        share, before = max(self.least, Fraction(1, 10**9)), Fraction(0)
        while time > begin and abs(share - before) > before / 10**25:
            start, slope = self.tangent(share)
            share, before = below((bits / (time - begin) - start) / slope), share
            if not self.least < share <= self.most:
                return INFINITY if share > self.most else self.least
        return share if time > begin else INFINITY


class Work(NamedTuple):
    """What a decision asks for: bits, cycles, seconds, joules, and a penalty."""

    update: Fraction
    task: Fraction
    download: Fraction
    edge: Fraction
    local: Fraction
    begin: Fraction
    training: Fraction
    penalty: Fraction
    in_sequence: bool


class User:
    """A user: its data, its links, and what its decisions ask for."""

    def __init__(self, told: Any, data: Any, capacity: Fraction, steps: Any, training: bool):
        self.told, self.data, self.steps, self.training = told, data, steps, training
        self.before, server = told["previous_download_s"], data["server"]
        self.modes = data["modes"][told["modes"]] if "modes" in told else []
        snr = told["channel_gain"] / data["bandwidth_hz"]
        up = snr * told["transmit_power_w"] / server["noise_density_w_per_hz"]
        down = snr * server["transmit_power_w"] / told["noise_density_w_per_hz"]
        self.up, self.down = self._link(up, "uplink", capacity), self._link(down, "downlink", capacity)

    def _link(self, snr: Fraction, way: str, capacity: Fraction) -> Link:
        least = self.told.get(f"min_{way}_share", Fraction(0))
        most = max(least, min(capacity, self.told.get(f"max_{way}_share", capacity)))
        return Link(snr, self.data["bandwidth_hz"] / LN2, least, most)

    def work(self, decision: Value) -> Work:
        """Return what a mode asks for, or an offload fraction, or infinity: no download."""
        told, model, cycles = self.told, self.data["model_bits"], self.data["cycles_per_bit"]
        none, bits = Fraction(0), told["task_bits"]
        row = self.modes[int(decision)] if self.modes else {}
        if not self.modes:
            task = bits * (1 if decision == INFINITY else decision / self.steps)
            row = {"offload_bits": task, "edge_cycles": cycles * task}
            row["local_cycles"] = cycles * (bits - task)
            row["download_bits"] = none if decision == INFINITY else model
        task = row.get("offload_bits", none)
        edge = row.get("edge_cycles", Fraction(float(cycles * task)))
        rest = Fraction(float(Fraction(float(cycles * bits)) - edge))
        local = row.get("local_cycles", max(none, rest))
        got = row.get("download_bits", model if local else none)
        if self.training:
            task, edge, local, got = none, none, none, model
        begin = self.before + row.get("training_s", told["local_training_s"])
        energy, penalty = row.get("training_j", told["local_training_j"]), row.get("penalty", none)
        sequence = row.get("in_sequence", False) and got + local > 0 and task + edge > 0
        update = row.get("update_bits", model)
        return Work(update, task, got, edge, local, begin, energy, penalty, sequence)

    def line(self, work: Work, multipliers: list[Fraction], price: Any, counts: bool) -> Any:
        """Return G of a decision, which is linear in the sync time: G at 0, and its slope."""
        told, (mu, nu, eta, delta, epsilon) = self.told, multipliers
        weight = delta + price["latency"] + counts * told["latency_weight"]
        joule = epsilon + price["energy"] + counts * told["energy_weight"]
        bits = work.update + work.task
        need(mu + nu <= weight, "multipliers above the weight")
        need(work.update or not eta, "a multiplier of no update")
        need((bits and not work.in_sequence) or not nu, "a multiplier of no upload")
        base = joule * work.training - weight * self.before + (nu + eta) * work.begin
        base -= delta * told["deadline_s"] if delta else 0
        base -= epsilon * told["energy_budget_j"] if epsilon else 0
        base += (price["penalty"] + counts) * work.penalty
        base += 0 if work.update else price["out"]
        sent = (joule * told["transmit_power_w"] + nu) * bits + eta * work.update
        sent += mu * work.task if work.in_sequence else 0
        base += self.up.cheapest(sent, price["uplink"])
        if work.download:
            got = (joule * told["receive_power_w"] + mu) * work.download
            base += self.down.cheapest(got, price.get("downlink", price["uplink"]))
        fastest = self.data["server"]["frequency_hz"]
        late = (mu if work.in_sequence else weight - mu) * work.edge
        base += cheapest(price["edge"] / 10**9, late, 1, Fraction(0), fastest)
        if work.local:
            power, fastest = joule * told["energy_coefficient"], told["max_frequency_hz"]
            base += work.local * cheapest(power, mu, 2, Fraction(0), fastest)
        return below(base), weight - nu - eta


class Checker:
    """An instance and a certificate of it: what that proves, and of which problems."""

    def __init__(self, instance: Any, proof: Any) -> None:
        proof = reread(proof, double, nulls=True)
        self.old = proof["schema"] == OLD
        told = fields(proof | ({"objective": "wsel", "claim": "bound"} if self.old else {}), KEYS)
        schema, digest, self.problem, stage, self.objective, claim, self.bound = told[:7]
        self.split, self.grid, domains, self.tree = told[7:]
        for value, allowed in zip((schema, stage, self.objective, self.split), ALLOWED.values(), strict=True):
            need(value in allowed, f"{value} is not one of {allowed}")
        need(digest == digest_of(instance), "it is of another instance")
        need(claim == ("infeasible" if self.bound is None else "bound"), "claim and bound differ")
        need(self.grid >= 0 and self.grid.denominator == 1, "grid")
        self.data = data = reread(instance, double, nulls=False)
        self.training, self.wsel = stage == "training", self.objective == "wsel"
        self.capacity = Fraction(1, 1 + self.split)
        if self.objective == "band":
            widest = self.bound / data["bandwidth_hz"] if self.bound and self.bound > 0 else 1
            self.capacity *= 10**6 * widest
        about = data, self.capacity, self.grid or 1, self.training
        self.users = [User(told, *about) for told in data["users"]]
        for user in self.users if self.objective == "slowest" and self.bound is not None else []:
            user.told["deadline_s"] = min(self.bound, user.told.get("deadline_s", self.bound))
        self.domains = [self._domain(*pair) for pair in zip(self.users, domains, strict=True)]
        self.works = [
            [user.work(least) for least, _ in domain]
            for user, domain in zip(self.users, self.domains, strict=True)
        ]
        apart = {"name"} if self.wsel and self.bound is not None else APART
        self.kin = [
            ({key: one for key, one in user.told.items() if key not in apart}, domain)
            for user, domain in zip(self.users, self.domains, strict=True)
        ]
        self.budgets = self._budgets()
        self.proven = self._proven()

    def ranges(self, edge: bool, local: bool, least: Value, most: Value) -> Domain:
        """Return the domain of a user without modes."""
        ends: Domain = [(least, most)] if local and least <= most else []
        return ends + ([(INFINITY, INFINITY)] if edge else [])

    def _domain(self, user: User, told: Any) -> Domain:
        """Return the decisions that are open to a user at the root."""
        if user.modes:
            some = "closed" in told
            ends, *closed = fields(told, "modes closed" if some else "modes")
            every = [*numbers(ends, 2), *(numbers(closed[0], len(closed[0])) if some else [])]
            inside = all(k < len(user.modes) and k.denominator == 1 for k in every)
            need(inside, "a mode that is not there")
            return [(k, k) for k in range(int(ends[0]), int(ends[1]) + 1) if k not in every[2:]]
        edge, local, least, most = fields(told, "edge local offload_min offload_max")
        need(type(edge) is bool and type(local) is bool, "edge or local")
        need(not (self.training and edge), "edge is open in a training round")
        whole = not self.grid or least.denominator == most.denominator == 1
        need(least >= 0 and most <= (self.grid or 1) and whole, "ends of offload fractions")
        return self.ranges(edge, local, least, most)

    def _budgets(self) -> dict[str, Fraction]:
        """Return the capacities of what has a price, in the order of the prices."""
        data, many = self.data, len(self.users)
        total = data["server"].get("total_frequency_hz")
        if self.objective == "edge_frequency":
            total = many * data["server"]["frequency_hz"]
        modes = data if any(user.modes for user in self.users) else {}
        found = {
            "uplink": self.capacity,
            "downlink": self.capacity if self.split else None,
            "edge": None if total is None or self.training else total / 10**9,
            "energy": data.get("total_energy_budget_j"),
            "latency": data.get("total_latency_budget_s"),
            "out": many - modes["min_participants"] if "min_participants" in modes else None,
            "penalty": modes.get("total_penalty_budget"),
        }
        return {name: size for name, size in found.items() if size is not None}

    def _proven(self) -> Value:
        """Return the bound that is proven; infinite where nothing is feasible."""
        first, last = self.tree["first_s"], self.tree["last_s"]
        value = self._node(self.tree, first, last, self.domains)
        value = value if last is None else min(value, self._waiting(last, after=True))
        value = value if self._nothing_before(first) else -INFINITY
        if self.bound is None or self.objective == "slowest":
            value = value if value == INFINITY else -INFINITY
        if self.bound is None or self.wsel:
            return value
        late = self.objective == "slowest" and any(user.modes for user in self.users)
        least = max(-user.before for user in self.users) if late else Fraction(0)
        return max(least, value if self.objective == "edge_frequency" else min(value, self.bound))

    def _node(self, node: Any, first: Any, last: Any, domains: list[Domain]) -> Value:
        """Return what a node of the tree proves."""
        need((node["first_s"], node["last_s"]) == (first, last), "nodes leave a gap of times")
        need(type(first) is Fraction and (last is None or type(last) is Fraction), "times")
        (kind,) = [key for key in node if key not in ("first_s", "last_s")] or [""]
        inside = node.get(kind)
        if not all(domains):
            return INFINITY
        if kind == "parts":
            ends = [first, *(part["last_s"] for part in inside)]
            need(inside and ends[-1] == last and None not in ends[:-1], "parts leave a gap")
            need(all(b is None or a <= b for a, b in pairwise(ends)), "a part ends before it begins")
            times = zip(inside, pairwise(ends), strict=True)
            return min(self._node(part, *pair, domains) for part, pair in times)
        if kind == "branch":
            place, threshold, *sides = fields(inside, "user threshold low high")
            need(type(place) is Fraction and place in range(len(domains)), "a branch's user")
            values = []
            for side, high in zip(sides, (False, True), strict=True):
                left = list(domains)
                for j in range(int(place), len(left)) if high else range(int(place) + 1):
                    if self.kin[j] == self.kin[int(place)]:
                        left[j] = self._kept(self.users[j], left[j], threshold, high)
                values.append(self._node(side, first, last, left))
            return min(values)
        if kind == "":
            return self._waiting(first)
        need(kind == "proof", f"{kind} is unknown")
        return self._leaf(inside, first, last, domains)

    def _kept(self, user: User, domain: Domain, threshold: Fraction, high: bool) -> Domain:
        """Return what a side of a branch leaves of a domain."""
        least, most = threshold, threshold
        if user.modes or self.grid or threshold >= 1:
            least, most = Fraction(math.floor(threshold) + 1), Fraction(math.floor(threshold))
        left = [(max(a, least), b) if high else (a, min(b, most)) for a, b in domain]
        return [(a, b) for a, b in left if a <= b]

    def _waiting(self, time: Fraction, after: bool = False) -> Value:
        """Return what waiting alone proves of all sync times from one on, or after it."""
        waits = [time - user.before for user in self.users]
        most = [user.told.get("deadline_s", INFINITY) for user in self.users]
        waits.append(sum(waits, Fraction(0)))
        most.append(self.data.get("total_latency_budget_s", INFINITY))
        if any(w > m or (after and w == m) for w, m in zip(waits, most, strict=True)):
            return INFINITY
        total: Value = Fraction(0)
        for user, works in zip(self.users, self.works, strict=True) if self.wsel else ():
            joule = user.told["energy_weight"]
            sending = joule * user.told["transmit_power_w"]
            costs = (
                joule * work.training
                + user.up.cheapest(sending * work.update, Fraction(0))
                + work.penalty
                for work in works
            )
            wait = user.told["latency_weight"] * (time - user.before)
            total += wait + min(costs, default=INFINITY)
        return total

    def _nothing_before(self, time: Fraction) -> bool:
        """Tell whether the uploads cannot be there before a time."""
        shares = (
            min((user.up.too_small(w.begin, w.update, time) for w in works), default=INFINITY)
            for user, works in zip(self.users, self.works, strict=True)
        )
        return time <= 0 or sum(shares) > self.capacity

    def _leaf(self, proof: Any, first: Fraction, last: Any, domains: list[Domain]) -> Value:
        """Return what a leaf proves."""
        told, rows, ray = fields({"ray": False} | proof if self.old else proof, "prices users ray")
        need(type(ray) is bool, "ray")
        price = dict(zip(self.budgets, numbers(told, len(self.budgets)), strict=True))
        free: tuple[str, ...] = ()
        if self.objective == "band" and not ray:
            free = ("uplink", "downlink")
            paid = sum(price.get(key, 0) for key in free) / (1 + self.split)
            need(paid <= self.data["bandwidth_hz"] / 10**6, "the band's price is too high")
        if self.objective == "edge_frequency" and not ray:
            free = ("edge",)
            need(price.get("edge", 0) <= 1, "the edge frequency's price is too high")
        total = -sum(price[key] * size for key, size in self.budgets.items() if key not in free)
        price = defaultdict(Fraction, price)
        times, rising = [first, first if last is None else last], True
        totals = [total, total]
        for user, domain, row in zip(self.users, domains, rows, strict=True):
            lines = [
                user.line(user.work(x), told, price, self.wsel and not ray)
                for x, told in self._choices(user, domain, row)
            ]
            totals = [
                total + min(base + slope * time for base, slope in lines)
                for total, time in zip(totals, times, strict=True)
            ]
            rising = rising and all(slope >= 0 for _, slope in lines)
        if (last is None and not rising) or (self.objective == "slowest" and not ray):
            return -INFINITY
        if ray:
            return INFINITY if min(totals) > 0 else -INFINITY
        return min(totals)

    def _choices(self, user: User, domain: Domain, row: Any) -> list[Any]:
        """Return decisions of all that are open, each with its multipliers."""
        width, rest = (2, [Fraction(0)] * 2) if self.old else (4, [])
        if user.modes:
            (told,) = fields(row, "modes")
            cells = [[one[0], *numbers(one, 6)] for one in told]
            need(all(c[0] in range(len(user.modes)) for c in cells), "a mode that is not there")
        else:
            edge, local = fields(row, "edge local")
            cells = [numbers(cell, width + 3) + rest for cell in local]
            need(all(c[0] <= c[1] <= (self.grid or 1) for c in cells), "ends of a cell")
            whole = all(c[0].denominator == c[1].denominator == 1 for c in cells)
            need(whole or not self.grid, "ends on a grid")
            if edge is not None:
                cells.append([INFINITY, INFINITY, Fraction(0), *numbers(edge, width), *rest])
        need(len({(c[0], c[1]) for c in cells}) == len(cells), "a cell is there twice")
        choices, step = [], 1 if self.grid else 0
        for least, most in domain:
            used = sorted(c for c in cells if c[0] <= most and c[1] >= least)
            reach, covered = least, bool(used)
            for cell in used:
                covered = covered and cell[0] <= reach
                reach = max(reach, cell[1] + step)
            need(covered and reach >= most + step, "what is open has no multipliers")
            choices += [(x, cell[2:]) for cell in used for x in {cell[0], cell[1]}]
        return choices

    def names(self) -> set[str]:
        """Return what the problem may be called."""
        pairs = list(zip(self.users, self.domains, strict=True))
        if self.training:
            whole = all(d == self._left(u, "") if u.modes else d for u, d in pairs)
            return {"gbe training" if self.split else "training"} if whole else {"restricted"}
        names = {f"grid:{1 / int(self.grid):g}" if self.grid else "joint", "eco", "lco"}
        if self.split:
            names = set() if self.grid else {"gbe"}
        if self.grid and any(user.modes for user in self.users):
            names = set()
        found = {n for n in names if all(self._left(u, n) == d for u, d in pairs)}
        full = self.ranges(True, True, Fraction(0), self.grid or Fraction(1))
        limited = any(not u.modes and self._left(u, "") != full for u in self.users)
        return found | ({"restricted"} if limited or not found else set())

    def _left(self, user: User, name: str) -> Domain:
        """Return the decisions that a problem with a name leaves to a user."""
        if user.modes:
            works = [user.work(k) for k in range(len(user.modes))]
            never = [
                (name == "eco" and w.download + w.local) or (name == "lco" and w.task + w.edge)
                for w in works
            ]
            return [(k, k) for k, out in enumerate(never) if not out]
        least = user.told.get("min_offload_fraction", Fraction(0))
        most = user.told.get("max_offload_fraction", Fraction(1))
        asked = user.told.get("download")
        edge = name != "lco" and asked != "always" and most >= 1
        if self.grid:
            slack = Fraction(1, 10**9)
            least = Fraction(math.ceil(self.grid * least - slack))
            most = Fraction(math.floor(self.grid * most + slack))
        most = Fraction(0) if name == "lco" else most
        return self.ranges(edge, name != "eco" and asked != "never", least, most)


class Proven(NamedTuple):
    """The bound that is proven, infinite without a feasible point, and what was claimed."""

    bound: float
    names: set[str]
    claim: str
    holds: bool

    def __str__(self) -> str:
        """Say in two lines what was claimed and what is proven."""
        told = f"{self.bound!r} or more" if math.isfinite(self.bound) else "nothing"
        told = "that nothing is feasible" if self.bound == INFINITY else told
        sentence = "proven" if self.holds else "NOT proven"
        problem = " or ".join(sorted(self.names))
        return f"{sentence}: {self.claim}\nwhat is proven of problem {problem}: {told}"


def check(instance: Any, proof: Any) -> Proven:
    """Return what a certificate proves of an instance, both as documents."""
    try:
        checker = Checker(instance, proof)
        names = checker.names()
    except (KeyError, TypeError, AttributeError, ValueError, ArithmeticError) as error:
        raise BrokenError(f"a key or value is not what it has to be: {error!r}") from error
    except RecursionError as error:
        raise BrokenError("it is nested too deeply") from error
    proven, bound = checker.proven, checker.bound
    low = float(proven)
    low = math.nextafter(low, -INFINITY) if low > proven else low
    told = "is infeasible" if bound is None else f"has {checker.objective} of {float(bound)!r} or more"
    holds = (INFINITY if bound is None else bound) <= proven and checker.problem in names
    return Proven(low, names, f"problem {checker.problem} {told}", holds)


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
    sys.stdout.write(f"{found}\n")
    return 0 if found.holds else 4
