"""Best-first branch and bound over the sync time and the users' decisions."""

from __future__ import annotations

import heapq
import itertools
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np

from eipyomo.allocation import Allocation
from eipyomo.problem import Feature
from eipyomo.scaled import FloatColumn
from eipyomo.solvers.exact.dual import Dual, Market, Proof, Response
from eipyomo.solvers.exact.fixed_decisions import ACCURACY, ConvexRest, rest_of
from eipyomo.solvers.exact.kernels import CHOICE, TRACKED
from eipyomo.solvers.exact.tree import Evidence, Narrowing, Node, Twins, leaves, narrow
from eipyomo.solvers.records import Records

COARSE, FINE = 1e-4, 1e-9
"""How well prices clear the budgets where ι is taken over from a response: at a limited frequency a
user without CPU energy ends both branches together, and pays to first order for a wrong ι."""
GAP_USED = 0.9
"""Part of the gap that proofs may use up; the rest is for rounding."""


@dataclass(frozen=True)
class Step:
    """One line of the trace: the state after a node.

    Attributes
    ----------
    node
        Number of the node.
    bound, objective
        Global bound and incumbent.
    first_s, last_s
        Range of sync times of the node.
    depth
        Number of narrowings of the node.
    price
        Price of a share of the (uplink) band in the node.
    elapsed_s
        Time since the start.
    """

    node: int
    bound: float
    objective: float
    first_s: float
    last_s: float
    depth: int
    price: float
    elapsed_s: float


