"""The settings of an operator, as streams and sinks offer them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from pyflinkpp.common import _checks

if TYPE_CHECKING:
    from pyflinkpp.datastream._transformation import Transformation
    from pyflinkpp.datastream.slot_sharing_group import SlotSharingGroup

__all__ = ["OperatorSettings"]

_HEX_DIGITS = frozenset("0123456789abcdefABCDEF")


class OperatorSettings:
    """The settings of the operator that a stream or a sink stands for."""

    def _operator(self, setting: str) -> Transformation:
        """Gives the operator whose setting is read or changed, or refuses."""
        raise NotImplementedError

    def name(self, name: str) -> Self:
        """Names the operator in errors, logs, the plan and the summary.

        :param name: The name.
        :return: This object.
        """
        self._operator("name").name = _text(name, "name")
        return self

    def uid(self, uid: str) -> Self:
        """Gives the operator an id that stays the same when the program changes.

        :param uid: The id, used once in a job.
        :return: This object.
        """
        self._operator("uid").uid = _text(uid, "uid")
        return self

    def set_uid_hash(self, uid_hash: str) -> Self:
        """Sets the hash that is otherwise made of the uid.

        :param uid_hash: 32 hexadecimal digits, used once in a job.
        :return: This object.
        :raises ValueError: When it is something else.
        """
        if len(_text(uid_hash, "uid_hash")) != 32 or not _HEX_DIGITS.issuperset(uid_hash):
            raise ValueError(f"uid_hash must be 32 hexadecimal digits, not {uid_hash!r}")
        self._operator("uid hash").uid_hash = uid_hash
        return self

    def set_description(self, description: str) -> Self:
        """Describes the operator in the plan.

        :param description: The description, longer than a name may be.
        :return: This object.
        """
        self._operator("description").description = _text(description, "description")
        return self

    def set_parallelism(self, parallelism: int) -> Self:
        """Sets the number of the operator's subtasks.

        :param parallelism: At least 1; -1 takes the environment's when the job is submitted.
        :return: This object.
        :raises ValueError: When it is 0 or out of range, or the operator can't be parallel.
        """
        operator = self._operator("parallelism")
        if _checks.parallelism(parallelism) != 1 and not operator.can_be_parallel:
            raise ValueError(
                f"operator {operator.name!r} can't be parallel: its parallelism must be 1, "
                f"not {parallelism}"
            )
        operator.parallelism = parallelism
        return self

    def set_max_parallelism(self, max_parallelism: int) -> Self:
        """Sets the greatest parallelism that the operator may ever have: its key groups.

        :param max_parallelism: From 1 to 32,768.
        :return: This object.
        :raises ValueError: When it is out of range, or the operator can't be parallel.
        """
        operator = self._operator("max parallelism")
        if _checks.max_parallelism(max_parallelism) != 1 and not operator.can_be_parallel:
            raise ValueError(
                f"operator {operator.name!r} can't be parallel: its max parallelism must be 1, "
                f"not {max_parallelism}"
            )
        operator.max_parallelism = max_parallelism
        return self

    def disable_chaining(self) -> Self:
        """Keeps the operator out of chains: it runs in tasks of its own.

        :return: This object.
        """
        self._operator("chaining").chaining = "never"
        return self

    def slot_sharing_group(self, slot_sharing_group: str | SlotSharingGroup) -> Self:
        """Says with which other operators the operator may share a slot.

        :param slot_sharing_group: The name of the group, or the group; without one, the operator
            is in the group of its inputs.
        :return: This object.
        """
        operator = self._operator("slot sharing group")
        if not isinstance(slot_sharing_group, str):
            from pyflinkpp.datastream.slot_sharing_group import SlotSharingGroup

            if not isinstance(slot_sharing_group, SlotSharingGroup):
                raise TypeError(
                    f"a slot sharing group is a str or a SlotSharingGroup, "
                    f"not {slot_sharing_group!r}"
                )
            slot_sharing_group = slot_sharing_group.get_name()
        operator.slot_sharing_group = slot_sharing_group
        return self


class StreamSettings(OperatorSettings):
    """The settings of an operator that others may follow."""

    def get_name(self) -> str:
        """Gives the name of the operator.

        :return: The name.
        """
        return self._operator("name").name

    def get_parallelism(self) -> int:
        """Gives the number of the operator's subtasks.

        :return: The number; -1 when it will be the environment's.
        """
        return self._operator("parallelism").parallelism

    def force_non_parallel(self) -> Self:
        """Sets parallelism and max parallelism to 1 for good.

        :return: This object.
        """
        operator = self._operator("parallelism")
        operator.parallelism = operator.max_parallelism = 1
        operator.can_be_parallel = False
        return self

    def set_buffer_timeout(self, timeout_millis: int) -> Self:
        """Sets how long the operator's output may wait in a buffer that is not full.

        :param timeout_millis: Milliseconds; 0 sends at once, -1 takes the environment's setting.
        :return: This object.
        :raises ValueError: When it is less than -1.
        """
        operator = self._operator("buffer timeout")
        if _checks.integer(timeout_millis, "timeout_millis") < -1:
            raise ValueError(f"timeout_millis must be at least -1, not {timeout_millis}")
        operator.buffer_timeout_ms = None if timeout_millis == -1 else timeout_millis
        return self

    def start_new_chain(self) -> Self:
        """Starts a new chain of operators: this one does not join its predecessor's task.

        :return: This object.
        """
        self._operator("chaining").chaining = "head"
        return self


def _text(value: object, name: str) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{name} must be a str, not {value!r}")
    return value
