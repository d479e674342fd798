-- One row per execution that is held to a contract: whether it keeps to it. Written by the jobs after the execution's own
-- rows, and removed with them.
create table conformance_rows (
    execution_id uuid not null,
    started_at timestamp_ns not null,    -- of the execution
    workflow varchar not null,           -- name of the contract
    contract_digest uuid not null,
    level utinyint not null,
    source varchar not null,             -- carried: sent with the execution; configured: of the sidecar's folder
    complete boolean not null,           -- ended by itself: what is missing at the end counts
    conformant boolean,                  -- null: still runs, and has broken nothing so far
    fitness double not null,             -- 1 less the cost of the best alignment over that of the worst
    step_count integer not null,         -- steps that the contract has a word on
    deviation_count integer not null,
    deviations varchar not null,         -- JSON array: move, step, step_id, position, rule, reason; at most 100
    unchecked_outputs integer not null,  -- of steps with a schema, where the whole output is not known
    variant uuid not null,               -- equal for executions with the same steps in the same order
    conformance_version integer not null -- of the job; an older one is computed again
);
