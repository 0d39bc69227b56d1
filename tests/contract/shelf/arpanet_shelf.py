"""A third party's registry, as small as one can be: hosts that share a file (``shelf:///path``)."""

import fcntl
import sqlite3
import threading
from contextlib import closing, contextmanager
from pathlib import Path
from urllib.parse import quote, urlsplit

from arpanet import (
    ARPANET_REGISTRY,
    Member,
    RegistryError,
    Snapshot,
    checked_length,
    codec,
    duplicate_host,
    hookimpl,
    not_leading,
)

TABLES = """
    PRAGMA journal_mode = wal;
    CREATE TABLE IF NOT EXISTS hosts (name PRIMARY KEY, record);
    CREATE TABLE IF NOT EXISTS instances (id PRIMARY KEY, host, record);
    CREATE TABLE IF NOT EXISTS notes (name PRIMARY KEY, text);
    CREATE TABLE IF NOT EXISTS told (host, about, text, PRIMARY KEY (host, about));
"""


class ShelfPlugin:
    @hookimpl
    def arpanet_registry(self, context):
        url = urlsplit(context.settings[ARPANET_REGISTRY])
        return ShelfRegistry(Path(url.path)) if url.scheme == "shelf" else None

    @hookimpl
    def arpanet_masters(self, context):
        url = context.settings[ARPANET_REGISTRY]
        return [Member("shelf", "1", (), (url,))] if url.startswith("shelf:") else None


class ShelfRegistry:
    def __init__(self, path):
        self.path = path
        self.handed_out = []

    @contextmanager
    def database(self):
        """Open the file; changes within are made at once, or not at all."""
        with closing(sqlite3.connect(self.path, timeout=5, isolation_level=None)) as opened:
            opened.executescript(TABLES)
            opened.execute("BEGIN IMMEDIATE")
            with opened:
                yield opened

    def read(self):
        with self.database() as database:
            hosts = database.execute("SELECT name, record FROM hosts").fetchall()
            instances = database.execute("SELECT id, record FROM instances").fetchall()
        return Snapshot(
            {key: codec.decode_instance(key, record) for key, record in instances},
            {name: codec.decode_host(name, record) for name, record in hosts},
        )

    def follow(self, notify):
        self.handed_out.append(Follower(self, notify))
        return self.handed_out[-1]

    def check(self, host):
        other = self.read().hosts.get(host.name)
        if other and other.engine != host.engine:
            raise duplicate_host(host, other)

    def session(self, host, alive=None):  # its entries outlive whoever wrote them: none to keep
        return Session(self, host)

    def presence(self, host, agent, alive):  # seen once, and never missed
        self.tell(host, f"agent/{agent}", "")
        return Presence()

    def forget(self, host, agent):
        with self.database() as database:
            row = (host, f"agent/{agent}")
            database.execute("DELETE FROM told WHERE host = ? AND about = ?", row)

    def silences(self):
        with self.database() as database:
            query = "SELECT host, substr(about, 7) FROM told WHERE about LIKE 'agent/%'"
            return dict.fromkeys(database.execute(query).fetchall(), 0.0)

    def write(self, name, host, instances):
        """Let these be all of a host: its record, and its instances."""
        with self.database() as database:
            database.execute("DELETE FROM hosts WHERE name = ?", (name,))
            if host:
                row = (name, codec.encode(host))
                database.execute("INSERT INTO hosts VALUES (?, ?)", row)
            database.execute("DELETE FROM instances WHERE host = ?", (name,))
            rows = [(one.id, name, codec.encode(one)) for one in instances]
            database.executemany("INSERT INTO instances VALUES (?, ?, ?)", rows)

    def withdraw(self, host):
        self.write(host, None, ())
        with self.database() as database:
            database.execute("DELETE FROM told WHERE host = ?", (host,))

    def tell(self, host, about, text):
        with self.database() as database:
            row = (host, about, checked_length(text))
            database.execute("REPLACE INTO told VALUES (?, ?, ?)", row)

    def told(self, about):
        with self.database() as database:
            query = "SELECT host, text FROM told WHERE about = ?"
            return dict(database.execute(query, (about,)).fetchall())

    def leader(self, name):
        self.handed_out.append(Leadership(self, name))
        return self.handed_out[-1]

    def close(self):
        for one in self.handed_out:
            one.close()


class Follower:
    trouble = ""

    def __init__(self, registry, notify):
        self.registry, self.notify = registry, notify
        self.closed, self.lock = threading.Event(), threading.RLock()
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        told = None
        while not self.closed.is_set():
            found = self.registry.read()
            with self.lock:
                if found != told and not self.closed.is_set():
                    told = found
                    self.notify(found)
            self.closed.wait(0.05)

    def close(self):
        with self.lock:
            self.closed.set()


class Session:
    trouble = ""
    refused = {}  # noqa: RUF012 -- never changed

    def __init__(self, registry, host):
        self.registry, self.host = registry, host
        try:
            registry.check(host)
        except RegistryError as problem:
            self.trouble = str(problem)

    def publish(self, instances):
        if not self.trouble:
            self.registry.write(self.host.name, self.host, instances)

    def close(self):
        """Nothing keeps the entries but the file."""


class Presence:
    trouble = ""

    def close(self):
        """Nobody keeps it."""


class Leadership:
    """A lock on a file of its own, which ends with whoever holds it."""

    def __init__(self, registry, name):
        self.registry, self.name = registry, name
        path = registry.path.with_suffix(f".{quote(name, safe='')}")
        self.file = path.open("a")

    @property
    def leading(self):
        try:
            fcntl.flock(self.file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except (OSError, ValueError):  # another has it; closed
            return False
        return True

    def recall(self):
        with self.registry.database() as database:
            query = "SELECT text FROM notes WHERE name = ?"
            found = database.execute(query, (self.name,)).fetchone()
        return found[0] if found else ""

    def keep(self, note):
        if not self.leading:
            raise not_leading(self.name)
        with self.registry.database() as database:
            database.execute("REPLACE INTO notes VALUES (?, ?)", (self.name, note))

    def close(self):
        self.file.close()
