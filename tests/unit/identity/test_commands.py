"""``arpanet token``, ``certs`` and ``join``: a master's real command line beside a registry."""

import io
import json
from contextlib import redirect_stdout

import pluggy
import pytest
from arpanet_identity import authority, enrolment, roster, rotate, rotation, tokens
from arpanet_identity.authority import Subject
from arpanet_identity.enrolment import Enrolment
from arpanet_identity.plugin import IdentityPlugin
from arpanet_identity.rotation import Plan
from arpanet_identity.store import Store

from arpanet import ABSENT, hookimpl, hookspecs, plugins
from arpanet.__main__ import main
from tests.support.admissions import Admitting


class Listener:
    """Notes where hosts are let in."""

    def __init__(self, heard):
        self._heard = heard

    @hookimpl
    def arpanet_host_join(self, place):
        self._heard.append(place)


@pytest.fixture
def registry():
    return Admitting()


@pytest.fixture
def heard():
    """Which masters this host was told to have been let in by."""
    return []


@pytest.fixture
def run(registry, heard, monkeypatch, tmp_path, capsys):
    """Run ``arpanet ...`` as the host h1, whose identity is in *tmp_path*/h1, or as another."""

    def load(agent=None, blocked=()):
        manager = pluggy.PluginManager("arpanet")
        manager.add_hookspecs(hookspecs)
        own = {"identity": IdentityPlugin(), "registry": registry, "listener": Listener(heard)}
        for name, plugin in own.items():
            manager.register(plugin, name)
        return manager, [plugins.Loaded(name, "arpanet", "1", "tests") for name in own]

    monkeypatch.setattr(plugins, "load", load)
    for name, value in {"HOME": str(tmp_path), "ARPANET_IP": "127.0.0.1"}.items():
        monkeypatch.setenv(name, value)

    def run(*argv, host="h1", tls="on"):
        monkeypatch.setenv("ARPANET_TLS", tls)
        monkeypatch.setenv("HOSTNAME", host)
        monkeypatch.setenv("ARPANET_IDENTITY", str(tmp_path / host))
        try:
            code = main(list(argv))
        except SystemExit as stop:
            code = stop.code
        out, err = capsys.readouterr()
        return code, out, err

    return run


@pytest.fixture
def master(registry, tmp_path):
    """The host h1 is one."""
    store = Store(tmp_path / "h1")
    enrolment.found(store, Subject("h1", "master", ("127.0.0.1",)))
    made = Enrolment(store, registry.vault, lambda _: None)
    made.roster()
    return made


@pytest.fixture
def bundle(run, master):
    code, out, err = run("certs", "issue", "h2", "--ip", "127.0.0.2,10.0.0.2")
    assert (code, err) == (0, "")
    return out


def test_a_token_is_a_line_to_run_there(run, master, registry):
    code, out, err = run("token", "create", "--role", "master", "--for", "2d", "--uses", "3")
    assert (code, err) == (0, "")
    words = out.split()
    assert words[:-1] == ["arpanet", "join", "127.0.0.1:7002", "--token"]
    token = tokens.parse(words[-1])
    assert token.of(authority.fingerprint(master.authority().certificate))
    kept, _ = tokens.check(registry.vault, token.id, token.secret)
    assert (kept.role, kept.uses) == ("master", 3)
    _, out, _ = run("token", "list", "-f", "json")
    (row,) = json.loads(out)
    assert (row["id"], row["role"], row["uses"]) == (token.id, "master", 3)
    assert token.secret not in out


def test_who_waits_for_it_sees_so_and_stdout_has_the_line_alone(run, master, show):
    terminal = show()
    code, out, _ = run("token", "create")
    assert (code, out.count("\n"), out.startswith("arpanet join ")) == (0, 1, True)
    assert "asking the masters" in terminal.getvalue()


