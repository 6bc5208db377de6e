"""Where programs are described and run."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from pyflinkpp.common import _checks
from pyflinkpp.common._values import parse_duration_ms
from pyflinkpp.common.configuration import Configuration
from pyflinkpp.common.execution_config import CACHED_FILES, PARALLELISM, ExecutionConfig
from pyflinkpp.common.typeinfo import TypeInformation, output_type
from pyflinkpp.common.watermark_strategy import WatermarkStrategy
from pyflinkpp.datastream._checkpoint_environment import CheckpointingEnvironment
from pyflinkpp.datastream._data_stream import DataStream
from pyflinkpp.datastream._missing_environment import MissingFromEnvironment
from pyflinkpp.datastream._transformation import Edge, Transformation
from pyflinkpp.datastream.execution_mode import RuntimeExecutionMode

if TYPE_CHECKING:
    from pyflinkpp.common.job_client import JobClient
    from pyflinkpp.common.job_execution_result import JobExecutionResult
    from pyflinkpp.datastream._graph import Translation
    from pyflinkpp.datastream.connectors.base import Source
    from pyflinkpp.datastream.slot_sharing_group import SlotSharingGroup

__all__ = ["StreamExecutionEnvironment"]

_RUNTIME_MODE = "execution.runtime-mode"
_BUFFER_TIMEOUT = "execution.buffer-timeout.interval"
_BUFFER_TIMEOUT_ENABLED = "execution.buffer-timeout.enabled"
_CHAINING = "pipeline.operator-chaining.enabled"
_CHAINING_OF_DIFFERENT = "pipeline.operator-chaining.chain-operators-with-different-max-parallelism"
_JOB_NAME = "pipeline.name"


class StreamExecutionEnvironment(CheckpointingEnvironment, MissingFromEnvironment):
    """Where a program is described and run.

    >>> env = StreamExecutionEnvironment.get_execution_environment()
    >>> env.from_collection(["to be", "or not"]).flat_map(str.split).print()  # doctest: +SKIP
    >>> env.execute("words")  # doctest: +SKIP

    :param configuration: Settings; they are copied.
    """

    def __init__(self, configuration: Configuration | None = None) -> None:
        self._configuration = Configuration()
        self._sinks: list[Transformation] = []
        self._slot_sharing_groups: dict[str, SlotSharingGroup] = {}
        self._debugs = os.environ.get("PYFLINKPP_DEBUG", "") not in ("", "0")
        if configuration is not None:
            self.configure(configuration)

    @staticmethod
    def get_execution_environment(
        configuration: Configuration | None = None,
    ) -> StreamExecutionEnvironment:
        """Makes an environment that runs programs on the mini-cluster of this process.

        :param configuration: Settings; a key that is not known gives a warning.
        :return: The environment.
        :raises ValueError: When a value does not fit its key.
        """
        return StreamExecutionEnvironment(configuration)

    def configure(self, configuration: Configuration) -> None:
        """Adds settings to those of the environment.

        :param configuration: The settings; a key that is not known gives a warning.
        :raises ValueError: When a value does not fit its key.
        """
        from pyflinkpp.datastream._options import check_settings, with_current_keys

        if not isinstance(configuration, Configuration):
            raise TypeError(f"a Configuration is wanted, not {configuration!r}")
        configuration = with_current_keys(configuration)
        check_settings(configuration)
        self._configuration.add_all(configuration)

    def get_config(self) -> ExecutionConfig:
        """Gives the settings of how programs run; changing them changes the environment.

        :return: The settings.
        """
        return ExecutionConfig(self._configuration)

    def set_parallelism(self, parallelism: int) -> StreamExecutionEnvironment:
        """Sets the parallelism of operators that are made from now on.

        :param parallelism: The number of subtasks; -1 for the default, 1.
        :return: This object.
        :raises ValueError: When it is 0 or out of range.
        """
        self.get_config().set_parallelism(parallelism)
        return self

    def get_parallelism(self) -> int:
        """Gives the parallelism of operators that are made from now on.

        :return: The number of subtasks; 1 when nothing has set it.
        """
        return self.get_config().get_parallelism()

    def set_max_parallelism(self, max_parallelism: int) -> StreamExecutionEnvironment:
        """Sets the greatest parallelism that operators may ever have: their key groups.

        :param max_parallelism: From 1 to 32,768.
        :return: This object.
        :raises ValueError: When it is out of range.
        """
        self.get_config().set_max_parallelism(max_parallelism)
        return self

    def get_max_parallelism(self) -> int:
        """Gives the greatest parallelism that operators may ever have.

        :return: The number of key groups; -1 when it follows from the parallelism.
        """
        return self.get_config().get_max_parallelism()

    def set_runtime_mode(self, execution_mode: RuntimeExecutionMode) -> StreamExecutionEnvironment:
        """Sets whether programs run as streams or as batches.

        :param execution_mode: STREAMING, BATCH or AUTOMATIC.
        :return: This object.
        """
        if not isinstance(execution_mode, RuntimeExecutionMode):
            raise TypeError(f"a RuntimeExecutionMode is wanted, not {execution_mode!r}")
        self._configuration.set_string(_RUNTIME_MODE, execution_mode.name)
        return self

    def set_buffer_timeout(self, timeout_millis: int) -> StreamExecutionEnvironment:
        """Sets how long elements may wait in a buffer that is not full.

        :param timeout_millis: Milliseconds; 0 sends at once, -1 waits until the buffer is full.
        :return: This object.
        :raises ValueError: When it is less than -1.
        """
        if _checks.integer(timeout_millis, "timeout_millis") < -1:
            raise ValueError(f"timeout_millis must be at least -1, not {timeout_millis}")
        self._configuration.set_boolean(_BUFFER_TIMEOUT_ENABLED, timeout_millis >= 0)
        if timeout_millis >= 0:
            self._configuration.set_string(_BUFFER_TIMEOUT, f"{timeout_millis} ms")
        return self

    def get_buffer_timeout(self) -> int:
        """Gives how long elements may wait in a buffer that is not full.

        :return: Milliseconds; -1 when they wait until it is full.
        """
        if not self._configuration.get_boolean(_BUFFER_TIMEOUT_ENABLED, True):
            return -1
        return parse_duration_ms(
            _BUFFER_TIMEOUT, self._configuration.get_string(_BUFFER_TIMEOUT, "100 ms")
        )

    def disable_operator_chaining(self) -> StreamExecutionEnvironment:
        """Runs each operator in tasks of its own.

        :return: This object.
        """
        self._configuration.set_boolean(_CHAINING, False)
        return self

    def is_chaining_enabled(self) -> bool:
        """Tells whether operators may share a task.

        :return: True if so.
        """
        return self._configuration.get_boolean(_CHAINING, True)

    def is_chaining_of_operators_with_different_max_parallelism_enabled(self) -> bool:
        """Tells whether operators of different max parallelism may share a task.

        :return: True if so.
        """
        return self._configuration.get_boolean(_CHAINING_OF_DIFFERENT, True)

    def register_slot_sharing_group(
        self, slot_sharing_group: SlotSharingGroup
    ) -> StreamExecutionEnvironment:
        """Registers a slot sharing group with what its slots need.

        :param slot_sharing_group: The group.
        :return: This object.
        """
        self._slot_sharing_groups[slot_sharing_group.get_name()] = slot_sharing_group
        return self

    def register_cached_file(self, file_path: str, name: str, executable: bool = False) -> None:
        """Lets functions find a file or directory by name, in their RuntimeContext.

        >>> env.register_cached_file("/data/words.txt", "words")
        >>> class Check(FilterFunction):
        ...     def open(self, runtime_context):
        ...         path = runtime_context.get_distributed_cache().get_file("words")

        :param file_path: The file or directory; it has to be there when the job is submitted.
        :param name: The name under which functions find it.
        :param executable: Whether functions run it.
        :raises ValueError: When another file has that name.
        """
        from pyflinkpp.datastream._distributed_cache import (
            CachedFile,
            format_cached_files,
            parse_cached_files,
        )
        from pyflinkpp.datastream.connectors._files import local_path

        if not isinstance(name, str) or not name:
            raise ValueError(f"the name of a cached file must be a text, not {name!r}")
        new = CachedFile(name, local_path(file_path), bool(executable))
        files = parse_cached_files(self._configuration.get_string(CACHED_FILES, ""))
        for file in files:
            if file.name == name and file != new:
                raise ValueError(f"{file.path} is registered as cached file {name!r} already")
        if new not in files:
            text = format_cached_files([*files, new])
            self._configuration.set_string(CACHED_FILES, text)

    def add_python_file(self, file_path: str) -> None:
        """Lets the program and its functions import a Python file, or what is in a directory or
        an archive (zip, wheel).

        It comes after what can be imported anyway.

        :param file_path: The file, directory or archive.
        :raises FileNotFoundError: When it is not there.
        """
        import sys

        from pyflinkpp.datastream.connectors._files import local_path

        path = local_path(file_path)
        if not os.path.exists(path):
            raise FileNotFoundError(f"add_python_file: there is no file {path}")
        place = os.path.dirname(path) if path.endswith(".py") else path
        if place not in sys.path:
            sys.path.append(place)

    def get_default_local_parallelism(self) -> int:
        """Gives the parallelism when nothing sets it.

        :return: 1.
        """
        return self.get_parallelism()

    def set_default_local_parallelism(self, parallelism: int) -> None:
        """Sets the parallelism when nothing else sets it.

        :param parallelism: The number of subtasks.
        """
        if _checks.parallelism(parallelism) > 0 and not self._configuration.contains_key(
            PARALLELISM
        ):
            self._configuration.set_integer(PARALLELISM, parallelism)

    def from_collection(
        self, collection: Iterable[Any], type_info: TypeInformation | None = None
    ) -> DataStream:
        """Makes a stream of the elements of a collection.

        >>> env.from_collection([("a", 1)], Types.TUPLE([Types.STRING(), Types.LONG()]))

        :param collection: The elements; they are copied into a list now.
        :param type_info: Their type; any Python object when left out.
        :return: The stream; its parallelism is 1.
        :raises TypeError: When the collection can't be iterated over.
        """
        if isinstance(collection, (str, bytes)):
            raise TypeError(f"from_collection takes a list of elements, not {collection!r}")
        kind = output_type(type_info)
        spec = {"kind": "collection_source", "elements": list(collection)}
        node = Transformation("Collection Source", spec, 1, (), kind)
        node.can_be_parallel = False
        node.max_parallelism = 1
        return DataStream(self, (Edge(node, None),), kind, node)

    def from_source(
        self,
        source: Source,
        watermark_strategy: WatermarkStrategy,
        source_name: str,
        type_info: TypeInformation | None = None,
    ) -> DataStream:
        """Makes a stream of a source.

        >>> env.from_source(NumberSequenceSource(1, 9), WatermarkStrategy.no_watermarks(), "n")

        :param source: A source of :mod:`pyflinkpp.datastream.connectors`.
        :param watermark_strategy: How elements get timestamps and watermarks: those of each split
            of the source for themselves.
        :param source_name: The name of the operator.
        :param type_info: The type of the elements; left out, it is the source's.
        :return: The stream; its name and other settings are those of the source.
        :raises TypeError: When an argument is something else or the source gives another type.
        """
        from pyflinkpp.datastream.connectors.base import Source

        if not isinstance(source, Source):
            raise TypeError(
                f"from_source takes a source of pyflinkpp.datastream.connectors, not {source!r}"
            )
        if not isinstance(watermark_strategy, WatermarkStrategy):
            raise TypeError(f"a WatermarkStrategy is wanted, not {watermark_strategy!r}")
        if not isinstance(source_name, str):
            raise TypeError(f"source_name must be a str, not {source_name!r}")
        produced = source._produced_type()
        if type_info is not None and output_type(type_info) != produced:
            raise TypeError(
                f"source {source_name!r} gives elements of type {produced}, not {type_info}: "
                "leave type_info out, and map() the elements to another type"
            )
        node = Transformation(source_name, source._spec(), self.get_parallelism(), (), produced)
        node.bounded = source._bounded
        node.check = source._check
        edges = (Edge(node, None),)
        if not watermark_strategy._does_nothing():
            assigner = watermark_strategy._timestamp_assigner
            spec = {**watermark_strategy._spec(), "of_source": True}
            timed = Transformation("Timestamps/Watermarks", spec, -1, edges, produced, assigner)
            timed.follows_input = True
            edges = (Edge(timed, None),)
        return DataStream(self, edges, produced, node)

    def execute(self, job_name: str | None = None) -> JobExecutionResult:
        """Runs what leads to the sinks added so far and waits until it has finished.

        Ctrl-C cancels the job, waits until its functions are closed, and raises KeyboardInterrupt.

        :param job_name: The name of the job.
        :return: The result: run time, accumulators and a summary by operator.
        :raises RuntimeError: When there is no sink.
        :raises JobExecutionException: When the job fails.
        """
        from pyflinkpp._engine import wait_for
        from pyflinkpp.common.job_execution_result import result_of

        job = self._submit(job_name)
        wait_for(job)
        return result_of(job)

    def execute_async(self, job_name: str = "Flink Streaming Job") -> JobClient:
        """Runs what leads to the sinks added so far and returns at once.

        :param job_name: The name of the job.
        :return: The client to ask for the job's state and result or to cancel it.
        :raises RuntimeError: When there is no sink.
        """
        from pyflinkpp.common.job_client import JobClient

        return JobClient(self._submit(job_name))

    def get_execution_plan(self) -> str:
        """Describes how the program will run; the sinks stay.

        :return: JSON: {"nodes": [{"id", "type", "pact", "contents", "parallelism",
            "predecessors": [{"id", "ship_strategy", "side"}]}]}.
        :raises RuntimeError: When there is no sink.
        """
        plan: str = self._translation(self._sinks).translate().plan()
        return plan

    def debug(self, enabled: bool = True) -> StreamExecutionEnvironment:
        """Runs jobs in the calling thread, with the functions themselves instead of copies.

        So ``breakpoint()`` and an IDE's debugger work inside them, and what they change in
        variables outside is seen. The environment variable ``PYFLINKPP_DEBUG=1`` does the same.
        Functions of parallel subtasks then share their objects.

        When a function raises, the ``context`` of the JobExecutionException has the element, the
        key and the window themselves, and its traceback ends in the function:
        ``pdb.post_mortem(error.__traceback__)``.

        :param enabled: Whether to.
        :return: This environment.
        """
        self._debugs = bool(enabled)
        return self

    def close(self) -> None:
        """Forgets the sinks that were added."""
        self._sinks.clear()

    def _runs_as_batch(self, bounded: bool) -> bool:
        mode = self._configuration.get_string(_RUNTIME_MODE, "STREAMING").upper()
        if mode == "BATCH" and not bounded:
            raise ValueError("a program with an unbounded source can't run in batch mode")
        return mode == "BATCH" or (mode == "AUTOMATIC" and bounded)

    def _translation(self, sinks: list[Transformation]) -> Translation:
        from pyflinkpp.datastream._graph import Translation

        if not sinks:
            raise RuntimeError(
                "No operators defined in streaming topology. Cannot execute. "
                "Add a sink first, as by print() or sink_to()"
            )
        return Translation(self, sinks)

    def _submit(self, job_name: str | None, *sinks: Transformation) -> Any:
        from pyflinkpp._engine import native

        try:
            translation = self._translation([*self._sinks, *sinks])
            graph = translation.translate()
        finally:
            self._sinks.clear()
        name = job_name or self._configuration.get_string(_JOB_NAME, "Flink Streaming Job")
        if translation.processes > 0:
            from pyflinkpp._local_processes import local_processes

            processes = local_processes(self._configuration)
            return processes.submit(graph, name, translation.processes)
        return native().submit(graph, name, self._debugs)
