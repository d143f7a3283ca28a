"""The appliance on one machine: its state folder, its databases and the supervisor of its processes."""

from .disk import require_room
from .errors import (
    AlreadyRunning,
    ApplianceError,
    ChildFailed,
    DiskLow,
    FolderUnusable,
    PortTaken,
    ServerAccountBlocked,
    StepFailed,
)
from .launch import Account
from .plan import Backoff, Child, Item, OnProgress, Step, StepCancelled
from .ports import PortBook, free_port, require_free
from .postgres import PostgresCluster, install_programs
from .probes import HttpProbe, Probe, TcpProbe
from .state import StateFolder, default_folder, write_private
from .supervisor import Supervisor, supervise

__all__ = [
    "Account",
    "AlreadyRunning",
    "ApplianceError",
    "Backoff",
    "Child",
    "ChildFailed",
    "DiskLow",
    "FolderUnusable",
    "HttpProbe",
    "Item",
    "OnProgress",
    "PortBook",
    "PortTaken",
    "PostgresCluster",
    "Probe",
    "ServerAccountBlocked",
    "StateFolder",
    "Step",
    "StepCancelled",
    "StepFailed",
    "Supervisor",
    "TcpProbe",
    "default_folder",
    "free_port",
    "install_programs",
    "require_free",
    "require_room",
    "supervise",
    "write_private",
]