@dataclass(eq=False)
class Search:
    """Branch and bound for one (restricted) problem.

    Attributes
    ----------
    dual
        The dual of the problem.
    judge
        Returns the cost of an allocation, infinite if it is not feasible.
    gap, absolute_gap
        When to stop.
    root
        The tree, for a certificate.
    incumbent, objective
        Best allocation met with its cost.
    rest
        The convex rest that gave it.
    """

    dual: Dual
    judge: Callable[[Allocation], float]
    gap: float
    absolute_gap: float
    root: Node = field(init=False)
    incumbent: Allocation | None = None
    rest: ConvexRest | None = None
    objective: float = np.inf
    trace: list[Step] = field(default_factory=list)
    _tried: set[tuple[tuple[Narrowing, ...], bytes]] = field(default_factory=set)

    def __post_init__(self) -> None:
        """Keep the root's domains and find the users that can be swapped."""
        self._domains = self.dual.domains.copy()
        self._twins = Twins(self.dual.users, self._domains)

    # --- the search ----------------------------------------------------------------------------

    def run(self, deadline: float, node_limit: int | None) -> bool:
        """Search until the gap is closed; return whether it was."""
        began = time.perf_counter()
        self._first_incumbent()
        earliest_s = self.dual.earliest_s
        bound = self._least_cost_from(earliest_s)
        self.root = Node(earliest_s, self._latest_s(), bound=bound, prices=self.dual.no_prices)
        self._survey(self.root)
        number = itertools.count()
        heap = [(self.root.bound, next(number), self.root)]
        closed = np.inf
        while heap:
            stop = time.perf_counter() > deadline
            if stop or (node_limit is not None and len(self.trace) >= node_limit):
                return False
            _, _, node = heapq.heappop(heap)
            if node.bound >= self.target:
                node.closed = True
            else:
                self._process(node)
            for part in leaves(node):
                if part.closed:
                    closed = min(closed, part.bound)
                else:
                    heapq.heappush(heap, (part.bound, next(number), part))
            bound = min([closed, self.objective, *(item[0] for item in heap[:1])])
            self._record(node, bound, time.perf_counter() - began)
        return self.bound >= self.objective - self._allowed

    def _record(self, node: Node, bound: float, elapsed_s: float) -> None:
        """Add a line to the trace."""
        step = Step(
            node=len(self.trace) + 1,
            bound=bound,
            objective=self.objective,
            first_s=node.first_s,
            last_s=node.last_s,
            depth=len(node.narrowings),
            price=node.prices[0],
            elapsed_s=elapsed_s,
        )
        self.trace.append(step)

    @property
    def _serves(self) -> bool:
        """Whether the frequencies f_{s,j} are decisions, which cost something."""
        return Feature.EDGE_BUDGET in self.dual.problem.features

    @property
    def _allowed(self) -> float:
        return max(self.gap * abs(self.objective), self.absolute_gap)

    @property
    def _accuracy(self) -> float:
        """How well dual values are searched for: better than the gap needs."""
        return 0.05 * self._allowed

    @property
    def target(self) -> float:
        """The bound that closes a node."""
        return self.objective - GAP_USED * self._allowed

    @property
    def bound(self) -> float:
        """The bound that the tree proves now."""
        return min(self.objective, *(leaf.bound for leaf in leaves(self.root)))

    def _least_cost_from(self, sync_s: float) -> float:
        """Return what all users pay at least if the sync is not before a time.

        Every user waits for the sync and at least uploads its model over the whole band.
        """
        users, link = self.dual.users, self.dual.users["uplink"]
        seconds = link["unit_s"] * np.expm1(link["efficiency_min"]) / link["efficiency_min"]
        upload = users["send_weight"] * users["model_mbit"] * seconds
        terms = np.concatenate([users["constant"], upload, users["latency_weight"] * sync_s])
        return float(terms.sum() - 1e-14 * np.abs(terms).sum())

    def _latest_s(self) -> float:
        """Return a sync time after which everything costs more than the incumbent, rounded up."""
        earliest_s = self.dual.earliest_s
        spare = self.objective - self._least_cost_from(earliest_s)
        lead = max(spare, 0.0) / float(self.dual.users["latency_weight"].sum())
        return (earliest_s + lead) * (1.0 + 1e-12)

    @property
    def _first_s(self) -> float:
        """A time just after the earliest sync, where prices are still finite."""
        return self.dual.earliest_s * (1.0 + 1e-11)

    # --- incumbents ----------------------------------------------------------------------------

    def _first_incumbent(self) -> None:
        """Start from everybody at the edge, or local where that is not allowed."""
        domains = self.dual.domains
        for download in (~domains["edge"], domains["local"]):
            choices = np.zeros(len(domains), CHOICE)
            choices["download"] = download
            choices["offload"] = np.where(download, domains["offload_min"], 1.0)
            self._offer(rest_of(self.dual, choices))

    def _offer(self, rest: ConvexRest) -> None:
        cost = self.judge(rest.allocation)
        if cost < self.objective:
            self.objective, self.incumbent, self.rest = cost, rest.allocation, rest

    def _improve(self, markets: tuple[Market, ...], narrowings: tuple[Narrowing, ...]) -> None:
        """Offer what the responses of some markets lead to once their decisions are kept."""
        for market in markets:
            for weight, response in market.mixture:
                if weight > 0.0:
                    self._round(response, narrowings)

    def _round(self, response: Response, narrowings: tuple[Narrowing, ...]) -> None:
        """Keep a and the basin of ι of every user, settle, and solve the convex rest."""
        key = (narrowings, _fingerprint(response.choices))
        if key in self._tried:
            return
        self._tried.add(key)
        markets = self.dual.settle(
            self._first_s,
            self._latest_s(),
            response.sync_s,
            response.prices,
            self._accuracy,
            response.choices,
            TRACKED,
            FINE if self._serves else COARSE,
        )
        best = markets[0].best
        self._offer(rest_of(self.dual, best.choices, best.sync_s, best.prices))

    def prices_of(self, rest: ConvexRest) -> Response:
        """Return the dual's answer at prices that suit an incumbent.

        Where the edge's frequency is limited, they are those at which its ι are the best ones of
        their basins: for fixed ι, a price may be any of a range.
        """
        if not self._serves:
            return rest.response
        self.dual.domains = self._domains.copy()
        start, tolerance = rest.response, ACCURACY * abs(self.objective)
        markets = self.dual.settle(
            self._first_s,
            self._latest_s(),
            start.sync_s,
            start.prices,
            tolerance,
            start.choices,
            TRACKED,
            ACCURACY,
        )
        return markets[0].best

    def _survey(self, root: Node, samples: int = 8) -> None:
        """Look for the lowest basin of the dual over the sync time, to start from."""
        lead = root.last_s - root.first_s
        least, prices = np.inf, root.prices
        for part in np.linspace(0.0, 1.0, samples + 1)[1:] ** 2:
            market = self.dual.clear(root.first_s + part * lead, prices, 1e-3 * abs(self.objective))
            prices = market.best.prices
            if market.best.value < least:
                least = market.best.value
                root.sync_s, root.prices = market.best.sync_s, prices

    # --- one node ------------------------------------------------------------------------------

    def _process(self, node: Node) -> None:
        """Prove a part of the node's range, or branch."""
        self._enter(node)
        sync_s = 0.5 * (node.first_s + node.last_s) if node.sync_s is None else node.sync_s
        market = self.dual.clear(sync_s, node.prices, self._accuracy)
        markets: tuple[Market, ...] = (market,)
        if market.best.value < self.target + 2.0 * self._accuracy:
            markets = self._bottom(node, market)
        proof = self._prove(node, markets[0].best)
        node.prices = proof.response.prices
        if proof.bound_at(proof.response.sync_s) >= self.target:
            self._peel(node, proof)
        else:
            self._branch(node, markets, proof)

    def _enter(self, node: Node) -> None:
        """Narrow the domains to the node's, and forget the basins."""
        self.dual.domains = self._domains.copy()
        narrow(self.dual.domains, node.narrowings, self._twins, self.dual.grid_step)
        self.dual.basins[:] = -1.0

    def _bottom(self, node: Node, market: Market) -> tuple[Market, ...]:
        """Go to the lowest point of the dual nearby and offer incumbents from there."""
        first_s = max(node.first_s, self._first_s)
        markets = self.dual.settle(
            first_s, node.last_s, market.best.sync_s, market.best.prices, self._accuracy
        )
        self._improve(markets, node.narrowings)
        return markets

    def _prove(self, node: Node, response: Response) -> Proof:
        """Cover the users' decisions at a response; anew where a better choice turned up."""
        for _ in range(4):
            slack = response.value - self.target
            tolerance = max(0.3 * slack, 0.02 * self._allowed)
            proof = self.dual.prove(response, node.first_s, node.last_s, tolerance)
            if not proof.improved:
                break
            market = self.dual.clear(response.sync_s, response.prices, self._accuracy)
            response = market.best
        return proof

    def _peel(self, node: Node, proof: Proof) -> None:
        """Close the part of the range that a proof covers and leave the rest."""
        first_s = proof.reach(node.first_s, self.target)
        last_s = proof.reach(node.last_s, self.target)
        if last_s > first_s:
            self._cut(node, proof, first_s, last_s).closed = True
        else:
            self._halve(node, proof)

    def _cut(self, node: Node, proof: Proof, first_s: float, last_s: float) -> Node:
        """Split a node in time and return the middle part; the node itself if that is all of it."""
        edges = (node.first_s, first_s, last_s, node.last_s)
        parts = [self._part(node, proof, start, end) for start, end in itertools.pairwise(edges)]
        middle = parts[1]
        if (first_s, last_s) == (node.first_s, node.last_s):
            node.bound, node.evidence = middle.bound, middle.evidence
            return node
        node.parts = tuple(part for part in parts if part.last_s > part.first_s)
        return middle

    def _part(self, node: Node, proof: Proof, first_s: float, last_s: float) -> Node:
        """Return the node of a part of the range, with the better of the bounds known."""
        bound = proof.bound_over(first_s, last_s)
        evidence: Evidence | None = Evidence(
            proof.response, node.narrowings, proof.first_s, proof.last_s, proof.tolerance
        )
        if node.bound > bound:
            bound, evidence = node.bound, node.evidence
        prices = proof.response.prices
        return Node(first_s, last_s, node.narrowings, bound, evidence, prices=prices)

    def _branch(self, node: Node, markets: tuple[Market, ...], proof: Proof) -> None:
        """Split at the user whose choice jumps, over the range of times where that matters."""
        jump = self._jump(markets)
        if jump is None:
            self._halve(node, proof)
            return
        zone = self._cut(node, proof, *self._zone(node, markets))
        zone.branch = tuple(
            replace(
                zone,
                narrowings=(*node.narrowings, Narrowing(*jump, high)),
                sync_s=proof.response.sync_s,
            )
            for high in (False, True)
        )

    def _halve(self, node: Node, proof: Proof) -> None:
        """Split a range in which nothing jumps; give up on one that is too short."""
        width = node.last_s - node.first_s
        if width <= 1e-9 * node.last_s:
            self._cut(node, proof, node.first_s, node.last_s).closed = True
            return
        sync_s = proof.response.sync_s
        if not node.first_s + 0.1 * width < sync_s < node.last_s - 0.1 * width:
            sync_s = 0.5 * (node.first_s + node.last_s)
        self._cut(node, proof, sync_s, sync_s)

    def _zone(self, node: Node, markets: tuple[Market, ...]) -> tuple[float, float]:
        """Return the range of times in which the dual is probably below the target."""
        whole = node.first_s, node.last_s
        if len(markets) < 2:
            return whole
        before, after = sorted((market.best for market in markets), key=lambda found: found.sync_s)
        curvature = (after.sync_slope - before.sync_slope) / (after.sync_s - before.sync_s)
        short = self.target + 0.3 * self._allowed - markets[0].best.value
        if not (curvature > 0.0 and short > 0.0):
            return whole
        reach = 1.5 * float(np.sqrt(2.0 * short / curvature))
        middle = markets[0].best.sync_s
        first_s, last_s = max(middle - reach, whole[0]), min(middle + reach, whole[1])
        return (first_s, last_s) if last_s - first_s < 0.5 * (whole[1] - whole[0]) else whole

    def _jump(self, markets: tuple[Market, ...]) -> tuple[int, float] | None:
        """Return the user, and the threshold, at which choices of equal cost differ most."""
        responses = [response for market in markets for _, response in market.mixture]
        found = self._largest_jump(responses)
        reach = 1e-5
        while found is None and reach < 0.1:
            middle = markets[0].best
            for factor in (1.0 - reach, 1.0 + reach):
                prices = tuple(price * factor for price in middle.prices)
                responses.append(self.dual.respond(prices, middle.sync_s))
            found = self._largest_jump(responses)
            reach *= 10.0
        if found is None:
            return None
        user, threshold = found
        return self._free_twin(user), self._on_grid(threshold)

    def _largest_jump(self, responses: list[Response]) -> tuple[int, float] | None:
        """Return the user whose choices use the most different parts of the budgets.

        With it comes a threshold between its choices.
        """
        offload = np.array([_order(response.choices) for response in responses])
        usage = np.array([self.dual.parts_used(response.choices) for response in responses])
        apart = np.ptp(offload, axis=0) > 1e-3
        if not apart.any():
            return None
        spread = np.where(apart, np.ptp(usage, axis=0) + 1e-12, 0.0)
        user = int(np.argmax(spread))
        low, high = float(offload[:, user].min()), float(offload[:, user].max())
        return user, 1.0 if high > 1.0 else 0.5 * (low + high)

    def _free_twin(self, user: int) -> int:
        """Return the middle one of the user's twins with the same domain."""
        domains = self.dual.domains
        twins = [j for j in self._twins.of(user) if domains[j] == domains[user]]
        return int(twins[len(twins) // 2])

    def _on_grid(self, threshold: float) -> float:
        step = self.dual.grid_step
        if step == 0.0 or threshold >= 1.0:
            return threshold
        return float(np.floor(threshold / step + 1e-9) * step)


def _order(choices: Records) -> FloatColumn:
    """Return decisions as numbers in the order of narrowings: ι, and 2 without download."""
    return np.where(choices["download"], choices["offload"], 2.0)


def _fingerprint(choices: Records) -> bytes:
    """Return a and ι to two digits, to recognise decisions tried before."""
    return np.round(_order(choices), 2).tobytes()