def test_a_token_has_addresses_and_networks(run, master, registry):
    words = ["--ip", "10.0.0.2", "--range", "172.18.0.0/16", "--range", "10.9.0.0/24"]
    assert run("token", "create", *words)[0] == 0
    (kept,) = tokens.kept(registry.vault)
    assert kept.addresses == ("10.0.0.2", "172.18.0.0/16", "10.9.0.0/24")


def test_so_has_a_bundle(run, master):
    words = ["--ip", "10.0.0.2", "--range", "172.18.0.0/16"]
    code, out, _ = run("certs", "issue", "h2", *words)
    assert (code, json.loads(out)["host"]) == (0, "h2")
    assert roster.listed(master.vault)["h2"].addresses == ("10.0.0.2", "172.18.0.0/16")


def test_networks_of_a_host_are_those_that_were_named_last(run, bundle, master):
    for networks in (["172.18.0.0/16", "fd00:1::/64"], ["10.9.0.0/24"], []):
        words = [word for one in networks for word in ("--range", one)]
        places = ", ".join(["its own addresses", *networks])
        said = f"instances of h2 may be at: {places}\n"
        assert run("certs", "allow", "h2", *words) == (0, "", said)
        known = roster.listed(master.vault)["h2"]
        assert known.addresses == ("127.0.0.2", "10.0.0.2", *networks)
        assert master.store.roster()["hosts"]["h2"]["addresses"] == list(known.addresses)
    code, out, err = run("certs", "allow", "h9", "--range", "172.18.0.0/16")
    assert (code, out) == (1, "")
    assert "no host h9 is let in" in err


def test_no_token_is_made_by_the_former_ca(run, master, registry):
    """By a master that was away when the next one began to sign."""
    plan = rotation.Plan("sign", "b" * 64, ("a" * 64, "b" * 64))
    rotation.change(registry.vault, plan, ABSENT)
    for argv in (("token", "create"), ("certs", "issue", "h2", "--ip", "127.0.0.2")):
        code, out, err = run(*argv)
        assert (code, out) == (1, "")
        assert "this master has the cluster's former CA still" in err
    assert not list(tokens.kept(registry.vault))
    assert set(roster.listed(registry.vault)) == {"h1"}


@pytest.mark.parametrize("whole", [True, False])
def test_a_token_is_taken_back(run, master, registry, whole):
    made = tokens.create(registry.vault, "ab" * 32, "slave")
    given = str(made) if whole else made.id
    assert run("token", "revoke", given)[0] == 0
    assert list(tokens.kept(registry.vault)) == []
    code, _, err = run("token", "revoke", given)
    assert (code, f"there is no token {made.id}" in err) == (1, True)


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (["token", "create", "--for", "5x"], "'5x' is no time up to a year"),
        (["token", "create", "--for", "9999d"], "is no time up to a year"),
        (["token", "create", "--uses", "0"], "a token is for 1 to 1000 hosts"),
        (["token", "create", "--ip", "x"], "--ip x: must be an IP address"),
        (["token", "create", "--range", "10.0.0.7"], "--range 10.0.0.7: must be a network"),
        (["certs", "allow", "h1", "--range", "0.0.0.0/0"], "--range 0.0.0.0/0: has addresses of"),
        (["token", "create", "--role", "queen"], "invalid choice: 'queen'"),
        (["certs", "issue", "h2", "--ip", ","], "--ip names no address"),
        (["certs", "issue", "h2", "--ip", "10.0.0.2", "--range", "x"], "--range x: must be a"),
        (["certs", "issue", "h2", "--ip", "x"], "a host's name or address must be an IP address"),
        (["certs", "issue", "a/b", "--ip", "10.0.0.2"], "must be a host name"),
        (["certs", "revoke", "h1"], "h1 is this host itself"),
        (["join"], "join takes a master's address and --token, or --bundle"),
        (["join", "10.0.0.1"], "join takes a master's address and --token, or --bundle"),
        (["join", "10.0.0.1", "--bundle", "x"], "join takes a master's address and --token"),
    ],
)
def test_usage_errors(run, master, registry, argv, words):
    before = registry.vault.list("")
    code, out, err = run(*argv)
    assert (code, out) == (2, "")
    assert words in err
    assert registry.vault.list("") == before


