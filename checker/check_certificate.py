"""Check a certificate of a lower bound, or of infeasibility: nothing but Python's standard library.

It was written from docs/certificate.md, to which its terms refer, and shares nothing with what
writes certificates or with ``eipyomo verify``. It computes in rationals: exactly, but for
logarithms and roots, which are on the safe side. The instance is taken to be a valid one.
"""

import hashlib
import json
import math
from collections import defaultdict
from collections.abc import Callable
from decimal import ROUND_CEILING, ROUND_FLOOR, Context, Decimal
from fractions import Fraction
from itertools import pairwise
from types import SimpleNamespace
from typing import Any, NamedTuple

INFINITY, NONE = math.inf, Fraction(0)
KEYS = "schema instance problem round objective claim bound split_band grid domains tree"
OBJECTIVES: Any = {"wsel": (), "band": ("uplink", "downlink"), "edge_frequency": ("edge",)}
OBJECTIVES["slowest"] = ()  # what is bounded is the price of these
SCHEMAS = "eipyomo/certificate@1", "eipyomo/certificate@2"
ABOVE, BELOW = Context(prec=36, rounding=ROUND_CEILING), Context(prec=36, rounding=ROUND_FLOOR)
LN2 = Fraction(BELOW.next_minus(BELOW.ln(Decimal(2))))
Value = Fraction | float  # a float is infinite
Domain = list[tuple[Value, Value]]  # ranges of ι or modes, last infinity, which is no download


class Proven(NamedTuple):
    """The bound that is proven, infinite without a feasible point, and what was claimed."""

    bound: float
    names: set[str]
    claim: str
    holds: bool


class BrokenError(ValueError):
    """The certificate is not what it has to be."""


def need(holds: object, what: str) -> None:
    """Call the file broken where something does not hold."""
    if not holds:
        raise BrokenError(what)


def fields(document: Any, keys: str) -> list[Any]:
    """Return the values of a document that has these keys and no other."""
    need(document.keys() == set(keys.split()), f"it has other keys than {keys}")
    return [document[key] for key in keys.split()]


def numbers(values: Any, count: int | None = None) -> Any:
    """Return a list of so many numbers, none below 0."""
    need(isinstance(values, list) and count in (None, len(values)), "a list of another length")
    need(all(type(x) is Fraction and x >= 0 for x in values), "a number below 0, or none")
    return values


def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return the object of some pairs, in which no key is there twice."""
    need(len(dict(pairs)) == len(pairs), "a key is there twice")
    return dict(pairs)


def double(text: str) -> Fraction:
    """Return the double that a text stands for."""
    need(abs(float(text)) <= 1e300, f"{text} is not within 1e300")
    return Fraction(float(text))


def reread(document: Any, number: Callable[[str], Any], nulls: bool = False) -> Any:
    """Return a document with its numbers made anew, and without what is null unless asked."""
    return json.loads(
        json.dumps(document),
        parse_float=number,
        parse_int=number,
        parse_constant=number,
        object_pairs_hook=lambda pairs: {k: v for k, v in pairs if nulls or v is not None},
    )


def digest_of(instance: Any) -> str:
    """Return the digest of an instance."""
    told = {key: value for key, value in reread(instance, float).items() if key != "name"}
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
    at, value = most, Fraction(power * least**n)
    if not work:
        return value
    if work < n * power * most ** (n + 1):
        best = above(work / (n * power))
        best = ABOVE.sqrt(best) if n == 1 else ABOVE.power(best, ABOVE.divide(1, n + 1))
        at = max(least, Fraction(best))
    slope = n * power * at ** (n - 1) - work / at**2
    value = power * at**n + work / at
    return value + min(slope * (least - at), slope * (most - at))


class Link:
    """A direction of a user's link."""

    def __init__(self, snr: Fraction, told: Any, way: str, checker: "Checker") -> None:
        self.snr, self.unit = snr, checker.data["bandwidth_hz"] / LN2
        most = min(checker.capacity, told.get(f"max_{way}_share", checker.capacity))
        self.least: Fraction = told.get(f"min_{way}_share", NONE)
        self.most: Fraction = max(self.least, most)

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
        share, before = max(self.least, Fraction(1, 10**9)), NONE
        while time > begin and abs(share - before) > before / 10**25:
            start, slope = self.tangent(share)
            share, before = below((bits / (time - begin) - start) / slope), share
            if not self.least < share <= self.most:
                return INFINITY if share > self.most else self.least
        return share if time > begin else INFINITY


