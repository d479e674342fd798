"""The vocabulary of whichstep on the wire: attribute names, step types, purposes. Standard library only.

Names are OpenTelemetry's GenAI conventions where one exists (https://github.com/open-telemetry/semantic-conventions-genai),
else `whichstep.*`. The collector reads the same constants, so the two cannot drift apart.
"""

from __future__ import annotations

from typing import Final

SCOPE: Final = "whichstep"

# whichstep's own, on spans
EXECUTION_ID: Final = "whichstep.execution.id"
"""32 hex digits, on every span of the execution, spans of other libraries included."""
EXECUTION_EXTERNAL_ID: Final = "whichstep.execution.external_id"
"""The id as the user wrote it, where it was not 32 hex digits."""
TASK_ID: Final = "whichstep.task.id"
TASK_TYPE: Final = "whichstep.task.type"
RERUN_OF: Final = "whichstep.execution.rerun_of"
PURPOSE: Final = "whichstep.purpose"
TAGS: Final = "whichstep.tags"
METADATA_PREFIX: Final = "whichstep.metadata."
STEP_TYPE: Final = "whichstep.step.type"
STEP_NAME: Final = "whichstep.step.name"
STEP_INDEX: Final = "whichstep.step.index"
STEP_SUMMARY: Final = "whichstep.step.summary"
PENDING: Final = "whichstep.pending"
"""True on a start record: the same span is sent again when it ends."""
OUTCOME_SUCCESS: Final = "whichstep.outcome.success"
OUTCOME_EXPLANATION: Final = "whichstep.outcome.explanation"
INPUT: Final = "whichstep.input"
OUTPUT: Final = "whichstep.output"
ESCALATION: Final = "whichstep.escalation"
EXPECTATION: Final = "whichstep.expectation"
"""JSON object: tools, ordered, any_of, allow_extra, arguments, escalation."""
COST_USD: Final = "whichstep.usage.cost_usd"
AUTONOMY_LEVEL: Final = "whichstep.workflow.autonomy_level"
CONTRACT_DIGEST: Final = "whichstep.workflow.contract_digest"
CONTRACT_EVENT: Final = "whichstep.workflow.contract"
"""Name of the log event that carries a workflow's contract, once an execution; its body is the contract."""
WORKFLOW_VIOLATION: Final = "whichstep.workflow.violation"
"""Which rule of the contract the step breaks, or would have broken."""
APPROVAL_ID: Final = "whichstep.approval.id"
ACTION: Final = "whichstep.action"
"""The action that a policy decided on, on the step that it is, and on the approval that it waited for."""
RISK_LEVEL: Final = "whichstep.action.risk_level"
RULE: Final = "whichstep.action.rule"
POLICY_DIGEST: Final = "whichstep.policy.digest"
TRUNCATED: Final = "whichstep.truncated"
"""Names of attributes that the SDK cut, as a list."""
CONTROL_FLOW: Final = "whichstep.control_flow"
"""Why a step was left by an exception that is no error: interrupt, handoff, approval, cancelled."""
EVALUATION_SOURCE: Final = "whichstep.evaluation.source"
"""HUMAN, LLM or CODE; AVERAGE where several statements are told as one, which yields to any that is told singly."""
WHOLE_TRACE: Final = "whichstep.whole_trace"
"""True on a span that is a record of its whole trace, sent beside the spans of it: it tells no place among them."""
DROPPED_SPANS: Final = "whichstep.sdk.dropped_spans"

# OpenTelemetry and its GenAI conventions, as far as the SDK writes them
SESSION_ID: Final = "session.id"
CONVERSATION_ID: Final = "gen_ai.conversation.id"
USER_ID: Final = "user.id"
OPERATION: Final = "gen_ai.operation.name"
PROVIDER: Final = "gen_ai.provider.name"
REQUEST_MODEL: Final = "gen_ai.request.model"
RESPONSE_MODEL: Final = "gen_ai.response.model"
RESPONSE_ID: Final = "gen_ai.response.id"
FINISH_REASONS: Final = "gen_ai.response.finish_reasons"
INPUT_TOKENS: Final = "gen_ai.usage.input_tokens"
OUTPUT_TOKENS: Final = "gen_ai.usage.output_tokens"
CACHE_READ_TOKENS: Final = "gen_ai.usage.cache_read.input_tokens"
CACHE_WRITE_TOKENS: Final = "gen_ai.usage.cache_write.input_tokens"
REASONING_TOKENS: Final = "gen_ai.usage.reasoning.output_tokens"
INPUT_MESSAGES: Final = "gen_ai.input.messages"
OUTPUT_MESSAGES: Final = "gen_ai.output.messages"
SYSTEM_INSTRUCTIONS: Final = "gen_ai.system_instructions"
TOOL_DEFINITIONS: Final = "gen_ai.tool.definitions"
TOOL_NAME: Final = "gen_ai.tool.name"
TOOL_CALL_ID: Final = "gen_ai.tool.call.id"
TOOL_ARGUMENTS: Final = "gen_ai.tool.call.arguments"
TOOL_RESULT: Final = "gen_ai.tool.call.result"
RETRIEVAL_QUERY: Final = "gen_ai.retrieval.query.text"
RETRIEVAL_DOCUMENTS: Final = "gen_ai.retrieval.documents"
DATA_SOURCE_ID: Final = "gen_ai.data_source.id"
AGENT_NAME: Final = "gen_ai.agent.name"
WORKFLOW_NAME: Final = "gen_ai.workflow.name"
ERROR_TYPE: Final = "error.type"

TOOL_DESCRIPTION: Final = "gen_ai.tool.description"
REQUEST_PREFIX: Final = "gen_ai.request."
"""Parameters of a model call: temperature, max_tokens, top_p, …"""

EVALUATION_EVENT: Final = "gen_ai.evaluation.result"
EVALUATION_NAME: Final = "gen_ai.evaluation.name"
EVALUATION_SCORE: Final = "gen_ai.evaluation.score.value"
EVALUATION_LABEL: Final = "gen_ai.evaluation.score.label"
EVALUATION_EXPLANATION: Final = "gen_ai.evaluation.explanation"

STEP_TYPES: Final = (
    "llm_call", "tool_call", "retrieval", "embedding", "rerank", "agent", "workflow",
    "guardrail", "approval", "handoff", "evaluation", "other",
)  # fmt: skip
PURPOSES: Final = ("production", "dataset", "adversarial", "demo")
RISK_LEVELS: Final = ("auto", "log", "approve", "block")
"""Of an action, by policy, the laxest first."""
ESCALATION_REASONS: Final = ("policy", "agent", "failure", "user")

# Step type -> gen_ai.operation.name; types without one are told by STEP_TYPE alone.
OPERATIONS: Final = {
    "llm_call": "chat",
    "tool_call": "execute_tool",
    "retrieval": "retrieval",
    "embedding": "embeddings",
    "agent": "invoke_agent",
    "workflow": "invoke_workflow",
}


_HEX_DIGITS: Final = frozenset("0123456789abcdef")


def execution_id_of(value: str) -> str:
    """The execution id for a value that a person or program wrote: 32 hex digits stay (dashes and upper case aside).

    Anything else becomes the BLAKE2b-128 of its text, so the same value names the same execution everywhere.
    """
    compact = value.replace("-", "").lower()
    if len(compact) == 32 and _HEX_DIGITS.issuperset(compact):
        return compact
    from hashlib import blake2b  # noqa: PLC0415  loads OpenSSL, which most processes never need here

    return blake2b(value.encode("utf-8", "replace"), digest_size=16).hexdigest()
