"""Dial an address again and again: say when it no longer answers, and when it does again.

A script that needs the standard library only: it is run inside a container's network namespace, or
in a host's, as ``python -I prober.py ADDRESS PORT``. For each line on its standard input it waits
until nothing answers, prints ``closed`` with the time (nanoseconds since the epoch), waits for a
redis that answers, and prints the time of that connection. It ends with its input.
"""

import socket
import sys
import time

#: Between two attempts, in seconds: the resolution of what is found, and mercy on the CPU that
#: everything measured runs on.
PAUSE = 0.0005
#: An attempt that is not answered at once meets an address that is about to come up: the kernel
#: would repeat its packet only after a second.
PATIENCE = 0.01
LONGEST = 30.0


def dial(address: str, port: int) -> int | None:
    """Return when a connection was there that redis then answered, else ``None``."""
    with socket.socket() as connection:
        connection.settimeout(PATIENCE)
        try:
            connection.connect((address, port))
            connected = time.time_ns()
            connection.settimeout(1.0)
            connection.sendall(b"PING\r\n")
            return connected if connection.recv(16).startswith(b"+PONG") else None
        except OSError:
            return None


def wait(address: str, port: int, answers: bool) -> int:
    """Dial until there is an answer, or none, and return when.

    :raises TimeoutError: it took longer than :data:`LONGEST`.
    """
    deadline = time.monotonic() + LONGEST
    while time.monotonic() < deadline:
        when = dial(address, port)
        if (when is not None) == answers:
            return when or time.time_ns()
        time.sleep(PAUSE)
    raise TimeoutError(f"{address}:{port} {'did not answer' if answers else 'still answers'}")


def main(address: str, port: int) -> None:
    """Serve one line after the other."""
    for _ in sys.stdin:
        print("closed", wait(address, port, answers=False), flush=True)
        print(wait(address, port, answers=True), flush=True)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
