-- What it takes to end a payment with proof: what its sends left open, refunds of our own, and lanes that can pause.

-- What is known about the sends of a payment's confirm. `settle` writes it, `claim` reads it, and between the two nothing
-- about a payment lives in a worker's memory.
alter table payments
    -- When a send last got no answer, or a worker died that may have sent: it may have acted, or may still act. Null: none
    -- is left open.
    add column unanswered_at timestamptz,
    -- The secret that this epoch's key was sent under. Toss keeps idempotency keys for each secret, so the same key under
    -- another secret is a new request.
    add column sent_with     text,
    -- Toss's refusal, kept until asking has shown that no earlier send acted.
    add column refusal       jsonb,
    -- When asking first showed nothing after the time to confirm was over. Once is no proof: the answer may be stale.
    add column absent_at     timestamptz,
    -- When Toss is to be asked about this payment again although no intent is live: a failure is looked at once more,
    -- a deposit is waited for. The sweeper makes it an intent.
    add column check_at      timestamptz,
    add constraint payments_failed_has_proof check (status not in ('ABORTED', 'EXPIRED') or answer is not null);

create index payments_to_check on payments (check_at) where check_at is not null;

-- Which of its payments pays the order: the others that Toss approved are to be given back.
alter table orders add column paid_by smallint;
update orders set paid_by = payment_count where status in ('DONE', 'PARTIAL_CANCELED', 'CANCELED');

-- Orders that nobody paid in time are found here, oldest first.
create index orders_unpaid on orders (expires_at) where status = 'READY';

-- One refund of one payment. The confirm's columns of the same names mean the same here.
create table cancels (
    order_id         bigint      not null constraint cancels_order_exists references orders (id),
    cancel_no        smallint    not null,
    payment_no       smallint    not null,
    -- Stands in the reason that Toss keeps with the refund, so that ours can be told from others when we ask.
    mark             uuid        not null constraint cancels_mark_unique unique,
    status           text        not null default 'IN_PROGRESS'
        constraint cancels_status_known check (status in ('IN_PROGRESS', 'DONE', 'FAILED')),
    reason           text        not null constraint cancels_reason_length check (char_length(reason) between 1 and 150),
    amount           bigint      not null constraint cancels_amount_positive check (amount > 0),
    -- What Toss held before it; sent as refundableAmount, so that a refund that meets another balance does nothing.
    expected_balance bigint      not null,
    -- Asks for everything that is left, whatever that is by then.
    in_full          boolean     not null,
    actor            text        not null constraint cancels_actor_known check (actor in ('worker', 'operator')),
    -- The bytes sent to Toss; a new epoch may carry new ones.
    request          bytea       not null,
    key_epoch        smallint    not null default 0,
    ask_first        boolean     not null default false,
    unanswered_at    timestamptz,
    sent_with        text,
    refusal          jsonb,
    requested_at     timestamptz not null default now(),
    finished_at      timestamptz,
    answer           jsonb,
    primary key (order_id, cancel_no),
    constraint cancels_amount_is_there check (amount <= expected_balance),
    constraint cancels_finished_has_proof check ((status = 'IN_PROGRESS') = (answer is null))
);

-- Two refunds of one order never run at once: the second would not know what the first leaves.
create unique index cancels_one_live on cancels (order_id) where status = 'IN_PROGRESS';

alter table outbox
    add column payment_no smallint not null default 1, -- the payment it is about
    -- Which secret the holder of the lease signs with, as a number: what a dead worker may have sent was sent under it.
    add column lease_key  integer  not null default 0;
alter table outbox alter column payment_no drop default;

alter table attempts
    add column cancel_no smallint,
    drop constraint attempts_call_known,
    add constraint attempts_call_known check (call in ('confirm', 'query', 'cancel')),
    drop constraint attempts_outcome_known,
    add constraint attempts_outcome_known check (outcome in (
        'approved', 'waiting', 'failed', 'review', 'returned', 'refused',
        'repeat', 'snooze', 'ask', 'next_epoch'));

-- One row is one Toss secret, by its fingerprint. A paused lane claims nothing: what Toss says under a key that it does
-- not accept says nothing about any payment. Whoever probes it says so here first, so that one probe runs at a time.
create table lanes (
    api_key_id text        primary key,
    paused_at  timestamptz,
    code       text,        -- what Toss said
    probe_at   timestamptz,
    constraint lanes_paused_is_whole check (
        (paused_at is null) = (code is null) and (paused_at is null) = (probe_at is null))
);