def ranges(edge: bool, local: bool, least: Value, most: Value) -> Domain:
    """Return the domain of a user without modes."""
    ends: Domain = [(least, most)] if local and least <= most else []
    return ends + [(INFINITY, INFINITY)] * edge


class User:
    """A user: its data, its links, the decisions open to it at the root, and what they ask for."""

    def __init__(self, told: Any, row: Any, checker: "Checker") -> None:
        self.told, self.checker, self.data = told, checker, checker.data
        self.before, server = told["previous_download_s"], self.data["server"]
        self.modes = self.data["modes"][told["modes"]] if "modes" in told else []
        snr = told["channel_gain"] / self.data["bandwidth_hz"]
        up = snr * told["transmit_power_w"] / server["noise_density_w_per_hz"]
        down = snr * server["transmit_power_w"] / told["noise_density_w_per_hz"]
        self.up = Link(up, told, "uplink", checker)
        self.down = Link(down, told, "downlink", checker)
        self.root = self._mode_numbers(row) if self.modes else self._fractions(row)
        self.works = [self.work(least) for least, _ in self.root or [(NONE, NONE)]]
        costs = checker.wsel and checker.bound is not None
        apart = {"name"} if costs else {"name", "energy_weight", "latency_weight"}
        self.kin = {key: value for key, value in told.items() if key not in apart}, self.root

    def _mode_numbers(self, row: Any) -> Domain:
        ends, *closed = fields(row, "modes closed" if "closed" in row else "modes")
        every = [*numbers(ends, 2), *(gone for some in closed for gone in numbers(some))]
        need(all(k in range(len(self.modes)) for k in every), "a mode that is not there")
        return [(k, k) for k in range(int(ends[0]), int(ends[1]) + 1) if k not in every[2:]]

    def _fractions(self, row: Any) -> Domain:
        edge, local, least, most = fields(row, "edge local offload_min offload_max")
        need(type(edge) is bool and type(local) is bool, "edge or local")
        need(not (self.checker.training and edge), "edge is open in a training round")
        need(least >= 0 and most <= self.checker.steps, "ends of offload fractions")
        need(not self.checker.grid or least.denominator == most.denominator == 1, "not whole")
        return ranges(edge, local, least, most)

    def left(self, name: str) -> Domain:
        """Return the decisions that a problem with a name leaves to the user."""
        told, steps = self.told, self.checker.steps
        if self.modes:
            works = [(k, self.work(k)) for k in range(len(self.modes))]
            shut = {"eco": ("download", "local"), "lco": ("task", "edge")}.get(name, ())
            return [(k, k) for k, work in works if not any(getattr(work, key) for key in shut)]
        least, most = told.get("min_offload_fraction", NONE), told.get("max_offload_fraction", 1)
        edge = name != "lco" and told.get("download") != "always" and most >= 1
        if self.checker.grid:
            slack = Fraction(1, 10**9)
            least, most = math.ceil(steps * least - slack), math.floor(steps * most + slack)
        local = name != "eco" and told.get("download") != "never"
        return ranges(edge, local, least, 0 if name == "lco" else most)

    def kept(self, domain: Domain, threshold: Fraction, high: bool) -> Domain:
        """Return what a side of a branch leaves of a domain."""
        least, most = threshold, threshold
        if self.modes or self.checker.grid or threshold >= 1:
            least, most = Fraction(math.floor(threshold) + 1), Fraction(math.floor(threshold))
        left = [(max(a, least), b) if high else (a, min(b, most)) for a, b in domain]
        return [(a, b) for a, b in left if a <= b]

    def work(self, decision: Value) -> Any:
        """Return what a mode asks for, or an offload fraction, or infinity: no download."""
        told, model, cycles = self.told, self.data["model_bits"], self.data["cycles_per_bit"]
        row, bits = self.modes[int(decision)] if self.modes else {}, told["task_bits"]
        if not self.modes:
            task = bits * (1 if decision == INFINITY else decision / self.checker.steps)
            row = {"offload_bits": task, "edge_cycles": cycles * task}
            row["local_cycles"] = cycles * (bits - task)
            row["download_bits"] = NONE if decision == INFINITY else model
        task = row.get("offload_bits", NONE)
        edge = row.get("edge_cycles", Fraction(float(cycles * task)))
        rest = Fraction(float(Fraction(float(cycles * bits)) - edge))
        local = row.get("local_cycles", max(NONE, rest))
        got = row.get("download_bits", model if local else NONE)
        if self.checker.training:
            task, edge, local, got = NONE, NONE, NONE, model
        return SimpleNamespace(
            update=row.get("update_bits", model),
            task=task,
            download=got,
            edge=edge,
            local=local,
            begin=self.before + row.get("training_s", told["local_training_s"]),
            training=row.get("training_j", told["local_training_j"]),
            penalty=row.get("penalty", NONE),
            in_sequence=row.get("in_sequence", False) and got + local > 0 and task + edge > 0,
        )

    def line(self, work: Any, multipliers: list[Fraction], price: Any, counts: bool) -> Any:
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
        late = (mu if work.in_sequence else weight - mu) * work.edge
        fastest = self.data["server"]["frequency_hz"]
        base += cheapest(price["edge"] / 10**9, late, 1, NONE, fastest)
        if work.local:
            power, fastest = joule * told["energy_coefficient"], told["max_frequency_hz"]
            base += work.local * cheapest(power, mu, 2, NONE, fastest)
        return below(base), weight - nu - eta

    def waiting(self) -> Value:
        """Return what the user pays at the least, but for the time: sending with all the band."""
        weight, power = self.told["energy_weight"], self.told["transmit_power_w"]
        joule = (w.training * weight + w.penalty for w in self.works)
        sending = (self.up.cheapest(weight * power * w.update, NONE) for w in self.works)
        return min(map(sum, zip(joule, sending, strict=True)), default=INFINITY)

    def cells(self, row: Any) -> list[Any]:
        """Return the cells of a user's row in a proof, as one of a decision."""
        checker, (width, rest) = self.checker, (2, [NONE] * 2) if self.checker.old else (4, [])
        if self.modes:
            found = [[one[0], *numbers(one, 6)] for one in fields(row, "modes")[0]]
            need(all(k in range(len(self.modes)) for k, *_ in found), "a mode that is not there")
        else:
            edge, local = fields(row, "edge local")
            found = [numbers(cell, width + 3) + rest for cell in local]
            need(all(a <= b <= checker.steps for a, b, *_ in found), "ends of a cell")
            whole = all(a.denominator == b.denominator == 1 for a, b, *_ in found)
            need(whole or not checker.grid, "ends of a cell on a grid")
            if edge is not None:
                found.append([INFINITY, INFINITY, NONE, *numbers(edge, width), *rest])
        need(len({(a, b) for a, b, *_ in found}) == len(found), "a cell is there twice")
        return found


