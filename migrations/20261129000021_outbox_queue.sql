-- no-transaction
create index concurrently outbox_queue on outbox (class, due_at);
