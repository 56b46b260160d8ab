"""A second checker of certificates, written from docs/certificate.md alone.

It knows nothing of the package, takes both documents as JSON has them, and computes in plain
floating point: its comparisons are good to about 1e-12, and so is its bound.
"""

from __future__ import annotations

import hashlib
import json
import math
from itertools import pairwise
from typing import Any, NamedTuple

J = dict[str, Any]
INF = math.inf
TINY = 1e-12


class BrokenError(Exception):
    """No certificate, or one of another instance."""


class Proven(NamedTuple):
    """The bound (infinite: infeasible), and the names of the problem."""

    bound: float
    names: set[str]


def demand(true: bool, what: str) -> None:
    """Refuse a file."""
    if not true:
        raise BrokenError(what)


def keys(value: Any, *names: str) -> J:
    """Return an object with exactly these keys."""
    demand(isinstance(value, dict) and set(value) == set(names), f"keys must be {names}")
    found: J = value
    return found


def number(value: Any, least: float = -INF) -> float:
    """Return a finite number."""
    demand(type(value) in (int, float) and abs(value) <= 1e300 and value >= least, "a number")
    return float(value)


def typed(value: Any, kind: type, length: int | None = None) -> Any:
    """Return a value of a type, a list of a length."""
    demand(type(value) is kind, "type")
    demand(length is None or len(value) == length, "length")
    return value


def shape(node: Any, users: int) -> None:
    """Refuse unknown keys and wrong types everywhere below a node."""
    kind = [key for key in ("parts", "branch", "proof") if key in typed(node, dict)]
    keys(node, "first_s", "last_s", *kind[:1])
    number(node["first_s"])
    number(0 if node["last_s"] is None else node["last_s"])
    for part in typed(node.get("parts", []), list):
        shape(part, users)
    if "branch" in node:
        branch = keys(node["branch"], "user", "threshold", "low", "high")
        demand(0 <= typed(branch["user"], int) < users, "user")
        number(branch["threshold"])
        shape(branch["low"], users)
        shape(branch["high"], users)
    if "proof" in node:
        proof = keys(node["proof"], "ray", "prices", "users")
        typed(proof["ray"], bool)
        numbers = list(typed(proof["prices"], list))
        for row in typed(proof["users"], list, users):
            if isinstance(row, dict) and "modes" in row:
                cells = [typed(cell, list, 6) for cell in typed(keys(row, "modes")["modes"], list)]
                demand(len({typed(cell[0], int) for cell in cells}) == len(cells), "mode twice")
                numbers += [one for cell in cells for one in cell]
                continue
            keys(row, "edge", "local")
            numbers += [] if row["edge"] is None else typed(row["edge"], list, 4)
            cells = [typed(cell, list, 7) for cell in typed(row["local"], list)]
            numbers += [one for cell in cells for one in cell]
            demand(len({(*map(number, cell[:2]),) for cell in cells}) == len(cells), "cell twice")
        for one in numbers:
            number(one, 0.0)


def digest(instance: J) -> str:
    """Return the hash of an instance's document."""

    def plain(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: plain(one) for key, one in value.items() if one is not None}
        if isinstance(value, list):
            return [plain(one) for one in value]
        is_whole = isinstance(value, int) and not isinstance(value, bool)
        return float(value) if is_whole else value

    document = {key: one for key, one in plain(instance).items() if key != "name"}
    if "min_participants" in document:
        document["min_participants"] = int(document["min_participants"])
    return hashlib.sha256(
        json.dumps(document, sort_keys=True, ensure_ascii=False).encode()
    ).hexdigest()


