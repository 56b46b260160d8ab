"""Published settings of the field, each value with its source; see docs/presets.md.

Each stands in a JSON file of this package, which is read when it is asked for.
"""

from typing import TYPE_CHECKING

from eipyomo.lazily import names_of

if TYPE_CHECKING:
    from eipyomo.presets.published import Preset as Preset
    from eipyomo.presets.shelf import frame as frame
    from eipyomo.presets.shelf import instance as instance
    from eipyomo.presets.shelf import links as links
    from eipyomo.presets.shelf import names as names
    from eipyomo.presets.shelf import preset as preset
else:
    __getattr__, __dir__, __all__ = names_of(__name__, __file__)
