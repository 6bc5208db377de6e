"""Groups of operators that may share a slot, and what a slot of theirs needs."""

from __future__ import annotations

from functools import total_ordering

__all__ = ["MemorySize", "SlotSharingGroup"]


@total_ordering
class MemorySize:
    """A number of bytes.

    :param bytes_size: The number.
    :raises ValueError: When it is negative.
    """

    __slots__ = ("_bytes",)

    def __init__(self, bytes_size: int = 0) -> None:
        if bytes_size < 0:
            raise ValueError(f"a memory size must not be negative: {bytes_size}")
        self._bytes = bytes_size

    @staticmethod
    def of_mebi_bytes(mebi_bytes: int) -> MemorySize:
        """Makes a size of so many mebibytes.

        :param mebi_bytes: The number of mebibytes.
        :return: The size.
        """
        return MemorySize(mebi_bytes << 20)

    def get_bytes(self) -> int:
        """Gives the number of bytes.

        :return: Bytes.
        """
        return self._bytes

    def get_kibi_bytes(self) -> int:
        """Gives the number of kibibytes.

        :return: Whole kibibytes.
        """
        return self._bytes >> 10

    def get_mebi_bytes(self) -> int:
        """Gives the number of mebibytes.

        :return: Whole mebibytes.
        """
        return self._bytes >> 20

    def get_gibi_bytes(self) -> int:
        """Gives the number of gibibytes.

        :return: Whole gibibytes.
        """
        return self._bytes >> 30

    def get_tebi_bytes(self) -> int:
        """Gives the number of tebibytes.

        :return: Whole tebibytes.
        """
        return self._bytes >> 40

    def __eq__(self, other: object) -> bool:
        return isinstance(other, MemorySize) and other._bytes == self._bytes

    def __lt__(self, other: MemorySize) -> bool:
        return self._bytes < other._bytes

    def __hash__(self) -> int:
        return hash(self._bytes)

    def __str__(self) -> str:
        return f"{self._bytes} bytes"


class SlotSharingGroup:
    """A group of operators that may share a slot, and what a slot of theirs needs.

    >>> SlotSharingGroup.builder("heavy").set_cpu_cores(2.0).build().get_name()
    'heavy'

    :param name: The name of the group.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._cpu_cores: float | None = None
        self._memory: dict[str, MemorySize] = {}
        self._external: dict[str, float] = {}

    def get_name(self) -> str:
        """Gives the name of the group.

        :return: The name.
        """
        return self._name

    def get_cpu_cores(self) -> float | None:
        """Gives the cores of a slot.

        :return: The number, or None when it was not set.
        """
        return self._cpu_cores

    def get_task_heap_memory(self) -> MemorySize | None:
        """Gives the memory for objects of functions.

        :return: The size, or None when it was not set.
        """
        return self._memory.get("heap")

    def get_task_off_heap_memory(self) -> MemorySize | None:
        """Gives the memory for native objects of functions.

        :return: The size, or None when it was not set.
        """
        return self._memory.get("off heap")

    def get_managed_memory(self) -> MemorySize | None:
        """Gives the memory that the engine manages.

        :return: The size, or None when it was not set.
        """
        return self._memory.get("managed")

    def get_external_resources(self) -> dict[str, float]:
        """Gives the amounts of other resources.

        :return: The amounts by name.
        """
        return self._external

    @staticmethod
    def builder(name: str) -> SlotSharingGroup.Builder:
        """Starts to build a group.

        :param name: The name of the group.
        :return: The builder.
        """
        return SlotSharingGroup.Builder(name)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, SlotSharingGroup) and other.__dict__ == self.__dict__

    def __hash__(self) -> int:
        return hash(self._name)

    class Builder:
        """Builds a group.

        :param name: The name of the group.
        """

        def __init__(self, name: str) -> None:
            self._group = SlotSharingGroup(name)

        def set_cpu_cores(self, cpu_cores: float) -> SlotSharingGroup.Builder:
            """Sets the cores of a slot.

            :param cpu_cores: The number, more than 0.
            :return: This object.
            """
            if cpu_cores <= 0:
                raise ValueError(f"cpu_cores must be more than 0, not {cpu_cores}")
            self._group._cpu_cores = cpu_cores
            return self

        def set_task_heap_memory(self, task_heap_memory: MemorySize) -> SlotSharingGroup.Builder:
            """Sets the memory for objects of functions.

            :param task_heap_memory: The size.
            :return: This object.
            """
            self._group._memory["heap"] = task_heap_memory
            return self

        def set_task_heap_memory_mb(self, task_heap_memory_mb: int) -> SlotSharingGroup.Builder:
            """Sets the memory for objects of functions.

            :param task_heap_memory_mb: Mebibytes.
            :return: This object.
            """
            return self.set_task_heap_memory(MemorySize.of_mebi_bytes(task_heap_memory_mb))

        def set_task_off_heap_memory(
            self, task_off_heap_memory: MemorySize
        ) -> SlotSharingGroup.Builder:
            """Sets the memory for native objects of functions.

            :param task_off_heap_memory: The size.
            :return: This object.
            """
            self._group._memory["off heap"] = task_off_heap_memory
            return self

        def set_task_off_heap_memory_mb(
            self, task_off_heap_memory_mb: int
        ) -> SlotSharingGroup.Builder:
            """Sets the memory for native objects of functions.

            :param task_off_heap_memory_mb: Mebibytes.
            :return: This object.
            """
            return self.set_task_off_heap_memory(MemorySize.of_mebi_bytes(task_off_heap_memory_mb))

        def set_managed_memory(self, managed_memory: MemorySize) -> SlotSharingGroup.Builder:
            """Sets the memory that the engine manages.

            :param managed_memory: The size.
            :return: This object.
            """
            self._group._memory["managed"] = managed_memory
            return self

        def set_managed_memory_mb(self, managed_memory_mb: int) -> SlotSharingGroup.Builder:
            """Sets the memory that the engine manages.

            :param managed_memory_mb: Mebibytes.
            :return: This object.
            """
            return self.set_managed_memory(MemorySize.of_mebi_bytes(managed_memory_mb))

        def set_external_resource(self, name: str, value: float) -> SlotSharingGroup.Builder:
            """Sets the amount of another resource.

            :param name: The name of the resource.
            :param value: The amount.
            :return: This object.
            """
            self._group._external[name] = value
            return self

        def build(self) -> SlotSharingGroup:
            """Ends the group.

            :return: The group.
            """
            return self._group
