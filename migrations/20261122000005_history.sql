-- Append-only: who did what, when and why. Keyed by order, so an order's history is one short index scan and the
-- tables can be distributed with their orders.

-- One row is one call to Toss. It is written whatever the fence says; `stale` marks a call whose lease was lost.
-- The id is made by the worker before it calls, so writing a batch again after a lost commit adds nothing.
create table attempts (
    order_id    bigint      not null,
    id          uuid        not null,
    payment_no  smallint    not null,
    call        text        not null constraint attempts_call_known check (call in ('confirm', 'query')),
    key_epoch   smallint    not null,
    api_key_id  text        not null, -- which Toss secret signed the call: a short fingerprint, never the secret
    lease_owner bigint      not null,
    lease_seq   integer     not null,
    finished_at timestamptz not null default now(),
    duration_ms integer     not null constraint attempts_duration_not_negative check (duration_ms >= 0),
    http_status smallint,             -- null: no answer came
    code        text,                 -- Toss's error code, or the status of the payment in the answer
    trace_id    text,                 -- x-tosspayments-trace-id: what Toss's support asks for
    outcome     text        not null constraint attempts_outcome_known check (outcome in (
        'approved', 'repeat', 'snooze', 'ask', 'next_epoch')),
    stale       boolean     not null,
    primary key (order_id, id)
);

-- One row is one change of an order's state.
create table order_events (
    order_id    bigint      not null,
    id          bigint      generated always as identity,
    from_status text,
    to_status   text        not null,
    cause       text        not null,
    actor       text        not null constraint order_events_actor_known check (actor in ('shopper', 'worker', 'operator')),
    payment_no  smallint,
    attempt_id  uuid,
    at          timestamptz not null default now(),
    primary key (order_id, id)
);
