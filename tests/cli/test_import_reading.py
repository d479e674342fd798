"""Files of every kind to records: one at a time, within bounds, and nothing lost without a word."""

import gzip
import io
import json
import tracemalloc
import zipfile

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from whichstep_cli.imports import json_stream, reading, zipped
from whichstep_cli.imports.limits import Skipped, TooLargeError
from whichstep_cli.imports.reading import Record, records

ROWS = [{"id": "a", "n": 1}, {"id": "b", "n": 2}]


def read(tmp_path, content, found=None):
    file = tmp_path / "file"
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    found = [] if found is None else found
    with file.open("rb") as opened:
        found.extend(records(opened))
    return found


def values(found):
    return [item.value for item in found if isinstance(item, Record)]


@pytest.mark.parametrize(
    "content",
    [
        "".join(json.dumps(row) + "\n" for row in ROWS),
        "\n\n" + "\r\n\n".join(json.dumps(row) for row in ROWS),
        "\ufeff" + "".join(json.dumps(row) + "\n" for row in ROWS),
        json.dumps(ROWS),
        json.dumps(ROWS) + "\n",
        "".join(json.dumps([row]) + "\n" for row in ROWS),
        json.dumps(ROWS, indent=2),
        json.dumps({"data": ROWS, "meta": {}}),
        json.dumps({"cursor": "x", "data": ROWS}, indent=2),
        "".join(json.dumps(row, indent=1) for row in ROWS),
        gzip.compress("".join(json.dumps(row) + "\n" for row in ROWS).encode()),
    ],
    ids=["lines", "blank lines", "byte order mark", "array", "array and line end", "array a line", "indented array", "envelope", "indented envelope", "indented documents", "gzip"],
)  # fmt: skip
def test_every_way_to_write_records_gives_the_same_records(tmp_path, content):
    assert values(read(tmp_path, content)) == ROWS


def test_a_list_of_messages_on_a_line_is_one_record(tmp_path):
    chat = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}]
    line = json.dumps(chat) + "\n"
    assert values(read(tmp_path, line)) == [chat]
    assert values(read(tmp_path, line + line)) == [chat, chat]


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-32-be"])
def test_text_in_two_or_four_bytes_a_character_is_the_same_text(tmp_path, encoding):
    rows = [{"id": "a", "name": "né"}, {"id": "b", "name": "😀"}]
    forms = [
        "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows),
        json.dumps(rows, ensure_ascii=False, indent=1),
        "id,name\na,né\nb,😀\n",
    ]
    for form in forms:
        content = form.encode(encoding)
        assert values(read(tmp_path, content)) == values(read(tmp_path, gzip.compress(content))) == rows


def test_an_empty_request_is_no_text(tmp_path):
    assert values(read(tmp_path, b"\x0a\x00\x0a\x00")) == [b"\x0a\x00\x0a\x00"]


def test_csv_is_told_apart_from_its_delimiter_and_blank_lines(tmp_path):
    for delimiter in ",;\t":
        text = "\r\n\r\nid|name\r\na|x, y; z\r\n".replace("|", delimiter)
        wanted = {"id": "a", "name": "x, y; z"}
        if delimiter != "\t":
            text = text.replace("x, y; z", '"x, y; z"')
        assert values(read(tmp_path, text)) == [wanted]


@pytest.mark.parametrize("row", ["b,", "b,2,x,y"], ids=["cut", "too long"])
def test_a_row_without_the_columns_of_its_header_is_skipped(tmp_path, row):
    found = read(tmp_path, f"id,n,note\na,1,x\n{row}\nc,3,z\n")
    assert [value["id"] for value in values(found)] == ["a", "c"]
    assert [item.reason for item in found if isinstance(item, Skipped)] == ["a row without the columns of the header"]


@pytest.mark.parametrize("end", [b'b,"cut in the mid', b"b,\xe9\n"], ids=["an open quote", "another encoding"])
def test_a_row_that_cannot_be_read_right_is_said(tmp_path, end):
    found = []
    with pytest.raises(TooLargeError, match="row"):
        read(tmp_path, b"id,note\na,x\n" + end, found)


def test_csv_and_parquet_rows_leave_out_what_is_empty(tmp_path):
    assert values(read(tmp_path, 'id,n,note\na,1,\nb,2,"x, y"\n')) == [
        {"id": "a", "n": "1"},
        {"id": "b", "n": "2", "note": "x, y"},
    ]
    sink = io.BytesIO()
    moment = pa.array([1, None], pa.timestamp("us", "UTC"))
    pq.write_table(pa.table({"id": ["a", "b"], "at": moment, "deep": [{"x": [1]}, None]}), sink)
    assert values(read(tmp_path, sink.getvalue())) == [{"id": "a", "at": 1000, "deep": {"x": [1]}}, {"id": "b"}]


