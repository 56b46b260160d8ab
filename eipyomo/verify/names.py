"""Which problem the decisions make that a certificate leaves open, whatever it calls it."""

from __future__ import annotations

import math

from eipyomo.devices import EndUser
from eipyomo.instance import Instance
from eipyomo.verify.reading import Certificate, Domain
from eipyomo.verify.users import User

ROUNDING = 1e-9
"""By how many points of a grid a bound on ι may miss one that is meant."""

Decisions = tuple[bool, bool, float, float]
"""Whether a = 0, and whether a = 1 is left, with which range of ι."""


def problems(instance: Instance, certificate: Certificate) -> tuple[str, ...]:
    """Return the names of all problems that these decisions make, the usual one first.

    There may be several where the data of users limit what they decide.
    """
    domains = certificate.domains
    if certificate.training:
        name = "gbe training" if certificate.split else "training"
        whole = all(
            domain.left == list(range(domain.modes)) if domain.modes else domain.computes
            for domain in domains
        )
        return (name,) if whole else ("restricted",)
    found = tuple(
        name
        for name, own in _named(certificate).items()
        if all(
            _is_all(instance, own, user, domain, certificate)
            for user, domain in zip(instance.users, domains, strict=True)
        )
    )
    limited = any(_limits(user, certificate) for user in instance.users)
    return (*found, "restricted") if limited or not found else found


def _closed(
    instance: Instance, user: EndUser, own: Domain, certificate: Certificate
) -> set[int] | None:
    """Return which modes of a user a problem closes; None where that is not said."""
    if certificate.grid:
        return None
    if own.edge and own.local:
        return set() if own.high - own.low == certificate.most else None
    needs = User(instance, user, certificate.training, None, None).modes
    if own.edge:  # with eco nothing is downloaded or computed by the user
        return {k for k, way in enumerate(needs) if way.download != 0 or way.local > 0}
    return {k for k, way in enumerate(needs) if way.offload != 0 or way.edge != 0}


def _is_all(
    instance: Instance, own: Domain, user: EndUser, domain: Domain, certificate: Certificate
) -> bool:
    """Tell whether a domain is all that a problem and a user's data leave it."""
    if domain.modes:
        closed = _closed(instance, user, own, certificate)
        return closed is not None and domain.left == [
            k for k in range(domain.modes) if k not in closed
        ]
    return _normal(_limited(own, user, certificate)) == _normal(domain)


def _named(certificate: Certificate) -> dict[str, Domain]:
    """Return the problems that have a name, with what each leaves to a user without limits."""
    most, split = certificate.most, certificate.split
    everything = Domain(edge=True, local=True, low=0, high=most)
    if certificate.grid:
        named = {} if split else {f"grid:{1.0 / certificate.grid:g}": everything}
    else:
        named = {"gbe" if split else "joint": everything}
    if not split:
        named["lco"] = Domain(edge=False, local=True, low=0, high=0)
        named["eco"] = Domain(edge=True, local=False, low=0, high=most)
    return named


def _limited(domain: Domain, user: EndUser, certificate: Certificate) -> Domain:
    """Return what a user's data leave of a domain."""
    grid, most = certificate.grid, certificate.most
    low, high = user.min_offload_fraction or 0.0, user.max_offload_fraction
    high = 1.0 if high is None else high
    if grid:
        low, high = math.ceil(low * grid - ROUNDING), math.floor(high * grid + ROUNDING)
    return Domain(
        edge=domain.edge and user.download != "always" and high >= most,
        local=domain.local and user.download != "never",
        low=max(domain.low, low),
        high=min(domain.high, high),
    )


def _limits(user: EndUser, certificate: Certificate) -> bool:
    """Tell whether a user's data limit its decisions."""
    everything = Domain(edge=True, local=True, low=0, high=certificate.most)
    return _normal(_limited(everything, user, certificate)) != _normal(everything)


def _normal(domain: Domain) -> Decisions:
    """Return a domain without the range of ι where there is none."""
    computes = domain.computes
    ends = (float(domain.low), float(domain.high)) if computes else (0.0, 0.0)
    return (domain.edge, computes, *ends)
