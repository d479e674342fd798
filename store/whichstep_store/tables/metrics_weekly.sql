-- Figures of each ISO week for trends, long form. Quantiles are never re-aggregated from here.
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
