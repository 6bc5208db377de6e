"""The methods of PyFlink's environment that are refused here, each with the way to do it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn

from pyflinkpp._missing import no_jvm, not_yet

if TYPE_CHECKING:
    from pyflinkpp.common.typeinfo import TypeInformation
    from pyflinkpp.datastream.checkpointing_mode import CheckpointingMode

__all__ = ["MissingFromEnvironment"]

_CONNECTORS = "connectors come with the package, in pyflinkpp.datastream.connectors"
_IMPORTS = "jobs run in this process and import what it can import"


class MissingFromEnvironment:
    """What an environment refuses: because it needs a JVM, or in this version."""

    def add_source(
        self,
        source_func: Any,
        source_name: str = "Custom Source",
        type_info: TypeInformation | None = None,
    ) -> NoReturn:
        """Refuses: such sources are written in Java.

        :param source_func: Not used.
        :param source_name: Not used.
        :param type_info: Not used.
        :raises NotImplementedError: Always.
        """
        raise no_jvm(
            "StreamExecutionEnvironment.add_source()",
            "use from_source() with a source of pyflinkpp.datastream.connectors, or from_collection()",
        )

    def create_input(self, input_format: Any, type_info: TypeInformation | None = None) -> NoReturn:
        """Refuses: input formats are written in Java.

        :param input_format: Not used.
        :param type_info: Not used.
        :raises NotImplementedError: Always.
        """
        raise no_jvm("StreamExecutionEnvironment.create_input()", "use from_source()")

    def add_jars(self, *jars_path: str) -> NoReturn:
        """Refuses: jars hold Java classes.

        :param jars_path: Not used.
        :raises NotImplementedError: Always.
        """
        raise no_jvm("StreamExecutionEnvironment.add_jars()", _CONNECTORS)

    def add_classpaths(self, *classpaths: str) -> NoReturn:
        """Refuses: class paths hold Java classes.

        :param classpaths: Not used.
        :raises NotImplementedError: Always.
        """
        raise no_jvm("StreamExecutionEnvironment.add_classpaths()", _CONNECTORS)

    def add_python_archive(self, archive_path: str, target_dir: str | None = None) -> NoReturn:
        """Would send an archive of Python files to the cluster.

        :param archive_path: The archive.
        :param target_dir: Where to unpack it.
        :raises NotImplementedError: Always, in this version.
        """
        raise not_yet("StreamExecutionEnvironment.add_python_archive()", _IMPORTS)

    def set_python_requirements(
        self, requirements_file_path: str, requirements_cache_dir: str | None = None
    ) -> NoReturn:
        """Would install packages on the cluster.

        :param requirements_file_path: The file that names the packages.
        :param requirements_cache_dir: Where they lie.
        :raises NotImplementedError: Always, in this version.
        """
        raise not_yet("StreamExecutionEnvironment.set_python_requirements()", _IMPORTS)

    def set_python_executable(self, python_exec: str) -> NoReturn:
        """Would choose the interpreter that runs functions.

        :param python_exec: The interpreter.
        :raises NotImplementedError: Always, in this version.
        """
        raise not_yet(
            "StreamExecutionEnvironment.set_python_executable()",
            "functions run in this interpreter",
        )

    def enable_checkpointing(
        self, interval: int, mode: CheckpointingMode | None = None
    ) -> NoReturn:
        """Would take checkpoints of the state.

        :param interval: Milliseconds between two of them.
        :param mode: What holds after a failure.
        :raises NotImplementedError: Always, in this version.
        """
        raise not_yet("StreamExecutionEnvironment.enable_checkpointing()")

    def get_checkpoint_config(self) -> NoReturn:
        """Would give the settings of checkpoints.

        :raises NotImplementedError: Always, in this version.
        """
        raise not_yet("StreamExecutionEnvironment.get_checkpoint_config()")

    def get_checkpoint_interval(self) -> int:
        """Gives the time between two checkpoints.

        :return: -1: there are none.
        """
        return -1

    def get_checkpointing_mode(self) -> CheckpointingMode:
        """Gives what would hold after a failure.

        :return: EXACTLY_ONCE, Flink's default.
        """
        from pyflinkpp.datastream.checkpointing_mode import CheckpointingMode

        return CheckpointingMode.EXACTLY_ONCE

    def get_checkpointing_consistency_mode(self) -> CheckpointingMode:
        """Gives what would hold after a failure.

        :return: EXACTLY_ONCE, Flink's default.
        """
        return self.get_checkpointing_mode()

    def is_unaligned_checkpoints_enabled(self) -> bool:
        """Tells whether checkpoints overtake elements.

        :return: False: there are none.
        """
        return False

    def is_force_unaligned_checkpoints(self) -> bool:
        """Tells whether checkpoints overtake elements wherever they can.

        :return: False: there are none.
        """
        return False

    def is_changelog_state_backend_enabled(self) -> bool | None:
        """Tells whether a log of the changes of state is kept.

        :return: None: nothing has set it.
        """
        return None

    def get_default_savepoint_directory(self) -> str | None:
        """Tells where savepoints are written.

        :return: None: nothing has set it.
        """
        return None

    def enable_changelog_state_backend(self, enabled: bool) -> NoReturn:
        """Would keep a log of the changes of state.

        :param enabled: Whether it is kept.
        :raises NotImplementedError: Always, in this version.
        """
        raise not_yet("StreamExecutionEnvironment.enable_changelog_state_backend()")

    def set_default_savepoint_directory(self, directory: str) -> NoReturn:
        """Would set where savepoints are written.

        :param directory: The directory.
        :raises NotImplementedError: Always, in this version.
        """
        raise not_yet("StreamExecutionEnvironment.set_default_savepoint_directory()")