def test_a_day_that_is_too_far_for_nanoseconds_is_no_time(tmp_path):
    sink = io.BytesIO()
    far = pa.array([253_402_214_400, 1_790_000_000], pa.timestamp("s"))
    pq.write_table(pa.table({"id": ["a", "b"], "end": far}), sink)
    assert values(read(tmp_path, sink.getvalue())) == [{"id": "a"}, {"id": "b", "end": 1_790_000_000 * 10**9}]


def test_a_record_says_what_stands_around_it(tmp_path):
    (found,) = read(tmp_path, json.dumps({"eval": {"task": "t"}, "samples": [{"id": 1}]}))
    assert (found.value, found.header, found.within) == ({"id": 1}, {"eval": {"task": "t"}}, "samples")
    (whole,) = read(tmp_path, json.dumps({"id": "trace", "observations": [{"id": "o"}]}))
    assert whole.value["observations"] == [{"id": "o"}]


def test_a_line_that_is_broken_costs_that_line_only(tmp_path):
    found = read(tmp_path, '{"id": "a"}\n{"id": \n[1]\n{"id": "b"}\n')
    assert values(found)[0] == {"id": "a"}
    assert values(found)[-1] == {"id": "b"}
    assert [item for item in found if isinstance(item, Skipped)] == [
        Skipped("a line is not JSON", "line 2"),
        Skipped("a int is no record"),
    ]


def test_a_cut_document_is_said_after_what_was_whole(tmp_path):
    file = tmp_path / "cut.json"
    file.write_text(json.dumps(ROWS)[:-3])
    with file.open("rb") as opened:
        found = records(opened)
        assert next(found).value == ROWS[0]
        with pytest.raises(TooLargeError, match="middle of a record"):
            list(found)


def test_json_of_any_depth_is_refused_and_never_a_crash(tmp_path):
    deep = '{"a":' * 100_000 + "1" + "}" * 100_000
    with pytest.raises(TooLargeError, match="nested deeper"):
        read(tmp_path, deep)
    found = read(tmp_path, '{"id": "a"}\n' + deep + '\n{"id": "b"}\n')
    assert values(found) == [{"id": "a"}, {"id": "b"}]
    assert any(isinstance(item, Skipped) for item in found)


def test_a_line_too_long_is_skipped_and_the_next_is_read(tmp_path, monkeypatch):
    monkeypatch.setattr(reading, "RECORD_BYTES_MAX", 1000)
    found = read(tmp_path, '{"id": "a"}\n{"id": "' + "x" * 5000 + '"}\n{"id": "b"}\n')
    assert values(found) == [{"id": "a"}, {"id": "b"}]
    assert any(isinstance(item, Skipped) and item.where == "line 2" for item in found)


def test_a_document_of_one_endless_string_is_refused_in_bounded_memory(tmp_path, monkeypatch):
    monkeypatch.setattr(json_stream, "RECORD_BYTES_MAX", 1 << 20)
    monkeypatch.setattr(reading, "_WHOLE_MAX", 1000)
    monkeypatch.setattr(reading, "_LINE_MODE_MAX", 1000)
    with pytest.raises(TooLargeError, match="MiB"):
        read(tmp_path, '[{"id": "' + "x" * (8 << 20) + '"}]')


def test_an_array_larger_than_its_records_is_read_in_the_memory_of_one(tmp_path):
    file = tmp_path / "large.json"
    text = "x" * 10_000
    with file.open("w") as out:
        out.write("[")
        for number in range(3000):
            out.write(("," if number else "") + json.dumps({"id": number, "text": text}))
        out.write("]")
    assert file.stat().st_size > 28 << 20
    with file.open("rb") as opened:
        tracemalloc.start()
        count = sum(1 for _ in records(opened))
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert count == 3000
    assert peak < file.stat().st_size / 1.5


PYTHONS = '[{"id": "NaN", "s": "a \\"NaN\\\\", "n": [NaN, -Infinity,Infinity, -1e5, true], "k\\\\\\"": {"x":NaN}, "NaN": "-Infinity, NaN"}, {"é": NaN}]'


def without_nan(text):
    return json.loads(text, parse_constant=lambda _: None)


@pytest.mark.parametrize("size", [*range(1, 40), 1 << 16])
def test_a_stream_that_python_wrote_has_nothing_for_its_nan_wherever_it_is_cut(size):
    whole = io.BytesIO(PYTHONS.encode())

    class Pieces:
        def read(self, _=-1):
            return whole.read(size)

    found = [item[0] for item in json_stream.documents(Pieces())]
    assert found == without_nan(PYTHONS)
    assert found[0]["n"] == [None, None, None, -1e5, True]


@pytest.mark.parametrize("text", ["[NaNa]", "[nan]", "[Infinity1]", '[{"a": N}]', '["NaN', "[NaN"])
def test_what_only_looks_like_nan_is_no_json(text):
    with pytest.raises(TooLargeError):
        list(json_stream.documents(io.BytesIO(text.encode())))


