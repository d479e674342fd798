-- Contracts of workflows that executions are or were held to: one row a contract, as carried by them or as configured.
create table contract_rows (
    digest uuid not null,                -- over what the contract says
    workflow varchar not null,           -- its name
    level utinyint not null,             -- autonomy level, 1 to 4
    contract varchar not null,           -- JSON object, as `whichstep workflow show --format json`
    first_seen_at timestamp_ns not null
);
