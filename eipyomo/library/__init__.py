"""Named instances with their best known values, bounds and proofs; see docs/library.md."""

from typing import TYPE_CHECKING

from eipyomo.lazily import names_of

if TYPE_CHECKING:
    from eipyomo.library.checking import Checked as Checked
    from eipyomo.library.checking import check as check
    from eipyomo.library.shelf import Entry as Entry
    from eipyomo.library.shelf import Found as Found
    from eipyomo.library.shelf import entry as entry
    from eipyomo.library.shelf import frame as frame
    from eipyomo.library.shelf import get as get
    from eipyomo.library.shelf import names as names
else:
    __getattr__, __dir__, __all__ = names_of(__name__, __file__)
