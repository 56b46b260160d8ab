"""What a radio channel is made of: path loss, shadowing, fading, antennas and noise."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal, Self

import numpy as np
from pydantic import BeforeValidator, Field, InstanceOf, model_validator

from eipyomo.channel import dbm_to_watt
from eipyomo.errors import InputError
from eipyomo.radio.path_loss import (
    Exponent,
    FloatColumn,
    FreeSpace,
    LogDistance,
    Macro,
    PathLoss,
)
from eipyomo.radio.tr38901 import Office, Standard, StreetCanyon, UrbanMacro
from eipyomo.units import in_si
from eipyomo.validation import Finite, NonNegative, Positive, Record, text_keys
from eipyomo.words import short

PATH_LOSSES: Final[Mapping[str, type[PathLoss]]] = {
    "exponent": Exponent,
    "free_space": FreeSpace,
    "log_distance": LogDistance,
    "macro": Macro,
    "uma": UrbanMacro,
    "umi": StreetCanyon,
    "inh": Office,
}
"""Models of the path loss by their names in documents."""


def chosen(value: Any, key: str, kinds: Mapping[str, type[Record]]) -> Any:
    """Return the record that a document means, which names its kind by one of its keys.

    A record, a kind's name alone, or an object, whose keys may be in other units; whatever else it
    is stays to be refused.
    """
    told = {key: value} if isinstance(value, str) else value
    if not isinstance(told, Mapping):
        return value
    name = told.get(key)
    if not isinstance(name, str) or name not in kinds:
        state = "missing: it must be" if name is None else f"{short(name)}, but must be"
        raise InputError(f"{key} is {state} one of: {', '.join(kinds)}")
    return kinds[name].of(in_si(text_keys(told), kinds[name].model_fields))


class Shadowing(Record):
    """Log-normal shadowing, correlated by exp(-distance / correlation distance).

    What is left out is as in the standard of the path loss, for users with a line of sight and for
    those without one, who do not share it.
    """

    sigma_db: Annotated[
        NonNegative | None,
        Field(description="a finite number >= 0 (standard deviation in dB), or left out"),
    ] = None
    correlation_m: Annotated[
        NonNegative | None,
        Field(description="a finite number >= 0 (correlation distance in m), or left out"),
    ] = None


class Fading(Record):
    """How a gain varies around its mean from one round to the next: power gains of mean 1.

    ``none``; ``rayleigh``: exponential; ``rician``: a steady part `k_db` above the rest;
    ``nakagami``: gamma of shape `m` (M. K. Simon and M.-S. Alouini, Digital Communication over
    Fading Channels, Table 2.2).
    """

    law: Annotated[
        Literal["none", "rayleigh", "rician", "nakagami"],
        Field(description="'none', 'rayleigh', 'rician' or 'nakagami'"),
    ] = "rayleigh"
    k_db: Annotated[
        Annotated[Finite, Field(ge=-100.0, le=100.0)] | None,
        Field(
            description="a number from -100 to 100 (steady part above the rest, K in dB), for "
            "'rician'"
        ),
    ] = None
    m: Annotated[
        Annotated[Positive, Field(ge=0.5)] | None,
        Field(description="a finite number >= 0.5 (shape), for 'nakagami'"),
    ] = None

    @model_validator(mode="after")
    def _has_what_it_needs(self) -> Self:
        for key, law in (("k_db", "rician"), ("m", "nakagami")):
            if (getattr(self, key) is not None) != (self.law == law):
                state = "missing" if self.law == law else "given"
                raise InputError(
                    f"{key} is {state}, but must be there for law {law!r}, and for no other"
                )
        return self

    @property
    def variance(self) -> float:
        """Variance of the power gain; its mean is 1."""
        if self.k_db is not None:
            k = 10.0 ** (self.k_db / 10.0)
            return float((1.0 + 2.0 * k) / (1.0 + k) ** 2)
        if self.m is not None:
            return 1.0 / self.m
        return 0.0 if self.law == "none" else 1.0

    def drawn(self, generator: np.random.Generator, count: int) -> FloatColumn:
        """Draw power gains of mean 1, (count,)."""
        if self.k_db is not None:
            k = 10.0 ** (self.k_db / 10.0)
            rest = generator.standard_normal((count, 2)) * np.sqrt(0.5 / (k + 1.0))
            rest[:, 0] += np.sqrt(k / (k + 1.0))
            return np.asarray((rest**2).sum(axis=1))
        if self.m is not None:
            return generator.gamma(self.m, 1.0 / self.m, count)
        if self.law == "none":
            return np.ones(count)
        return generator.exponential(size=count)


def _shadowing(value: Any) -> Any:
    return Shadowing() if value == "standard" else value


def _fading(value: Any) -> Any:
    return Fading(law=value) if isinstance(value, str) else value


class Channel(Record):
    """The channel between a server and its users; as it stands without arguments, the letter's.

    Attributes
    ----------
    path_loss
        A model, or its name alone where it has no key that must be given: ``"umi"``.
    shadowing
        None, :class:`Shadowing`, or ``"standard"``.
    fading
        :class:`Fading`, or the name of its law.
    server_antenna_dbi, user_antenna_dbi
        Gains of the antennas; the letter's model has one of its own.
    server_noise_figure_db, user_noise_figure_db
        What receivers add to the noise density.
    outside
        What happens where the path loss does not hold: ``"refuse"``, or ``"tell"`` in a warning.
    """

    path_loss: Annotated[
        InstanceOf[PathLoss],
        BeforeValidator(lambda value: chosen(value, "model", PATH_LOSSES)),
        Field(description="an object (the path loss)"),
    ] = Exponent()
    shadowing: Annotated[
        Shadowing | None,
        BeforeValidator(_shadowing),
        Field(description="an object (the shadowing), 'standard', or left out"),
    ] = None
    fading: Annotated[
        Fading,
        BeforeValidator(_fading),
        Field(description="an object (the fading), or the name of its law"),
    ] = Fading()
    server_antenna_dbi: Annotated[Finite, Field(description="server's antenna gain in dBi")] = 0.0
    user_antenna_dbi: Annotated[Finite, Field(description="users' antenna gain in dBi")] = 0.0
    server_noise_figure_db: Annotated[
        NonNegative, Field(description="noise figure of the server's receiver in dB")
    ] = 0.0
    user_noise_figure_db: Annotated[
        NonNegative, Field(description="noise figure of the users' receivers in dB")
    ] = 0.0
    noise_density_dbm_per_hz: Annotated[
        Finite, Field(description="density of thermal noise in dBm/Hz")
    ] = -174.0
    outside: Annotated[Literal["refuse", "tell"], Field(description="'refuse' or 'tell'")] = (
        "refuse"
    )

    @model_validator(mode="after")
    def _shadowing_is_known(self) -> Self:
        told = self.shadowing
        if told is not None and not isinstance(self.path_loss, Standard):
            for key in ("sigma_db", "correlation_m"):
                if getattr(told, key) is None:
                    raise InputError(
                        f"shadowing.{key} is missing, but no standard gives it for this path loss: "
                        "a finite number >= 0 is required"
                    )
        return self

    @property
    def server_noise_density_w_per_hz(self) -> float:
        """Noise density at the server, with what its receiver adds."""
        return dbm_to_watt(self.noise_density_dbm_per_hz + self.server_noise_figure_db)

    @property
    def user_noise_density_w_per_hz(self) -> float:
        """Noise density at the users, with what their receivers add."""
        return dbm_to_watt(self.noise_density_dbm_per_hz + self.user_noise_figure_db)

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> Self:
        """Return the channel that an object of a document describes."""
        return cls.of(document)

    def to_dict(self) -> dict[str, Any]:
        """Return the channel as an object of a document, with all that it takes for granted."""
        return document_of(self)


def document_of(record: Record) -> dict[str, Any]:
    """Return a record as an object of a document, without what is left out."""
    told = {
        key: document_of(value) if isinstance(value, Record) else value
        for key, value in record.data().items()
        if value is not None
    }
    kind = {"model": told.pop("model")} if "model" in told else {}
    return kind | told
