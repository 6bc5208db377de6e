"""pyflinkpp: a stream processor with Apache Flink's Python API and a core in C++.

A program written for PyFlink runs when ``pyflink`` is replaced by ``pyflinkpp`` in its imports.

    >>> from pyflinkpp.datastream import StreamExecutionEnvironment
    >>> env = StreamExecutionEnvironment.get_execution_environment()
    >>> with env.from_collection([1, 2, 3]).map(lambda n: n * n).execute_and_collect() as squares:
    ...     print(list(squares))
    [1, 4, 9]
"""

from pyflinkpp.version import __version__

__all__ = ["__version__"]
