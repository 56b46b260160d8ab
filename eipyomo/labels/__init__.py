"""Optima of many instances as columns to learn from, and their files."""

from typing import TYPE_CHECKING

from eipyomo.lazily import names_of

if TYPE_CHECKING:
    from eipyomo.labels.data import Dataset as Dataset
    from eipyomo.labels.data import read_dataset as read_dataset
else:
    __getattr__, __dir__, __all__ = names_of(__name__, __file__)
