"""The devices of an instance: end users and the edge server, in SI units."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal, Self

import numpy as np
from pydantic import Field, StrictStr, model_validator

from eipyomo.at_once import said
from eipyomo.errors import InputError
from eipyomo.validation import NonNegative, Part, Positive, PositivePart, Record
from eipyomo.words import short


class EndUser(Record):
    """One end user (EU) j; see the field descriptions for the letter's symbols.

    The keys that may be left out are limits, which the letter has not; see ``docs/limits.md``.
    """

    of_a_user: ClassVar[bool] = True

    name: Annotated[StrictStr, Field(min_length=1, description="a non-empty text, unique")]
    channel_gain: Annotated[Positive, Field(description="channel power gain h_j")]
    task_bits: Annotated[NonNegative, Field(description="inference task L_j in bit")]
    transmit_power_w: Annotated[Positive, Field(description="transmit power p_j in W")]
    receive_power_w: Annotated[NonNegative, Field(description="receiver power p_j^md in W")]
    noise_density_w_per_hz: Annotated[
        Positive, Field(description="noise density at the user in W/Hz")
    ]
    max_frequency_hz: Annotated[Positive, Field(description="largest CPU frequency f_max in Hz")]
    energy_coefficient: Annotated[
        NonNegative, Field(description="energy coefficient kappa_c of the CPU in J s^2/cycle^3")
    ]
    energy_weight: Annotated[NonNegative, Field(description="weight w_j^e of energy in 1/J")]
    latency_weight: Annotated[Positive, Field(description="weight w_j^t of latency in 1/s")]
    previous_download_s: Annotated[
        NonNegative, Field(description="model download time of the previous round in s")
    ]
    local_training_s: Annotated[NonNegative, Field(description="local training time in s")]
    local_training_j: Annotated[NonNegative, Field(description="local training energy in J")]
    deadline_s: Annotated[
        Positive | None,
        Field(description="a finite number > 0 (largest latency T_j in s), or left out"),
    ] = None
    energy_budget_j: Annotated[
        Positive | None,
        Field(description="a finite number > 0 (largest energy E_j in J), or left out"),
    ] = None
    min_uplink_share: Annotated[
        Part | None,
        Field(description="a number >= 0 and <= 1 (least uplink share), or left out"),
    ] = None
    max_uplink_share: Annotated[
        PositivePart | None,
        Field(description="a number > 0 and <= 1 (largest uplink share), or left out"),
    ] = None
    min_downlink_share: Annotated[
        Part | None,
        Field(description="a number >= 0 and <= 1 (least share to download with), or left out"),
    ] = None
    max_downlink_share: Annotated[
        PositivePart | None,
        Field(description="a number > 0 and <= 1 (largest share to download with), or left out"),
    ] = None
    download: Annotated[
        Literal["free", "always", "never"] | None,
        Field(description="'free', 'always' or 'never' (whether it downloads, a_j), or left out"),
    ] = None
    min_offload_fraction: Annotated[
        Part | None,
        Field(description="a number >= 0 and <= 1 (least offload fraction), or left out"),
    ] = None
    max_offload_fraction: Annotated[
        Part | None,
        Field(description="a number >= 0 and <= 1 (largest offload fraction), or left out"),
    ] = None
    modes: Annotated[
        StrictStr | None,
        Field(description="the name of a list in the instance's modes, or left out"),
    ] = None

    @model_validator(mode="after")
    def _limits_go_together(self) -> Self:
        for what in BOUNDED:
            least, most = getattr(self, f"min_{what}"), getattr(self, f"max_{what}")
            if None not in (least, most) and least > most:
                raise InputError(
                    f"min_{what} (user {short(self.name)}) is {least:g}, but must be at most "
                    f"max_{what}, which is {most:g}"
                )
        decided = [key for key in DECIDED if getattr(self, key) is not None]
        if self.modes is not None and decided:
            raise InputError(
                f"{decided[0]} (user {short(self.name)}) is {short(getattr(self, decided[0]))}, "
                "but must be left out for a user with modes, which say what it may do"
            )
        most = self.max_offload_fraction
        if self.download == "never" and most is not None and most < 1.0:
            raise InputError(
                f"max_offload_fraction (user {short(self.name)}) is {most:g}, but must be 1 for a "
                "user that never downloads, since the whole task is at the edge then"
            )
        return self

    @classmethod
    def go_together(cls, columns: Mapping[str, Any]) -> bool:
        """Tell of many users' limits what a user's own check says of its own."""
        for what in BOUNDED:
            least, most = columns.get(f"min_{what}"), columns.get(f"max_{what}")
            if least is not None and most is not None and (least > most).any():
                return False
        if "modes" in columns:
            has_modes = said(columns, "modes")
            if any((has_modes & said(columns, key)).any() for key in DECIDED):
                return False
        if "download" not in columns or "max_offload_fraction" not in columns:
            return True
        never = np.array([download == "never" for download in columns["download"]], np.bool_)
        return not (never & (columns["max_offload_fraction"] < 1.0)).any()


BOUNDED = ("uplink_share", "downlink_share", "offload_fraction")
"""What has a least and a most."""

DECIDED = ("download", "min_offload_fraction", "max_offload_fraction")
"""Keys that limit what a user may do, as modes do."""


class EdgeServer(Record):
    """The edge server (ES).

    Without `total_frequency_hz` every task is served at `frequency_hz`, as in (2). With it the
    frequencies f_{s,j} are decisions (footnote 2): each at most `frequency_hz`, all together at
    most `total_frequency_hz`.
    """

    transmit_power_w: Annotated[Positive, Field(description="transmit power P_s in W")]
    frequency_hz: Annotated[
        Positive, Field(description="CPU frequency f_s that serves a task, in Hz")
    ]
    total_frequency_hz: Annotated[
        Positive | None,
        Field(
            description="a finite number > 0 (CPU frequency F in Hz that all tasks share), or left "
            "out"
        ),
    ] = None
    noise_density_w_per_hz: Annotated[
        Positive, Field(description="noise density at the server in W/Hz")
    ]
