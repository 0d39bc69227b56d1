"""Old etcdctl verbs, done over v3: see :mod:`arpanet_etcd.etcdctl.verbs` for what is understood."""

from arpanet_etcd.client import wire
from arpanet_etcd.client.gateway import Gateway
from arpanet_etcd.client.wire import EtcdError, Json, Value
from arpanet_etcd.etcdctl import verbs
from arpanet_etcd.etcdctl.verbs import OldError, Verb, listing, normal

__all__ = ["run"]


#: From a key up to another one.
Span = tuple[str, str]


def run(gateway: Gateway, verb: Verb, readable: Span | None = None) -> list[str]:
    """Do it, and return the lines to print.

    :param verb: complete, with its value.
    :param readable: what this host may read, in case that it may not read all.
    :raises OldError: the v2 API would have refused it.
    :raises RegistryError: etcd refuses it, or nobody answers.
    """
    path = normal(verb.args[0] if verb.args else "/")
    reader = _Reader(gateway, readable)
    if verb.name == "ls":
        return _ls(reader, path, verb)
    if verb.name == "get":
        return _get(reader, path)
    if verb.name in verbs.WRITES:
        return _write(gateway, reader, path, verb.args[1], verb)
    if verb.name in ("rm", "rmdir"):
        return _remove(gateway, reader, path, verb)
    return []  # mkdir and setdir: a directory is there as soon as a key needs it


class _Reader:
    """Sees what this host may see: what else there is, is not there for it."""

    def __init__(self, gateway: Gateway, readable: Span | None) -> None:
        self._gateway, self._readable = gateway, readable

    def get(self, key: str) -> Value | None:
        try:
            return self._gateway.get(key)
        except EtcdError as problem:
            if problem.code != wire.PERMISSION or self._readable is None:
                raise
            return None

    def below(self, path: str) -> wire.RangeResult:
        begin = path.rstrip("/") + "/"
        try:
            return self._gateway.range(begin)
        except EtcdError as problem:
            if problem.code != wire.PERMISSION or self._readable is None:
                raise
            first, end = self._readable
            first, end = max(first, begin), min(end, wire.prefix_end(begin))
            if first >= end:
                raise
            return self._gateway.span(first, end)


def _ls(reader: _Reader, path: str, verb: Verb) -> list[str]:
    found = reader.below(path)
    keys = set(found.kvs)
    if path != "/" and reader.get(path):
        keys.add(path)
    lines = listing(keys, path, "recursive" in verb.options, "p" in verb.options)
    if lines is None:
        raise OldError(100, path, found.revision)
    return lines


def _get(reader: _Reader, path: str) -> list[str]:
    # keys that were put through v3 may have no leading slash, which v2 didn't know
    value = reader.get(path) or (reader.get(path[1:]) if path != "/" else None)
    if value:
        return [value.value]
    found = reader.below(path)
    if found.kvs or path == "/":
        raise IsADirectoryError(f"{path}: is a directory")
    raise OldError(100, path, found.revision)


def _write(gateway: Gateway, reader: _Reader, path: str, value: str, verb: Verb) -> list[str]:
    if path == "/":
        raise OldError(107, path)
    below = reader.below(path)
    if below.kvs:
        raise OldError(102, path, below.revision)
    lease = gateway.grant(int(verb.options["ttl"])) if int(verb.options.get("ttl", 0)) else 0
    compare: list[Json] = []
    if verb.name == "mk":
        compare = [wire.absent(path)]
    elif verb.name == "update":
        compare = [_present(path)]
    if "swap-with-value" in verb.options:
        compare = [_present(path), wire.value_is(path, verb.options["swap-with-value"])]
    done = gateway.txn(compare, [wire.put_op(path, value, lease)], [wire.range_op(path)])
    if not done.succeeded:
        raise _failed(verb, path, done.reads[0].get(path), done.revision)
    return [value]


def _remove(gateway: Gateway, reader: _Reader, path: str, verb: Verb) -> list[str]:
    if path == "/":
        raise OldError(107, path)
    below = reader.below(path)
    if below.kvs:
        if verb.name == "rmdir" or "dir" in verb.options:
            raise OldError(108, path, below.revision)
        if "recursive" not in verb.options:
            raise OldError(102, path, below.revision)
        prefix = path + "/"
        gateway.txn([], [wire.delete_op(path), wire.delete_op(prefix, wire.prefix_end(prefix))])
        return []
    value = reader.get(path)
    if value is None:
        if verb.name == "rmdir":
            return []  # an empty directory leaves no trace here
        raise OldError(100, path, below.revision)
    if verb.name == "rmdir":
        raise OldError(104, path, below.revision)
    compare = [_present(path)]
    if "with-value" in verb.options:
        compare.append(wire.value_is(path, verb.options["with-value"]))
    done = gateway.txn(compare, [wire.delete_op(path)], [wire.range_op(path)])
    if not done.succeeded:
        raise _failed(verb, path, done.reads[0].get(path), done.revision)
    return [f"PrevNode.Value: {value.value}"]


def _present(key: str) -> Json:
    """Compare: *key* exists."""
    return {
        "key": wire.encode(key),
        "target": "VERSION",
        "version": "0",
        "result": "GREATER",
    }


def _failed(verb: Verb, path: str, now: Value | None, revision: int) -> OldError:
    if now is None:
        return OldError(100, path, revision)
    return OldError(105 if verb.name == "mk" else 101, path, revision)
