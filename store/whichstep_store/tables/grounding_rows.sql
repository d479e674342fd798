-- Whether the answers of executions stand in what they were given; written by the jobs from the whole texts.
create table grounding_rows (
    execution_id uuid not null,
    step_id ubigint,                     -- whose output the answer is; null: no text holds it
    span_count integer not null,         -- of the execution when it was checked; another one now: to be checked again
    version integer not null,            -- of the check
    checked integer not null,            -- values in the answer that can be checked
    ungrounded varchar[] not null        -- those that stand in no input, source or tool result
);
