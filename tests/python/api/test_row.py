"""Rows: access, equality, copies."""

import copy
import pickle

import pytest
from pyflinkpp.common import Row, RowKind
from pyflinkpp.common.types import _make_row


def test_fields_by_position_name_and_attribute() -> None:
    row = Row(name="Ada", born=1815)
    assert (row[0], row["born"], row.name, row[-1], row[:1]) == ("Ada", 1815, "Ada", 1815, ["Ada"])
    assert len(row) == 2 and list(row) == ["Ada", 1815]
    assert "name" in row and "Ada" not in row
    assert repr(row) == "Row(name='Ada', born=1815)"


def test_rows_without_names() -> None:
    row = Row("Ada", 1815)
    assert repr(row) == "<Row('Ada', 1815)>"
    assert "Ada" in row and "name" not in row
    with pytest.raises(AttributeError):
        _ = row.name
    with pytest.raises(KeyError):
        row["name"]
    with pytest.raises(TypeError, match="no field names"):
        row.as_dict()
    row.set_field_names(["name", "born"])
    assert row.name == "Ada"


def test_a_row_of_names_makes_rows() -> None:
    person = Row("name", "born")
    assert person("Ada", 1815) == Row(name="Ada", born=1815)
    with pytest.raises(ValueError, match="2 fields but 3 values"):
        person("Ada", 1815, "London")


def test_fields_can_be_set() -> None:
    row = Row(a=1, b=2)
    row["a"], row[1] = 10, 20
    assert row == Row(a=10, b=20)
    with pytest.raises(KeyError):
        row["c"] = 1
    with pytest.raises(AttributeError, match=r"row\['a'\]"):
        row.a = 1


def test_equality_and_hash() -> None:
    assert Row(a=1, b=2) == Row(b=2, a=1)
    assert hash(Row(a=1, b=2)) == hash(Row(b=2, a=1))
    assert Row(1, 2) == Row(1, 2) != Row(2, 1)
    assert Row(a=1) != Row(b=1)
    assert Row(1) != Row(f0=1)
    assert Row(1) != Row.of_kind(RowKind.DELETE, 1)
    assert Row(1, 2) != (1, 2)
    assert {Row(1, 2): "x"}[Row(1, 2)] == "x"


@pytest.mark.parametrize(
    "row", [Row(1, [2]), Row(a=1, b=None), Row.of_kind(RowKind.UPDATE_AFTER, a=Row(x=1))]
)
def test_copies_are_equal(row: Row) -> None:
    for other in (pickle.loads(pickle.dumps(row)), copy.copy(row), copy.deepcopy(row)):
        assert other == row and repr(other) == repr(row)
        assert other.get_row_kind() is row.get_row_kind()


def test_kinds() -> None:
    assert [str(kind) for kind in RowKind] == ["+I", "-U", "+U", "-D"]
    row = Row(1)
    assert row.get_row_kind() is RowKind.INSERT
    row.set_row_kind(RowKind.DELETE)
    assert row.get_row_kind() is RowKind.DELETE


def test_as_dict() -> None:
    row = Row(a=Row(x=1), b=[Row(y=2)], c={"k": Row(z=3)})
    assert row.as_dict() == {"a": Row(x=1), "b": [Row(y=2)], "c": {"k": Row(z=3)}}
    assert row.as_dict(True) == {"a": {"x": 1}, "b": [{"y": 2}], "c": {"k": {"z": 3}}}
    assert row.get_fields_by_names(["a"]) == [Row(x=1)]
    with pytest.raises(ValueError, match="'no'"):
        row.get_fields_by_names(["no"])


def test_values_or_named_values() -> None:
    with pytest.raises(ValueError, match="not of both"):
        Row(1, a=2)


def test_the_engines_way_to_make_rows() -> None:
    assert _make_row(("a", "b"), [1, 2]) == Row(a=1, b=2)
    assert _make_row(None, [1, 2]) == Row(1, 2)
    assert _make_row(("a",), [1])._fields == ["a"]
    assert _make_row(("a",), [1])._values == [1]
