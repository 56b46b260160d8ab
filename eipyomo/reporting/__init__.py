"""Reports: one HTML file from results, processes of many rounds and tables, to be read by people.

It needs no network and runs no script. Every number in it is one of a document that was checked,
or follows from some, and carries its unrounded value with it.
"""

from typing import TYPE_CHECKING

from eipyomo.lazily import names_of

if TYPE_CHECKING:
    from eipyomo.reporting.page import html_report as html_report
    from eipyomo.reporting.page import write_report as write_report
else:
    __getattr__, __dir__, __all__ = names_of(__name__, __file__)
