-- Which signatures of failed executions differ in words only; mined anew by the jobs when a signature is new.
create table failure_templates (
    failure_signature varchar not null,  -- as in execution_rows
    cluster varchar not null,            -- name of all that say the same: the one of them that was seen first
    template varchar not null            -- the words that they share, <*> for the others
);
