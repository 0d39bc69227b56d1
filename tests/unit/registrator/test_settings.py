"""registrator's options, as settings."""

import pytest
from arpanet_registrator.settings import SETTINGS, Options

from arpanet.errors import SettingsError
from arpanet.settings import Settings, Source


def options(**texts: str) -> Options:
    given = Settings(SETTINGS, {name: Source(text, "option") for name, text in texts.items()})
    return Options.of("h1", "10.0.0.1", given)


def test_defaults_are_registrators() -> None:
    assert options() == Options("h1", "10.0.0.1")


def test_each_option_has_a_setting() -> None:
    given = {
        "ARPANET_EXPLICIT": "yes",
        "ARPANET_INTERNAL": "1",
        "ARPANET_IP_LABEL": "net.ip",
        "ARPANET_TAGS": r"a,b\,c",
    }
    expected = Options("h1", "10.0.0.1", True, True, "net.ip", ("a", "b,c"))
    assert options(**given) == expected


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("ARPANET_EXPLICIT", "perhaps", "must be yes or no"),
        ("ARPANET_TAGS", "{{.Name}}", "Go templates are not understood"),
        ("ARPANET_DEREGISTER", "never", "must be one of always, on-success"),
    ],
)
def test_what_makes_no_sense_is_refused(name: str, text: str, words: str) -> None:
    given = Settings(SETTINGS, {name: Source(text, "~/.arpanetrc:3")})
    with pytest.raises(SettingsError, match=words):
        given.validate()