@pytest.mark.parametrize(
    "argv",
    [
        ["token", "create"],
        ["certs", "issue", "h3", "--ip", "10.0.0.3"],
        ["certs", "allow", "h3", "--range", "172.18.0.0/16"],
    ],
)
def test_who_is_no_master_lets_nobody_in(run, argv):
    code, out, err = run(*argv)
    assert (code, out) == (1, "")
    assert "has no CA" in err.replace("so it has", "has")
    assert "run this on a master" in err


@pytest.mark.parametrize("argv", [["certs"], ["token", "create"], ["join", "h", "--token", "x"]])
def test_without_tls_nobody_is_let_in(run, argv):
    code, _, err = run(*argv, tls="off")
    assert (code, "ARPANET_TLS is off" in err) == (3, True)


def test_who_is_let_in(run, bundle):
    _, out, _ = run("certs", "-f", "json")
    rows = {row["host"]: row for row in json.loads(out)}
    assert {name: row["role"] for name, row in rows.items()} == {"h1": "master", "h2": "slave"}
    assert rows["h2"]["addresses"] == "127.0.0.2,10.0.0.2"
    assert rows["h2"]["not after"] > "20"


@pytest.mark.parametrize("piped", [True, False])
def test_a_bundle_is_all_that_a_host_needs(run, bundle, heard, tmp_path, monkeypatch, piped):
    file = tmp_path / "bundle"
    file.write_text(bundle)
    monkeypatch.setattr("sys.stdin", io.StringIO(bundle))
    code, out, err = run("join", "--bundle", "-" if piped else str(file), host="h2")
    assert (code, out) == (0, "")
    assert err == "this host is let in as a slave\n"
    kept = Store(tmp_path / "h2")
    kept.me.check()
    assert kept.authority() is None
    assert heard == ["127.0.0.1:7002"]  # others hear of it as they do with a token
    code, _, err = run("join", "--bundle", str(file), host="h2")
    assert (code, "this host is let in already, as a slave" in err) == (1, True)


def test_a_bundle_in_a_file_is_its_owners_alone(run, master, tmp_path):
    """Others may read what a shell's ``>`` makes."""
    with (tmp_path / "bundle").open("w") as file, redirect_stdout(file):
        (tmp_path / "bundle").chmod(0o644)
        assert run("certs", "issue", "h2", "--ip", "127.0.0.2")[0] == 0
    assert (tmp_path / "bundle").stat().st_mode & 0o777 == 0o600
    assert run("join", "--bundle", str(tmp_path / "bundle"), host="h2")[0] == 0


def test_a_masters_bundle_has_the_ca(run, master, tmp_path):
    file = tmp_path / "bundle"
    file.write_text(run("certs", "issue", "m2", "--ip", "127.0.0.2", "--role", "master")[1])
    assert run("join", "--bundle", str(file), host="m2")[0] == 0
    assert Store(tmp_path / "m2").authority().certificate == master.authority().certificate
    assert Store(tmp_path / "m2").secret() == master.store.secret()


def test_a_bundle_for_another_host_is_refused(run, bundle, tmp_path):
    file = tmp_path / "bundle"
    file.write_text(bundle)
    code, _, err = run("join", "--bundle", str(file), host="h3")
    assert (code, "the bundle is for the host h2, and this is h3" in err) == (1, True)
    assert not (tmp_path / "h3").exists()


@pytest.mark.parametrize("text", ["", "{", "[]", '{"key": "x"}', None, "\udcff"])
def test_what_is_no_bundle_is_told(run, master, tmp_path, text):
    file = tmp_path / "bundle"
    if text is not None:
        file.write_bytes(text.encode("utf-8", "surrogateescape"))
    code, _, err = run("join", "--bundle", str(file), host="h3")
    assert (code, err.count("\n")) == (1, 1)
    assert "no bundle" in err or "can't be read" in err
    assert "Errno" not in err


