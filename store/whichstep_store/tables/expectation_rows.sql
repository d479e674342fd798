-- Mirror of the ledger's expectations (ground truth), for the views.
create table expectation_rows (
    sequence bigint not null,
    expectation_id varchar not null,
    execution_id uuid,              -- null: holds for every execution of the task type
    task_type varchar,
    expectation varchar not null,   -- JSON object: tools, ordered, any_of, allow_extra, arguments, escalation
    author varchar not null,
    created_at timestamp_ns not null
);
