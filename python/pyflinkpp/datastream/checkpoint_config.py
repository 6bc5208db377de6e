"""Settings of checkpoints: not in this version; each name is refused."""

from pyflinkpp._missing import refuse_names

__getattr__ = refuse_names(__name__, frozenset({"CheckpointConfig"}))
