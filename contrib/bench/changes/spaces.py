"""Many network namespaces, of the threads of one process; ``python spaces.py COUNT``.

Prints the number of each thread, and ends when its input does. A thread's namespace is in
``/proc/<its number>/ns/net`` as a process's own is.
"""

import ctypes
import sys
import threading

_NEWNET = 0x40000000


def main() -> None:
    """Make them, say which threads they are of, keep them."""
    count = int(sys.argv[1])
    libc = ctypes.CDLL(None, use_errno=True)
    threading.stack_size(1 << 16)
    made = threading.Semaphore(0)

    def live() -> None:
        if libc.unshare(_NEWNET):
            raise OSError(ctypes.get_errno(), "no network namespace can be made")
        numbers.append(threading.get_native_id())
        made.release()
        threading.Event().wait()

    numbers: list[int] = []
    for _ in range(count):
        threading.Thread(target=live, daemon=True).start()
        made.acquire()
    sys.stdout.write(" ".join(map(str, numbers)) + "\n")
    sys.stdout.flush()
    sys.stdin.read()


if __name__ == "__main__":
    main()
