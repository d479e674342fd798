-- Signatures of failures that differ in words only. The jobs fill it.
create table failure_templates (
    failure_signature varchar not null,
    cluster varchar not null,
    template varchar not null
);
