"""Input formats: written in Java, so the name is refused."""

from pyflinkpp._missing import refuse_names

__getattr__ = refuse_names(__name__, frozenset({"InputFormat"}))
