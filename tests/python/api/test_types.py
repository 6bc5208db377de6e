"""Types: what they are called, when they are equal, how the engine sees them."""

import pickle

import pytest
from pyflinkpp.common import Types
from pyflinkpp.common.typeinfo import (
    BasicTypeInfo,
    RowTypeInfo,
    TupleTypeInfo,
    engine_type,
    output_type,
)

ONE_OF_EACH = {
    "STRING": (Types.STRING(), "String"),
    "BYTE": (Types.BYTE(), "Byte"),
    "BOOLEAN": (Types.BOOLEAN(), "Boolean"),
    "SHORT": (Types.SHORT(), "Short"),
    "INT": (Types.INT(), "Integer"),
    "LONG": (Types.LONG(), "Long"),
    "FLOAT": (Types.FLOAT(), "Float"),
    "DOUBLE": (Types.DOUBLE(), "Double"),
    "CHAR": (Types.CHAR(), "Char"),
    "BIG_INT": (Types.BIG_INT(), "BigInteger"),
    "BIG_DEC": (Types.BIG_DEC(), "BigDecimal"),
    "INSTANT": (Types.INSTANT(), "Instant"),
    "SQL_DATE": (Types.SQL_DATE(), "DateTypeInfo"),
    "SQL_TIME": (Types.SQL_TIME(), "TimeTypeInfo"),
    "SQL_TIMESTAMP": (Types.SQL_TIMESTAMP(), "TimestampTypeInfo"),
    "PICKLED_BYTE_ARRAY": (Types.PICKLED_BYTE_ARRAY(), "PickledByteArrayTypeInfo"),
    "PRIMITIVE_ARRAY": (Types.PRIMITIVE_ARRAY(Types.BYTE()), "PrimitiveArrayTypeInfo<Byte>"),
    "BASIC_ARRAY": (Types.BASIC_ARRAY(Types.INT()), "BasicArrayTypeInfo<Integer>"),
    "OBJECT_ARRAY": (
        Types.OBJECT_ARRAY(Types.TUPLE([Types.INT()])),
        "ObjectArrayTypeInfo<TupleTypeInfo(Integer)>",
    ),
    "LIST": (Types.LIST(Types.STRING()), "ListTypeInfo<String>"),
    "MAP": (Types.MAP(Types.STRING(), Types.LONG()), "MapTypeInfo<String, Long>"),
    "TUPLE": (Types.TUPLE([Types.STRING(), Types.INT()]), "TupleTypeInfo(String, Integer)"),
    "ROW": (Types.ROW([Types.STRING(), Types.INT()]), "RowTypeInfo(String, Integer)"),
}


@pytest.mark.parametrize("kind", ONE_OF_EACH)
def test_each_type_has_pyflinks_name_and_the_engines_kind(kind: str) -> None:
    type_info, name = ONE_OF_EACH[kind]
    assert str(type_info) == repr(type_info) == name
    assert type_info.descriptor()[0] == kind


@pytest.mark.parametrize("kind", ONE_OF_EACH)
def test_types_compare_by_value_and_survive_pickle(kind: str) -> None:
    type_info, _ = ONE_OF_EACH[kind]
    copy = pickle.loads(pickle.dumps(type_info))
    assert copy == type_info and hash(copy) == hash(type_info)
    others = [other for name, (other, _) in ONE_OF_EACH.items() if name != kind]
    assert all(type_info != other for other in others)
    assert type_info != kind


def test_descriptors_nest() -> None:
    inner = Types.ROW_NAMED(["x", "y"], [Types.INT(), Types.STRING()])
    assert Types.MAP(Types.STRING(), Types.LIST(inner)).descriptor() == (
        "MAP",
        (
            ("STRING", (), ()),
            ("LIST", (("ROW", (("INT", (), ()), ("STRING", (), ())), ("x", "y")),), ()),
        ),
        (),
    )
    assert engine_type(Types.PICKLED_BYTE_ARRAY()) is None
    assert engine_type(None) is None


def test_rows_know_their_fields() -> None:
    row = Types.ROW_NAMED(["id", "name"], [Types.LONG(), Types.STRING()])
    assert str(row) == "RowTypeInfo(id: Long, name: String)"
    assert row.get_field_names() == ["id", "name"]
    assert row.get_field_types() == [Types.LONG(), Types.STRING()]
    assert (row.get_field_index("name"), row.get_field_index("no")) == (1, -1)
    unnamed = Types.ROW([Types.LONG(), Types.STRING()])
    assert unnamed.get_field_names() == ["f0", "f1"]
    assert unnamed == row  # names do not count, as in PyFlink


def test_tuples_and_containers_know_their_parts() -> None:
    assert TupleTypeInfo([Types.INT()]).get_field_types() == [Types.INT()]
    assert Types.LIST(Types.INT()).elem_type == Types.INT()
    pairs = Types.MAP(Types.INT(), Types.STRING())
    assert pairs.get_key_type_info() == Types.INT()
    assert pairs.get_value_type_info() == Types.STRING()
    assert BasicTypeInfo.LONG_TYPE_INFO() == Types.LONG()


def test_nested_types_are_checked() -> None:
    with pytest.raises(TypeError, match=r"call it: Types\.X\(\)"):
        Types.LIST(Types.INT)
    with pytest.raises(TypeError, match="field type"):
        Types.TUPLE([int])
    with pytest.raises(TypeError, match="Types.BASIC_ARRAY"):
        Types.PRIMITIVE_ARRAY(Types.STRING())
    with pytest.raises(TypeError, match="Types.OBJECT_ARRAY"):
        Types.BASIC_ARRAY(Types.LIST(Types.INT()))
    with pytest.raises(ValueError, match="2 names, 1 types"):
        Types.ROW_NAMED(["a", "b"], [Types.INT()])
    with pytest.raises(ValueError, match="must differ"):
        Types.ROW_NAMED(["a", "a"], [Types.INT(), Types.INT()])


def test_output_type_takes_a_list_for_a_row() -> None:
    assert output_type([Types.INT()]) == RowTypeInfo([Types.INT()])
    assert output_type(None) == Types.PICKLED_BYTE_ARRAY()
    with pytest.raises(TypeError, match="call it"):
        output_type(Types.INT)
    with pytest.raises(TypeError, match="'INT'"):
        output_type("INT")
