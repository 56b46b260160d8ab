"""Channels and places: where users are, and the gains that follow, with what made them."""

from typing import TYPE_CHECKING

from eipyomo.lazily import names_of

if TYPE_CHECKING:
    from eipyomo.radio.channel import Channel as Channel
    from eipyomo.radio.channel import Fading as Fading
    from eipyomo.radio.channel import Shadowing as Shadowing
    from eipyomo.radio.links import Links as Links
    from eipyomo.radio.path_loss import Exponent as Exponent
    from eipyomo.radio.path_loss import FreeSpace as FreeSpace
    from eipyomo.radio.path_loss import LogDistance as LogDistance
    from eipyomo.radio.path_loss import Macro as Macro
    from eipyomo.radio.places import Disc as Disc
    from eipyomo.radio.places import Hexagon as Hexagon
    from eipyomo.radio.places import Listed as Listed
    from eipyomo.radio.places import Radial as Radial
    from eipyomo.radio.places import Street as Street
    from eipyomo.radio.places import read_places as read_places
    from eipyomo.radio.tr38901 import Office as Office
    from eipyomo.radio.tr38901 import StreetCanyon as StreetCanyon
    from eipyomo.radio.tr38901 import UrbanMacro as UrbanMacro
    from eipyomo.radio.traces import gains_of_throughput as gains_of_throughput
else:
    __getattr__, __dir__, __all__ = names_of(__name__, __file__)
