-- What Toss tells us by itself. A row is one delivery: the notice that it came, and what was made of it. It changes no
-- order: at most it makes us ask, and what Toss then answers is what counts.

create table webhook_inbox (
    id               bigint      generated always as identity primary key,
    -- A hash over Toss's transmission id, if it gave one, and all that was said. Whoever guesses the id of a real delivery
    -- cannot use it up with a body of their own.
    delivery         uuid        not null constraint webhook_inbox_delivery_unique unique,
    transmission_id  text,       -- what Toss's support asks for; null: none that looks like one
    received_at      timestamptz not null default now(),
    last_received_at timestamptz not null default now(),
    copies           integer     not null default 1,
    event            text,       -- null: none that looks like one
    said_at          timestamptz, -- Toss's createdAt
    -- The payment of ours that it names.
    order_id         bigint,
    payment_no       smallint,
    -- What it says of that payment.
    status           text,
    balance          bigint,
    transaction_key  text,
    -- What else was said, as far as it is on the list of what may be kept: no secret, no name, no number of a card or an
    -- account, no whole paymentKey.
    content          jsonb,
    state            text        not null
        constraint webhook_inbox_state_known check (state in (
            'waiting', 'checked', 'known', 'unknown', 'wrong_secret', 'other', 'unreadable')),
    state_since      timestamptz not null default now(),
    constraint webhook_inbox_names_both check ((order_id is null) = (payment_no is null)),
    constraint webhook_inbox_waits_for_something check (state <> 'waiting' or order_id is not null)
) with (fillfactor = 80); -- a copy updates only what stands in no index

-- Those that wait until their order has no live intent; most of the time there are none.
create index webhook_inbox_waiting on webhook_inbox (order_id) where state = 'waiting';
-- For an operator's eye: somebody may be writing in Toss's name, or Toss may have changed its words.
create index webhook_inbox_suspect on webhook_inbox (received_at) where state in ('wrong_secret', 'unreadable');

alter table payments
    -- When a webhook last made us ask about this payment: the next one has to wait a little, whoever sends it.
    add column hinted_at timestamptz;
