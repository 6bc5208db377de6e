"""Numbers that several parts of the API share."""

__all__ = ["DEFAULT_OUTPUT_TAG", "MAX_LONG_VALUE", "MIN_LONG_VALUE"]

MAX_LONG_VALUE = 2**63 - 1
"""The greatest 64-bit integer; also the watermark at the end of a bounded stream."""

MIN_LONG_VALUE = -(2**63)
"""The least 64-bit integer; also the timestamp of an element without one."""

DEFAULT_OUTPUT_TAG = ""
