"""Rows: records of a fixed number of fields, with or without names."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from enum import Enum
from typing import Any

__all__ = ["Row", "RowKind"]


class RowKind(Enum):
    """What a row means in a stream of changes; printed as +I, -U, +U or -D."""

    INSERT = 0
    UPDATE_BEFORE = 1
    UPDATE_AFTER = 2
    DELETE = 3

    def __str__(self) -> str:
        return _SHORT_STRINGS[self.value]


_SHORT_STRINGS = ("+I", "-U", "+U", "-D")
_INSERT = RowKind.INSERT


class Row:
    """A record whose fields are reached by position, by name in brackets, or as attributes.

    A row made of values has names only once an operator's declared type gives them. A row of names
    can be called like a class to make rows with these names.

    >>> row = Row(name="Ada", born=1815)
    >>> row[0], row["born"], row.born
    ('Ada', 1815, 1815)
    >>> Person = Row("name", "born")
    >>> Person("Ada", 1815)
    Row(name='Ada', born=1815)

    :param args: The values of the fields, without names.
    :param kwargs: The fields by name, in their order.
    :raises ValueError: When both are given.
    """

    __slots__ = ("_fields", "_row_kind", "_values")

    _fields: list[str]
    _values: list[Any]
    _row_kind: RowKind

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        if kwargs:
            if args:
                raise ValueError("a Row is made of values or of named values, not of both")
            _set_fields(self, list(kwargs))
            _set_values(self, list(kwargs.values()))
        else:
            _set_values(self, list(args))
        _set_kind(self, _INSERT)

    @staticmethod
    def of_kind(row_kind: RowKind, *args: Any, **kwargs: Any) -> Row:
        """Makes a row of a kind other than INSERT.

        :param row_kind: The kind.
        :param args: The values of the fields, without names.
        :param kwargs: The fields by name.
        :return: The row.
        """
        row = Row(*args, **kwargs)
        _set_kind(row, row_kind)
        return row

    def get_row_kind(self) -> RowKind:
        """Gives what the row means in a stream of changes.

        :return: The kind.
        """
        return self._row_kind

    def set_row_kind(self, row_kind: RowKind) -> None:
        """Sets what the row means in a stream of changes.

        :param row_kind: The kind.
        """
        _set_kind(self, row_kind)

    def set_field_names(self, field_names: Sequence[str]) -> None:
        """Gives names to the fields.

        :param field_names: The names, in order.
        """
        _set_fields(self, list(field_names))

    def get_fields_by_names(self, names: Sequence[str]) -> list[Any]:
        """Picks fields by name; a row without names gives all its values.

        :param names: The names of the fields.
        :return: Their values, in the order of the names.
        :raises ValueError: When there is no field of such a name.
        """
        fields = _fields_of(self)
        if fields is None:
            return self._values
        unknown = [name for name in names if name not in fields]
        if unknown:
            raise ValueError(f"the row has no fields {unknown}, only {fields}")
        return [self._values[fields.index(name)] for name in names]

    def as_dict(self, recursive: bool = False) -> dict[str, Any]:
        """Gives the fields as a dict by name.

        :param recursive: Whether rows inside of it, also in lists and dicts, become dicts as well.
        :return: The dict.
        :raises TypeError: When the row has no names.
        """
        fields = _fields_of(self)
        if fields is None:
            raise TypeError(f"{self!r} has no field names: it can't become a dict")
        values = map(_plain, self._values) if recursive else self._values
        return dict(zip(fields, values, strict=False))

    def __call__(self, *args: Any) -> Row:
        """Makes a row whose field names are the values of this one.

        :param args: The values of the fields.
        :return: The row.
        :raises ValueError: When there are more values than names.
        """
        if len(args) > len(self._values):
            raise ValueError(f"{self!r} has {len(self._values)} fields but {len(args)} values came")
        return _create_row(list(self._values), args, self._row_kind)

    def __getitem__(self, item: int | slice | str) -> Any:
        if isinstance(item, (int, slice)):
            return self._values[item]
        return self._values[self._position(item)]

    def __setitem__(self, key: int | slice | str, value: Any) -> None:
        if isinstance(key, (int, slice)):
            self._values[key] = value
        else:
            self._values[self._position(key)] = value

    def __getattr__(self, item: str) -> Any:
        fields = None if item.startswith("_") else _fields_of(self)
        if fields is None or item not in fields:
            raise AttributeError(item)
        return self._values[fields.index(item)]

    def __setattr__(self, key: str, value: Any) -> None:
        if key not in Row.__slots__:
            raise AttributeError(f"{key}: set a Row's field by row[{key!r}] = …")
        object.__setattr__(self, key, value)

    def __contains__(self, item: object) -> bool:
        fields = _fields_of(self)
        return item in (self._values if fields is None else fields)

    def __iter__(self) -> Iterator[Any]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Row) or self._row_kind is not other._row_kind:
            return False
        fields, others = _fields_of(self), _fields_of(other)
        if fields == others:
            return self._values == other._values
        if fields is None or others is None or len(fields) != len(others):
            return False
        return set(fields) == set(others) and all(
            value == other._values[others.index(name)]
            for name, value in zip(fields, self._values, strict=False)
        )

    def __hash__(self) -> int:
        fields = _fields_of(self)
        if fields is None:
            return hash(tuple(self._values))
        pairs = zip(fields, self._values, strict=False)
        return hash(tuple(value for _, value in sorted(pairs, key=_name)))

    def __reduce__(self) -> tuple[Callable[..., Row], tuple[Any, ...]]:
        fields = _fields_of(self)
        names = None if fields is None else tuple(fields)
        if self._row_kind is _INSERT:
            return _make_row, (names, self._values)
        return _create_row, (names, self._values, self._row_kind)

    def __repr__(self) -> str:
        fields = _fields_of(self)
        if fields is None:
            return f"<Row({', '.join(map(repr, self._values))})>"
        pairs = zip(fields, self._values, strict=False)
        return f"Row({', '.join(f'{name}={value!r}' for name, value in pairs)})"

    def _position(self, name: str) -> int:
        fields = _fields_of(self)
        if fields is None:
            raise KeyError(f"{name!r}: the row {self!r} has no field names")
        if name not in fields:
            raise KeyError(f"{name!r}: the row's fields are {fields}")
        return fields.index(name)


_set_fields = Row.__dict__["_fields"].__set__
_set_values = Row.__dict__["_values"].__set__
_set_kind = Row.__dict__["_row_kind"].__set__
_new = Row.__new__


def _fields_of(row: Row) -> list[str] | None:
    return getattr(row, "_fields", None)


def _name(field: tuple[str, Any]) -> str:
    return field[0]


def _make_row(names: Sequence[str] | None, values: list[Any]) -> Row:
    """Makes a row without going through ``Row()``: the engine and pickle call it."""
    row = _new(Row)
    if names is not None:
        _set_fields(row, list(names))
    _set_values(row, values)
    _set_kind(row, _INSERT)
    return row


def _create_row(
    names: Sequence[str] | None, values: Sequence[Any], row_kind: RowKind | None = None
) -> Row:
    row = _make_row(names, list(values))
    if row_kind is not None:
        _set_kind(row, row_kind)
    return row


def _plain(value: Any) -> Any:
    if isinstance(value, Row):
        return value.as_dict(recursive=True)
    if isinstance(value, list):
        return [_plain(element) for element in value]
    if isinstance(value, dict):
        return {key: _plain(element) for key, element in value.items()}
    return value
