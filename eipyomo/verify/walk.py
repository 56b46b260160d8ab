"""What the tree of a certificate proves."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass, replace
from fractions import Fraction

from eipyomo.devices import EndUser
from eipyomo.errors import InputError
from eipyomo.instance import Instance
from eipyomo.verify.intervals import Ball, flint, lower, rounded_down
from eipyomo.verify.reading import Branch, Certificate, Domain, Node, Proof, Row
from eipyomo.verify.users import Line, Prices, User

HZ_PER_GHZ = 10**9
HZ_PER_MHZ = 10**6
WIDEST = 10**6
"""That no band is enough is proven of those up to so many times the instance's."""

BANDS, EDGE, ENERGY, LATENCY = "band", "edge_frequency", "energy", "latency"
SITTING_OUT, PENALTY = "sitting_out", "penalty"


@dataclass(frozen=True)
class Budget:
    """What users share.

    Attributes
    ----------
    kind
        One of the above.
    capacity
        How much there is; where it is what is minimised, how much counts: more is no better.
    unit_cost
        What one unit costs where it is what is minimised, else 0.
    """

    kind: str
    capacity: Ball
    unit_cost: Fraction = Fraction(0)


class Walk:
    """Walks the tree of a certificate.

    Attributes
    ----------
    leaves, cells
        How many were checked so far.
    """

    def __init__(self, instance: Instance, certificate: Certificate) -> None:
        self._instance, self._certificate = instance, certificate
        claimed = certificate.bound if certificate.objective == "slowest" else None
        self._bands = self._shared_bands()
        self._budgets = [*self._bands, *self._other_budgets()]
        most = self._bands[0].capacity
        deadlines = [
            min((one for one in (user.deadline_s, claimed) if one is not None), default=None)
            for user in instance.users
        ]
        self._users = [
            User(instance, user, certificate.training, most, deadline, domain.closed)
            for user, deadline, domain in zip(
                instance.users, deadlines, certificate.domains, strict=True
            )
        ]
        weighted = certificate.objective == "wsel" and certificate.claim == "bound"
        self._same = _alike(instance, weighted)
        self.leaves = self.cells = 0

    def _shared_bands(self) -> list[Budget]:
        """Return the band, or its halves; as large as the bound claimed, if that is one of it."""
        ball, certificate = flint().arb, self._certificate
        part = ball(1) / 2 if certificate.split else ball(1)
        parts = 2 if certificate.split else 1
        if certificate.objective != "band":
            return [Budget(BANDS, part)] * parts
        bandwidth, most = self._instance.bandwidth_hz, ball(WIDEST)
        if certificate.bound is not None and certificate.bound > 0.0:
            most = ball(certificate.bound) * HZ_PER_MHZ / ball(bandwidth)
        cost = Fraction(bandwidth) * parts / HZ_PER_MHZ
        return [Budget(BANDS, part * most, cost)] * parts

    def _other_budgets(self) -> list[Budget]:
        ball, certificate, found = flint().arb, self._certificate, []
        total_hz = self._instance.server.total_frequency_hz
        if certificate.objective == "edge_frequency":
            if certificate.training:
                raise InputError("the certificate is broken: no task is served in a training round")
            most_hz = self._instance.server.frequency_hz * len(self._instance.users)
            found.append(Budget(EDGE, ball(most_hz) / HZ_PER_GHZ, Fraction(1)))
        elif total_hz is not None and not certificate.training:
            found.append(Budget(EDGE, ball(total_hz) / HZ_PER_GHZ))
        instance, least = self._instance, self._instance.min_participants
        totals = {
            ENERGY: instance.total_energy_budget_j,
            LATENCY: instance.total_latency_budget_s,
        }
        if any(user.modes is not None for user in instance.users):
            totals[SITTING_OUT] = None if least is None else float(len(instance.users) - least)
            totals[PENALTY] = instance.total_penalty_budget
        return found + [
            Budget(kind, ball(total)) for kind, total in totals.items() if total is not None
        ]

    # --- the whole -------------------------------------------------------------------------------

    def bound(self) -> float:
        """Return what is proven of the objective: infinite, if that nothing is feasible."""
        tree, certificate = self._certificate.tree, self._certificate
        domains = list(certificate.domains)
        bound = self._node(tree, tree.first, tree.last, domains)
        bound = min(bound, self._least_cost_after(tree.last))
        if not self._nothing_before(tree.first):
            bound = flint().arb("-inf")
        proven = rounded_down(bound)
        if certificate.claim == "infeasible":
            return proven if proven == math.inf else -math.inf
        if certificate.bound is None or certificate.objective == "wsel":
            return proven
        if certificate.objective == "slowest":
            proven = certificate.bound if proven == math.inf else -math.inf
        if certificate.objective == "band":
            proven = min(proven, certificate.bound)
        return max(proven, self._floor())

    def _floor(self) -> float:
        """Return what an objective other than WSEL is never below.

        Latencies count from the previous download, before which nobody trains in a round of modes.
        """
        users = self._instance.users
        if self._certificate.objective != "slowest" or all(user.modes is None for user in users):
            return 0.0
        return max(-user.previous_download_s for user in users)

    def _nothing_before(self, first: float) -> bool:
        """Whether the uploads cannot all end up to the first sync time of the tree.

        Where nobody has to upload, the sync is not before the round.
        """
        if first <= 0.0:
            return True
        ball, capacity = flint().arb, self._bands[0].capacity
        needed = ball(0)
        for user in self._users:
            share = user.share_by(ball(first))
            if share is None:
                return True
            needed += share
        return bool(needed > capacity)

    def _least_cost_after(self, last: float) -> Ball:
        """Return what is paid at least after the end of the tree."""
        return flint().arb("inf") if last == math.inf else self._least_cost_from(last, open_=True)

    def _least_cost_from(self, t: float, *, open_: bool) -> Ball:
        """Return what all pay at least if the sync is after a time; or, if not open, at it too."""
        ball, sync = flint().arb, flint().arb(t)
        ends = [(user.previous, user.deadline) for user in self._users]
        spans = [(sync - previous, deadline) for previous, deadline in ends if deadline is not None]
        total = self._instance.total_latency_budget_s
        if total is not None:
            waited = sum((sync - previous for previous, _ in ends), ball(0))
            spans.append((waited, ball(total)))
        if any(span >= most if open_ else span > most for span, most in spans):
            return ball("inf")
        if self._certificate.objective != "wsel":
            return ball(0)
        return lower(sum((user.least_cost_from(sync) for user in self._users), ball(0)))

    # --- the tree --------------------------------------------------------------------------------

    def _node(self, node: Node, first: float, last: float, domains: list[Domain]) -> Ball:
        """Return the bound that a node proves over a range of times."""
        if any(domain.empty for domain in domains):
            return flint().arb("inf")
        if (node.first, node.last) != (first, last):
            raise InputError("the certificate is broken: ranges of sync times do not fit")
        if node.parts is not None:
            return self._parts(node, node.parts, domains)
        if node.branch is not None:
            return self._branch(node, node.branch, domains)
        if node.proof is not None:
            return self._leaf(node, node.proof, domains)
        return self._least_cost_from(first, open_=False)

    def _parts(self, node: Node, parts: tuple[Node, ...], domains: list[Domain]) -> Ball:
        edges = [node.first, *(part.last for part in parts)]
        in_order = all(start <= end for start, end in itertools.pairwise(edges))
        if not parts or edges[-1] != node.last or not in_order:
            raise InputError("the certificate is broken: parts leave sync times open")
        return min(
            self._node(part, start, end, domains)
            for part, (start, end) in zip(parts, itertools.pairwise(edges), strict=True)
        )

    def _branch(self, node: Node, branch: Branch, domains: list[Domain]) -> Ball:
        """Check both sides of a user's threshold; users that are alike may be kept in order."""
        user, threshold, root = branch.user, branch.threshold, self._certificate.domains
        low, high = list(domains), list(domains)
        for j in range(len(root)):
            if self._same[j] == self._same[user] and root[j] == root[user]:
                if j <= user:
                    low[j] = self._below(low[j], threshold)
                if j >= user:
                    high[j] = self._above(high[j], threshold)
        return min(
            self._node(branch.low, node.first, node.last, low),
            self._node(branch.high, node.first, node.last, high),
        )

    def _below(self, domain: Domain, threshold: float) -> Domain:
        return replace(domain, edge=False, high=min(domain.high, threshold))

    def _above(self, domain: Domain, threshold: float) -> Domain:
        if domain.modes:
            return replace(domain, low=max(domain.low, math.floor(threshold) + 1))
        if threshold >= self._certificate.most:
            return replace(domain, local=False)
        next_up = math.floor(threshold) + 1 if self._certificate.grid else threshold
        return replace(domain, low=max(domain.low, next_up))

    # --- a leaf ----------------------------------------------------------------------------------

    def _leaf(self, node: Node, proof: Proof, domains: list[Domain]) -> Ball:
        """Return the lower of the sums over users at both ends of a range of times.

        A ray proves that nothing is feasible if that is positive, and nothing otherwise. Without an
        end of the range no term may fall in time.
        """
        ball, weighted = flint().arb, self._certificate.objective == "wsel" and not proof.ray
        paid, prices = self._paid(proof), self._prices(proof)
        self.leaves += 1
        lines = [
            self._lines(row, domain, user, prices, weighted, node.last == math.inf)
            for row, domain, user in zip(proof.rows, domains, self._users, strict=True)
        ]
        if any(own is None for own in lines):
            return ball("-inf")
        times = [ball(time) for time in (node.first, node.last) if time < math.inf]
        value = min(
            lower(sum((_lowest(own or [], time) for own in lines), ball(0)) - paid)
            for time in times
        )
        if proof.ray:
            return ball("inf") if value > 0 else ball("-inf")
        return ball("-inf") if self._certificate.objective == "slowest" else value

    def _paid(self, proof: Proof) -> Ball:
        """Return Σ price · capacity of what is limited; what is minimised costs no more than it is.

        Raises
        ------
        InputError
            If the prices are not so many, or higher than what is minimised allows.
        """
        if len(proof.prices) != len(self._budgets):
            raise InputError("the certificate is broken: prices is no list of the right length")
        priced = list(zip(proof.prices, self._budgets, strict=True))
        cost = [Fraction(price) / one.unit_cost for price, one in priced if one.unit_cost]
        if not proof.ray and sum(cost) > 1:
            raise InputError("the certificate is broken: prices are above what a unit costs")
        limited = [(p, one.capacity) for p, one in priced if proof.ray or not one.unit_cost]
        ball = flint().arb
        return sum((ball(price) * capacity for price, capacity in limited), ball(0))

    def _prices(self, proof: Proof) -> Prices:
        """Return what users see of the prices, and 0 for what is not shared."""
        price = dict.fromkeys((EDGE, ENERGY, LATENCY, SITTING_OUT, PENALTY), 0.0)
        price |= {one.kind: own for one, own in zip(self._budgets, proof.prices, strict=True)}
        ball, bands = flint().arb, proof.prices[: len(self._bands)]
        return Prices(
            uplink=ball(bands[0]),
            downlink=ball(bands[-1]),
            edge=ball(price[EDGE]) / HZ_PER_GHZ,
            energy=price[ENERGY],
            latency=price[LATENCY],
            sitting_out=price[SITTING_OUT],
            penalty=price[PENALTY],
        )

    def _lines(
        self, row: Row, domain: Domain, user: User, prices: Prices, weighted: bool, endless: bool
    ) -> list[Line] | None:
        """Return lines of which the lowest is below a user's cost, whatever it decides.

        None if they prove nothing, because one falls in time that does not end.
        """
        ball, grid = flint().arb, self._certificate.grid
        if domain.modes:
            return self._lines_of_modes(row, domain, user, prices, weighted, endless)
        points = []
        if domain.edge:
            if row.edge is None:
                raise InputError("the certificate is broken: edge is missing")
            points.append((ball(1), False, row.edge))
        if domain.computes:
            self._check_cover(row, domain)
            points += [
                (ball(end) / grid if grid else ball(end), True, cell.multipliers)
                for cell in row.cells
                for end in sorted({cell.low, cell.high})
            ]
        self.cells += len(points)
        lines = [
            user.lagrangian(user.needs(offload, download), one, prices, weighted)
            for offload, download, one in points
        ]
        falls = endless and any(user.falls(one, prices, weighted) for *_, one in points)
        return None if falls else lines

    def _lines_of_modes(
        self, row: Row, domain: Domain, user: User, prices: Prices, weighted: bool, endless: bool
    ) -> list[Line] | None:
        """Return :meth:`_lines` of a user with modes, each of which has its own."""
        cells = {int(cell.low): cell.multipliers for cell in row.cells}
        left = domain.left
        if any(k not in cells for k in left):
            raise InputError("the certificate is broken: a mode is missing")
        self.cells += len(left)
        falls = endless and any(user.falls(cells[k], prices, weighted) for k in left)
        lines = [user.lagrangian(user.modes[k], cells[k], prices, weighted) for k in left]
        return None if falls else lines

    def _check_cover(self, row: Row, domain: Domain) -> None:
        """Check that cells leave no offload fraction, or no point of the grid, out."""
        ends, grid = sorted((cell.low, cell.high) for cell in row.cells), self._certificate.grid
        gap = 1.0 if grid else 0.0
        whole = not grid or all(end.is_integer() for pair in ends for end in pair)
        if not whole or any(low > high or high > self._certificate.most for low, high in ends):
            raise InputError("the certificate is broken: a cell is no part of [0, 1]")
        # A domain of a single point is no gap between cells either.
        begun = any(low <= domain.low <= high for low, high in ends)
        covered = domain.low if begun else -math.inf
        for low, high in ends:
            if low > covered + gap:
                break
            covered = max(covered, high)
        if covered < domain.high:
            raise InputError("the certificate is broken: cells leave offload fractions open")


def _lowest(lines: list[Line], time: Ball) -> Ball:
    return min(lower(line.cost + line.slope * time) for line in lines)


def _alike(instance: Instance, weighted: bool) -> list[int]:
    """Return for each user the first one that differs from it in nothing but the name.

    Where weights count for nothing, they make no difference either.
    """
    same = {"name": "-"} if weighted else {"name": "-", "energy_weight": 0.0, "latency_weight": 1.0}
    seen: dict[EndUser, int] = {}
    nameless = [user.model_copy(update=same) for user in instance.users]
    return [seen.setdefault(user, j) for j, user in enumerate(nameless)]
