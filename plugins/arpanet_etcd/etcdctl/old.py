"""Old etcdctl verbs, done over v3: see :mod:`arpanet_etcd.etcdctl.verbs` for what is understood."""

from collections.abc import Callable

from arpanet_etcd.client import wire
from arpanet_etcd.client.gateway import Gateway
from arpanet_etcd.client.wire import Json, Value
from arpanet_etcd.etcdctl.verbs import OldError, Verb, listing, normal

__all__ = ["run"]


def run(gateway: Gateway, verb: Verb, stdin: Callable[[], str]) -> list[str]:
    """Do it, and return the lines to print.

    :param stdin: reads the value where none was given.
    :raises OldError: the v2 API would have refused it.
    :raises RegistryError: etcd refuses it, or nobody answers.
    """
    path = normal(verb.args[0] if verb.args else "/")
    if verb.name == "ls":
        return _ls(gateway, path, verb)
    if verb.name == "get":
        return _get(gateway, path)
    if verb.name in ("set", "mk", "update"):
        value = verb.args[1] if len(verb.args) > 1 else stdin()
        return _write(gateway, path, value, verb)
    if verb.name in ("rm", "rmdir"):
        return _remove(gateway, path, verb)
    return []  # mkdir and setdir: a directory is there as soon as a key needs it


def _below(gateway: Gateway, path: str) -> wire.RangeResult:
    return gateway.range(path.rstrip("/") + "/")


def _ls(gateway: Gateway, path: str, verb: Verb) -> list[str]:
    found = _below(gateway, path)
    keys = set(found.kvs)
    if path != "/" and gateway.get(path):
        keys.add(path)
    lines = listing(keys, path, "recursive" in verb.options, "p" in verb.options)
    if lines is None:
        raise OldError(100, path, found.revision)
    return lines


def _get(gateway: Gateway, path: str) -> list[str]:
    # keys that were put through v3 may have no leading slash, which v2 didn't know
    value = gateway.get(path) or (gateway.get(path[1:]) if path != "/" else None)
    if value:
        return [value.value]
    found = _below(gateway, path)
    if found.kvs or path == "/":
        raise IsADirectoryError(f"{path}: is a directory")
    raise OldError(100, path, found.revision)


def _write(gateway: Gateway, path: str, value: str, verb: Verb) -> list[str]:
    if path == "/":
        raise OldError(107, path)
    below = _below(gateway, path)
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


def _remove(gateway: Gateway, path: str, verb: Verb) -> list[str]:
    if path == "/":
        raise OldError(107, path)
    below = _below(gateway, path)
    if below.kvs:
        if verb.name == "rmdir" or "dir" in verb.options:
            raise OldError(108, path, below.revision)
        if "recursive" not in verb.options:
            raise OldError(102, path, below.revision)
        prefix = path + "/"
        gateway.txn([], [wire.delete_op(path), wire.delete_op(prefix, wire.prefix_end(prefix))])
        return []
    value = gateway.get(path)
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
