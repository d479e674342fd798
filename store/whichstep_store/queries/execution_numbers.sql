-- What each execution that matches has of its own; `profile` says which row of `execution_profiles` it belongs to.
-- Parameters: those of execution_profiles, read in the same state of the store.
select hash(facts) as profile, * exclude (facts) from (/* include execution_facts */);
