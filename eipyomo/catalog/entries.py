"""Devices and radios: numbers, each with whether it is measured, stated or derived, and whence."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Final, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from eipyomo.catalog.layered import Count, Text, Texts
from eipyomo.channel import dbm_to_watt
from eipyomo.errors import InputError
from eipyomo.summary import Summarised, Summary
from eipyomo.units import in_si
from eipyomo.validation import Finite, FrozenMapping, NonNegative, Positive, Record, positive_number

if TYPE_CHECKING:
    import pandas as pd

How = Literal["measured", "stated", "standard", "assumed", "derived"]
"""``measured`` by somebody who says how; ``stated`` by the maker; said by a ``standard``;
``assumed`` by a study; ``derived`` from what the note says."""

THERMAL_NOISE_DBM_PER_HZ: Final = -174.0
"""k T at 290 K, as the letter has it."""


class Origin(Record):
    """Where a number comes from.

    Attributes
    ----------
    how
        ``measured``, ``stated``, ``standard`` or ``assumed``.
    source
        Author or maker, title, year, table.
    note
        Under which conditions, if that needs to be said.
    """

    how: Annotated[How, Field(description="one of: measured, stated, standard, assumed, derived")]
    source: Text
    note: str = ""


class Entry(Summarised, Record):
    """What devices and radios have in common: numbers in SI units, and an origin of each."""

    derives: ClassVar[Mapping[str, str]] = {}

    name: Text
    aliases: Texts = ()
    kind: Text
    origins: Annotated[
        dict[str, Origin],
        AfterValidator(FrozenMapping),
        Field(description="an object with origins"),
    ]

    def replace(self, **changes: Any) -> Self:
        """Return the entry with other numbers, checked like any other; their origins are gone.

        Raises
        ------
        InputError
            If a key is unknown, or a value is not allowed.
        """
        kept = {key: one for key, one in self.origins.items() if key not in changes}
        return super().replace(**{"origins": kept, **changes})

    @classmethod
    def of_row(cls, row: Mapping[str, Any], sources: Mapping[str, str]) -> Self:
        """Return the entry of a row in a data file.

        Parameters
        ----------
        row
            Its ``numbers`` are objects of ``value``, ``how``, ``source`` and ``note`` by keys in
            any unit.
        sources
            Full sources by the names that rows have for them.
        """
        told = dict(row)
        numbers = told.pop("numbers")
        found = in_si({key: one["value"] for key, one in numbers.items()}, cls.model_fields)
        origins = {
            key: Origin(how=one["how"], source=sources[one["source"]], note=one.get("note", ""))
            for key, one in zip(found, numbers.values(), strict=True)
        }
        return cls(**told, **found, origins=origins)

    def _numbers(self) -> Iterator[tuple[str, float]]:
        """Iterate over the quantities that are known, derived ones last."""
        for key in (*type(self).model_fields, *self.derives):
            value = getattr(self, key)
            if isinstance(value, float):
                yield key, value

    def explain(self) -> pd.DataFrame:
        """Return a row for each number: ``key``, ``value``, ``how``, ``source`` and ``note``.

        ``how`` is ``derived`` for what follows from other numbers, by the formula in ``note``, and
        ``given`` for what is yours.
        """
        import pandas as pd

        return pd.DataFrame(self._rows())

    def _rows(self) -> list[dict[str, Any]]:
        rows = []
        for key, value in self._numbers():
            origin = self.origins.get(key)
            told = {"key": key, "value": value, "how": "given", "source": "", "note": ""}
            if key in self.derives:
                told |= {"how": "derived", "note": self.derives[key]}
            elif origin is not None:
                told |= {"how": origin.how, "source": origin.source, "note": origin.note}
            rows.append(told)
        return rows

    def _summary(self) -> Summary:
        rows = self._rows()
        facts = (self.kind, *(f"{row['key']} {row['value']:.4g}" for row in rows))
        return Summary(self.name, facts, rows, len(rows))

    def row(self) -> dict[str, Any]:
        """Return the entry as a row of a table, with its sources in one text."""
        numbers = dict(self._numbers())
        keys = [key for key in type(self).model_fields if key not in ("origins", "aliases")]
        return {
            **{key: getattr(self, key) for key in keys},
            **{key: numbers.get(key) for key in self.derives},
            "source": "; ".join(dict.fromkeys(one.source for one in self.origins.values())),
        }


class Device(Entry):
    """A device that computes: an end user's, or an edge server.

    Attributes
    ----------
    processor, cores
        The processor, and how many of its cores the numbers are of.
    min_frequency_hz, max_frequency_hz
        Range of the clock.
    load_power_w, idle_power_w, load_frequency_hz
        Power with these cores busy at that clock, and without work, where the load has it inside.
    macs_per_second
        Multiply-accumulates a second in float32 at the same point.
    wifi_receive_power_w, cellular_receive_power_w
        Power of its radios while they receive.
    """

    derives: ClassVar[Mapping[str, str]] = {
        "energy_coefficient": "(load_power_w - idle_power_w) / load_frequency_hz^3",
        "macs_per_cycle": "macs_per_second / load_frequency_hz",
    }

    processor: Text
    cores: Count
    min_frequency_hz: Positive | None = None
    max_frequency_hz: Positive
    load_frequency_hz: Positive
    load_power_w: Positive
    idle_power_w: NonNegative | None = None
    macs_per_second: Positive
    wifi_receive_power_w: NonNegative | None = None
    cellular_receive_power_w: NonNegative | None = None

    @model_validator(mode="after")
    def _works_at_a_cost(self) -> Self:
        if self.idle_power_w is not None and self.idle_power_w >= self.load_power_w:
            raise InputError(
                f"idle_power_w is {self.idle_power_w:g}, but must be below load_power_w, which is "
                f"{self.load_power_w:g}"
            )
        return self

    @property
    def energy_coefficient(self) -> float:
        """κ in J s^2/cycle^3: the power that computing adds, over the cube of the clock."""
        return (self.load_power_w - (self.idle_power_w or 0.0)) / self.load_frequency_hz**3

    @property
    def macs_per_cycle(self) -> float:
        """Multiply-accumulates of all these cores in one cycle of the clock."""
        return self.macs_per_second / self.load_frequency_hz

    def receive_power_w(self, radio: Radio) -> float | None:
        """Return p^md with a radio: the device's own where it is known, or else the radio's."""
        own = {"Wi-Fi": self.wifi_receive_power_w, "cellular": self.cellular_receive_power_w}
        found = own.get(radio.kind)
        return radio.receive_power_w if found is None else found

    def as_user(self, radio: Radio) -> dict[str, float]:
        """Return what an end user has of this device and a radio, by the keys of an instance.

        ``receive_power_w`` is missing where neither knows it.
        """
        found = {
            "max_frequency_hz": self.max_frequency_hz,
            "energy_coefficient": self.energy_coefficient,
            "transmit_power_w": radio.transmit_power_w,
            "noise_density_w_per_hz": radio.noise_density_w_per_hz,
        }
        receive_power_w = self.receive_power_w(radio)
        if receive_power_w is not None:
            found["receive_power_w"] = receive_power_w
        return found

    def as_server(self, radio: Radio) -> dict[str, float]:
        """Return what an edge server has of this device and a radio, by the keys of an instance.

        All tasks together have the device's clock, ``total_frequency_hz``, and one may have all.
        """
        return {
            "frequency_hz": self.max_frequency_hz,
            "total_frequency_hz": self.max_frequency_hz,
            "transmit_power_w": radio.server_transmit_power_w,
            "noise_density_w_per_hz": radio.server_noise_density_w_per_hz,
        }

    def cycles_per_bit(self, macs_per_bit: float) -> float:
        """Return C of a task that needs so many multiply-accumulates for each of its bits."""
        return positive_number("macs_per_bit", macs_per_bit) / self.macs_per_cycle


class Radio(Entry):
    """A radio: the band, and the powers and noise at both ends.

    Attributes
    ----------
    bandwidth_hz, carrier_hz
        B and the carrier.
    transmit_power_w, receive_power_w
        p_j and p_j^md of the user.
    noise_figure_db
        Of the user's receiver.
    server_transmit_power_w, server_noise_figure_db
        P_s and the noise figure of the base station or access point.
    """

    derives: ClassVar[Mapping[str, str]] = {
        "noise_density_w_per_hz": "-174 dBm/Hz + noise_figure_db",
        "server_noise_density_w_per_hz": "-174 dBm/Hz + server_noise_figure_db",
    }

    bandwidth_hz: Positive
    carrier_hz: Positive
    transmit_power_w: Positive
    receive_power_w: NonNegative | None = None
    noise_figure_db: Finite
    server_transmit_power_w: Positive
    server_noise_figure_db: Finite

    @property
    def noise_density_w_per_hz(self) -> float:
        """δ_j² at the user: thermal noise and the receiver's noise figure."""
        return dbm_to_watt(THERMAL_NOISE_DBM_PER_HZ + self.noise_figure_db)

    @property
    def server_noise_density_w_per_hz(self) -> float:
        """δ_s² at the server, likewise."""
        return dbm_to_watt(THERMAL_NOISE_DBM_PER_HZ + self.server_noise_figure_db)
