"""What kind of failure an error is, by its type and message. Text is the only evidence here, so the words are few."""

from __future__ import annotations

from typing import Final

import polars as pl

LIMIT: Final = (
    r"(?i)recursion ?(limit|error)|max(imum)?[ _]?(number of )?(turns|iterations|steps|llm calls)"
    r"|(turn|iteration|step|usage|calls?)s? ?limit ?(exceeded|reached)|UsageLimitExceeded"
)
_LOOP: Final = r"(?i)with the same (arguments|input) \d+ times|stuck in a loop|not making progress"
_RATE: Final = r"(?i)\b429\b|rate.?limit|too many requests|quota|throttl"
_TIMEOUT: Final = r"(?i)time.?out|timed out|deadline exceeded"
_OVERFLOW: Final = r"(?i)context.?(length|window)|maximum context|too many tokens|prompt is too long"
_MALFORMED: Final = r"(?i)JSONDecode|OutputParser|could not parse|malformed|invalid json|failed to parse"
_ARGUMENTS: Final = (
    r"(?i)ValidationError|invalid (argument|parameter|input)|missing \d* ?required|unexpected keyword|ToolArgument"
)
_PROVIDER: Final = (
    r"(?i)InternalServerError|API\w*Error|BadRequestError|AuthenticationError|PermissionDeniedError|Overloaded"
    r"|ServiceUnavailable|Error code: [45]\d\d|(Server|Client)Error [45]\d\d [A-Z_]+|LLM"
)


def kind() -> pl.Expr:
    """The failure kind of an error step of columns type, error_type, error_message."""
    text = pl.concat_str([pl.col("error_type"), pl.col("error_message")], separator=" ", ignore_nulls=True)
    tool = pl.col("type").is_in(("tool_call", "retrieval", "embedding", "rerank"))
    return (
        pl.when(text.str.contains(LIMIT)).then(pl.lit("budget_exceeded"))
        .when(text.str.contains(_RATE)).then(pl.lit("rate_limited"))
        .when(text.str.contains(_OVERFLOW)).then(pl.lit("context_overflow"))
        .when(tool & text.str.contains(_TIMEOUT)).then(pl.lit("tool_timeout"))
        .when(tool & text.str.contains(_ARGUMENTS)).then(pl.lit("invalid_arguments"))
        .when(~tool & text.str.contains(_LOOP)).then(pl.lit("loop"))
        .when(pl.col("type") == "handoff").then(pl.lit("handoff_failed"))
        .when(tool).then(pl.lit("tool_error"))
        .when(text.str.contains(_MALFORMED)).then(pl.lit("malformed_output"))
        .when((pl.col("type") == "llm_call") | text.str.contains(_PROVIDER)).then(pl.lit("llm_error"))
        .otherwise(pl.lit("unknown"))
    )  # fmt: skip
