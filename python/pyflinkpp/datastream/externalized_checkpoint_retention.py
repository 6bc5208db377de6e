"""What becomes of checkpoints when a job ends: not in this version; the name is refused."""

from pyflinkpp._missing import refuse_names

__getattr__ = refuse_names(__name__, frozenset({"ExternalizedCheckpointRetention"}))