def test_nan_is_nothing_in_every_way_to_write_records(tmp_path):
    line = '{"id": "a", "n": NaN, "m": [Infinity]}'
    forms = [line, f"{line}\n{line}\n", f"[{line},\n{line}]", archive(**{"header.json": "{}", "samples/1.json": line})]
    for form in forms:
        assert values(read(tmp_path, form))[0] == {"id": "a", "n": None, "m": [None]}


def test_samples_of_a_large_inspect_log_are_read_one_at_a_time(tmp_path):
    file = tmp_path / "log.json"
    head = {"version": 2, "status": "success", "eval": {"task": "t"}, "results": {"metrics": {"value": float("nan")}}}
    sample = {"epoch": 1, "scores": {"match": {"value": float("inf")}}, "store": "x" * 100_000}
    with file.open("w") as out:
        out.write(json.dumps(head, indent=2).removesuffix("\n}") + ',\n  "samples": [')
        for number in range(100):
            out.write(("," if number else "") + json.dumps({"id": number, **sample}, indent=2))
        out.write('],\n  "reductions": [{"score": NaN}]\n}')
    assert file.stat().st_size > 2 * reading._WHOLE_MAX
    with file.open("rb") as opened:
        tracemalloc.start()
        found = []
        for record in records(opened):
            assert (record.within, record.header["eval"], record.header["results"]) == (
                "samples",
                {"task": "t"},
                {"metrics": {"value": None}},
            )
            found.append((record.value["id"], record.value["scores"]))
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert found == [(number, {"match": {"value": None}}) for number in range(100)]
    assert peak < file.stat().st_size


def archive(**members):
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED) as made:
        for name, content in members.items():
            made.writestr(name, content)
    return sink.getvalue()


def test_a_zip_bomb_is_read_to_the_limit_and_no_further(tmp_path, monkeypatch):
    monkeypatch.setattr(zipped, "RECORD_BYTES_MAX", 1 << 20)
    bomb = b'{"id": "' + b"x" * (64 << 20) + b'"}'
    content = archive(**{"header.json": "{}", "samples/1.json": bomb, "samples/2.json": '{"id": 2}'})
    assert len(content) < 1 << 20
    tracemalloc.start()
    found = read(tmp_path, content)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 16 << 20
    assert values(found) == [{"id": 2}]
    assert any(isinstance(item, Skipped) and item.where == "samples/1.json" for item in found)


def broken(content, start, length=6):
    return content[:start] + bytes(byte ^ 0xFF for byte in content[start : start + length]) + content[start + length :]


def test_compressed_data_that_is_broken_is_said_after_what_was_whole(tmp_path):
    lines = "".join(json.dumps({"id": number, "x": str(number) * 50}) + "\n" for number in range(20_000)).encode()
    packed = gzip.compress(lines)
    cut = [packed[:-20], packed[:40], packed[:2], packed + b"more"]
    for content in (*cut, broken(packed, 40), broken(packed, len(packed) // 2)):
        found = []
        with pytest.raises(TooLargeError, match="compressed data"):
            read(tmp_path, content, found)
        if content in cut:
            assert [item.value["id"] for item in found] == list(range(len(found)))


@pytest.mark.parametrize("method", [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA, 93])
def test_a_broken_member_costs_itself_only(tmp_path, method):
    sink = io.BytesIO()
    with zipped.zipfile.ZipFile(sink, "w", method) as made:
        made.writestr("header.json", "{}")
        made.writestr("samples/1.json", json.dumps({"id": "".join(str(number) for number in range(9999))}))
        made.writestr("samples/2.json", '{"id": 2}')
    content = sink.getvalue()
    for start in range(content.index(b"samples/1.json") + 14, content.index(b"samples/1.json") + 200, 7):
        found = read(tmp_path, broken(content, start))
        assert values(found) == [{"id": 2}]
        assert [item.where for item in found if isinstance(item, Skipped)] == ["samples/1.json"]


def test_no_path_of_an_archive_is_written(tmp_path, monkeypatch):
    inside = tmp_path / "inside"
    inside.mkdir()
    monkeypatch.chdir(inside)
    names = ("samples/../../out.json", "/etc/out.json", "../out.json", "samples/ok.json")
    found = read(tmp_path, archive(**{"header.json": "{}"} | dict.fromkeys(names, '{"id": 1}')))
    assert len(values(found)) == 2
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["file", "inside"]


@pytest.mark.parametrize("content", [archive(other="1"), b"PK\x03\x04 broken", b"PAR1 broken"])
def test_a_container_that_cannot_be_read_is_said(tmp_path, content):
    with pytest.raises(TooLargeError):
        read(tmp_path, content)


def test_anything_else_is_one_record_of_bytes(tmp_path):
    assert values(read(tmp_path, b"\xff\xff no text")) == [b"\xff\xff no text"]
    assert read(tmp_path, b"") == []
