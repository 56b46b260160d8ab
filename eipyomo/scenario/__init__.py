"""Scenarios: places, devices, network and server in one document, and the instance they make."""

from typing import TYPE_CHECKING

from eipyomo.lazily import names_of

if TYPE_CHECKING:
    from eipyomo.scenario.document import Scenario as Scenario
    from eipyomo.scenario.facts import Fact as Fact
else:
    __getattr__, __dir__, __all__ = names_of(__name__, __file__)
