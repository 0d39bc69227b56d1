"""Settings of the registry, and which registry they make."""

import subprocess
import sys

import pytest
from arpanet_etcd import settings as own
from arpanet_etcd.registry import registry, vault
from arpanet_etcd.registry.auto import AutoStore
from arpanet_etcd.registry.v3.store import V3Store

from arpanet import settings
from arpanet.errors import SettingsError


def given(tmp_path, **environment):
    home = {"HOME": str(tmp_path), "ARPANET_IP": "10.0.0.1"}
    return settings.load((*settings.CORE, *own.SETTINGS), None, {**home, **environment})


def endpoints(tmp_path, **environment):
    made = registry.make_registry(given(tmp_path, **environment))
    return made._store.gateway.endpoints, made._layout.root


@pytest.mark.parametrize(
    ("text", "path"), [("/arpanet", "/arpanet"), ("//a//b.c/", "/a/b.c"), ("/a_1-x", "/a_1-x")]
)
def test_a_path_is_normalised(text, path):
    assert own.key_path(text) == path


@pytest.mark.parametrize("text", ["", "/", "//", "arpanet", "/a b", "/a/é"])
def test_a_path_that_is_none_is_refused(text):
    with pytest.raises(ValueError, match="must be a path"):
        own.key_path(text)


def test_masters_become_urls(tmp_path):
    masters = ("10.0.0.1", "10.0.0.2:2379", "m3", "m3", "[fd00::1]", "[fd00::2]:99")
    assert own.urls(given(tmp_path), masters) == (
        "https://10.0.0.1:4001",
        "https://10.0.0.2:2379",
        "https://m3:4001",
        "https://[fd00::1]:4001",
        "https://[fd00::2]:99",
    )
    assert own.urls(given(tmp_path, ARPANET_TLS="off"), ("m3",)) == ("http://m3:4001",)


def test_the_registry_is_where_the_settings_say(tmp_path):
    assert endpoints(tmp_path) == (("https://10.0.0.1:4001",), "/arpanet/")
    found = endpoints(
        tmp_path, ARPANET_MASTERS="10.0.0.2,10.0.0.3:1", ETCD_PORT="2379", ETCD_PATH="/x"
    )
    assert found == (("https://10.0.0.2:2379", "https://10.0.0.3:1"), "/x/")


def test_how_long_the_entries_of_a_silent_host_stay_is_a_setting(tmp_path):
    assert registry.make_registry(given(tmp_path))._ttl == 15
    assert registry.make_registry(given(tmp_path, ARPANET_TTL="60"))._ttl == 60
    with pytest.raises(SettingsError, match="ARPANET_TTL='4' must be a whole number of seconds, 5"):
        given(tmp_path, ARPANET_TTL="4")


def test_or_where_its_url_says(tmp_path):
    found = endpoints(tmp_path, ARPANET_REGISTRY="etcd://m1:2379,m2/other/path")
    assert found == (("https://m1:2379", "https://m2:4001"), "/other/path/")
    assert endpoints(tmp_path, ARPANET_REGISTRY="etcd:///p") == (("https://10.0.0.1:4001",), "/p/")


def test_another_scheme_is_another_plugin_s(tmp_path):
    assert registry.make_registry(given(tmp_path, ARPANET_REGISTRY="memory://")) is None


@pytest.mark.parametrize("url", ["etcd://a b", "etcd://m1/a?b c", "etcd://m1/ü"])
def test_a_url_that_makes_no_sense_is_refused_with_its_origin(tmp_path, url):
    made = given(tmp_path, ARPANET_REGISTRY=url)
    with pytest.raises(SettingsError, match=r"environment: ARPANET_REGISTRY=.* must be"):
        registry.make_registry(made)


def test_which_api(tmp_path):
    def store(api):
        return registry.make_registry(given(tmp_path, ARPANET_ETCD_API=api))._store

    assert isinstance(store("v3"), V3Store)
    assert type(store("v2")).__name__ == "V2Store"
    assert isinstance(store("auto"), AutoStore)
    with pytest.raises(SettingsError, match="must be one of v3, v2, auto"):
        given(tmp_path, ARPANET_ETCD_API="v1")


def test_python_etcd_is_loaded_only_for_v2():
    code = (
        "import sys; from arpanet_etcd.registry.registry import open_registry as o;"
        "o(['http://127.0.0.1:1'], '/a'); before = 'etcd' in sys.modules;"
        "o(['http://127.0.0.1:1'], '/a', 'v2'); print(before, 'etcd' in sys.modules)"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert said.stdout.split() == ["False", "True"]


def test_the_vault_is_where_the_registry_is_and_needs_v3(tmp_path):
    made = vault.make_vault(given(tmp_path, ARPANET_REGISTRY="etcd://10.0.0.5:99/x"))
    assert (made._gateway.endpoints, made._layout.root) == (("https://10.0.0.5:99",), "/x/")
    assert vault.make_vault(given(tmp_path, ARPANET_REGISTRY="memory://")) is None
    with pytest.raises(SettingsError, match=r"API=v2 .* need etcd's v3") as no:
        vault.make_vault(given(tmp_path, ARPANET_ETCD_API="v2"))
    assert no.value.hint == "ARPANET_ETCD_API=v3, or ARPANET_TLS=off, on all hosts"
