"""Which attribute gives which column, as data: per column the keys in order; the first meaningful value wins.

One table for all dialects: a span may carry several, and a bridge leaves residue of what it rewrote. What needs more
than a look-up (messages, tools, documents, errors) is in the modules of its name.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, NamedTuple

from whichstep import attributes as names
from whichstep_collector.normalising import coerce


class Field(NamedTuple):
    """A column, how its value is read, and the keys that hold it, best first."""

    column: str
    read: Callable[[Any], Any]
    keys: tuple[str, ...]


class TextKeys(NamedTuple):
    """The keys that hold a span's texts, best first."""

    input: tuple[str, ...] = ()
    output: tuple[str, ...] = ()
    arguments: tuple[str, ...] = ()
    results: tuple[str, ...] = ()
    query: tuple[str, ...] = ()
    documents: tuple[str, ...] = ()


NO_TEXT_KEYS: Final = TextKeys()

FIELDS: Final[tuple[Field, ...]] = (
    # identity
    Field(
        "session_id",
        coerce.text,
        (
            names.SESSION_ID,
            "langfuse.session.id",
            names.CONVERSATION_ID,
            "gcp.vertex.agent.session_id",
            "traceloop.association.properties.session_id",
            "traceloop.association.properties.conversation_id",
            "traceloop.association.properties.thread_id",
            "ai.telemetry.metadata.sessionId",
            "langsmith.metadata.session_id",
            "langsmith.metadata.conversation_id",
            "langsmith.metadata.thread_id",
            "gen_ai.session.id",
            "anthropic.session.id",
            "conversation.id",
            "gen_ai.openai.thread.id",
            "mcp.session.id",
        ),
    ),
    Field(
        "user_id",
        coerce.text,
        (
            names.USER_ID,
            "langfuse.user.id",
            "enduser.id",
            "traceloop.association.properties.user_id",
            "ai.telemetry.metadata.userId",
            "langsmith.metadata.user_id",
            "gen_ai.user",
            "llm.user",
            "gen_ai.request.user",
            "gen_ai.user.id",
        ),
    ),
    Field("agent", coerce.text, (names.AGENT_NAME, "agent.name", "agent_name", "graph.node.name", "graph.node.id")),
    Field("workflow", coerce.text, (names.WORKFLOW_NAME, "traceloop.workflow.name", "workflow.name")),
    Field("task_id", coerce.text, (names.TASK_ID,)),
    Field("task_type", coerce.text, (names.TASK_TYPE,)),
    Field("purpose", coerce.text, (names.PURPOSE,)),
    Field("tags", coerce.texts, (names.TAGS, "tag.tags", "langfuse.trace.tags", "logfire.tags")),
    Field("step_index", coerce.small_count, (names.STEP_INDEX,)),
    Field("autonomy_level", coerce.level, (names.AUTONOMY_LEVEL,)),
    Field("outcome_success", coerce.flag, (names.OUTCOME_SUCCESS,)),
    Field("outcome_explanation", coerce.text, (names.OUTCOME_EXPLANATION,)),
    Field("escalation", coerce.text, (names.ESCALATION,)),
    Field("approval_id", coerce.text, (names.APPROVAL_ID,)),
    Field("expectation", coerce.json_text, (names.EXPECTATION,)),
    Field("output_summary", coerce.line, (names.STEP_SUMMARY,)),
    # model calls
    Field(
        "provider",
        coerce.provider,
        (names.PROVIDER, "llm.provider", "gen_ai.system", "llm.system", "ai.model.provider"),
    ),
    Field(
        "model",
        coerce.text,
        (
            names.RESPONSE_MODEL,
            "llm.response.model_name",
            "ai.response.model",
            names.REQUEST_MODEL,
            "llm.model_name",
            "llm.request.model_name",
            "ai.model.id",
            "embedding.model_name",
            "reranker.model_name",
        ),
    ),
    Field(
        "request_model", coerce.text, (names.REQUEST_MODEL, "llm.request.model_name", "llm.model_name", "ai.model.id")
    ),
    Field("document_count", coerce.count, ("gen_ai.retrieval.document_count",)),
    Field("response_id", coerce.text, (names.RESPONSE_ID, "ai.response.id")),
    Field(
        "input_tokens",
        coerce.count,
        (names.INPUT_TOKENS, "gen_ai.usage.prompt_tokens", "llm.token_count.prompt", "ai.usage.inputTokens"),
    ),
    Field(
        "output_tokens",
        coerce.count,
        (names.OUTPUT_TOKENS, "gen_ai.usage.completion_tokens", "llm.token_count.completion", "ai.usage.outputTokens"),
    ),
    Field(
        "cache_read_tokens",
        coerce.count,
        (
            names.CACHE_READ_TOKENS,
            "gen_ai.usage.cache_read_input_tokens",
            "gen_ai.usage.details.cache_read_tokens",
            "llm.token_count.prompt_details.cache_read",
            "llm.token_count.prompt_details.cache_input",
            "ai.usage.inputTokenDetails.cacheReadTokens",
            "ai.usage.cachedInputTokens",
        ),
    ),
    Field(
        "cache_write_tokens",
        coerce.count,
        (
            names.CACHE_WRITE_TOKENS,
            "gen_ai.usage.cache_creation.input_tokens",
            "gen_ai.usage.cache_creation_input_tokens",
            "gen_ai.usage.cache_write_input_tokens",
            "gen_ai.usage.details.cache_write_tokens",
            "llm.token_count.prompt_details.cache_write",
            "ai.usage.inputTokenDetails.cacheWriteTokens",
        ),
    ),
    Field(
        "reasoning_tokens",
        coerce.count,
        (
            names.REASONING_TOKENS,
            "gen_ai.usage.reasoning_tokens",
            "llm.usage.reasoning_tokens",
            "llm.token_count.completion_details.reasoning",
            "ai.usage.outputTokenDetails.reasoningTokens",
            "ai.usage.reasoningTokens",
        ),
    ),
    Field(
        "reported_cost_usd",
        coerce.amount,
        (names.COST_USD, "gen_ai.usage.cost", "gen_ai.usage.total_cost", "llm.cost.total", "operation.cost"),
    ),
    Field(
        "finish_reason",
        coerce.first_text,
        (names.FINISH_REASONS, "gen_ai.response.finish_reason", "llm.finish_reason", "ai.response.finishReason"),
    ),
    Field(
        "time_to_first_token_ms",
        coerce.seconds_as_ms,
        ("gen_ai.response.time_to_first_chunk", "gen_ai.client.operation.time_to_first_chunk"),
    ),
    # tools
    Field("tool", coerce.text, (names.TOOL_NAME, "tool.name", "ai.toolCall.name")),
    Field("tool_call_id", coerce.call_id, (names.TOOL_CALL_ID, "tool.id", "tool_call.id", "ai.toolCall.id")),
    Field("resend_count", coerce.small_count, ("http.request.resend_count",)),
)

