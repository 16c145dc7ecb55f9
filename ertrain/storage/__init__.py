"""Files of runs: whole or not there, locked while they are worked on, and never unpickled."""

from ertheory._typed import name_wrong_types
from ertrain.storage.checkpoints import Checkpoint, load_checkpoint, save_checkpoint
from ertrain.storage.files import locked, read_json, write_json, write_whole

__all__ = [
    "Checkpoint",
    "load_checkpoint",
    "locked",
    "read_json",
    "save_checkpoint",
    "write_json",
    "write_whole",
]

name_wrong_types(__name__)
