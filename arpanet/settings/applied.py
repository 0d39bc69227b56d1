"""What each role of this host was last started with, so that a difference is seen at any time.

One small file in the home directory that ``~/.arpanetrc`` is in: whoever reads that one knows what
was made of it. It holds what was given, not what was defaulted, and from where.
"""

import json
import logging
import os
from collections.abc import Mapping
from pathlib import Path

from arpanet.errors import SettingsError
from arpanet.files import replacing
from arpanet.settings.declared import Settings, Source
from arpanet.settings.rcfile import check_owner
from arpanet.settings.sources import rc_path

__all__ = ["Applied", "forget", "path", "read", "write"]

log = logging.getLogger(__name__)

#: Role -> name -> what was given.
Applied = Mapping[str, Mapping[str, Source]]


def path(environment: Mapping[str, str] = os.environ) -> Path:
    """Return where the file is."""
    return rc_path(environment).parent / ".local/state/arpanet/started.json"


def read() -> dict[str, dict[str, Source]]:
    """Return what is known; nothing where there is no such file, or one that makes no sense."""
    place = path()
    try:
        with place.open(encoding="utf-8") as file:
            check_owner(place, os.fstat(file.fileno()))
            found = json.load(file)
        return {
            str(role): {str(name): Source(*map(str, source)) for name, source in given.items()}
            for role, given in found.items()
        }
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, TypeError, AttributeError, SettingsError) as problem:
        log.warning("%s does not say what was started: %s", place, problem)
        return {}


def write(role: str, settings: Settings) -> None:
    """Remember that *role* was started with *settings*. Never fails: it is no part of a start."""
    _replace({**read(), role: settings.given()})


def forget(role: str) -> None:
    """Remember that *role* was stopped."""
    _replace({name: given for name, given in read().items() if name != role})


def _replace(known: Applied) -> None:
    place = path()
    plain = {
        role: {name: (source.text, source.origin) for name, source in given.items()}
        for role, given in known.items()
    }
    try:
        rc_path().parent.stat()  # a home directory is not ours to make
        place.parent.mkdir(parents=True, exist_ok=True)
        with replacing(place) as file:  # its owner's alone: values may be secrets
            file.write(json.dumps(plain, indent=1, sort_keys=True).encode())
    except OSError as problem:
        log.warning("what was started can't be remembered: %s", problem)
