"""A catalogue of networks, devices and radios, each number with its source; see docs/catalog.md.

What is in it stands in the files of ``data``; nothing is read before it is asked for.
"""

from typing import TYPE_CHECKING

from eipyomo.lazily import names_of

if TYPE_CHECKING:
    from eipyomo.catalog.entries import Device as Device
    from eipyomo.catalog.entries import Origin as Origin
    from eipyomo.catalog.entries import Radio as Radio
    from eipyomo.catalog.layered import BITS as BITS
    from eipyomo.catalog.layered import Layer as Layer
    from eipyomo.catalog.layered import Network as Network
    from eipyomo.catalog.shelves import device as device
    from eipyomo.catalog.shelves import devices as devices
    from eipyomo.catalog.shelves import network as network
    from eipyomo.catalog.shelves import networks as networks
    from eipyomo.catalog.shelves import radio as radio
    from eipyomo.catalog.shelves import radios as radios
else:
    __getattr__, __dir__, __all__ = names_of(__name__, __file__)
