# The names of the door, by the room that each lives in; read when a name is first used, too.
import pluggy

from . import codec as codec
from . import hostport as hostport
from . import identity as identity
from .agent import statusfile as statusfile
from .agent.container import agent_container as agent_container
from .agent.lost import lost_instances as lost_instances
from .agent.status import node_status as node_status
from .cli.base import Command as Command, Lister as Lister, WatchingLister as WatchingLister
from .context import Context as Context
from .docker.engine import Engine as Engine
from .docker.specs import (
    PART_LABEL as PART_LABEL,
    ROLE_LABEL as ROLE_LABEL,
    ContainerSpec as ContainerSpec,
    OwnContainer as OwnContainer,
    once_body as once_body,
)
from .errors import (
    ArpanetError as ArpanetError,
    EngineError as EngineError,
    EngineUnreachable as EngineUnreachable,
    ExitCode as ExitCode,
    NameTaken as NameTaken,
    PluginError as PluginError,
    RegistryError as RegistryError,
    RegistryUnreachable as RegistryUnreachable,
    SettingsError as SettingsError,
    UsageError as UsageError,
)
from .files import replacing as replacing
from .host import addresses as addresses, drained as drained, sockets as sockets
from .identity import Identity as Identity
from .images import elf as elf
from .images.node import node_image as node_image, pack_binaries as pack_binaries
from .images.tree import Tree as Tree
from .progress import Progress as Progress
from .records import (
    STOPPING as STOPPING,
    Admission as Admission,
    Container as Container,
    Difference as Difference,
    Formation as Formation,
    Host as Host,
    Instance as Instance,
    Link as Link,
    Member as Member,
    Port as Port,
    Refusal as Refusal,
    Snapshot as Snapshot,
    Status as Status,
    Target as Target,
)
from .registry import (
    LINKS as LINKS,
    TTL as TTL,
    Follower as Follower,
    Leadership as Leadership,
    MemoryRegistry as MemoryRegistry,
    Presence as Presence,
    Registry as Registry,
    Session as Session,
    checked_length as checked_length,
    duplicate_host as duplicate_host,
    not_leading as not_leading,
)
from .settings import kinds as kinds
from .settings.core import (
    ARPANET_IDENTITY as ARPANET_IDENTITY,
    ARPANET_IP as ARPANET_IP,
    ARPANET_MASTERS as ARPANET_MASTERS,
    ARPANET_REGISTRY as ARPANET_REGISTRY,
    ARPANET_TLS as ARPANET_TLS,
    ARPANET_TTL as ARPANET_TTL,
    HOSTNAME as HOSTNAME,
)
from .settings.declared import Setting as Setting, Settings as Settings, Source as Source
from .vault import (
    ABSENT as ABSENT,
    Entry as Entry,
    Hearing as Hearing,
    MemoryVault as MemoryVault,
    Vault as Vault,
)

__version__: str
hookimpl: pluggy.HookimplMarker
hookspec: pluggy.HookspecMarker
