"""Translates a described program into the engine's job graph."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from pyflinkpp._engine import native
from pyflinkpp._local_processes import processes_of
from pyflinkpp.common.execution_config import CACHED_FILES
from pyflinkpp.common.typeinfo import engine_type
from pyflinkpp.datastream import _main_module
from pyflinkpp.datastream._checkpointing import apply_checkpointing
from pyflinkpp.datastream._engine_spec import engine_spec
from pyflinkpp.datastream._transformation import Edge, Transformation

if TYPE_CHECKING:
    from pyflinkpp.datastream.stream_execution_environment import StreamExecutionEnvironment

__all__ = ["Translation"]


class Translation:
    """Makes the engine's job graph of a program; what leads to no sink is left out.

    :param environment: The environment with the settings.
    :param sinks: The sinks of the program.
    """

    def __init__(
        self, environment: StreamExecutionEnvironment, sinks: Iterable[Transformation]
    ) -> None:
        self._environment = environment
        self._config = environment.get_config()
        self._nodes = _with_inputs(sinks)
        self._ids: dict[Transformation, int] = {}
        self._custom_ids: dict[tuple[Transformation, int], int] = {}
        self._parallelism: dict[Transformation, int] = {}
        for node in self._nodes:  # in the order of creation: inputs come first
            self._parallelism[node] = self._resolve(node)
        self._batch = environment._runs_as_batch(all(node.bounded for node in self._nodes))
        self.graph: Any = None
        # Where the job runs: in so many TaskManager processes; 0: in this one.
        self.processes = 0 if environment._debugs else processes_of(environment._configuration)

    def translate(self) -> Any:
        """Makes the graph.

        :return: The engine's JobGraph.
        :raises FileNotFoundError: When a file that is read or cached is missing.
        :raises TypeError: When a function can't be pickled or an element does not fit its type.
        :raises ValueError: When the program is not valid.
        """
        self._check()
        configuration = self._environment._configuration.to_dict()
        configuration["execution.runtime-mode"] = "BATCH" if self._batch else "STREAMING"
        if configuration.get(CACHED_FILES):
            from pyflinkpp.datastream._distributed_cache import checked_cached_files

            configuration[CACHED_FILES] = checked_cached_files(configuration[CACHED_FILES])
        if self.processes > 0:
            main = _main_module.describe()
            if main:
                configuration[_main_module.KEY] = main
        self.graph = native().JobGraph(configuration)
        apply_checkpointing(self.graph, configuration, self._batch)
        for node in self._nodes:
            if _is_custom_partitioning(node):
                continue  # added for each consumer: it must know its number of subtasks
            sources = [self._source_id(edge, node) for edge in node.inputs]
            self._ids[node] = self._add(node)
            self._connect(node, self._ids[node], sources)
        return self.graph

    def _resolve(self, node: Transformation) -> int:
        if node.follows_input:
            return self._parallelism[node.inputs[0].source]
        return self._config.get_parallelism() if node.parallelism == -1 else node.parallelism

    def _source_id(self, edge: Edge, target: Transformation) -> int:
        source = edge.source
        if not _is_custom_partitioning(source):
            return self._ids[source]
        key = source, self._parallelism[target]
        if key not in self._custom_ids:
            sources = [self._source_id(before, source) for before in source.inputs]
            self._custom_ids[key] = self._add(source)
            self._connect(source, self._custom_ids[key], sources)
        return self._custom_ids[key]

    def _add(self, node: Transformation) -> int:
        interval = self._config.get_auto_watermark_interval()
        if node.spec["kind"] == "python_sink":
            retries = self._environment._configuration.get_integer("sink.committer.retries", 10)
            node.function.retries = retries
        spec = engine_spec(node, self._batch, interval, self._environment._debugs)
        max_parallelism = node.max_parallelism or self._config.get_max_parallelism()
        timeout = node.buffer_timeout_ms
        if timeout is None:
            timeout = self._environment.get_buffer_timeout()
        try:
            operator: int = self.graph.add_operator(
                spec,
                name=node.name,
                parallelism=self._parallelism[node],
                max_parallelism=max_parallelism,
                output_type=engine_type(node.output_type),
                uid=node.uid,
                uid_hash=node.uid_hash,
                description=node.description,
                chaining=self._chaining(node),
                slot_sharing_group=node.slot_sharing_group,
                buffer_timeout_ms=timeout,
            )
        except (TypeError, ValueError, OverflowError) as error:
            if node.name in str(error):
                raise
            kinds = (TypeError, OverflowError, ValueError)
            kind = next(kind for kind in kinds if isinstance(error, kind))
            raise kind(f"operator {node.name!r}: {error}") from error
        return operator

    def _chaining(self, node: Transformation) -> str:
        if not self._environment.is_chaining_enabled():
            return "never"
        if node.spec.get("of_source"):
            return node.inputs[0].source.chaining
        return node.chaining

    def _connect(self, node: Transformation, target_id: int, source_ids: list[int]) -> None:
        for edge, source_id in zip(node.inputs, source_ids, strict=True):
            self.graph.add_edge(
                source_id,
                target_id,
                partitioner=self._partitioner(edge, node),
                input=edge.input,
                side_output=_position(edge),
            )

    def _partitioner(self, edge: Edge, target: Transformation) -> str:
        before, after = self._parallelism[edge.source], self._parallelism[target]
        if edge.partitioner is None:
            return "forward" if before == after else "rebalance"
        if edge.partitioner == "forward" and before != after:
            raise ValueError(
                f"forward() from operator {edge.source.name!r} (parallelism {before}) to "
                f"{target.name!r} (parallelism {after}) needs the same parallelism on both sides: "
                "use rebalance(), rescale(), shuffle(), broadcast() or global_() instead"
            )
        return edge.partitioner

    def _check(self) -> None:
        for node in self._nodes:
            if node.check is not None:
                node.check(node.name)
            self._check_parallelism(node)
        self._check_ids()
        checkpoints = self._environment.get_checkpoint_config().is_checkpointing_enabled()
        if not (checkpoints or all(node.bounded for node in self._nodes)):
            self._warn_of_unfinished_files()

    def _check_parallelism(self, node: Transformation) -> None:
        greatest = node.max_parallelism or self._config.get_max_parallelism()
        parallelism = self._parallelism[node]
        if 0 < greatest < parallelism:
            raise ValueError(
                f"operator {node.name!r} has the parallelism {parallelism}, which is greater than "
                f"its max parallelism {greatest}"
            )

    def _check_ids(self) -> None:
        users: dict[str, str] = {}
        generated = self._config.has_auto_generated_uids_enabled()
        for node in self._nodes:
            for own_id in filter(None, (node.uid, node.uid_hash)):
                if own_id in users:
                    raise ValueError(
                        f"operators {users[own_id]!r} and {node.name!r} have the same uid "
                        f"{own_id!r}: give each its own"
                    )
                users[own_id] = node.name
            if not (node.uid or node.uid_hash or generated or _has_no_settings(node)):
                raise ValueError(
                    f"operator {node.name!r} has no uid, and pipeline.auto-generate-uids is false: "
                    "give it one by uid()"
                )

    def _warn_of_unfinished_files(self) -> None:
        from pyflinkpp._warnings import warn

        for node in self._nodes:
            if node.spec.get("commits"):
                warn(
                    f"the sink {node.name!r} commits what an unbounded job without checkpoints "
                    "writes: that only happens at the end of the job"
                )
            elif node.spec["kind"] == "file_sink":
                warn(
                    f"the sink {node.name!r} writes files of an unbounded job without checkpoints: "
                    "they only become visible at the end of the job"
                )


def _with_inputs(sinks: Iterable[Transformation]) -> list[Transformation]:
    found, to_visit = set(), list(sinks)
    while to_visit:
        node = to_visit.pop()
        if node not in found:
            found.add(node)
            to_visit += (edge.source for edge in node.inputs)
    return sorted(found, key=lambda node: node.number)


def _position(edge: Edge) -> int:
    """The position of the edge's side output; -1 for the main output."""
    if edge.side_output is None:
        return -1
    return [tag.tag_id for tag in edge.source.side_outputs].index(edge.side_output)


def _is_custom_partitioning(node: Transformation) -> bool:
    return node.spec.get("function") == "partition_custom"


def _has_no_settings(node: Transformation) -> bool:
    return node.follows_input or node.spec["kind"] == "collect_sink"
