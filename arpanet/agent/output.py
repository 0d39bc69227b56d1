"""What an agent prints, within bounds: a plugin that prints without end fills no disk; pure."""

__all__ = ["BURST", "RATE", "Bounded"]

#: Bytes that may be printed at once, and per second from then on.
BURST, RATE = 1 << 20, 4 << 10
#: Bytes that must be free again until anything is let through after that.
ENOUGH = BURST / 4


class Bounded:
    """Lets output through until there is too much of it (a token bucket).

    :ivar left_out: bytes that were not let through since something last was.
    """

    def __init__(self, now: float) -> None:
        self._free, self._at = float(BURST), now
        self.left_out = 0

    def pass_on(self, data: bytes, now: float) -> bytes:
        """Return *data*, or what of it is to be printed."""
        self._free = min(self._free + (now - self._at) * RATE, float(BURST))
        self._at = now
        if not self.left_out and len(data) <= self._free:
            self._free -= len(data)
            return data
        if not self.left_out or self._free < ENOUGH:
            self.left_out += len(data)
            return b""
        begin = data.find(b"\n") + 1  # the rest of a line whose beginning is gone
        said = f"\n{self.left_out + begin} bytes of output were left out here\n".encode()
        self.left_out = 0
        self._free -= len(data) - begin
        return said + data[begin:]
