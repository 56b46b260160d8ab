"""Best-first branch and bound over the sync time and the users' decisions.

A node is a range of sync times with branching decisions; its bound is that of lines in t, see
:mod:`~eipyomo.solvers.exact.bounds`. A node whose dual, at its lowest, is above the target is
closed where the lines are, and its other times are left. Any other has a duality gap: a user's
decision jumps at the optimal prices, and is branched on; see docs/exact.md.
"""

from __future__ import annotations

import heapq
import itertools
from dataclasses import dataclass, field, replace

import numpy as np

from eipyomo.solvers.contract import Clock
from eipyomo.solvers.exact.bounds import BoundLines, bound_lines
from eipyomo.solvers.exact.branching import (
    BranchingDecision,
    IdenticalUsers,
    branching_candidate,
    fingerprint,
    narrowed,
)
from eipyomo.solvers.exact.dual import Dual
from eipyomo.solvers.exact.effort import TimeIsUpError
from eipyomo.solvers.exact.incumbent import Incumbent
from eipyomo.solvers.exact.kernels import Accuracy, Times
from eipyomo.solvers.exact.markets import KnownPrices
from eipyomo.solvers.exact.prices import PriceOptimum, maximise_over_prices
from eipyomo.solvers.exact.ranges import halfway, inside, undecided
from eipyomo.solvers.exact.rounding import round_to
from eipyomo.solvers.exact.solutions import OPEN, Decisions, Prices, UserSolutions
from eipyomo.solvers.exact.suiting import Suiting, suiting
from eipyomo.solvers.exact.sync_time import lowest_sampled, minimise_over_sync_time
from eipyomo.solvers.exact.tree import BoundRecipe, Node, Step, leaves

GAP_USED = 0.9
"""Part of the gap that proofs may use up; the rest is for rounding."""
DUAL_PART = 0.05
"""Part of the gap to which dual values are searched for: they must not use up what cells need."""
CELL_PART, SLACK_PART = 0.1, 0.5
"""What cells may lose: that part of the gap, or that one of what the dual is above the target."""
HIGH = 2.0
"""Times the incumbent's cost is a dual value that closes times far enough around its own."""
UNDECIDED = 0.3
"""Part of the gap above the target where times count as undecided still: cells lose something."""
ROUNDS = 4
"""So often a proof is begun anew with what it has found; the last one counts as it is."""


