# The names of the kit; read when a name is first used, too.
from .agent import FedAgent as FedAgent
from .context import RecordingContext as RecordingContext
from .engine import RecordingEngine as RecordingEngine
from .records import (
    container as container,
    instance as instance,
    published as published,
    snapshot as snapshot,
)
from .waiting import wait_for as wait_for
