-- Figures of each ISO week, and for how many executions an outcome of a sample stands. The jobs fill both.
alter table execution_rows add column outcome_weight double;

create table metrics_weekly (
    week date not null,                  -- its Monday, UTC
    metric varchar not null,
    whole boolean not null,              -- of all executions of the purpose together: the groups are null
    purpose varchar not null,
    release varchar,
    task_type varchar,
    agent varchar,
    environment varchar,
    numerator double,
    denominator double,
    n bigint not null,
    known bigint not null,
    value double,
    lower double,
    upper double
);
