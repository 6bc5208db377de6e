"""An operator's description in the engine's terms: types as descriptors, functions as pickles."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from pyflinkpp.common.typeinfo import engine_type
from pyflinkpp.datastream._pickling import dumps, reference

if TYPE_CHECKING:
    from pyflinkpp.datastream._transformation import Transformation
    from pyflinkpp.datastream.output_tag import OutputTag

__all__ = ["engine_spec"]


def engine_spec(
    node: Transformation, batch: bool, watermark_interval_ms: int, debug: bool = False
) -> dict[str, Any]:
    """Makes the description that the engine's JobGraph takes.

    :param node: The operator.
    :param batch: Whether the job runs in batch mode.
    :param watermark_interval_ms: Milliseconds between periodic watermarks; 0 for none.
    :param debug: Whether functions are called themselves, not copies of them.
    :return: The description.
    :raises TypeError: When a function can't be pickled.
    """

    def pickled(function: Any) -> bytes:
        if function is None:
            return b""
        return reference(function) if debug else dumps(function, node.name)

    spec = dict(node.spec)
    kind = spec["kind"]
    if node.function is not None or "watermarks" in spec:
        spec["pickle"] = pickled(node.function)
    if kind == "reduce":
        spec["final_only"] = batch
        spec["key_type"] = _type(spec.get("key_type"))
    elif kind == "python" and "watermarks" in spec:
        watermarks = dict(spec["watermarks"])
        watermarks["pickle"] = pickled(watermarks.pop("factory", None))
        watermarks["interval_ms"] = 0 if batch else watermark_interval_ms
        if batch:
            watermarks.pop("alignment", None)
        spec["watermarks"] = watermarks
    elif kind == "process":
        spec["key_type"] = _type(spec["key_type"])
        spec["side_outputs"] = _tags(node.side_outputs)
        spec["broadcast_states"] = pickled(spec.get("broadcast_states"))
        spec.setdefault("timestamped", False)
    elif kind == "async":
        spec["retry"] = pickled(spec["retry"])
    elif kind == "window":
        for part in ("assigner", "trigger"):
            described = dict(spec[part])
            described["pickle"] = pickled(described.pop("object", None))
            spec[part] = described
        for name in ("key_type", "input_type", "accumulator_type"):
            spec[name] = _type(spec[name])
        late = spec["late_tag"]
        spec["late_tag"] = None if late is None else _tags([late])[0]
        spec["side_outputs"] = _tags(node.side_outputs)
    return spec


def _type(type_info: Any) -> Any:
    return None if type_info is None else engine_type(type_info)


def _tags(tags: Iterable[OutputTag]) -> list[tuple[str, Any]]:
    return [(tag.tag_id, engine_type(tag.type_info)) for tag in tags]
