"""What the DataStream and Table APIs share: types, rows, time, configuration, jobs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pyflinkpp.common.configuration import Configuration
from pyflinkpp.common.execution_config import ExecutionConfig
from pyflinkpp.common.job_id import JobID
from pyflinkpp.common.serialization import (
    ByteArraySchema,
    DeserializationSchema,
    Encoder,
    SerializationSchema,
    SimpleStringSchema,
)
from pyflinkpp.common.time import Duration, Instant, Time
from pyflinkpp.common.typeinfo import TypeInformation, Types
from pyflinkpp.common.types import Row, RowKind
from pyflinkpp.common.watermark_strategy import (
    AssignerWithPeriodicWatermarksWrapper,
    TimestampAssigner,
    Watermark,
    WatermarkGenerator,
    WatermarkOutput,
    WatermarkStrategy,
)

if TYPE_CHECKING:
    from pyflinkpp.common.completable_future import CompletableFuture
    from pyflinkpp.common.config_options import ConfigOption, ConfigOptions
    from pyflinkpp.common.exceptions import (
        JobCancellationException,
        JobExecutionException,
        NonRecoverableError,
    )
    from pyflinkpp.common.execution_mode import ExecutionMode
    from pyflinkpp.common.input_dependency_constraint import InputDependencyConstraint
    from pyflinkpp.common.job_client import JobClient
    from pyflinkpp.common.job_execution_result import JobExecutionResult
    from pyflinkpp.common.job_status import JobStatus
    from pyflinkpp.common.restart_strategy import RestartStrategies, RestartStrategyConfiguration
    from pyflinkpp.common.serializer import TypeSerializer

__all__ = [
    "AssignerWithPeriodicWatermarksWrapper",
    "ByteArraySchema",
    "CompletableFuture",
    "ConfigOption",
    "ConfigOptions",
    "Configuration",
    "DeserializationSchema",
    "Duration",
    "Encoder",
    "ExecutionConfig",
    "ExecutionMode",
    "InputDependencyConstraint",
    "Instant",
    "JobCancellationException",
    "NonRecoverableError",
    "JobClient",
    "JobExecutionException",
    "JobExecutionResult",
    "JobID",
    "JobStatus",
    "RestartStrategies",
    "RestartStrategyConfiguration",
    "Row",
    "RowKind",
    "SerializationSchema",
    "SimpleStringSchema",
    "Time",
    "TimestampAssigner",
    "TypeInformation",
    "TypeSerializer",
    "Types",
    "Watermark",
    "WatermarkGenerator",
    "WatermarkOutput",
    "WatermarkStrategy",
]

_LATER = {  # what most programs never name is imported at first use
    "CompletableFuture": "completable_future",
    "ConfigOption": "config_options",
    "ConfigOptions": "config_options",
    "ExecutionMode": "execution_mode",
    "InputDependencyConstraint": "input_dependency_constraint",
    "JobCancellationException": "exceptions",
    "NonRecoverableError": "exceptions",
    "JobClient": "job_client",
    "JobExecutionException": "exceptions",
    "JobExecutionResult": "job_execution_result",
    "JobStatus": "job_status",
    "RestartStrategies": "restart_strategy",
    "RestartStrategyConfiguration": "restart_strategy",
    "TypeSerializer": "serializer",
}


def __getattr__(name: str) -> Any:
    module = _LATER.get(name)
    if module is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    value = getattr(import_module(f"{__name__}.{module}"), name)
    globals()[name] = value
    return value