class Link(NamedTuple):
    """A radio link, with its range of shares."""

    band: float
    snr: float
    low: float
    high: float

    def seconds(self, b: float) -> float:
        """Return s(b)."""
        limit = math.log(2.0) / (self.band * self.snr)
        return limit if b == INF else limit * self.snr / (b * math.log1p(self.snr / b))

    def least(self, k: float, price: float) -> float:
        """Return the least of k s(b) + price b; its slope is searched for a root."""
        if k <= 0.0 or price <= 0.0 or self.high == INF:
            return k * (self.seconds(self.high) if k > 0.0 else 0.0) + price * self.low
        low, high = max(self.low, 1e-30 * self.high), self.high
        for _ in range(60):
            b = math.sqrt(low * high)
            log, part = math.log1p(self.snr / b), self.snr / b / (1.0 + self.snr / b)
            difference = log - part if self.snr / b > 1e-4 else 0.5 * (self.snr / b) ** 2
            slope = price - k * math.log(2.0) / self.band * difference / (b * log) ** 2
            low, high = (low, b) if slope > 0.0 else (b, high)
        return k * self.seconds(b) + price * b


class Checker:
    """Checks one file."""

    def __init__(self, instance: J, file: J) -> None:
        names = "schema instance problem round objective claim bound split_band grid domains tree"
        keys(file, *names.split())
        self.i, self.f, self.users = instance, file, instance["users"]
        lists = instance.get("modes") or {}
        self.modes: list[Any] = [lists.get(user.get("modes")) for user in self.users]
        demand(file["schema"] == "eipyomo/certificate@2", "schema")
        demand(file["instance"] == digest(instance), "another instance")
        demand(file["round"] in ("inference", "training"), "round")
        demand(file["objective"] in ("wsel", "band", "edge_frequency", "slowest"), "objective")
        demand(file["claim"] in ("bound", "infeasible"), "claim")
        typed(file["problem"], str)
        self.n = typed(file["grid"], int)
        demand(0 <= self.n < 10**9, "grid")
        self.bounds, self.goal = file["claim"] == "bound", file["objective"]
        demand(self.bounds or file["bound"] is None, "a bound of nothing")
        self.claimed = number(file["bound"]) if self.bounds else None
        self.training, split = file["round"] == "training", typed(file["split_band"], bool)
        domains = typed(file["domains"], list, len(self.users))
        self.closed: list[list[int]] = []
        self.domains = [self.domain(*one) for one in zip(domains, self.modes, strict=True)]
        shape(file["tree"], len(self.users))
        size = 1.0  # of the band
        self.mhz = instance["bandwidth_hz"] / 1e6
        if self.goal == "band":
            size = self.claimed / self.mhz if self.claimed and self.claimed > 0.0 else 1e6
        self.budgets = [("band", size / 2.0)] * 2 if split else [("band", size)]
        self.parts = len(self.budgets)
        if self.goal == "edge_frequency":
            demand(not self.training, "no task")
            self.budgets += [("edge", len(self.users) * instance["server"]["frequency_hz"] / 1e9)]
        elif instance["server"].get("total_frequency_hz") and not self.training:
            self.budgets += [("edge", instance["server"]["total_frequency_hz"] / 1e9)]
        for name in ("energy_budget_j", "latency_budget_s"):
            if instance.get(f"total_{name}"):
                self.budgets += [(name[0], instance[f"total_{name}"])]
        if any(self.modes):
            least, total = instance.get("min_participants"), instance.get("total_penalty_budget")
            self.budgets += [] if least is None else [("out", float(len(self.users) - least))]
            self.budgets += [] if total is None else [("penalty", total)]
        self.links = [self.both_links(user) for user in self.users]

    def domain(self, row: Any, modes: Any) -> tuple[bool, bool, float, float]:
        """Read a domain: whether a = 0, whether a = 1, and the range of ι, or of modes."""
        if modes:
            keys(row, "modes", *[key for key in ("closed",) if key in row])
            first, last = typed(row["modes"], list, 2)
            demand(0 <= typed(first, int) < len(modes) > typed(last, int) >= 0, "modes")
            closed = [typed(k, int) for k in typed(row.get("closed", []), list)]
            demand(all(0 <= k < len(modes) for k in closed), "closed")
            self.closed.append(closed)
            return False, bool(set(range(first, last + 1)) - set(closed)), first, last
        self.closed.append([])
        keys(row, "edge", "local", "offload_min", "offload_max")
        low, high = number(row["offload_min"], 0.0), number(row["offload_max"])
        demand(high <= (self.n or 1) and (not self.n or low % 1 == high % 1 == 0), "domain")
        demand(not (self.training and row["edge"]), "training")
        return typed(row["edge"], bool), typed(row["local"], bool) and low <= high, low, high

    def both_links(self, user: J) -> tuple[Link, Link]:
        """Return uplink and downlink."""
        band, server, capacity = self.i["bandwidth_hz"], self.i["server"], self.budgets[0][1]
        up = user["transmit_power_w"] / server["noise_density_w_per_hz"]
        down = server["transmit_power_w"] / user["noise_density_w_per_hz"]

        def link(power: float, way: str) -> Link:
            most = user.get(f"max_{way}_share")
            high = min(INF if most is None else most, capacity)
            gain = power * user["channel_gain"] / band
            return Link(band, gain, user.get(f"min_{way}_share") or 0.0, high)

        return link(up, "uplink"), link(down, "downlink")

    def deadline(self, user: J) -> float:
        """Return T_max, infinite if there is none."""
        theta = self.claimed if self.goal == "slowest" and self.bounds else None
        return min(INF if one is None else one for one in (user.get("deadline_s"), theta))

    def needs(self, j: int, down: bool, iota: float) -> J:
        """Return what a user needs by a and ι."""
        user, d = self.users[j], self.i["model_bits"]
        work = 0.0 if self.training else user["task_bits"] * self.i["cycles_per_bit"]
        sent = 0.0 if self.training else iota * user["task_bits"]
        return {
            "D": d,
            "o": sent,
            "m": d if down else 0.0,
            "v": 0.0,
            "s": False,
            "c": (1.0 - iota) * work if down else 0.0,
            "e": iota * work,
            "A": self.start(user),
            "j": user["local_training_j"],
        }

    def mode(self, j: int, k: int) -> J:
        """Return what a user needs in a mode."""
        user, row = self.users[j], self.modes[j][k]

        def said(key: str, otherwise: float) -> float:
            value = row.get(key)
            return float(otherwise if value is None else value)

        sent = said("offload_bits", 0.0)
        edge = said("edge_cycles", self.i["cycles_per_bit"] * sent)
        own = said("local_cycles", max(self.i["cycles_per_bit"] * user["task_bits"] - edge, 0.0))
        d = self.i["model_bits"]
        if self.training:
            sent = edge = own = 0.0
            row = {**row, "download_bits": d}
        received = said("download_bits", d if own > 0.0 else 0.0)
        return {
            "D": said("update_bits", d),
            "o": sent,
            "c": own,
            "e": edge,
            "m": received,
            "v": said("penalty", 0.0),
            "s": bool(row.get("in_sequence") and sent + edge and own + received),
            "A": user["previous_download_s"] + said("training_s", user["local_training_s"]),
            "j": said("training_j", user["local_training_j"]),
        }

    def line(self, j: int, need: J, ms: list[float], p: J, ray: bool) -> Any:
        """Return G at t = 0 and its slope in t."""
        (mu, nu2, eta, delta, eps), user = ms, self.users[j]
        weighted = self.goal == "wsel" and not ray
        w = (user["latency_weight"] if weighted else 0.0) + delta + p["l"]
        v = (user["energy_weight"] if weighted else 0.0) + eps + p["e"]
        demand(delta == 0.0 or self.deadline(user) < INF, "no deadline")
        demand(eps == 0.0 or user.get("energy_budget_j") is not None, "no energy budget")
        demand(mu + nu2 <= w * (1.0 + TINY), "multipliers")
        up, downlink = self.links[j]
        d, load = need["D"], need["D"] + need["o"]
        demand(not (d == 0.0 and eta) and not ((load == 0.0 or need["s"]) and nu2), "no upload")
        g = v * need["j"] - w * user["previous_download_s"]
        g += need["v"] * ((1.0 if weighted else 0.0) + p["penalty"]) + (p["out"] if d == 0.0 else 0)
        g -= delta * self.deadline(user) if delta else 0.0
        g -= eps * user["energy_budget_j"] if eps else 0.0
        k = (v * user["transmit_power_w"] + nu2) * load + eta * d + need["s"] * mu * need["o"]
        g += up.least(k, p["up"]) + (nu2 + eta) * need["A"]
        work, rho = (mu if need["s"] else max(w - mu, 0.0)) * need["e"], p["edge"]
        served = self.i["server"]["frequency_hz"]
        slow = work < rho * served**2
        g += 2.0 * math.sqrt(work * rho) if slow else work / served + rho * served
        if need["m"] > 0.0:
            g += downlink.least((v * user["receive_power_w"] + mu) * need["m"], p["down"])
        if need["c"] > 0.0:
            cpu, most = v * user["energy_coefficient"], user["max_frequency_hz"]
            fast = cpu * most**2 + mu / most
            slow = mu < 2.0 * cpu * most**3
            per_cycle = 3.0 * math.cbrt(cpu) * math.cbrt(mu / 2.0) ** 2 if slow else fast
            g += need["c"] * per_cycle
        return g, w - nu2 - eta, w

    def start(self, user: J) -> float:
        """Return A."""
        return float(user["previous_download_s"] + user["local_training_s"])

    def leaf(self, node: J, domains: list[Any]) -> float:
        """Return what a leaf proves."""
        proof, first, last = node["proof"], node["first_s"], node["last_s"]
        prices, ray = typed(proof["prices"], list, len(self.budgets)), proof["ray"]
        own = {"band": "band", "edge_frequency": "edge"}.get(self.goal)
        unit = {"band": self.mhz * self.parts, "edge": 1.0}
        part = sum(
            price / unit[name]
            for price, (name, _) in zip(prices, self.budgets, strict=True)
            if name == own
        )
        demand(ray or part <= 1.0 + TINY, "a price above its cost")
        limited = [
            (price, size)
            for price, (name, size) in zip(prices, self.budgets, strict=True)
            if ray or name != own
        ]
        paid = sum(price * size for price, size in limited if price)
        named = {name: price for price, (name, _) in zip(prices, self.budgets, strict=True)}
        seen = {key: named.get(key, 0.0) for key in ("e", "l", "out", "penalty")}
        seen |= {
            "up": prices[0],
            "down": prices[self.parts - 1],
            "edge": named.get("edge", 0.0) / 1e9,
        }
        times = [first] if last is None else [first, last]
        sums, rises = [-paid] * len(times), True
        for j, (row, (edge, local, low, high)) in enumerate(
            zip(proof["users"], domains, strict=True)
        ):
            lines = []
            if self.modes[j]:
                cells = {k: ms for k, *ms in keys(row, "modes")["modes"]}
                open_to = [k for k in range(int(low), int(high) + 1) if k not in self.closed[j]]
                demand(all(k in cells for k in open_to), "a mode is missing")
                demand(all(0 <= k < len(self.modes[j]) for k in cells), "no such mode")
                lines = [self.line(j, self.mode(j, k), cells[k], seen, ray) for k in open_to]
            else:
                keys(row, "edge", "local")
            if edge:
                demand(row["edge"] is not None, "edge")
                own_way = self.needs(j, False, 1.0)
                lines += [self.line(j, own_way, [0.0, *row["edge"]], seen, ray)]
            if local and not self.modes[j]:
                covered, gap = low - (1.0 if self.n else 0.0), 1.0 if self.n else 0.0
                for start, end, *ms in sorted(row["local"]):
                    demand(start <= end <= (self.n or 1), "a cell")
                    demand(not self.n or start % 1 == end % 1 == 0, "grid")
                    covered = max(covered, end) if start <= covered + gap else covered
                    ways = [self.needs(j, True, x / (self.n or 1)) for x in (start, end)]
                    lines += [self.line(j, way, ms, seen, ray) for way in ways]
                reached = any(start <= low <= end for start, end, *_ in row["local"])
                demand(reached and covered >= high, "a hole")
            rises = rises and all(slope >= -TINY * w for _, slope, w in lines)
            for k, t in enumerate(times):
                sums[k] += min(cost + slope * t for cost, slope, _ in lines)
        value = min(sums) if last is not None or rises else -INF
        if ray:
            return INF if value > 0.0 else -INF
        return -INF if self.goal == "slowest" else value

    def node(self, node: J, first: float, last: float | None, domains: list[Any]) -> float:
        """Return what a node proves."""
        if any(not edge and not local for edge, local, *_ in domains):
            return INF
        demand((node["first_s"], node["last_s"]) == (first, last), "times")
        if "parts" in node:
            ends = [first, *(part["last_s"] for part in node["parts"])]
            demand(len(ends) > 1 and ends[-1] == last and None not in ends[:-1], "parts")
            demand(all(b is None or a <= b for a, b in pairwise(ends)), "parts in order")
            ranges = zip(node["parts"], pairwise(ends), strict=True)
            return min(self.node(part, *times, domains) for part, times in ranges)
        if "branch" in node:
            return min(self.node(*one) for one in self.sides(node["branch"], first, last, domains))
        return self.leaf(node, domains) if "proof" in node else self.waiting(first, False)

    def some_left(self, j: int, first: float, last: float) -> bool:
        """Tell whether a mode from one to another is open."""
        return bool(set(range(int(first), int(last) + 1)) - set(self.closed[j]))

    def sides(self, branch: J, first: float, last: float | None, domains: list[Any]) -> Any:
        """Return both sides of a branch, with the domains there."""
        j, x, most = branch["user"], branch["threshold"], self.n or 1
        low, high = list(domains), list(domains)
        for k in range(len(domains)):
            if self.kin(k) == self.kin(j) and self.domains[k] == self.domains[j]:
                if self.modes[j]:
                    _, _, a, b = low[k]
                    b = min(b, x) if k <= j else b
                    low[k] = (False, self.some_left(k, a, b), a, b)
                    _, _, a, b = high[k]
                    a = max(a, math.floor(x) + 1) if k >= j else a
                    high[k] = (False, self.some_left(k, a, b), a, b)
                    continue
                if k <= j:
                    _, local, a, b = low[k]
                    low[k] = (False, local and a <= min(b, x), a, min(b, x))
                if k >= j:
                    edge, local, a, b = high[k]
                    above = max(a, math.floor(x) + 1 if self.n else x)
                    high[k] = (edge, local and x < most and above <= b, above, b)
        return [(branch["low"], first, last, low), (branch["high"], first, last, high)]

    def kin(self, j: int) -> J:
        """Return what makes users alike."""
        weights = () if self.goal == "wsel" and self.bounds else ("energy_weight", "latency_weight")
        return {
            key: one
            for key, one in self.users[j].items()
            if key not in ("name", *weights) and one is not None
        }

    def waiting(self, t: float, beyond: bool) -> float:
        """Return what waiting alone costs from a time on; beyond it, if that does not count."""
        spans = [(t - user["previous_download_s"], self.deadline(user)) for user in self.users]
        total = self.i.get("total_latency_budget_s")
        spans += [] if total is None else [(sum(span for span, _ in spans), total)]
        if any(span > most or (beyond and span == most) for span, most in spans):
            return INF
        if self.goal != "wsel":
            return 0.0
        cost = 0.0
        for j, (user, (up, _)) in enumerate(zip(self.users, self.links, strict=True)):
            second = user["transmit_power_w"] * up.seconds(up.high)
            cost += user["latency_weight"] * (t - user["previous_download_s"]) + min(
                user["energy_weight"] * (need["j"] + second * need["D"]) + need["v"]
                for need in self.ways(j)
            )
        return cost

    def ways(self, j: int) -> list[J]:
        """Return what a user may need, as far as its update goes."""
        listed = range(len(self.modes[j] or []))
        left = [self.mode(j, k) for k in listed if k not in self.closed[j]]
        return left or [self.needs(j, False, 1.0)]

    def nothing_before(self, first: float) -> bool:
        """Tell whether uploads do not fit up to a time."""
        needed = 0.0
        if first <= 0.0:
            return True
        for j, (up, _) in enumerate(self.links):
            ways = self.ways(j)
            left = max((first - way["A"]) / way["D"] if way["D"] else INF for way in ways)
            if up.seconds(up.high) > left:
                return True
            if left == INF:
                needed += up.low
                continue
            low, high = 0.0, 1e100 if up.high == INF else up.high
            for _ in range(400):
                middle = math.sqrt(low * high) if low else 1e-3 * high
                low, high = (middle, high) if up.seconds(middle) > left else (low, middle)
            needed += max(low, up.low)
        return needed > self.budgets[0][1]

    def names(self) -> set[str]:
        """Return the names of the problem that the domains make."""
        n, split, most = self.n, self.f["split_band"], self.n or 1
        if self.training:
            whole = all(
                len(self.modes[j]) == last - first + 1 and not self.closed[j]
                if self.modes[j]
                else local
                for j, (_, local, first, last) in enumerate(self.domains)
            )
            return {("gbe " if split else "") + "training" if whole else "restricted"}
        everything = (True, True, 0, most)
        named = {"gbe" if split else "joint": everything} if not n else {}
        if not split:
            named |= {"lco": (False, True, 0, 0), "eco": (True, False, 0, most)}
            named |= {f"grid:{1 / n:g}": everything} if n else {}

        def left(own: Any, user: J) -> Any:
            edge, local, a, b = own
            x, y = user.get("min_offload_fraction") or 0.0, user.get("max_offload_fraction")
            y = 1.0 if y is None else y
            x, y = (math.ceil(x * n - 1e-9), math.floor(y * n + 1e-9)) if n else (x, y)
            edge = edge and user.get("download") != "always" and y >= most
            local = local and user.get("download") != "never" and max(a, x) <= min(b, y)
            return (edge, local, max(a, x), min(b, y)) if local else (edge, False)

        def is_whole(own: Any, j: int) -> bool:
            domain, modes = self.domains[j], self.modes[j]
            if modes:
                needs = [self.mode(j, k) for k in range(len(modes))]
                closed = {
                    (True, True): [],
                    (True, False): [k for k, way in enumerate(needs) if way["m"] or way["c"]],
                    (False, True): [k for k, way in enumerate(needs) if way["o"] or way["e"]],
                }[own[:2]]
                first, last = map(int, domain[2:])
                still_open = set(range(first, last + 1)) - set(self.closed[j])
                return not n and still_open == set(range(len(modes))) - set(closed)
            return bool((domain if domain[1] else domain[:2]) == left(own, self.users[j]))

        found = {
            name
            for name, own in named.items()
            if all(is_whole(own, j) for j in range(len(self.users)))
        }
        limited = any(left(everything, user) != everything for user in self.users)
        return found | ({"restricted"} if limited or not found else set())

    def proven(self) -> Proven:
        """Return what the file proves."""
        tree = self.f["tree"]
        bound = self.node(tree, tree["first_s"], tree["last_s"], self.domains)
        if tree["last_s"] is not None:
            bound = min(bound, self.waiting(tree["last_s"], True))
        bound = bound if self.nothing_before(tree["first_s"]) else -INF
        if self.claimed is None:
            bound = INF if bound == INF else -INF
        elif self.goal == "slowest":
            bound = self.claimed if bound == INF else -INF
        elif self.goal == "band":
            bound = min(bound, self.claimed)
        if self.claimed is not None and self.goal != "wsel":
            before = [-user["previous_download_s"] for user in self.users]
            low = max(before) if self.goal == "slowest" and any(self.modes) else 0.0
            bound = max(bound, low)
        return Proven(bound, self.names())


def check(instance: J, file: J) -> Proven:
    """Return what a certificate proves of an instance, both as documents."""
    return Checker(instance, file).proven()
