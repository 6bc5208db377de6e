"""Settings of how programs run: a typed view of a configuration."""

from __future__ import annotations

from typing import NoReturn

from pyflinkpp._missing import no_jvm
from pyflinkpp.common import _checks
from pyflinkpp.common._values import format_map, parse_duration_ms, parse_map
from pyflinkpp.common.configuration import Configuration

__all__ = ["ExecutionConfig"]

PARALLELISM = "parallelism.default"
MAX_PARALLELISM = "pipeline.max-parallelism"
AUTO_WATERMARK_INTERVAL = "pipeline.auto-watermark-interval"
CLOSURE_CLEANER = "pipeline.closure-cleaner-level"
AUTO_UIDS = "pipeline.auto-generate-uids"
CACHED_FILES = "pipeline.cached-files"
OBJECT_REUSE = "pipeline.object-reuse"
JOB_PARAMETERS = "pipeline.global-job-parameters"
LATENCY_INTERVAL = "metrics.latency.interval"
CANCELLATION_INTERVAL = "task.cancellation.interval"
CANCELLATION_TIMEOUT = "task.cancellation.timeout"
SNAPSHOT_COMPRESSION = "execution.checkpointing.snapshot-compression"


class ExecutionConfig:
    """Settings of how programs run; a change takes effect in the environment it came from.

    :param configuration: The settings to show and change; new ones by default.
    """

    __slots__ = ("_configuration",)

    PARALLELISM_DEFAULT = -1
    """Use the environment's parallelism."""

    PARALLELISM_UNKNOWN = -2
    """The parallelism is not known yet."""

    def __init__(self, configuration: Configuration | None = None) -> None:
        self._configuration = Configuration() if configuration is None else configuration

    def get_parallelism(self) -> int:
        """Gives the parallelism of operators that do not set their own.

        :return: The number of subtasks; 1 when nothing has set it.
        """
        return max(1, self._configuration.get_integer(PARALLELISM, 1))

    def set_parallelism(self, parallelism: int) -> ExecutionConfig:
        """Sets the parallelism of operators that do not set their own.

        :param parallelism: The number of subtasks; -1 for the default, 1.
        :return: This object.
        :raises ValueError: When it is 0 or out of range.
        """
        if parallelism != self.PARALLELISM_UNKNOWN:
            if _checks.parallelism(parallelism) == self.PARALLELISM_DEFAULT:
                self._configuration.remove_config(PARALLELISM)
            else:
                self._configuration.set_integer(PARALLELISM, parallelism)
        return self

    def get_max_parallelism(self) -> int:
        """Gives the greatest parallelism that operators may ever have.

        :return: The number of key groups; -1 when it follows from the parallelism.
        """
        return self._configuration.get_integer(MAX_PARALLELISM, -1)

    def set_max_parallelism(self, max_parallelism: int) -> ExecutionConfig:
        """Sets the greatest parallelism that operators may ever have.

        :param max_parallelism: The number of key groups, from 1 to 32,768.
        :return: This object.
        :raises ValueError: When it is out of range.
        """
        self._configuration.set_integer(MAX_PARALLELISM, _checks.max_parallelism(max_parallelism))
        return self

    def get_auto_watermark_interval(self) -> int:
        """Gives how often watermarks are made.

        :return: Milliseconds; 0 for never.
        """
        return self._duration(AUTO_WATERMARK_INTERVAL, 200)

    def set_auto_watermark_interval(self, interval: int) -> ExecutionConfig:
        """Sets how often watermarks are made.

        :param interval: Milliseconds; 0 for never.
        :return: This object.
        """
        return self._set_duration(AUTO_WATERMARK_INTERVAL, interval, "interval")

    def get_latency_tracking_interval(self) -> int:
        """Gives how often latency is measured.

        :return: Milliseconds; 0 for never.
        """
        return self._duration(LATENCY_INTERVAL, 0)

    def set_latency_tracking_interval(self, interval: int) -> ExecutionConfig:
        """Sets how often latency is measured.

        :param interval: Milliseconds; 0 for never.
        :return: This object.
        """
        return self._set_duration(LATENCY_INTERVAL, interval, "interval")

    def get_task_cancellation_interval(self) -> int:
        """Gives how long to wait between two attempts to cancel a task.

        :return: Milliseconds.
        """
        return self._duration(CANCELLATION_INTERVAL, 30_000)

    def set_task_cancellation_interval(self, interval: int) -> ExecutionConfig:
        """Sets how long to wait between two attempts to cancel a task.

        :param interval: Milliseconds.
        :return: This object.
        """
        return self._set_duration(CANCELLATION_INTERVAL, interval, "interval")

    def get_task_cancellation_timeout(self) -> int:
        """Gives how long a task may take to stop.

        :return: Milliseconds; 0 for ever.
        """
        return self._duration(CANCELLATION_TIMEOUT, 180_000)

    def set_task_cancellation_timeout(self, timeout: int) -> ExecutionConfig:
        """Sets how long a task may take to stop.

        :param timeout: Milliseconds; 0 for ever.
        :return: This object.
        """
        return self._set_duration(CANCELLATION_TIMEOUT, timeout, "timeout")

    def enable_closure_cleaner(self) -> ExecutionConfig:
        """Has no effect: there is nothing to clean in Python's closures.

        :return: This object.
        """
        self._configuration.set_string(CLOSURE_CLEANER, "RECURSIVE")
        return self

    def disable_closure_cleaner(self) -> ExecutionConfig:
        """Has no effect: there is nothing to clean in Python's closures.

        :return: This object.
        """
        self._configuration.set_string(CLOSURE_CLEANER, "NONE")
        return self

    def is_closure_cleaner_enabled(self) -> bool:
        """Tells what was set; it has no effect.

        :return: True if it was not disabled.
        """
        return self._configuration.get_string(CLOSURE_CLEANER, "RECURSIVE") != "NONE"

    def enable_auto_generated_uids(self) -> ExecutionConfig:
        """Lets operators go without a uid of their own.

        :return: This object.
        """
        self._configuration.set_boolean(AUTO_UIDS, True)
        return self

    def disable_auto_generated_uids(self) -> ExecutionConfig:
        """Demands that each operator has a uid or a uid hash.

        :return: This object.
        """
        self._configuration.set_boolean(AUTO_UIDS, False)
        return self

    def has_auto_generated_uids_enabled(self) -> bool:
        """Tells whether operators may go without a uid of their own.

        :return: True if they may.
        """
        return self._configuration.get_boolean(AUTO_UIDS, True)

    def enable_object_reuse(self) -> ExecutionConfig:
        """Has no effect: elements are passed on in one way.

        An element whose type is declared is copied as a function gives it on, unless it can't be
        changed; so is one that goes to several consumers, for all but one of them. An element
        without a declared type goes to its one consumer as it is, so neither the function that
        has given it on nor its consumer may change it while the other still uses it.

        :return: This object.
        """
        self._configuration.set_boolean(OBJECT_REUSE, True)
        return self

    def disable_object_reuse(self) -> ExecutionConfig:
        """Has no effect: elements are passed on as :meth:`enable_object_reuse` says.

        :return: This object.
        """
        self._configuration.set_boolean(OBJECT_REUSE, False)
        return self

    def is_object_reuse_enabled(self) -> bool:
        """Tells what was set; it has no effect.

        :return: True if object reuse was enabled.
        """
        return self._configuration.get_boolean(OBJECT_REUSE, False)

    def get_global_job_parameters(self) -> dict[str, str]:
        """Gives the parameters that functions see in their runtime context.

        :return: A new dict.
        """
        return parse_map(JOB_PARAMETERS, self._configuration.get_string(JOB_PARAMETERS, ""))

    def set_global_job_parameters(
        self, global_job_parameters_dict: dict[str, str]
    ) -> ExecutionConfig:
        """Sets the parameters that functions see in their runtime context.

        :param global_job_parameters_dict: The parameters; values become text.
        :return: This object.
        """
        texts = {str(key): str(value) for key, value in global_job_parameters_dict.items()}
        self._configuration.set_string(JOB_PARAMETERS, format_map(texts))
        return self

    def is_use_snapshot_compression(self) -> bool:
        """Tells whether state is compressed in checkpoints.

        :return: True if so.
        """
        return self._configuration.get_boolean(SNAPSHOT_COMPRESSION, False)

    def set_use_snapshot_compression(self, use_snapshot_compression: bool) -> ExecutionConfig:
        """Sets whether state is compressed in checkpoints.

        :param use_snapshot_compression: Whether it is.
        :return: This object.
        """
        self._configuration.set_boolean(SNAPSHOT_COMPRESSION, use_snapshot_compression)
        return self

    def enable_force_kryo(self) -> NoReturn:
        """Refuses: Kryo is a Java library."""
        raise _no_java_serializers("enable_force_kryo()")

    def disable_force_kryo(self) -> ExecutionConfig:
        """Has no effect: there is no Kryo here.

        :return: This object.
        """
        return self

    def is_force_kryo_enabled(self) -> bool:
        """Tells whether Kryo is used.

        :return: False.
        """
        return False

    def enable_generic_types(self) -> ExecutionConfig:
        """Has no effect: any Python object may travel.

        :return: This object.
        """
        return self

    def disable_generic_types(self) -> NoReturn:
        """Refuses: streams without a declared type carry any Python object."""
        raise _no_java_serializers("disable_generic_types()")

    def has_generic_types_disabled(self) -> bool:
        """Tells whether values without a declared type are refused.

        :return: False.
        """
        return False

    def enable_force_avro(self) -> NoReturn:
        """Refuses: Avro's serializers for Java classes make no sense here."""
        raise _no_java_serializers("enable_force_avro()")

    def disable_force_avro(self) -> ExecutionConfig:
        """Has no effect: there are no Java classes here.

        :return: This object.
        """
        return self

    def is_force_avro_enabled(self) -> bool:
        """Tells whether Avro's serializers are forced.

        :return: False.
        """
        return False

    def get_default_kryo_serializer_classes(self) -> dict[str, str]:
        """Gives Kryo's serializers.

        :return: An empty dict.
        """
        return {}

    def get_registered_kryo_types(self) -> list[str]:
        """Gives the Java classes that Kryo knows.

        :return: An empty list.
        """
        return []

    def get_registered_pojo_types(self) -> list[str]:
        """Gives the Java classes that were registered.

        :return: An empty list.
        """
        return []

    def _duration(self, key: str, default: int) -> int:
        text = self._configuration.get_string(key, None)
        return default if text is None else parse_duration_ms(key, text)

    def _set_duration(self, key: str, millis: int, name: str) -> ExecutionConfig:
        if _checks.integer(millis, name) < 0:
            raise ValueError(f"{name} must not be negative: {millis} ms")
        self._configuration.set_string(key, f"{millis} ms")
        return self

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ExecutionConfig) and other._configuration == self._configuration

    def __hash__(self) -> int:
        return hash(self._configuration)


def _no_java_serializers(method: str) -> NotImplementedError:
    return no_jvm(f"ExecutionConfig.{method}", "declare types with pyflinkpp.common.Types")
