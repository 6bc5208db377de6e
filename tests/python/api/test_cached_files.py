"""Files that functions find by name, and Python files that they import."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
from pyflinkpp.common import Configuration
from pyflinkpp.datastream import FilterFunction, MapFunction, StreamExecutionEnvironment
from pyflinkpp.datastream._distributed_cache import (
    CachedFile,
    DistributedCache,
    format_cached_files,
    parse_cached_files,
)
from pyflinkpp.datastream.connectors.base import DiscardingSink

KEY = "pipeline.cached-files"


class InDictionary(FilterFunction):
    def open(self, runtime_context):
        path = runtime_context.get_distributed_cache().get_file("words")
        self.words = set(Path(path).read_text(encoding="utf-8").split())

    def filter(self, value):
        return value in self.words


class Files(MapFunction):
    def open(self, runtime_context):
        self.cache = runtime_context.get_distributed_cache()

    def map(self, value):
        try:
            return self.cache.get_file(value)
        except KeyError as error:
            return str(error)


@pytest.fixture
def words(tmp_path: Path) -> Path:
    file = tmp_path / "the words, all; of: them.txt"
    file.write_text("tea milk", encoding="utf-8")
    return file


def test_functions_find_a_file(any_env, collect, words) -> None:
    any_env.register_cached_file(str(words), "words")
    stream = any_env.from_collection(["tea", "coffee", "milk"]).rebalance().filter(InDictionary())
    assert sorted(collect(stream)) == ["milk", "tea"]


def test_the_configuration_names_files(collect, words, monkeypatch) -> None:
    monkeypatch.chdir(words.parent)
    settings = Configuration().set_string(KEY, f"name:words,path:'{words.name}';name:d,path:.")
    env = StreamExecutionEnvironment.get_execution_environment()
    env._configuration.add_all(settings)
    env.register_cached_file(words.as_uri(), "again")
    found = collect(env.from_collection(["words", "d", "again", "tea"]).map(Files()))
    assert found[:3] == [str(words), str(words.parent), str(words)]
    assert "'tea'" in found[3] and "'again', 'd', 'words'" in found[3]


def test_a_missing_file_is_refused_with_the_job(env, tmp_path) -> None:
    env.register_cached_file(str(tmp_path / "none"), "words")
    env.from_collection([1]).sink_to(DiscardingSink())
    with pytest.raises(FileNotFoundError, match="cached file 'words'.*none"):
        env.execute()


def test_programs_can_be_run(env, collect, words) -> None:
    env.register_cached_file(str(words), "tool", executable=True)
    with pytest.raises(ValueError, match="'tool'.*chmod"):
        collect(env.from_collection(["tool"]).map(Files()))
    words.chmod(0o755)
    assert collect(env.from_collection(["tool"]).map(Files())) == [str(words)]
    assert env._configuration.get_string(KEY, "").endswith("executable:true")


def test_a_name_has_one_file(env, words) -> None:
    env.register_cached_file(str(words), "words")
    env.register_cached_file(str(words), "words")
    with pytest.raises(ValueError, match="'words' already"):
        env.register_cached_file("/another", "words")
    assert parse_cached_files(env._configuration.get_string(KEY, "")) == [
        ("words", str(words), False)
    ]


@pytest.mark.parametrize(
    ("call", "error"),
    [
        (lambda env: env.register_cached_file("/x", ""), ValueError),
        (lambda env: env.register_cached_file("", "x"), ValueError),
        (lambda env: env.register_cached_file(5, "x"), TypeError),
        (lambda env: env.register_cached_file("hdfs://host/x", "x"), NotImplementedError),
    ],
)
def test_wrong_arguments(env, call, error) -> None:
    with pytest.raises(error):
        call(env)


def test_without_files_no_name_is_known() -> None:
    with pytest.raises(KeyError, match="there are: none"):
        DistributedCache({}).get_file("x")


def test_the_form_of_the_key() -> None:
    files = parse_cached_files(
        "name:file1,path:'file:///tmp/f';name:file2,path:hdfs:///g,executable:true;"
    )
    assert files == [("file1", "file:///tmp/f", False), ("file2", "hdfs:///g", True)]
    assert parse_cached_files("") == []
    odd = [CachedFile("a;b,c:d", "/it's; odd", True), CachedFile("x", "/y")]
    assert parse_cached_files(format_cached_files(odd)) == odd
    assert format_cached_files(odd[1:]) == "name:x,path:/y"


@pytest.mark.parametrize(
    "text",
    ["words", "name:words", "path:/x", "name:a,path:/x;name:a,path:/y", "name:a,path:/x,mode:1",
     "name:a,path:/x,executable:maybe"],
)  # fmt: skip
def test_other_forms_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match=KEY):
        StreamExecutionEnvironment.get_execution_environment(Configuration().set_string(KEY, text))


def test_python_files_can_be_imported(env, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(sys, "path", list(sys.path))
    (tmp_path / "added_by_a_test.py").write_text("ANSWER = 42\n", encoding="utf-8")
    env.add_python_file(str(tmp_path / "added_by_a_test.py"))
    env.add_python_file(os.fspath(tmp_path))
    assert sys.path[-1] == str(tmp_path) and sys.path.count(str(tmp_path)) == 1
    assert __import__("added_by_a_test").ANSWER == 42
    sys.modules.pop("added_by_a_test")
    with pytest.raises(FileNotFoundError, match="none.py"):
        env.add_python_file(str(tmp_path / "none.py"))
