"""The methods of PyFlink's environment that are refused here, each with the way to do it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn

from pyflinkpp._missing import no_jvm, not_yet

if TYPE_CHECKING:
    from pyflinkpp.common.typeinfo import TypeInformation

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

    def enable_changelog_state_backend(self, enabled: bool) -> NoReturn:
        """Would keep a log of the changes of state.

        :param enabled: Whether it is kept.
        :raises NotImplementedError: Always, in this version.
        """
        raise not_yet("StreamExecutionEnvironment.enable_changelog_state_backend()")

    def is_changelog_state_backend_enabled(self) -> bool | None:
        """Tells whether a log of the changes of state is kept.

        :return: None: nothing has set it.
        """
        return None
