-- no-transaction
create index concurrently outbox_claim on outbox (class, due_at, order_id);
