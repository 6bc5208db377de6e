"""Parquet files."""

from __future__ import annotations

from typing import Any, BinaryIO

from pyflinkpp.common._type_composite import RowTypeInfo
from pyflinkpp.common.serialization import BulkWriter, RowDataBulkWriterFactory
from pyflinkpp.common.typeinfo import TypeInformation, Types

__all__ = ["ParquetBulkWriters"]

_ROW_GROUP = 10_000  # rows


class ParquetBulkWriters:
    """Makes what a :class:`FileSink` in bulk format needs to write Parquet files, by pyarrow."""

    @staticmethod
    def for_row_type(row_type: TypeInformation) -> RowDataBulkWriterFactory:
        """Writes rows, a column for each field.

        >>> row = Types.ROW_NAMED(["name", "n"], [Types.STRING(), Types.LONG()])
        >>> factory = ParquetBulkWriters.for_row_type(row)  # doctest: +SKIP
        >>> sink = FileSink.for_bulk_format("/out", factory).build()  # doctest: +SKIP

        :param row_type: The type of the rows: ``Types.ROW`` or ``Types.ROW_NAMED`` of basic types and
            lists of them.
        :return: The factory.
        :raises ImportError: When pyarrow is not installed.
        :raises TypeError: When it is another type.
        """
        if not isinstance(row_type, RowTypeInfo):
            raise TypeError(f"row_type must be a Types.ROW or Types.ROW_NAMED, not {row_type!r}")
        _schema(row_type)  # what can't be written is refused here
        return _Factory(row_type)


class _Factory(RowDataBulkWriterFactory):
    def create(self, out: BinaryIO) -> BulkWriter:
        return _Writer(out, self.get_row_type())


class _Writer(BulkWriter):
    """Gathers rows for a row group."""

    def __init__(self, out: BinaryIO, row_type: TypeInformation) -> None:
        import pyarrow.parquet

        self._schema = _schema(row_type)
        self._writer = pyarrow.parquet.ParquetWriter(out, self._schema)
        self._rows: list[Any] = []

    def add_element(self, element: Any) -> None:
        self._rows.append(tuple(element))
        if len(self._rows) == _ROW_GROUP:
            self.flush()

    def flush(self) -> None:
        if not self._rows:
            return
        import pyarrow

        columns = zip(*self._rows, strict=True)
        arrays = [
            pyarrow.array(column, field.type)
            for column, field in zip(columns, self._schema, strict=True)
        ]
        self._writer.write_table(pyarrow.Table.from_arrays(arrays, schema=self._schema))
        self._rows.clear()

    def finish(self) -> None:
        self.flush()
        self._writer.close()


def _schema(row_type: TypeInformation) -> Any:
    assert isinstance(row_type, RowTypeInfo)
    try:
        import pyarrow
    except ImportError as error:
        raise ImportError(
            "Parquet files need pyarrow, which is not installed: pip install pyarrow"
        ) from error
    columns = zip(row_type.get_field_names(), row_type.get_field_types(), strict=True)
    return pyarrow.schema([(name, _column(pyarrow, name, kind)) for name, kind in columns])


def _column(pyarrow: Any, name: str, kind: TypeInformation) -> Any:
    basic = {
        Types.BOOLEAN(): pyarrow.bool_(),
        Types.BYTE(): pyarrow.int8(),
        Types.SHORT(): pyarrow.int16(),
        Types.INT(): pyarrow.int32(),
        Types.LONG(): pyarrow.int64(),
        Types.FLOAT(): pyarrow.float32(),
        Types.DOUBLE(): pyarrow.float64(),
        Types.STRING(): pyarrow.string(),
        Types.CHAR(): pyarrow.string(),
        Types.SQL_DATE(): pyarrow.date32(),
        Types.SQL_TIME(): pyarrow.time32("ms"),
        Types.SQL_TIMESTAMP(): pyarrow.timestamp("ms"),
        Types.PRIMITIVE_ARRAY(Types.BYTE()): pyarrow.binary(),
    }
    for known, column in basic.items():
        if kind == known:
            return column
        if kind == Types.LIST(known):
            return pyarrow.list_(column)
    raise TypeError(f"the field {name!r} of the type {kind} can't be written to Parquet files")
