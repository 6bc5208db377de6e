"""FileSink: row and bulk formats, when part files end, and their directories."""

from __future__ import annotations

import importlib.util
import json
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

import pytest
from pyflinkpp.common import Encoder, JobExecutionException, Row, Types
from pyflinkpp.datastream import StreamExecutionEnvironment
from pyflinkpp.datastream.connectors.file_system import (
    BucketAssigner,
    BulkWriterFactory,
    FileSink,
    RollingPolicy,
)
from pyflinkpp.datastream.formats.parquet import ParquetBulkWriters
from recovery.sinks import Pickles

LONG = Types.LONG()


def parts(folder: Path) -> list[Path]:
    """The finished files, in the order in which they were begun."""
    found = [path for path in folder.rglob("*") if path.is_file()]
    assert not [path for path in found if path.name.startswith(".")]
    return sorted(found, key=lambda path: (len(path.name), path.name))


def write(env: StreamExecutionEnvironment, values: list[Any], builder: Any, kind: Any) -> None:
    builder.with_bucket_assigner(BucketAssigner.base_path_bucket_assigner())
    env.from_collection(values, kind).sink_to(builder.build()).name("files")
    env.execute()


class AsJson(Encoder):
    def encode(self, element: Any, stream: BinaryIO) -> None:
        if element == 13:
            raise ValueError("unlucky")
        stream.write(json.dumps({"value": element}).encode())
        stream.write(b"\n")


def test_an_encoder_of_ones_own(env, tmp_path) -> None:
    write(env, [*range(13), *range(14, 1000)], FileSink.for_row_format(tmp_path, AsJson()), LONG)
    (part,) = parts(tmp_path)
    values = [json.loads(line)["value"] for line in part.read_text().splitlines()]
    assert values == [*range(13), *range(14, 1000)]


def test_an_encoder_that_fails_names_the_element(env, tmp_path) -> None:
    builder = FileSink.for_row_format(tmp_path / "out", AsJson())
    with pytest.raises(
        JobExecutionException, match="operator 'files'.*failed on the element 13: ValueError"
    ):
        write(env, list(range(20)), builder, LONG)
    assert parts(tmp_path) == []


@pytest.mark.parametrize("encoder", [Encoder.simple_string_encoder(), AsJson()])
def test_parts_end_by_size(env, tmp_path, encoder: Encoder) -> None:
    builder = FileSink.for_row_format(tmp_path, encoder)
    builder.with_rolling_policy(RollingPolicy.default_rolling_policy(part_size=100))
    write(env, list(range(100, 300)), builder, LONG)
    files = parts(tmp_path)
    assert len(files) > 5
    row = len(files[0].read_bytes().splitlines(keepends=True)[0])
    assert all(100 < path.stat().st_size <= 100 + row for path in files[:-1])
    together = b"".join(path.read_bytes() for path in files)
    numbers = [int(line.strip(b'{}value": ')) for line in together.splitlines()]
    assert numbers == list(range(100, 300))


def test_other_encodings(env, tmp_path) -> None:
    builder = FileSink.for_row_format(tmp_path, Encoder.simple_string_encoder("latin-1"))
    write(env, ["straße", "€"], builder, Types.STRING())
    (part,) = parts(tmp_path)
    assert part.read_bytes() == b"stra\xdfe\n?\n"
    with pytest.raises(LookupError):
        Encoder.simple_string_encoder("no such")


def test_a_bulk_format(any_env, tmp_path) -> None:
    builder = FileSink.for_bulk_format(tmp_path, Pickles())
    builder.with_bucket_assigner(BucketAssigner.base_path_bucket_assigner())
    numbers = any_env.from_collection(list(range(100, 2000)), LONG).rebalance()
    numbers.sink_to(builder.build())
    any_env.execute()
    files = parts(tmp_path)
    assert len(files) == any_env.get_parallelism()
    elements = [element for path in files for element in pickle.loads(path.read_bytes())]
    assert sorted(elements) == list(range(100, 2000))


@pytest.mark.parametrize("checkpoints", [False, True])
def test_a_bulk_writer_that_fails(env, tmp_path, checkpoints: bool) -> None:
    if checkpoints:
        env.enable_checkpointing(1)
    builder = FileSink.for_bulk_format(tmp_path / "out", Pickles())
    with pytest.raises(JobExecutionException, match="operator 'files'.*ValueError: unlucky"):
        write(env, [13], builder, LONG)


