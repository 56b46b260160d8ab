"""Recompute the bound that a certificate proves, in interval arithmetic.

Nothing of the solver is used. For multipliers μ, ν2, η ≥ 0 with μ + ν2 ≤ w^t of a user with
download, and ν1 = w^t - μ - ν2,

    G(ι, t) =  w^e e^lt - w^t τ^md of the previous round
             + min_b  [ K s(b) + λ b ],        K = (w^e p + ν2)(D + ιL) + ηD
             + min_b̄  [ K̄ s̄(b̄) + λ̄ b̄ ],    K̄ = (w^e p^md + μ) D
             + C(1-ι)L min_f [ w^e κ f² + μ/f ]
             + (ν1 + μ - η) t + (ν2 + η) A + (ν1 + ν2) CιL/f_s

is below what user j pays at prices λ, λ̄ by weak duality. Where the server has a total frequency,
which has a price ρ too, min_f [ (ν1 + ν2) CιL/f + ρf ] over 0 < f ≤ f_s stands for the last term.
It is concave in ι and linear in t, so
that a cell, [ι1, ι2] by [t1, t2], is bounded by its four corners, and a leaf, whose cells share
prices and range of t, by the sums over users at its two ends. Without download: ι = 1, no b̄, no f.

Here everything is in SI units, and every number is a ball of python-flint that contains it.
"""

from __future__ import annotations

import importlib
import itertools
import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from eipyomo.devices import EndUser
from eipyomo.errors import InputError, SolverError
from eipyomo.instance import Instance

SCHEMA = "eipyomo/certificate@1"
PRECISION_BITS = 106
LARGEST_NUMBER = 1e300
LARGEST_INDEX = 10**9
HZ_PER_GHZ = 10**9

Ball = Any
"""A real interval; python-flint publishes no types."""


@dataclass(frozen=True)
class Verified:
    """What a certificate proves.

    Attributes
    ----------
    bound
        Lower bound on WSEL of the problem; minus infinity if nothing is proven.
    problem, round
        The problem that the bound is one of, as read from the decisions that the certificate
        leaves open (whatever it says itself), and the round.
    claimed, claimed_problem
        The bound that the certificate claims, and the problem that it claims it of.
    leaves, cells
        How many were checked.
    """

    bound: float
    problem: str
    round: str
    claimed: float
    claimed_problem: str
    leaves: int
    cells: int

    @property
    def doubt(self) -> str | None:
        """One sentence on which claim is not proven; None if all are."""
        if self.claimed_problem != self.problem:
            return (
                f"the certificate claims a bound of problem {self.claimed_problem!r}, but proves "
                f"one of {self.problem!r}"
            )
        if not self.claimed <= self.bound:
            proves = f"only {self.bound:.12g}" if math.isfinite(self.bound) else "nothing"
            return f"the certificate claims the bound {self.claimed:.12g}, but proves {proves}"
        return None


def verify(instance: Instance, document: Mapping[str, Any]) -> Verified:
    """Return the bound that a certificate proves for an instance.

    Parameters
    ----------
    instance
        The instance.
    document
        The certificate, as read from JSON.

    Raises
    ------
    InputError
        If it is no certificate, or one of another instance; every key must be known, and every
        value of its type.
    SolverError
        If python-flint is not installed.
    """
    try:
        with _precision():
            return _Verifier(instance, document).run()
    except RecursionError:
        raise InputError("the certificate is broken: its tree is too deep") from None


@contextmanager
def _precision() -> Iterator[None]:
    context = _flint().ctx
    before = context.prec
    context.prec = PRECISION_BITS
    try:
        yield
    finally:
        context.prec = before


def _flint() -> Any:
    try:
        return importlib.import_module("flint")
    except ImportError:
        raise SolverError(
            "python-flint is missing, but verifying needs it: python -m pip install python-flint"
        ) from None


def _lower(ball: Ball) -> Ball:
    """Return the lower end of a ball; minus infinity if nothing is known."""
    return ball.lower() if ball.is_finite() else _flint().arb("-inf")


def _entry(document: Any, key: str) -> Any:
    if not isinstance(document, Mapping) or key not in document:
        raise InputError(f"the certificate is broken: {key} is missing")
    return document[key]


