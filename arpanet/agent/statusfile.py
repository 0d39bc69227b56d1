"""What an agent leaves for ``arpanet status``: one small JSON file per part in its container.

Files rather than a port: nothing listens, and the state of an agent that died can still be read.
"""

import json
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # the engine imports the Docker SDK, which takes 0.2 s
    from arpanet.docker.engine import Engine

__all__ = ["RUN", "read", "write"]

#: Where the files are, inside a node container.
RUN = Path("/run/arpanet")


def write(part: str, state: Mapping[str, Any]) -> None:
    """Replace the state of *part*; a reader sees the old one or the new one, never half of one."""
    RUN.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile("w", dir=RUN, suffix=".new", delete=False) as file:
        json.dump(state, file)
    Path(file.name).replace(RUN / f"{part}.json")


def read(engine: "Engine", container: str, part: str) -> dict[str, Any] | None:
    """Return the state that *part* left in *container*; ``None`` when it left none yet.

    :raises EngineUnreachable: Docker does not answer.
    """
    content = engine.read_file(container, str(RUN / f"{part}.json"))
    try:
        state = json.loads(content) if content else None
    except ValueError:
        return None
    return state if isinstance(state, dict) else None