def test_a_factory_must_make_bulk_writers(env, tmp_path) -> None:
    class Wrong(BulkWriterFactory):
        def create(self, out: BinaryIO) -> Any:
            return out

    with pytest.raises(JobExecutionException, match="must give a BulkWriter"):
        write(env, [1], FileSink.for_bulk_format(tmp_path, Wrong()), LONG)


ROW = Types.ROW_NAMED(["name", "n", "x"], [Types.STRING(), LONG, Types.DOUBLE()])


def test_parquet_without_pyarrow(monkeypatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "pyarrow", None)
    with pytest.raises(ImportError, match="pip install pyarrow"):
        ParquetBulkWriters.for_row_type(ROW)


def test_parquet_types_are_checked() -> None:
    with pytest.raises(TypeError, match="ROW_NAMED"):
        ParquetBulkWriters.for_row_type(LONG)


@pytest.mark.skipif(importlib.util.find_spec("pyarrow") is None, reason="needs pyarrow")
def test_parquet(env, tmp_path) -> None:
    import pyarrow.parquet

    rows = [Row(name=f"n{i}", n=i, x=None if i == 3 else i / 2) for i in range(5000)]
    write(env, rows, FileSink.for_bulk_format(tmp_path, ParquetBulkWriters.for_row_type(ROW)), ROW)
    (part,) = parts(tmp_path)
    table = pyarrow.parquet.read_table(part)
    assert table.column_names == ["name", "n", "x"]
    assert table["n"].to_pylist() == list(range(5000))
    assert table["x"].to_pylist()[2:5] == [1.0, None, 2.0]


ZONES = ["UTC", "Z", "+08:00", "GMT-8", "UTC+05:30", "Europe/Berlin"]


@pytest.mark.parametrize("zone", ZONES)
def test_buckets_in_a_time_zone(env, tmp_path, zone: str) -> None:
    builder = FileSink.for_row_format(tmp_path, Encoder.simple_string_encoder())
    buckets = BucketAssigner.date_time_bucket_assigner("yyyy'/'MM", zone)
    env.from_collection([1]).sink_to(builder.with_bucket_assigner(buckets).build())
    env.execute()
    (part,) = parts(tmp_path)
    year, month, _ = part.relative_to(tmp_path).parts
    assert (len(year), len(month)) == (4, 2)


@pytest.mark.parametrize("zone", ["Nowhere/Town", "+19:00", "", "../x"])
def test_unknown_time_zones(zone: str) -> None:
    with pytest.raises(ValueError, match="timezone_id"):
        BucketAssigner.date_time_bucket_assigner(timezone_id=zone)


@pytest.mark.parametrize(
    ("call", "error"),
    [
        (lambda: RollingPolicy.default_rolling_policy(0), ValueError),
        (lambda: RollingPolicy.default_rolling_policy(rollover_interval=-1), ValueError),
        (lambda: RollingPolicy.default_rolling_policy(inactivity_interval=0.5), TypeError),
        (lambda: FileSink.for_bulk_format("/x", Encoder.simple_string_encoder()), TypeError),
        (lambda: FileSink.for_row_format("/x", Pickles()), TypeError),
        (
            lambda: FileSink.for_bulk_format("/x", Pickles()).with_rolling_policy(
                RollingPolicy.default_rolling_policy()
            ),
            TypeError,
        ),
        (
            lambda: FileSink.for_bulk_format("/x", Pickles()).with_bucket_check_interval(0),
            ValueError,
        ),
        (lambda: FileSink.for_bulk_format("/x", Pickles()).with_bucket_assigner(None), TypeError),
        (lambda: FileSink.for_bulk_format("/x", Pickles()).with_output_file_config(1), TypeError),
        (lambda: BucketAssigner.date_time_bucket_assigner(timezone_id=8), TypeError),
        (lambda: BulkWriterFactory(), TypeError),
    ],
)
def test_wrong_arguments(call: Callable[[], Any], error: type[Exception]) -> None:
    with pytest.raises(error):
        call()
