"""What a link does, whatever carries it: the same cases for every plane.

Each case is a function that takes a :class:`Stage`: a client and another one, servers, and a plane
that links them. A plane runs those cases whose needs it gives; what it doesn't give is in its
adapter, and so told in one place.
"""

from tests.services.ambassador.behaviours import addresses, agent, datagrams, others, targets
from tests.services.ambassador.behaviours.stage import BEHAVIOURS, Behaviour, Stage

__all__ = [
    "BEHAVIOURS",
    "Behaviour",
    "Stage",
    "addresses",
    "agent",
    "datagrams",
    "others",
    "targets",
]
