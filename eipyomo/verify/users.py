"""The Lagrangian of one end user, in interval arithmetic and SI units."""

from __future__ import annotations

import math
from typing import NamedTuple

from eipyomo.devices import EndUser
from eipyomo.errors import InputError
from eipyomo.instance import Instance
from eipyomo.modes import Mode
from eipyomo.verify.intervals import Ball, flint, is_negative, lower
from eipyomo.verify.reading import Multipliers


class Prices(NamedTuple):
    """What users pay: for a share of the band in each direction, a Hz at the edge, a J, and a s.

    And for sitting out, and for a unit of penalty.
    """

    uplink: Ball
    downlink: Ball
    edge: Ball
    energy: float
    latency: float
    sitting_out: float
    penalty: float


class Needs(NamedTuple):
    """What is sent and computed for a user: by a and ι, or in one of its modes."""

    update: Ball
    offload: Ball
    download: Ball
    local: Ball
    edge: Ball
    start: Ball
    training: Ball
    penalty: Ball
    in_sequence: bool


class Line(NamedTuple):
    """G at an ι, as a function of the sync time."""

    cost: Ball
    slope: Ball


class Link:
    """A radio link, and the safe minimum over its share of the band.

    Attributes
    ----------
    least_share, most_share
        The range of shares; the largest is None where there is none.
    """

    def __init__(
        self, snr: Ball, bandwidth: float, box: tuple[float | None, float | None], most: Ball | None
    ) -> None:
        ball = flint().arb
        low, high = box
        ends = [end for end in (None if high is None else ball(high), most) if end is not None]
        self._snr, self._unit = snr, ball(2).log() / ball(bandwidth)
        self.least_share = ball(low or 0.0)
        self.most_share = None if not ends else ball.min(ends[0], ends[-1])

    def seconds_per_bit(self, share: Ball | None) -> Ball:
        """Return s(b); its limit for a share without end."""
        if share is None:
            return self._unit / self._snr
        return self._unit / (share * (self._snr / share).log1p())

    @property
    def least_seconds_per_bit(self) -> Ball:
        """At the largest share."""
        return self.seconds_per_bit(self.most_share)

    def least(self, weight: Ball, price: Ball) -> Ball:
        """Return a lower bound on min over b of weight · s(b) + price · b.

        Growing in the weight, whose lower end is used; convex in b, so that the tangent at any
        share is below it, and the tangent is lowest at one end of the range.
        """
        ball, weight = flint().arb, weight.lower()
        if not weight > 0:
            return lower(price * self.least_share)
        if self.most_share is None or not price > 0:
            return lower(weight * self.least_seconds_per_bit + price * self.least_share)
        share = ball(self._guess(float(weight), float(price)))
        ratio = self._snr / share
        logarithm = ratio.log1p()
        bend = self._unit * (logarithm - ratio / (1 + ratio)) / (share * logarithm) ** 2
        tangent = weight * bend
        extra = price - tangent
        rest = ball.min(ball(0), extra) * self.most_share
        rest += ball.max(ball(0), extra) * self.least_share
        return lower(weight * self._unit / (share * logarithm) + tangent * share + rest)

    def _guess(self, weight: float, price: float) -> float:
        """Return about the share at which the minimum is; any share gives a valid bound."""
        snr, low, high = map(float, (self._snr, self.least_share, self.most_share))
        if weight * float(self._unit) <= 0.0:
            return high
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
        return min(max(snr / math.expm1(max(u, 1e-300)), low), high)


