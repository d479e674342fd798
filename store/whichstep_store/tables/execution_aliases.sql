-- Former ids of executions whose id changed when a merge found an earlier trace; URLs and evaluations still resolve.
create table execution_aliases (
    alias uuid not null,
    execution_id uuid not null
);