def _keys(value: Any, what: str, keys: tuple[str, ...]) -> Mapping[str, Any]:
    """Return an object that has exactly these keys."""
    found = _object(value, what)
    for key in keys:
        _entry(found, key)
    for key in found:
        if key not in keys:
            raise InputError(
                f"the certificate is broken: {what} has an unknown key {key!r}, but must have "
                f"{', '.join(keys)}"
            )
    return found


def _object(value: Any, what: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise InputError(f"the certificate is broken: {what} is no object")
    return value


def _text(value: Any, what: str) -> str:
    if not isinstance(value, str):
        raise InputError(f"the certificate is broken: {what} is {value!r}, but must be a text")
    return value


def _number(value: Any, what: str) -> float:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if not number or not abs(value) <= LARGEST_NUMBER:
        raise InputError(f"the certificate is broken: {what} is no finite number")
    return float(value)


def _weight(value: Any, what: str) -> float:
    number = _number(value, what)
    if number < 0.0:
        raise InputError(f"the certificate is broken: {what} is {value!r}, but must be >= 0")
    return number


def _index(value: Any, what: str, size: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < size:
        raise InputError(f"the certificate is broken: {what} is {value!r}, not in 0..{size - 1}")
    return value


def _flag(value: Any, what: str) -> bool:
    if not isinstance(value, bool):
        raise InputError(f"the certificate is broken: {what} is {value!r}, not true or false")
    return value


def _list(value: Any, what: str, size: int | None = None) -> list[Any]:
    if not isinstance(value, list) or (size is not None and len(value) != size):
        raise InputError(f"the certificate is broken: {what} is no list of the right length")
    return value


KEYS = (
    "schema",
    "instance",
    "problem",
    "round",
    "split_band",
    "grid",
    "bound",
    "domains",
    "tree",
)


def _check_shape(document: Mapping[str, Any]) -> None:
    """Refuse unknown keys and wrong types everywhere, whether the proof needs the place or not."""
    _keys(document, "it", KEYS)
    for key in ("schema", "instance", "problem", "round"):
        _text(document[key], key)
    for row in _list(document["domains"], "domains"):
        _keys(row, "a domain", ("edge", "local", "offload_min", "offload_max"))
    _check_node(document["tree"])


def _check_node(node: Any) -> None:
    """Check the shape of a node: of parts, a branch, a proof, or nothing below it."""
    kinds = [kind for kind in ("parts", "branch", "proof") if kind in _object(node, "a node")]
    _keys(node, "a node", ("first_s", "last_s", *kinds[:1]))
    for key in ("first_s", "last_s"):
        _number(node[key], key)
    for part in _list(node.get("parts", []), "parts"):
        _check_node(part)
    if "branch" in node:
        branch = _keys(node["branch"], "a branch", ("user", "threshold", "low", "high"))
        _index(branch["user"], "user", LARGEST_INDEX)
        _number(branch["threshold"], "threshold")
        _check_node(branch["low"])
        _check_node(branch["high"])
    if "proof" in node:
        proof = _keys(node["proof"], "a proof", ("prices", "users"))
        for price in _list(proof["prices"], "prices"):
            _weight(price, "a price")
        for row in _list(proof["users"], "users of a proof"):
            _check_row(row)


def _check_row(row: Any) -> None:
    """Check the shape of a user's part of a proof; no cell may stand twice."""
    _keys(row, "a user's proof", ("edge", "local"))
    cells = [_list(cell, "a cell", 5) for cell in _list(row["local"], "local")]
    edge = [] if row["edge"] is None else [_list(row["edge"], "edge", 2)]
    for number in itertools.chain(*cells, *edge):
        _weight(number, "a multiplier or an end of a cell")
    if len({(low, high) for low, high, *_ in cells}) < len(cells):
        raise InputError("the certificate is broken: a cell stands twice")


@dataclass(frozen=True)
class _Domain:
    """Decisions open to a user: a = 0, and a = 1 with ι (or k of k/n) in a range."""

    edge: bool
    local: bool
    low: float
    high: float

    @property
    def empty(self) -> bool:
        return not self.edge and not self.computes

    @property
    def computes(self) -> bool:
        return self.local and self.low <= self.high


class _Link:
    """A radio link, and the safe minimum over its share of the band."""

    def __init__(self, power: float, gain: float, noise: float, bandwidth: float, most: Ball):
        ball = _flint().arb
        self._snr = ball(power) * ball(gain) / (ball(bandwidth) * ball(noise))
        self._unit = ball(2).log() / ball(bandwidth)
        self._most = most

    def seconds_per_bit(self, share: Ball) -> Ball:
        """Return s(b)."""
        return self._unit / (share * (self._snr / share).log1p())

    def least(self, weight: Ball, price: Ball) -> Ball:
        """Return a lower bound on min over b of weight · s(b) + price · b.

        Growing in the weight, whose lower end is used; convex in b, so that the tangent at any
        share is below it.
        """
        ball = _flint().arb
        weight = weight.lower()
        if not weight > 0:
            return ball(0)
        share = ball(self._guess(float(weight), float(price)))
        ratio = self._snr / share
        logarithm = ratio.log1p()
        bend = self._unit * (logarithm - ratio / (1 + ratio)) / (share * logarithm) ** 2
        tangent = weight * bend
        overcharge = ball.min(ball(0), price - tangent) * self._most
        return _lower(weight * self._unit / (share * logarithm) + tangent * share + overcharge)

    def _guess(self, weight: float, price: float) -> float:
        """Return about the share at which the minimum is; any share gives a valid bound."""
        snr, most = float(self._snr), float(self._most)
        if price <= 0.0 or weight * float(self._unit) <= 0.0:
            return most
        target = math.log(price) + 2.0 * math.log(snr) - math.log(weight * float(self._unit))
        u = math.exp(target / 2.0) * 1.4 if target < 0.0 else target / 2.0 + 0.7
        if target > 2.0:
            u = target / 2.0 + 0.5 * math.log(target / 2.0)
        for _ in range(12):
            u = min(max(u, 1e-12), 300.0)
            grown = math.expm1(u)
            rest = u + math.expm1(-u) if u > 1e-3 else u * u * (0.5 - u / 6.0 + u * u / 24.0)
            value = 2.0 * math.log(grown / u) + math.log(rest)
            slope = 2.0 * (1.0 + 1.0 / grown - 1.0 / u) - math.expm1(-u) / rest
            move = (value - target) / slope
            u -= min(max(move, -0.5 * u), 0.5 * u)
            if abs(move) <= 1e-16 * u:
                break
        return min(snr / math.expm1(max(u, 1e-300)), most)


@dataclass(frozen=True)
class _Prices:
    """What users pay: for a share of the band in each direction, and for a Hz at the edge."""

    uplink: Ball
    downlink: Ball
    edge: Ball


class _User:
    """The numbers of one end user that G needs, as balls in SI units."""

    def __init__(self, instance: Instance, user: EndUser, training: bool, most: Ball):
        ball = _flint().arb
        server = instance.server
        self.uplink = _Link(
            user.transmit_power_w,
            user.channel_gain,
            server.noise_density_w_per_hz,
            instance.bandwidth_hz,
            most,
        )
        self.downlink = _Link(
            server.transmit_power_w,
            user.channel_gain,
            user.noise_density_w_per_hz,
            instance.bandwidth_hz,
            most,
        )
        energy = ball(user.energy_weight)
        self.model = ball(instance.model_bits)
        self.task = ball(0) if training else ball(user.task_bits)
        self.work = ball(instance.cycles_per_bit) * self.task
        self.served = ball(server.frequency_hz)
        self.start = ball(user.previous_download_s) + ball(user.local_training_s)
        self.latency = ball(user.latency_weight)
        self.send = energy * ball(user.transmit_power_w)
        self.receive = energy * ball(user.receive_power_w)
        self.cpu = energy * ball(user.energy_coefficient)
        self.fastest = ball(user.max_frequency_hz)
        self.fixed = energy * ball(user.local_training_j) - self.latency * ball(
            user.previous_download_s
        )
        self._most = most

    def lagrangian(
        self,
        offload: Ball,
        download: bool,
        multipliers: tuple[float, float, float],
        prices: _Prices,
        times: tuple[Ball, Ball],
    ) -> list[Ball]:
        """Return G at an offload fraction and two times."""
        ball = _flint().arb
        local, ready, sync = (ball(multiplier) for multiplier in multipliers)
        spare = self.latency - local - ready
        if not spare >= 0:
            raise InputError("the certificate is broken: multipliers sum to more than w^t")
        load = self.model + offload * self.task
        cost = self.fixed + (ready + sync) * self.start
        cost += self._least_at_edge((spare + ready) * offload * self.work, prices.edge)
        cost += self.uplink.least((self.send + ready) * load + sync * self.model, prices.uplink)
        if download:
            cost += self.downlink.least((self.receive + local) * self.model, prices.downlink)
            cost += (1 - offload) * self.work * self._least_per_cycle(local)
        return [cost + (spare + local - sync) * t for t in times]

    def _least_at_edge(self, weight: Ball, price: Ball) -> Ball:
        """Return a lower bound on min over f ≤ f_s of weight/f + price · f.

        Twice the root of weight · price is the minimum over all f, below every value.
        """
        if not price > 0 or weight > price * self.served**2:
            return weight / self.served + price * self.served
        return 2 * (_flint().arb.max(weight, _flint().arb(0)) * price).sqrt()

    def _least_per_cycle(self, local: Ball) -> Ball:
        """Return a lower bound on min over f of w^e κ f² + μ/f."""
        if not local > 0:
            return _flint().arb(0)
        if local > 2 * self.cpu * self.fastest**3:
            return self.cpu * self.fastest**2 + local / self.fastest
        if not self.cpu > 0:
            return local / self.fastest
        return 3 * self.cpu.root(3) * (local / 2).root(3) ** 2

    def least_cost_from(self, t: Ball) -> Ball:
        """Return what the user pays at least if the sync is not before t."""
        upload = self.model * self.uplink.seconds_per_bit(self._most)
        return self.fixed + self.send * upload + self.latency * t

    def least_share(self, t: Ball) -> float:
        """Return a share that is too small to upload before t."""
        ball = _flint().arb

        def too_small(share: float) -> bool:
            return bool(self.start + self.model * self.uplink.seconds_per_bit(ball(share)) > t)

        low, high = 0.0, float(self._most)
        if too_small(high):
            return high
        for _ in range(110):
            middle = math.sqrt(low * high) if low > 0.0 else high * 1e-3
            if not low < middle < high:
                break
            if too_small(middle):
                low = middle
            elif middle < 1e-100:
                break
            else:
                high = middle
        return low


class _Verifier:
    """Walks the tree of a certificate."""

    def __init__(self, instance: Instance, document: Mapping[str, Any]) -> None:
        ball = _flint().arb
        if _entry(document, "schema") != SCHEMA:
            raise InputError(f"schema is {document['schema']!r}, but must be {SCHEMA!r}")
        _check_shape(document)
        if document["instance"] != instance.digest():
            raise InputError("the certificate is one of another instance")
        self._document = document
        self._training = _entry(document, "round") == "training"
        if not self._training and document["round"] != "inference":
            raise InputError("the certificate is broken: round is unknown")
        self._grid = _index(document["grid"], "grid", LARGEST_INDEX)
        split = _flag(_entry(document, "split_band"), "split_band")
        self._bands = [ball(1) / 2] * 2 if split else [ball(1)]
        total_hz = None if self._training else instance.server.total_frequency_hz
        self._edge_ghz = [] if total_hz is None else [ball(total_hz) / HZ_PER_GHZ]
        self._users = [
            _User(instance, user, self._training, self._bands[0]) for user in instance.users
        ]
        self._same = _alike(instance)
        self._leaves = self._cells = 0

    def run(self) -> Verified:
        """Check the tree and both ends of its range of sync times."""
        document = self._document
        domains = self._read_domains(_entry(document, "domains"))
        if self._training and any(domain.edge for domain in domains):
            raise InputError("the certificate is broken: a training round needs every download")
        tree = _entry(document, "tree")
        first = _number(_entry(tree, "first_s"), "first_s")
        last = _number(_entry(tree, "last_s"), "last_s")
        bound = self._node(tree, first, last, domains, domains)
        bound = min(bound, self._least_cost_from(last))
        if not self._nothing_before(first):
            bound = _flint().arb("-inf")
        return Verified(
            bound=_rounded_down(bound),
            problem=self._problem(domains),
            round=str(document["round"]),
            claimed=_number(document["bound"], "bound"),
            claimed_problem=document["problem"],
            leaves=self._leaves,
            cells=self._cells,
        )

    def _problem(self, domains: list[_Domain]) -> str:
        """Return the name of the problem that domains make, whatever the certificate calls it."""
        split, most = len(self._bands) == 2, self._grid or 1
        if self._training:
            name = "gbe training" if split else "training"
            return name if all(domain.computes for domain in domains) else "restricted"
        kinds = set(domains)
        if kinds == {_Domain(edge=True, local=True, low=0, high=most)}:
            if self._grid:
                return "restricted" if split else f"grid:{1.0 / self._grid:g}"
            return "gbe" if split else "joint"
        if kinds == {_Domain(edge=False, local=True, low=0, high=0)} and not split:
            return "lco"
        if kinds == {_Domain(edge=True, local=False, low=0, high=most)} and not split:
            return "eco"
        return "restricted"

    def _read_domains(self, rows: Any) -> list[_Domain]:
        most = self._grid or 1
        domains = [
            _Domain(
                edge=_flag(_entry(row, "edge"), "edge"),
                local=_flag(_entry(row, "local"), "local"),
                low=_number(_entry(row, "offload_min"), "offload_min"),
                high=_number(_entry(row, "offload_max"), "offload_max"),
            )
            for row in _list(rows, "domains", len(self._users))
        ]
        if any(domain.low < 0 or domain.high > most for domain in domains):
            raise InputError("the certificate is broken: a domain exceeds [0, 1]")
        ends = [end for domain in domains for end in (domain.low, domain.high)]
        if self._grid and not all(end.is_integer() for end in ends):
            raise InputError("the certificate is broken: a domain ends between points of the grid")
        return domains

    def _nothing_before(self, first: float) -> bool:
        """Whether the uploads cannot all end before the first sync time of the tree."""
        ball = _flint().arb
        needed = sum((ball(user.least_share(ball(first))) for user in self._users), ball(0))
        return bool(needed >= self._bands[0])

    def _node(
        self, node: Any, first: float, last: float, domains: list[_Domain], root: list[_Domain]
    ) -> Ball:
        """Return the bound that a node proves over a range of times."""
        ball = _flint().arb
        if any(domain.empty for domain in domains):
            return ball("inf")
        if (_entry(node, "first_s"), _entry(node, "last_s")) != (first, last):
            raise InputError("the certificate is broken: ranges of sync times do not fit")
        if "parts" in node:
            return self._parts(_list(node["parts"], "parts"), first, last, domains, root)
        if "branch" in node:
            return self._branch(node["branch"], first, last, domains, root)
        if "proof" in node:
            return self._leaf(node["proof"], (ball(first), ball(last)), domains)
        return self._least_cost_from(first)

    def _least_cost_from(self, first: float) -> Ball:
        """Return what all users pay at least if the sync is not before a time."""
        ball = _flint().arb
        return _lower(sum((user.least_cost_from(ball(first)) for user in self._users), ball(0)))

    def _parts(
        self, parts: list[Any], first: float, last: float, domains: list[_Domain], root: Any
    ) -> Ball:
        edges = [first, *(_number(_entry(part, "last_s"), "last_s") for part in parts)]
        if (
            not parts
            or edges[-1] != last
            or any(start > end for start, end in itertools.pairwise(edges))
        ):
            raise InputError("the certificate is broken: parts leave sync times open")
        return min(
            self._node(part, start, end, domains, root)
            for part, (start, end) in zip(parts, itertools.pairwise(edges), strict=True)
        )

    def _branch(
        self, branch: Any, first: float, last: float, domains: list[_Domain], root: list[_Domain]
    ) -> Ball:
        """Check both sides of a user's threshold; users that are alike may be kept in order."""
        user = _index(_entry(branch, "user"), "user", len(self._users))
        threshold = _number(_entry(branch, "threshold"), "threshold")
        alike = [
            j
            for j in range(len(root))
            if self._same[j] == self._same[user] and root[j] == root[user]
        ]
        low, high = list(domains), list(domains)
        for j in alike:
            if j <= user:
                low[j] = self._below(low[j], threshold)
            if j >= user:
                high[j] = self._above(high[j], threshold)
        return min(
            self._node(_entry(branch, "low"), first, last, low, root),
            self._node(_entry(branch, "high"), first, last, high, root),
        )

    def _below(self, domain: _Domain, threshold: float) -> _Domain:
        return replace(domain, edge=False, high=min(domain.high, threshold))

    def _above(self, domain: _Domain, threshold: float) -> _Domain:
        if threshold >= (self._grid or 1):
            return replace(domain, local=False)
        next_up = math.floor(threshold) + 1 if self._grid else threshold
        return replace(domain, low=max(domain.low, next_up))

    def _leaf(self, proof: Any, times: tuple[Ball, Ball], domains: list[_Domain]) -> Ball:
        """Return the lower of the sums over users at both ends of a range of times."""
        ball = _flint().arb
        self._leaves += 1
        budgets = [*self._bands, *self._edge_ghz]
        prices = [
            ball(_weight(price, "a price"))
            for price in _list(_entry(proof, "prices"), "prices", len(budgets))
        ]
        paid = sum((p * b for p, b in zip(prices, budgets, strict=True)), ball(0))
        edge = prices[-1] / HZ_PER_GHZ if self._edge_ghz else ball(0)
        rows = _list(_entry(proof, "users"), "users of a proof", len(self._users))
        seen = _Prices(prices[0], prices[len(self._bands) - 1], edge)
        bounds = [
            self._user(user, row, domain, seen, times)
            for user, row, domain in zip(self._users, rows, domains, strict=True)
        ]
        return min(_lower(sum(ends, ball(0)) - paid) for ends in zip(*bounds, strict=True))

    def _user(
        self,
        user: _User,
        row: Any,
        domain: _Domain,
        prices: _Prices,
        times: tuple[Ball, Ball],
    ) -> list[Ball]:
        """Return a lower bound on a user's cost at both times over all of its decisions."""
        ball = _flint().arb
        corners: list[list[Ball]] = []
        if domain.edge:
            ready, sync = (
                _weight(x, "a multiplier") for x in _list(_entry(row, "edge"), "edge", 2)
            )
            corners.append(user.lagrangian(ball(1), False, (0.0, ready, sync), prices, times))
        if domain.computes:
            cells = [_list(cell, "a cell", 5) for cell in _list(_entry(row, "local"), "local")]
            self._check_cover(cells, domain)
            for low, high, *multipliers in cells:
                local, ready, sync = (_weight(x, "a multiplier") for x in multipliers)
                for end in {low, high}:
                    offload = ball(end) / self._grid if self._grid else ball(end)
                    corners.append(
                        user.lagrangian(offload, True, (local, ready, sync), prices, times)
                    )
        self._cells += len(corners)
        return [min(_lower(corner[k]) for corner in corners) for k in range(2)]

    def _check_cover(self, cells: list[list[Any]], domain: _Domain) -> None:
        """Check that cells leave no offload fraction, or no point of the grid, out."""
        ends = sorted((_weight(cell[0], "ι"), _weight(cell[1], "ι")) for cell in cells)
        gap = 1.0 if self._grid else 0.0
        whole = not self._grid or all(end.is_integer() for pair in ends for end in pair)
        if not whole or any(low > high or high > (self._grid or 1) for low, high in ends):
            raise InputError("the certificate is broken: a cell is no part of [0, 1]")
        covered = domain.low - gap
        for low, high in ends:
            if low > covered + gap:
                break
            covered = max(covered, high)
        if covered < domain.high:
            raise InputError("the certificate is broken: cells leave offload fractions open")


def _alike(instance: Instance) -> list[int]:
    """Return for each user the first one that differs from it in nothing but the name."""
    seen: dict[EndUser, int] = {}
    nameless = [user.model_copy(update={"name": "-"}) for user in instance.users]
    return [seen.setdefault(user, j) for j, user in enumerate(nameless)]


def _rounded_down(bound: Ball) -> float:
    """Return a floating-point number that is not above a ball's lower end."""
    ball = _flint().arb
    if not bound.is_finite():
        return math.inf if bound > 0 else -math.inf
    number = float(bound)
    while not ball(number) <= bound.lower():
        number = math.nextafter(number, -math.inf)
    return number
