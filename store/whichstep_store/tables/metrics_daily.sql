-- Daily figures for trends only, long form. Quantiles are never re-aggregated from here.
create table metrics_daily (
    day date not null,
    metric varchar not null,
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
