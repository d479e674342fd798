-- The templates that were mined.
select failure_signature, cluster, template from failure_templates order by failure_signature;
