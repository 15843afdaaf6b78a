-- What looks for live refunds and for notices that wait passes the index entries of all that were so since the last vacuum, and
-- what forgets passes those of all that it has forgotten. By default a fifth of a table may be so: of 500,000 refunds 100,000,
-- and 768 pages at each look instead of four.
alter table cancels set (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 50000);
alter table webhook_inbox set (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 50000);
alter table api_requests set (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 50000);