@dataclass(eq=False)
class BranchAndBound:
    """Branch and bound for one problem.

    Attributes
    ----------
    dual
        The dual of the problem, at the root.
    incumbent
        The best allocation met; it is improved on the way.
    gap, absolute_gap
        When to stop.
    root
        The tree, for a certificate.
    trace
        One line for each node.
    """

    dual: Dual
    incumbent: Incumbent
    gap: float
    absolute_gap: float
    root: Node = field(init=False)
    trace: list[Step] = field(init=False, default_factory=list)
    _tried: set[tuple[tuple[BranchingDecision, ...], bytes]] = field(
        init=False, default_factory=set
    )

    def __post_init__(self) -> None:
        """Plant the tree, and find the users that can be swapped."""
        self._identical = IdenticalUsers(self.dual.weighted, self.dual.domains, self.dual.lists)
        self._known_prices = KnownPrices(self.dual.earliest_s)
        self._first = self.incumbent.rest
        self._waiting = float(self.dual.users["latency_weight"].sum())
        self._least = self.dual.least_cost_from(self.dual.earliest_s)
        self.root = Node(
            self.dual.earliest_s,
            self._latest_s(self._expected),
            bound=self._least,
            prices=self.dual.no_prices,
        )

    # --- the search ------------------------------------------------------------------------------

    def run(self, clock: Clock, node_limit: int | None) -> bool:
        """Search until the gap is closed; return whether it was."""
        self.dual.effort.clock = clock
        try:
            closed = self._search(clock, node_limit)
            self._polish()
            return closed
        except TimeIsUpError:
            return False
        finally:
            self.dual.effort.clock = None
            self._fall_back()

    def _search(self, clock: Clock, node_limit: int | None) -> bool:
        times, worst = self.root.times, self._expected
        start = lowest_sampled(self.dual, times, worst, self._known_prices)
        self.root.sync_s, self.root.prices = start
        number = itertools.count()
        heap = [(self.root.bound, next(number), self.root)]
        closed = np.inf
        while heap:
            ended = node_limit is not None and len(self.trace) >= node_limit
            if self.done or ended or clock.left_s < 0.0:
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
            self._record(node, bound, clock.elapsed_s)
        return self.bound >= self.objective - self._allowed

    def _record(self, node: Node, bound: float, elapsed_s: float) -> None:
        """Add a line to the trace."""
        step = Step(
            node=len(self.trace) + 1,
            bound=bound,
            objective=self.objective,
            first_s=node.first_s,
            last_s=node.last_s,
            depth=len(node.decisions),
            price=node.prices[0],
            elapsed_s=elapsed_s,
        )
        self.trace.append(step)

    # --- what is proven, and when it is enough ---------------------------------------------------

    @property
    def done(self) -> bool:
        """Whether to stop before the gap is closed."""
        return False

    @property
    def objective(self) -> float:
        """Cost of the incumbent."""
        return self.incumbent.objective

    @property
    def _expected(self) -> float:
        """Cost of the incumbent, or about that of one to begin with, which is not evaluated."""
        expected = self.incumbent.expected
        return self.objective if expected is None else expected

    @property
    def bound(self) -> float:
        """The bound that the tree proves now."""
        return min(self.objective, *(leaf.bound for leaf in leaves(self.root)))

    @property
    def target(self) -> float:
        """The bound that closes a node."""
        return self.objective - GAP_USED * self._allowed

    @property
    def _allowed(self) -> float:
        return max(self.gap * abs(self._expected), self.absolute_gap)

    @property
    def _accuracy(self) -> Accuracy:
        """How well dual values are searched for: better than the gap needs."""
        return Accuracy(DUAL_PART * self._allowed, ceiling=HIGH * abs(self._expected))

    @property
    def _well_enough(self) -> Accuracy:
        """How well those are searched for of which all that counts is how far above the target."""
        return self._accuracy._replace(target=self.target)

    def _latest_s(self, cost: float) -> float:
        """Return a sync time after which all costs more, or misses a deadline, rounded up."""
        earliest_s, latest_s = self.dual.earliest_s, self.dual.latest_s
        if self._waiting == 0.0:
            return latest_s * (1.0 + 1e-12)
        spare = max(cost - self._least, 0.0)
        return min(earliest_s + spare / self._waiting, latest_s) * (1.0 + 1e-12)

    @property
    def _first_s(self) -> float:
        """A time just after the earliest sync, where prices are still finite."""
        return self.dual.earliest_s * (1.0 + 1e-11)

    # --- incumbents ------------------------------------------------------------------------------

    def _improve(self, node: Node, dual: Dual, optima: tuple[PriceOptimum, ...]) -> None:
        """Try what the solutions at some optima lead to once their decisions are kept."""
        unlike: dict[tuple[tuple[BranchingDecision, ...], bytes], UserSolutions] = {}
        for optimum in optima:
            for weight, found in optimum.combination:
                if weight > 0.0:
                    unlike.setdefault((node.decisions, fingerprint(found.records)), found)
        for key, found in unlike.items():
            if key not in self._tried and self._round_to_incumbent(dual, found):
                self._tried.add(key)

    def _round_to_incumbent(self, dual: Dual, found: UserSolutions) -> bool:
        """Try the allocation that solutions lead to; return whether their decisions were kept."""
        return round_to(self.incumbent, dual, self._times, found)

    def _polish(self) -> None:
        """Move an incumbent that the search began with to the best ι of its basins."""
        rest = self.incumbent.rest
        if rest is not None and rest is self._first:
            self._round_to_incumbent(self.dual, rest.solutions)

    def _fall_back(self) -> None:
        """Take what there was to begin with, if nothing else was found, and end the root anew.

        Until there is a cost, it ends where that is expected.
        """
        if self.incumbent.expected is not None:
            self.incumbent.fall_back(self.dual)
            self.root.last_s = self._latest_s(self.objective)

    def suiting(self) -> Suiting | None:
        """Return the prices and multipliers that suit the incumbent; None without one."""
        rest = self.incumbent.rest
        return None if rest is None else suiting(self.dual, self._times, rest, self.objective)

    @property
    def _times(self) -> Times:
        """The sync times at which an allocation may be."""
        return Times(self._first_s, self._latest_s(self._expected))

    # --- one node --------------------------------------------------------------------------------

    def _process(self, node: Node) -> None:
        """Prove a part of the node's range, or branch."""
        dual = self._dual_of(node)
        sync_s = node.sync_s
        if sync_s is None:
            rest = self.incumbent.rest
            lowest_s = node.first_s if rest is None else rest.solutions.sync_s
            sync_s = inside(node.times, lowest_s)
        decisions = OPEN.after(node.recipe.solutions.records) if node.recipe else OPEN
        prices = self._expected_prices(node, sync_s)
        optima: tuple[PriceOptimum, ...] = ()
        if self.incumbent.expected is None:  # without an incumbent nothing is above the target
            optima = (maximise_over_prices(dual, sync_s, prices, self._well_enough, decisions),)
            start = optima[0].best
            sync_s, prices, decisions = start.sync_s, start.prices, OPEN.after(start.records)
        level: UserSolutions | None = None
        # Not surely above the target, by twice what the search may have missed.
        if not optima or optima[0].best.value < self.target + 2.0 * self._accuracy.tolerance:
            optima = self._bottom(node, dual, sync_s, prices, decisions)
            level = self._levelled(node, optima[0].best)
        if self.done:
            return
        lines = self._prove(node, dual, level or optima[0].best)
        if level is not None and lines.value < self.target:
            lines = self._prove(node, dual, optima[0].best)
        node.prices = lines.solutions.prices
        if lines.value >= self.target:
            self._close_proven_times(node, lines)
        else:
            self._branch(node, dual, optima, lines)

    def _expected_prices(self, node: Node, sync_s: float) -> Prices:
        """Return the prices of a node, changed like those met before from its time to another."""
        if node.recipe is None:
            return node.prices
        return self._known_prices.moved(node.prices, node.recipe.solutions.sync_s, sync_s)

    def _dual_of(self, node: Node) -> Dual:
        """Return the dual for the domains that a node's decisions leave."""
        root = self.dual
        if not node.decisions:
            return root
        domains = narrowed(root.domains, node.decisions, self._identical, root.grid_step)
        return root.within(domains)

    def _bottom(
        self, node: Node, dual: Dual, start_s: float, prices: Prices, decisions: Decisions
    ) -> tuple[PriceOptimum, ...]:
        """Go to the lowest point of the dual nearby and try incumbents from there."""
        times = Times(max(node.first_s, self._first_s), node.last_s)
        optima = minimise_over_sync_time(dual, times, start_s, prices, self._accuracy, decisions)
        self._improve(node, dual, optima)
        self._fall_back()
        return optima

    def _levelled(self, node: Node, found: UserSolutions) -> UserSolutions | None:
        """Return the incumbent's solutions, if the slopes of the same decisions level out better.

        Lines without a slope prove most times at once.
        """
        rest = self.incumbent.rest
        if rest is None or not node.first_s <= rest.solutions.sync_s <= node.last_s:
            return None
        level = rest.solutions
        same = fingerprint(level.records) == fingerprint(found.records)
        return level if same and abs(level.sync_slope) < abs(found.sync_slope) else None

    def _prove(self, node: Node, dual: Dual, found: UserSolutions) -> BoundLines:
        """Cover the users' decisions at solutions; anew where a better decision turned up."""
        for _ in range(ROUNDS):
            slack = found.value - self.target
            tolerance = max(SLACK_PART * slack, CELL_PART * self._allowed)
            lines = bound_lines(dual, found, node.times, tolerance)
            if not lines.improved or lines.value >= self.target:
                break
            found = maximise_over_prices(dual, found.sync_s, found.prices, self._well_enough).best
        return lines

    # --- splitting a node ------------------------------------------------------------------------

    def _close_proven_times(self, node: Node, lines: BoundLines) -> None:
        """Close the part of the range that lines prove and leave the rest."""
        first_s, last_s = lines.proven_times(self.target)
        if last_s > first_s:
            self._split_times(node, lines, first_s, last_s).closed = True
        else:
            self._halve(node, lines)

    def _split_times(self, node: Node, lines: BoundLines, first_s: float, last_s: float) -> Node:
        """Split a node in time and return the middle part; the node itself if that is all of it."""
        bounds = lines.bounds_of_parts(first_s, last_s)
        middle = self._part(node, lines, first_s, last_s, bounds.within)
        if (first_s, last_s) == (node.first_s, node.last_s):
            node.bound, node.recipe = middle.bound, middle.recipe
            return node
        parts = [middle] if first_s < last_s else []
        if node.first_s < first_s:
            parts.insert(0, self._part(node, lines, node.first_s, first_s, bounds.before))
        if last_s < node.last_s:
            parts.append(self._part(node, lines, last_s, node.last_s, bounds.after))
        node.parts = tuple(parts)
        return middle

    def _part(
        self, node: Node, lines: BoundLines, first_s: float, last_s: float, bound: float
    ) -> Node:
        """Return the node of a part of the range, with the better of the bounds known."""
        recipe: BoundRecipe | None = BoundRecipe(
            lines.solutions, node.decisions, lines.times, lines.tolerance
        )
        if node.bound > bound:
            bound, recipe = node.bound, node.recipe
        return Node(first_s, last_s, node.decisions, bound, recipe, prices=lines.solutions.prices)

    def _branch(
        self, node: Node, dual: Dual, optima: tuple[PriceOptimum, ...], lines: BoundLines
    ) -> None:
        """Split at the user whose decision jumps, over the range of times where that matters."""
        candidate = branching_candidate(dual, optima, self._identical)
        if candidate is None:
            self._halve(node, lines)
            return
        found = [optimum.best for optimum in optima]
        times = undecided(node.times, found, self.target + UNDECIDED * self._allowed)
        part = self._split_times(node, lines, *times)
        part.branch = tuple(
            replace(
                part,
                decisions=(*node.decisions, BranchingDecision(*candidate, high)),
                sync_s=lines.solutions.sync_s,
            )
            for high in (False, True)
        )

    def _halve(self, node: Node, lines: BoundLines) -> None:
        """Split a range in which nothing jumps; give up on one that is too short."""
        sync_s = halfway(node.times, lines.solutions.sync_s)
        if sync_s is None:
            self._split_times(node, lines, *node.times).closed = True
        else:
            self._split_times(node, lines, sync_s, sync_s)