class Checker:
    """An instance and a certificate of it: what that proves, and of which problems."""

    def __init__(self, instance: Any, proof: Any) -> None:
        proof, data = reread(proof, double, nulls=True), reread(instance, double)
        self.old, self.data = proof["schema"] == SCHEMAS[0], data
        told = fields(proof | ({"objective": "wsel", "claim": "bound"} if self.old else {}), KEYS)
        schema, digest, self.problem, stage, self.objective, claim, self.bound = told[:7]
        self.split, self.grid, domains, self.tree = told[7:]
        need(schema in SCHEMAS and digest == digest_of(instance), "it is of another instance")
        need(self.objective in OBJECTIVES, "its objective is unknown")
        need(isinstance(self.problem, str), "its problem is no name")
        need(self.bound is None or type(self.bound) is Fraction, "its bound is no number")
        need(claim == ("infeasible" if self.bound is None else "bound"), "claim and bound differ")
        need(stage in ("inference", "training"), "its round is unknown")
        need(type(self.split) is bool and self.grid >= 0 == self.grid % 1, "split_band or grid")
        self.training, self.wsel = stage == "training", self.objective == "wsel"
        self.steps, self.capacity = self.grid or Fraction(1), Fraction(1, 1 + self.split)
        if self.objective == "band":
            widest = self.bound / data["bandwidth_hz"] if self.bound and self.bound > 0 else 1
            self.capacity *= 10**6 * widest
        for user in data["users"] if self.objective == "slowest" and self.bound is not None else []:
            user["deadline_s"] = min(self.bound, user.get("deadline_s", self.bound))
        rows = zip(data["users"], domains, strict=True)
        self.users = [User(user, row, self) for user, row in rows]
        self.with_modes = any(user.modes for user in self.users)
        self.rest = sum(user.waiting() for user in self.users)
        self.budgets = self._budgets()

    def _budgets(self) -> dict[str, Fraction]:
        """Return the capacities of what has a price, in the order of the prices."""
        data, modes, hertz = self.data, self.data if self.with_modes else {}, None
        if self.objective == "edge_frequency":
            hertz = len(self.users) * data["server"]["frequency_hz"]
        hertz = hertz or data["server"].get("total_frequency_hz")
        idle = modes.get("min_participants")
        found = {
            "uplink": self.capacity,
            "downlink": self.capacity if self.split else None,
            "edge": None if hertz is None or self.training else hertz / 10**9,
            "energy": data.get("total_energy_budget_j"),
            "latency": data.get("total_latency_budget_s"),
            "out": None if idle is None else len(self.users) - idle,
            "penalty": modes.get("total_penalty_budget"),
        }
        return {name: size for name, size in found.items() if size is not None}

    def proven(self) -> Value:
        """Return the bound that is proven; infinite where nothing is feasible."""
        first, last = self.tree["first_s"], self.tree["last_s"]
        value = self._node(self.tree, first, last, [user.root for user in self.users])
        value = value if last is None else min(value, self._waiting(last, after=True))
        value = value if self._nothing_before(first) else -INFINITY
        if self.bound is None or self.objective == "slowest":
            value = value if value == INFINITY else -INFINITY
        if self.bound is None or self.wsel:
            return value
        late = self.objective == "slowest" and self.with_modes
        least = max(-user.before for user in self.users) if late else NONE
        return max(least, value if self.objective == "edge_frequency" else min(value, self.bound))

    def _node(self, node: Any, first: Any, last: Any, domains: list[Domain]) -> Value:
        """Return what a node of the tree proves."""
        need((node["first_s"], node["last_s"]) == (first, last), "nodes leave a gap of times")
        need(type(first) is Fraction and (last is None or type(last) is Fraction), "times")
        (kind,) = node.keys() - {"first_s", "last_s"} or {""}
        need(kind in ("parts", "branch", "proof", ""), f"{kind} is unknown")
        if not all(domains):
            return INFINITY
        if kind == "parts":
            ends = [first, *(part["last_s"] for part in node[kind])]
            need(len(ends) > 1 and ends[-1] == last, "parts leave a gap")
            need(
                all(b is None or a <= b for a, b in pairwise(ends)), "a part ends before it begins"
            )
            parts = zip(node[kind], pairwise(ends), strict=True)
            return min(self._node(part, *times, domains) for part, times in parts)
        if kind == "branch":
            place, threshold, *sides = fields(node[kind], "user threshold low high")
            need(type(place) is Fraction and place in range(len(domains)), "a branch's user")
            kin, values = self.users[int(place)].kin, []
            for side, high in zip(sides, (False, True), strict=True):
                left = list(domains)
                for j in range(int(place), len(left)) if high else range(int(place) + 1):
                    if self.users[j].kin == kin:
                        left[j] = self.users[j].kept(left[j], threshold, high)
                values.append(self._node(side, first, last, left))
            return min(values)
        return self._leaf(node[kind], first, last, domains) if kind else self._waiting(first)

    def _waiting(self, time: Fraction, after: bool = False) -> Value:
        """Return what waiting alone proves of all sync times from one on, or after it."""
        told = [user.told for user in self.users]
        spans = [(time - user.before, user.told.get("deadline_s", INFINITY)) for user in self.users]
        total = sum(wait for wait, _ in spans)
        spans.append((total, self.data.get("total_latency_budget_s", INFINITY)))
        if any(wait > most or (after and wait == most) for wait, most in spans):
            return INFINITY
        waits = (t["latency_weight"] * (time - t["previous_download_s"]) for t in told)
        return self.rest + sum(waits) if self.wsel else NONE

    def _nothing_before(self, time: Fraction) -> bool:
        """Tell whether the uploads cannot be there before a time."""
        needed: Any = NONE
        for user in self.users:
            shares = (user.up.too_small(w.begin, w.update, time) for w in user.works)
            needed += min(shares, default=INFINITY)
        return time <= 0 or needed > self.capacity

    def _leaf(self, proof: Any, first: Fraction, last: Any, domains: list[Domain]) -> Value:
        """Return what a leaf proves."""
        told, rows, ray = fields({"ray": False} | proof if self.old else proof, "prices users ray")
        need(type(ray) is bool, "ray")
        pairs = zip(self.budgets, numbers(told, len(self.budgets)), strict=True)
        price = defaultdict(Fraction, pairs)
        free = () if ray else OBJECTIVES[self.objective]
        most = self.data["bandwidth_hz"] / 10**6 * (1 + self.split) if len(free) > 1 else 1
        need(sum(price.get(key, 0) for key in free) <= most, "a price is too high")
        total: Any = -sum(
            price[key] * size for key, size in self.budgets.items() if key not in free
        )
        totals, rising = [total, total], True
        for user, domain, row in zip(self.users, domains, rows, strict=True):
            choices = self._choices(domain, user.cells(row))
            lines = [user.line(user.work(x), c, price, self.wsel and not ray) for x, c in choices]
            for k, time in enumerate((first, first if last is None else last)):
                totals[k] += min(base + slope * time for base, slope in lines)
            rising = rising and all(slope >= 0 for _, slope in lines)
        if (last is None and not rising) or (self.objective == "slowest" and not ray):
            return -INFINITY
        least: Value = min(totals)
        return least if not ray else INFINITY if least > 0 else -INFINITY

    def _choices(self, domain: Domain, cells: list[Any]) -> list[Any]:
        """Return decisions for all that are open, each with its multipliers."""
        choices, step = [], 1 if self.grid else 0
        for least, most in domain:
            used = sorted(cell for cell in cells if cell[0] <= most and cell[1] >= least)
            need(used, "what is open has no multipliers")
            reach = least
            for first, last, *multipliers in used:
                need(first <= reach, "the cells leave a gap")
                reach = max(reach, last + step)
                choices += [(x, multipliers) for x in {first, last}]
            need(reach >= most + step, "the cells leave a gap")
        return choices

    def names(self) -> set[str]:
        """Return what the problem may be called."""
        if self.training:
            whole = all(u.root == u.left("") if u.modes else u.root for u in self.users)
            return {"gbe training" if self.split else "training"} if whole else {"restricted"}
        everything = (
            f"grid:{1 / int(self.grid):g}" if self.grid else "gbe" if self.split else "joint"
        )
        names = {everything} if self.split else {everything, "eco", "lco"}
        if self.grid and (self.split or self.with_modes):
            names = set()
        found = {name for name in names if all(u.root == u.left(name) for u in self.users)}
        full = ranges(edge=True, local=True, least=0, most=self.steps)
        limited = any(not u.modes and u.left("") != full for u in self.users)
        return found | ({"restricted"} if limited or not found else set())


def check(instance: Any, proof: Any) -> Proven:
    """Return what a certificate proves of an instance, both as documents."""
    try:
        checker = Checker(instance, proof)
        bound, names, proven = checker.bound, checker.names(), checker.proven()
    except (LookupError, TypeError, AttributeError, ValueError, ArithmeticError) as error:
        raise BrokenError(error if isinstance(error, BrokenError) else repr(error)) from error
    except RecursionError as error:
        raise BrokenError("it is nested too deeply") from error
    low = float(proven)
    low = math.nextafter(low, -INFINITY) if low > proven else low
    told = "infeasible" if bound is None else f"not below {float(bound)!r}"
    claim = f"problem {checker.problem} is {told} ({checker.objective})"
    holds = (INFINITY if bound is None else bound) <= proven and checker.problem in names
    return Proven(low, names, claim, holds)