RELEASE_KEYS: Final = ("service.version", "vcs.repository.ref.revision", "vcs.ref.head.revision", "app.version")
"""Of the resource."""
ENVIRONMENT_KEYS: Final = ("deployment.environment.name", "deployment.environment")
"""Of the resource."""
SPAN_RELEASE_KEYS: Final = ("langfuse.release", "service.version")
SPAN_ENVIRONMENT_KEYS: Final = ("langfuse.environment", "deployment.environment.name", "gen_ai.environment")

TEXT_KEYS: Final = TextKeys(
    input=(names.INPUT, "input.value", "traceloop.entity.input", "gen_ai.task.input", "input"),
    output=(names.OUTPUT, "output.value", "traceloop.entity.output", "gen_ai.task.output", "output"),
    arguments=(
        names.TOOL_ARGUMENTS,
        "tool_arguments",
        "input.value",
        "tool.parameters",
        "traceloop.entity.input",
        "ai.toolCall.args",
        "tool.input",
        names.INPUT,
    ),
    results=(
        names.TOOL_RESULT,
        "tool_response",
        "output.value",
        "traceloop.entity.output",
        "ai.toolCall.result",
        "tool.output",
        names.OUTPUT,
    ),
    query=(
        names.RETRIEVAL_QUERY,
        "reranker.query",
        "input.value",
        "gen_ai.retrieval.query",
        "traceloop.entity.input",
        "db.query.text",
        names.INPUT,
    ),
    documents=(
        names.RETRIEVAL_DOCUMENTS,
        "retrieval.documents",
        "output.value",
        "traceloop.entity.output",
        names.OUTPUT,
    ),
)
"""What all conventions share."""
