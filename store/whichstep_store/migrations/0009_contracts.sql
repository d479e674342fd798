-- Contracts of workflows, and whether executions keep to them. The jobs fill both.
create table contract_rows (
    digest uuid not null,
    workflow varchar not null,
    level utinyint not null,
    contract varchar not null,
    first_seen_at timestamp_ns not null
);

create table conformance_rows (
    execution_id uuid not null,
    started_at timestamp_ns not null,
    workflow varchar not null,
    contract_digest uuid not null,
    level utinyint not null,
    source varchar not null,
    complete boolean not null,
    conformant boolean,
    fitness double not null,
    step_count integer not null,
    deviation_count integer not null,
    deviations varchar not null,
    unchecked_outputs integer not null,
    variant uuid not null,
    conformance_version integer not null
);
