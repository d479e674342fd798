from __future__ import annotations

import json

from whichstep_dashboards import content


def test_messages_become_a_conversation():
    messages = [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "parts": [{"type": "text", "content": "Hello"}, {"type": "text", "content": "there"}]},
        {"role": "assistant", "parts": [{"type": "tool_call", "name": "find", "arguments": {"q": 1}}]},
        {"role": "tool", "parts": [{"type": "tool_call_response", "response": "found"}]},
    ]
    blocks = content.blocks(json.dumps(messages))
    assert [(block.title, block.text) for block in blocks] == [
        ("system", "Be brief."),
        ("user", "Hello\nthere"),
        ("assistant", '→ find({"q": 1})'),
        ("tool", "← found"),
    ]


def test_json_is_indented():
    (block,) = content.blocks('{"a":[1,2]}')
    assert block.language == "json"
    assert block.text == '{\n  "a": [\n    1,\n    2\n  ]\n}'


def test_broken_json_is_shown_as_it_came():
    (block,) = content.blocks('{"a": ')
    assert (block.text, block.language) == ('{"a": ', None)


def test_deeply_nested_json_is_shown_as_it_came():
    text = "[" * 100_000
    assert content.blocks(text)[0].length == len(text)


def test_long_text_is_cut_and_its_length_kept():
    (block,) = content.blocks("x" * 50_000)
    assert (len(block.text), block.length) == (content.TEXT_MAX, 50_000)


def test_parts_of_unknown_kinds_are_shown_as_json():
    (block,) = content.blocks('[{"role": "user", "parts": [{"type": "blob", "mime_type": "image/png"}, null]}]')
    assert '"image/png"' in block.text
