-- Mirror of the ledger's evaluations, for the views. The ledger is the truth.
create table evaluation_rows (
    sequence bigint not null,       -- the ledger's: grows with every change, also of an older evaluation
    evaluation_id varchar not null,
    execution_id uuid not null,
    step_id ubigint,                -- null: of the whole execution
    name varchar not null,
    score double,
    label varchar,
    explanation varchar,
    source varchar not null,        -- HUMAN, LLM, CODE
    author varchar not null,
    trusted boolean not null,       -- written with a reviewer's token
    sampled_by varchar,             -- how the execution was picked, where it was
    inclusion_probability double,
    created_at timestamp_ns not null
);
