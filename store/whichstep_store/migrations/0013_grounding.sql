-- Values in answers that stand in nothing the execution was given. The jobs fill it.
create table grounding_rows (
    execution_id uuid not null,
    step_id ubigint,
    span_count integer not null,
    version integer not null,
    checked integer not null,
    ungrounded varchar[] not null
);
