"""Visit Finland's statistics service ("Rudolf"): PxWeb as StatFin's, at another address.

Its limits were seen as 30 calls in 10 seconds and 110,000 cells; older catalogues say 20 calls. The ids of its tables
are known from clients of 2019-2021 only, so a table that moved is looked for in its folder's list.
"""

from connectors.pxweb import Limits
from connectors.pxweb_source import PxWebSource

VISIT_FINLAND = PxWebSource("visitfinland", "VisitFinland", Limits(100_000, 20, 10.0))
