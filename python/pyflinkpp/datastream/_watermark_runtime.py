"""What a watermark generator of the user's sends its watermarks to."""

from __future__ import annotations

from pyflinkpp.common.watermark_strategy import Watermark, WatermarkOutput

__all__ = ["CollectedWatermarks"]


class CollectedWatermarks(WatermarkOutput):
    """Keeps what was sent until the engine takes it."""

    __slots__ = ("_sent",)

    def __init__(self) -> None:
        self._sent: int | bool | None = None

    def emit_watermark(self, watermark: Watermark) -> None:
        """Sends a watermark; of several in one call the greatest counts.

        :param watermark: The watermark.
        """
        timestamp = watermark.timestamp
        if self._sent is None or self._sent is True or timestamp > self._sent:
            self._sent = timestamp

    def mark_idle(self) -> None:
        """Says that no elements are expected."""
        self._sent = True

    def mark_active(self) -> None:
        """Says that elements are expected again; the next watermark says so, too."""
        if self._sent is True:
            self._sent = None

    def take(self) -> int | bool | None:
        """Gives what was sent since the last call; the engine calls it.

        :return: A timestamp, True for idle, or None.
        """
        sent, self._sent = self._sent, None
        return sent
