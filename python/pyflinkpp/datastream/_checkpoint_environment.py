"""The environment's settings of checkpoints, state and restarts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from pyflinkpp.datastream._checkpoint_keys import SAVEPOINT_DIRECTORY
from pyflinkpp.datastream.checkpoint_config import CheckpointConfig
from pyflinkpp.datastream.state_backend import StateBackend, state_backend_of

if TYPE_CHECKING:
    from pyflinkpp.common.configuration import Configuration
    from pyflinkpp.common.restart_strategy import RestartStrategyConfiguration
    from pyflinkpp.datastream.checkpointing_mode import CheckpointingMode

__all__ = ["CheckpointingEnvironment"]


class CheckpointingEnvironment:
    """What an environment knows of checkpoints, state and restarts."""

    _configuration: Configuration

    def enable_checkpointing(self, interval: int, mode: CheckpointingMode | None = None) -> Self:
        """Takes checkpoints: the job goes on from the last one after a failure.

        In batch mode the setting has no effect.

        >>> env.enable_checkpointing(1000)  # doctest: +SKIP

        :param interval: Milliseconds between the starts of two checkpoints, at least 1.
        :param mode: What holds after a failure; None leaves it as it is: EXACTLY_ONCE unless set.
        :return: This object.
        :raises ValueError: When the interval is less than 1.
        """
        config = self.get_checkpoint_config()
        config.set_checkpoint_interval(interval)
        if mode is not None:
            config.set_checkpointing_mode(mode)
        return self

    def get_checkpoint_config(self) -> CheckpointConfig:
        """Gives the settings of checkpoints; changing them changes the environment.

        :return: The settings.
        """
        return CheckpointConfig(self._configuration)

    def get_checkpoint_interval(self) -> int:
        """Gives the time between two checkpoints.

        :return: Milliseconds; -1 when none are taken.
        """
        return self.get_checkpoint_config().get_checkpoint_interval()

    def get_checkpointing_mode(self) -> CheckpointingMode:
        """Gives what holds after a failure.

        :return: The mode; EXACTLY_ONCE when nothing has set it.
        """
        return self.get_checkpoint_config().get_checkpointing_mode()

    def get_checkpointing_consistency_mode(self) -> CheckpointingMode:
        """Gives what holds after a failure.

        :return: The mode; EXACTLY_ONCE when nothing has set it.
        """
        return self.get_checkpointing_mode()

    def is_unaligned_checkpoints_enabled(self) -> bool:
        """Tells whether barriers may overtake elements.

        :return: True if so.
        """
        return self.get_checkpoint_config().is_unaligned_checkpoints_enabled()

    def is_force_unaligned_checkpoints(self) -> bool:
        """Tells whether barriers overtake elements wherever they can.

        :return: True if so.
        """
        return self.get_checkpoint_config().is_force_unaligned_checkpoints()

    def set_state_backend(self, state_backend: StateBackend) -> Self:
        """Sets where keyed state lives while a job runs.

        :param state_backend: A HashMapStateBackend or EmbeddedRocksDBStateBackend.
        :return: This object.
        """
        if not isinstance(state_backend, StateBackend):
            raise TypeError(f"a StateBackend is wanted, not {state_backend!r}")
        state_backend._apply(self._configuration)
        return self

    def get_state_backend(self) -> StateBackend | None:
        """Gives where keyed state lives while a job runs.

        :return: The backend; None when nothing has set it: memory.
        """
        return state_backend_of(self._configuration)

    def set_default_savepoint_directory(self, directory: str) -> Self:
        """Sets where savepoints go that are taken without naming a directory.

        :param directory: The directory.
        :return: This object.
        """
        if not isinstance(directory, str) or not directory:
            raise ValueError(f"the directory of savepoints must be a text, not {directory!r}")
        self._configuration.set_string(SAVEPOINT_DIRECTORY, directory)
        return self

    def get_default_savepoint_directory(self) -> str | None:
        """Gives where savepoints go that are taken without naming a directory.

        :return: The directory; None when nothing has set it.
        """
        return self._configuration.get_string(SAVEPOINT_DIRECTORY, None)

    def set_restart_strategy(self, restart_strategy: RestartStrategyConfiguration) -> Self:
        """Sets what happens after a failure.

        >>> env.set_restart_strategy(RestartStrategies.fixed_delay_restart(3, 1000))

        :param restart_strategy: The strategy, made by :class:`~pyflinkpp.common.RestartStrategies`.
        :return: This object.
        """
        from pyflinkpp.common.restart_strategy import RestartStrategyConfiguration

        if not isinstance(restart_strategy, RestartStrategyConfiguration):
            raise TypeError(f"a strategy of RestartStrategies is wanted, not {restart_strategy!r}")
        restart_strategy._apply(self._configuration)
        return self

    def get_restart_strategy(self) -> RestartStrategyConfiguration:
        """Gives what happens after a failure.

        :return: The strategy; ``RestartStrategies.fall_back_restart()`` when nothing has set it.
        """
        from pyflinkpp.common.restart_strategy import RestartStrategies, restart_strategy_of

        return restart_strategy_of(self._configuration) or RestartStrategies.fall_back_restart()
