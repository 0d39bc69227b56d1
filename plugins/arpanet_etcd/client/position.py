"""Where in a store's history something was seen."""

from typing import NamedTuple

__all__ = ["Position"]


class Position(NamedTuple):
    """A moment of one cluster.

    :ivar cluster: its id, in decimal digits; ``""``: none was seen yet.
    :ivar term: its leader's term: a cluster restored from a backup begins at a low one again.
    :ivar revision: the store's (v2: its index).
    """

    cluster: str = ""
    term: int = 0
    revision: int = 0

    def goes_on(self, after: "Position") -> bool:
        """Whether *after* is this very history, at this moment or later."""
        if not self.cluster:
            return True
        same = self.cluster == after.cluster
        return same and self.term <= after.term and self.revision <= after.revision

    def __str__(self) -> str:
        return f"revision {self.revision} of cluster {int(self.cluster or 0):x}"