class User:
    """The numbers of one end user that G needs, as balls.

    Attributes
    ----------
    deadline
        The largest latency T_j, or None.
    modes
        What each mode needs; none for a user without modes. Some may be `closed`.
    """

    def __init__(
        self,
        instance: Instance,
        user: EndUser,
        training: bool,
        most: Ball | None,
        deadline: float | None,
        closed: frozenset[int] = frozenset(),
    ) -> None:
        ball, server = flint().arb, instance.server
        gain, band = ball(user.channel_gain), ball(instance.bandwidth_hz)
        up = ball(user.transmit_power_w) * gain / (band * ball(server.noise_density_w_per_hz))
        down = ball(server.transmit_power_w) * gain / (band * ball(user.noise_density_w_per_hz))
        bounds = (user.min_uplink_share, user.max_uplink_share)
        self.uplink = Link(up, instance.bandwidth_hz, bounds, most)
        bounds = (user.min_downlink_share, user.max_downlink_share)
        self.downlink = Link(down, instance.bandwidth_hz, bounds, most)
        self.deadline = None if deadline is None else ball(deadline)
        self._has = deadline is not None, user.energy_budget_j is not None
        self._limits = ball(deadline or 0.0), ball(user.energy_budget_j or 0.0)
        self._weights = user.energy_weight, user.latency_weight
        self._model = ball(instance.model_bits)
        self._task = ball(0) if training else ball(user.task_bits)
        self._work = ball(instance.cycles_per_bit) * self._task
        self._served = ball(server.frequency_hz)
        self.previous = ball(user.previous_download_s)
        self._start = self.previous + ball(user.local_training_s)
        self._training = ball(user.local_training_j)
        self._powers = ball(user.transmit_power_w), ball(user.receive_power_w)
        self._coefficient = ball(user.energy_coefficient)
        self._fastest = ball(user.max_frequency_hz)
        listed = () if user.modes is None else (instance.modes or {})[user.modes]
        self.modes = tuple([self._mode(instance, user, mode, training) for mode in listed])
        self._open = [way for k, way in enumerate(self.modes) if k not in closed]

    def needs(self, offload: Ball, download: bool) -> Needs:
        """Return what is needed at an offload fraction."""
        ball = flint().arb
        return Needs(
            update=self._model,
            offload=offload * self._task,
            download=self._model if download else ball(0),
            local=(1 - offload) * self._work if download else ball(0),
            edge=offload * self._work,
            start=self._start,
            training=self._training,
            penalty=ball(0),
            in_sequence=False,
        )

    def _mode(self, instance: Instance, user: EndUser, mode: Mode, training: bool) -> Needs:
        """Return what a mode needs; what it leaves out is as for the letter's user, in doubles.

        In a training round there is no task, and everybody downloads the model.
        """
        ball = flint().arb

        def said(value: float | None, otherwise: Ball) -> Ball:
            return otherwise if value is None else ball(value)

        sent_bits, edge_cycles, local_cycles = mode.offload_bits or 0.0, mode.edge_cycles, 0.0
        if edge_cycles is None:
            edge_cycles = instance.cycles_per_bit * sent_bits
        if mode.local_cycles is None:
            local_cycles = max(instance.cycles_per_bit * user.task_bits - edge_cycles, 0.0)
        offload, edge = ball(sent_bits), ball(edge_cycles)
        local = said(mode.local_cycles, ball(local_cycles))
        download = said(mode.download_bits, self._model if local > 0 else ball(0))
        if training:
            offload, local, edge, download = ball(0), ball(0), ball(0), self._model
        here = download != 0 or local != 0
        follows = bool(mode.in_sequence) and here and not (offload == 0 and edge == 0)
        return Needs(
            update=said(mode.update_bits, self._model),
            offload=offload,
            download=download,
            local=local,
            edge=edge,
            start=self.previous + said(mode.training_s, ball(user.local_training_s)),
            training=said(mode.training_j, self._training),
            penalty=ball(mode.penalty or 0.0),
            in_sequence=follows,
        )

    def lagrangian(
        self,
        needs: Needs,
        multipliers: Multipliers,
        prices: Prices,
        weighted: bool,
    ) -> Line:
        """Return G for what is needed, with the user's weights or without."""
        ball = flint().arb
        self._check(multipliers, prices, weighted)
        self._check_uploads(needs, multipliers)
        local, ready, sync, deadline, budget = (ball(one) for one in multipliers)
        own = [ball(one) for one in self._weights] if weighted else [ball(0), ball(0)]
        energy = own[0] + budget + ball(prices.energy)  # V
        latency = own[1] + deadline + ball(prices.latency)  # W
        edge = local if needs.in_sequence else latency - local  # else ν1 + ν2
        send, receive = (energy * power for power in self._powers)
        cost = energy * needs.training - latency * self.previous
        cost -= deadline * self._limits[0] + budget * self._limits[1]
        cost += (ready + sync) * needs.start
        cost += (ball(1 if weighted else 0) + ball(prices.penalty)) * needs.penalty
        if needs.update == 0:
            cost += ball(prices.sitting_out)
        cost += self._least_at_edge(edge * needs.edge, prices.edge)
        load = needs.update + needs.offload
        sent = (send + ready) * load + sync * needs.update
        sent += local * needs.offload if needs.in_sequence else ball(0)
        cost += self.uplink.least(sent, prices.uplink)
        if needs.download != 0:
            cost += self.downlink.least((receive + local) * needs.download, prices.downlink)
        per_cycle = self._least_per_cycle(energy * self._coefficient, local)
        cost += needs.local * per_cycle
        return Line(cost, latency - ready - sync)

    def _check(self, multipliers: Multipliers, prices: Prices, weighted: bool) -> None:
        """Refuse multipliers of limits that the user has not, and μ + ν2 > W."""
        priced = multipliers.deadline, multipliers.energy
        if any(price and not has for price, has in zip(priced, self._has, strict=True)):
            raise InputError("the certificate is broken: a multiplier of a limit that is not there")
        if self._is_short(multipliers, multipliers.local, prices, weighted):
            raise InputError("the certificate is broken: multipliers sum to more than the weights")

    def _check_uploads(self, needs: Needs, multipliers: Multipliers) -> None:
        """Refuse multipliers of uploads that there are not."""
        nothing = needs.update == 0, needs.in_sequence or needs.update + needs.offload == 0
        if (nothing[0] and multipliers.sync) or (nothing[1] and multipliers.ready):
            raise InputError(
                "the certificate is broken: a multiplier of an upload that is not there"
            )

    def falls(self, multipliers: Multipliers, prices: Prices, weighted: bool) -> bool:
        """Tell whether G falls in the sync time."""
        return self._is_short(multipliers, multipliers.sync, prices, weighted)

    def _is_short(
        self, multipliers: Multipliers, taken: float, prices: Prices, weighted: bool
    ) -> bool:
        """Tell whether W is less than ν2 and another multiplier."""
        weight = self._weights[1] if weighted else 0.0
        terms = (weight, multipliers.deadline, prices.latency, -multipliers.ready, -taken)
        return is_negative(sum(map(flint().arb, terms), flint().arb(0)), *terms)

    def _least_at_edge(self, weight: Ball, price: Ball) -> Ball:
        """Return a lower bound on min over f ≤ f_s of weight/f + price · f.

        Growing in the weight, which is not below 0 and whose lower end is used. Twice the root of
        weight · price is the minimum over all f, below every value.
        """
        weight = flint().arb.max(weight.lower(), flint().arb(0))
        if not price > 0 or weight > price * self._served**2:
            return weight / self._served + price * self._served
        return 2 * (weight * price).sqrt()

    def _least_per_cycle(self, cpu: Ball, local: Ball) -> Ball:
        """Return a lower bound on min over f of V κ f² + μ/f."""
        if not local > 0:
            return flint().arb(0)
        if local > 2 * cpu * self._fastest**3:
            return cpu * self._fastest**2 + local / self._fastest
        if not cpu > 0:
            return local / self._fastest
        return 3 * cpu.root(3) * (local / 2).root(3) ** 2

    def least_cost_from(self, t: Ball) -> Ball:
        """Return what the user pays by its weights at least if the sync is not before t."""
        ball = flint().arb
        energy, latency = (ball(weight) for weight in self._weights)
        second = self._powers[0] * self.uplink.least_seconds_per_bit
        ways = self._open or [self.needs(ball(0), download=False)]
        least = min(
            lower(energy * (way.training + second * way.update) + way.penalty) for way in ways
        )
        return least + latency * (t - self.previous)

    def share_by(self, t: Ball) -> Ball | None:
        """Return a share that is too small to upload before t, or the least allowed one.

        None if every share is too small.
        """
        if self._is_late(self.uplink.most_share, t):
            return None
        ball = flint().arb
        low, high = 0.0, self._enough(t)
        for _ in range(110):
            middle = math.sqrt(low * high) if low > 0.0 else high * 1e-3
            if not low < middle < high:
                break
            if self._is_late(ball(middle), t):
                low = middle
            elif middle < 1e-100:
                break
            else:
                high = middle
        return ball.max(ball(low), self.uplink.least_share)

    def _enough(self, t: Ball) -> float:
        """Return a share that may be large enough to upload before t."""
        if self.uplink.most_share is not None:
            return float(self.uplink.most_share)
        share = 1.0
        while share < 1e100 and self._is_late(flint().arb(share), t):
            share *= 2.0
        return share

    def _is_late(self, share: Ball | None, t: Ball) -> bool:
        """Tell whether an upload with a share surely ends after t, in whichever mode."""
        seconds = self.uplink.seconds_per_bit(share)
        if self._open:
            return all(
                way.update != 0 and way.start + way.update * seconds > t for way in self._open
            )
        return bool(self._start + self._model * seconds > t)
