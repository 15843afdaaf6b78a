-- The outbox is the queue between api and worker, and holds live intents only: settling deletes the row. What happened
-- is in `attempts` and `order_events`. Rows that nobody may claim never stand here, so claiming never wades through
-- them.
--
-- The order is the key: at most one live intent for each order, so operations on an order are serial by construction.
--
-- `lease_until` stands in no index, so claiming is a heap-only update: it adds no index entry, and an old snapshot held
-- open elsewhere cannot turn the head of the queue into a field of dead entries. Half of each page is left free for it.

create table outbox (
    order_id    bigint      primary key,
    kind        smallint    not null constraint outbox_kind_known check (kind in (1, 2, 3)), -- confirm, cancel, check
    due_at      timestamptz not null,
    lease_until timestamptz not null default '-infinity',
    lease_owner bigint      not null default 0, -- a random number for each start of a worker
    lease_seq   integer     not null,           -- the fence: one more at each claim, never the same twice for an order
    attempts    smallint    not null default 0, -- counted at the claim, so that work which kills its worker is counted
    snoozes     smallint    not null default 0  -- put off through nobody's fault: a 409, a 429
) with (
    fillfactor = 50,
    autovacuum_vacuum_scale_factor = 0,
    autovacuum_vacuum_threshold = 2000,
    autovacuum_vacuum_cost_delay = 0
);

-- The claim's ORDER BY, and its only index.
create index outbox_due on outbox (due_at, order_id);
