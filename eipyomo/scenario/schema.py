"""How scenarios call themselves: all that must be known to tell them from other documents."""

from typing import Final

SCHEMA: Final = "eipyomo/scenario@1"
