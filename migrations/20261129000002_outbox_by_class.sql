-- no-transaction
-- Without the order: an index that holds it could be walked from end to end for the intent of one order, and to a planner that
-- believes the outbox to be empty, as it is in quiet hours, that is as good as the primary key.
create index concurrently outbox_queue on outbox (class, due_at);