@pytest.mark.parametrize(
    ("part", "words"),
    [
        ("key", "no private key"),
        ("certificate", "the answer holds no certificate"),
        ("ca", "the answer holds no certificate"),
        ("password", "the answer lacks 'password'"),
    ],
)
def test_half_a_bundle_is_refused(run, bundle, tmp_path, part, words):
    given = json.loads(bundle)
    if part == "password":
        del given["answer"][part]
    else:
        (given if part == "key" else given["answer"])[part] = "-----BEGIN"
    file = tmp_path / "bundle"
    file.write_text(json.dumps(given))
    code, _, err = run("join", "--bundle", str(file), host="h2")
    assert (code, err.count("\n"), words in err) == (1, 1, True), err
    assert not Store(tmp_path / "h2").me.here


def test_one_with_the_certificate_of_another_is_refused(run, bundle, tmp_path):
    given = json.loads(bundle)
    other = json.loads(run("certs", "issue", "h3", "--ip", "127.0.0.3")[1])
    given["answer"]["certificate"] = other["answer"]["certificate"]
    file = tmp_path / "bundle"
    file.write_text(json.dumps(given))
    code, _, err = run("join", "--bundle", str(file), host="h2")
    assert (code, "is for another key" in err) == (1, True)


def test_a_bundle_is_not_printed_on_a_terminal(run, master, registry, monkeypatch):
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    code, out, err = run("certs", "issue", "h2", "--ip", "127.0.0.2")
    assert (code, out) == (2, "")
    assert "a bundle is secret: write it to a file" in err
    assert "h2" not in roster.listed(registry.vault)


def test_a_host_is_shut_out(run, bundle, registry):
    code, _, err = run("certs", "revoke", "h2")
    assert (code, err) == (0, "h2 is shut out; masters hear of it within 10 seconds\n")
    assert registry.admitted[-1] == {"h1": "master"}
    _, out, _ = run("certs", "-f", "json")
    assert [row["host"] for row in json.loads(out)] == ["h1"]
    code, _, err = run("certs", "revoke", "h2")
    assert (code, "no host h2 is let in; 'arpanet certs' lists them" in err) == (1, True)


@pytest.mark.parametrize("text", ["arp1-x", "hello", ""])
def test_what_is_no_token_asks_nobody(run, text, monkeypatch):
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{text}\n"))
    code, _, err = run("join", "10.255.255.1:7002", "--token", "-", host="h2")
    assert (code, err.count("\n")) == (2, 1)
    assert "the token" in err


def test_who_holds_up_a_change_of_the_ca_is_told_with_the_way_out(
    run, bundle, master, registry, monkeypatch
):
    """A bundle that nobody joined with would do so for ever."""
    vault, advice = registry.vault, rotation.advice
    assert rotation.begin(vault, master.store)
    coming = rotation.read_next(vault)
    assert rotation.change(vault, Plan("trust", coming.fingerprint, coming.prints()), ABSENT)

    def then_it_is_over(hosts, waits):
        rotation.change(vault, Plan("", coming.fingerprint, ()), rotation.read(vault)[1])
        return advice(hosts, waits)

    monkeypatch.setattr(rotation, "advice", then_it_is_over)
    monkeypatch.setattr(rotate, "PATIENCE", 0.0)
    monkeypatch.setattr(rotate, "EVERY", 0.0)
    code, _, said = run("certs", "rotate")
    assert code == 0
    assert said.count("step 1 of 3: all learn to trust the next one; waits for h1, h2") == 1
    assert (
        "if it is gone for good, or nobody joined with its bundle, 'arpanet certs revoke h2'"
        in said
    )
    assert "the cluster's CA was changed" in said
