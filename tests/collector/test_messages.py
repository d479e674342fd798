"""What of a conversation the user asked in this turn."""

from __future__ import annotations

import pytest

from whichstep_collector.normalising.messages import asked_text, read_messages

USER, AGAIN = {"role": "user", "content": "Hello"}, {"role": "user", "content": "Where is A-1?"}
ANSWER = {"role": "assistant", "content": "How can I help?"}
CALL = {"role": "assistant", "content": None, "tool_calls": [{"id": "c", "function": {"name": "t", "arguments": "{}"}}]}
RESULT = {"role": "tool", "tool_call_id": "c", "content": "here"}
RESULT_OF_ANTHROPIC = {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "c", "content": "here"}]}
SYSTEM = {"role": "system", "content": "Be kind"}


@pytest.mark.parametrize(
    ("conversation", "asked"),
    [
        ([SYSTEM, USER], "Hello"),
        ([USER, ANSWER, AGAIN], "Where is A-1?"),
        ([SYSTEM, USER, ANSWER, SYSTEM, AGAIN, CALL, RESULT], "Where is A-1?"),
        ([USER, ANSWER, AGAIN, CALL, RESULT_OF_ANTHROPIC], "Where is A-1?"),
        ([USER, CALL, RESULT, AGAIN], "Where is A-1?"),
        ([USER, SYSTEM, AGAIN], "Hello"),
        ([USER, ANSWER, AGAIN, ANSWER], "Where is A-1?"),
        ([SYSTEM], None),
        ([ANSWER], None),
    ],
)
def test_what_was_asked_is_the_first_of_the_users_last_words(conversation, asked):
    assert asked_text(read_messages(conversation, default_role="user")) == asked


def test_nothing_was_asked_in_no_conversation():
    assert asked_text([]) is None
