"""Where in a store's history something was seen."""

from typing import NamedTuple

__all__ = ["Position", "Witness"]


class Witness(NamedTuple):
    """A key that was seen, and the revision at which it was written so."""

    key: str
    text: str
    revision: int


class Position(NamedTuple):
    """A moment of one cluster.

    :ivar cluster: its id, in decimal digits; ``""``: none was seen yet.
    :ivar term: its leader's term: a cluster restored from a backup begins at a low one again.
    :ivar revision: the store's (v2: its index).
    :ivar witness: the newest of the keys that there were. Terms and revisions of a store that was
        put back grow again, and may be past these by the time it is reached; but not with this key.
    """

    cluster: str = ""
    term: int = 0
    revision: int = 0
    witness: Witness | None = None

    def goes_on(self, after: "Position") -> bool:
        """Whether *after* is this very history, at this moment or later."""
        if not self.cluster:
            return True
        same = self.cluster == after.cluster
        return same and self.term <= after.term and self.revision <= after.revision

    def __str__(self) -> str:
        return f"revision {self.revision} of cluster {int(self.cluster or 0):x}"
