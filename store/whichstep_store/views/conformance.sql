-- One row per execution that is held to the contract of its workflow.
create or replace view public.conformance as
select
    replace(cast(execution_id as varchar), '-', '') as execution_id,  -- as in executions
    started_at,  -- of the execution, UTC
    workflow,  -- name of the contract
    replace(cast(contract_digest as varchar), '-', '') as contract_digest,  -- as in contracts
    level,  -- autonomy level of the contract, 1 to 4
    source,  -- carried: sent with the execution; configured: of the sidecar's own folder
    complete,  -- it ended by itself, so that steps missing at its end count
    conformant,  -- null: it still runs, and has broken nothing so far
    fitness,  -- 1: the steps fit the contract; 0: none does
    step_count,  -- steps that the contract has a word on
    deviation_count,  -- what breaks the contract
    deviations,  -- JSON array: move (log, model, rule), step, step_id, position, rule, reason; at most 100
    unchecked_outputs,  -- outputs with a schema that are not known whole
    replace(cast(variant as varchar), '-', '') as variant  -- equal for executions with the same steps in the same order
from main.conformance_rows;
