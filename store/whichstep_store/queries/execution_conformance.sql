-- Whether an execution keeps to the contract that it is held to; no row where it is held to none.
-- Parameter: execution_id, 32 hex digits.
select
    workflow,
    level,
    replace(cast(contract_digest as varchar), '-', '') as contract_digest,
    source,
    complete,
    conformant,
    fitness,
    deviation_count,
    deviations,
    unchecked_outputs
from conformance_rows
where execution_id = cast($execution_id as uuid);
