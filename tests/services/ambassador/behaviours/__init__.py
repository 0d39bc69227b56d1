"""What a link does, whatever carries it: the same cases for every plane.

Each case is a function that takes a :class:`Stage`: a client and another one, servers, and a plane
that links them. What a plane lacks is in :mod:`.lacks`: in the place of the cases that need it, the
plane runs the one there, which shows what happens instead.
"""

from tests.services.ambassador.behaviours import addresses, agent, datagrams, lacks, others, targets
from tests.services.ambassador.behaviours.stage import BEHAVIOURS, LACKS, Behaviour, Lack, Stage

__all__ = [
    "BEHAVIOURS",
    "LACKS",
    "Behaviour",
    "Lack",
    "Stage",
    "addresses",
    "agent",
    "datagrams",
    "lacks",
    "others",
    "targets",
]
