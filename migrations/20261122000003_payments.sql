-- One row is one Toss paymentKey tried for an order. Most orders have one; an order whose card was declined has more.

create table payments (
    order_id    bigint      not null constraint payments_order_exists references orders (id),
    payment_no  smallint    not null,
    payment_key text        not null
        constraint payments_payment_key_length check (char_length(payment_key) between 1 and 200),
    amount      bigint      not null constraint payments_amount_positive check (amount > 0),
    status      text        not null default 'IN_PROGRESS'
        constraint payments_status_known check (status in (
            'IN_PROGRESS', 'WAITING_FOR_DEPOSIT', 'DONE', 'PARTIAL_CANCELED', 'CANCELED',
            'ABORTED', 'EXPIRED', 'REVIEW')),
    -- The bytes sent to Toss, kept from the moment of acceptance: a repeat under the same Idempotency-Key must be
    -- byte-identical, whatever version of the worker sends it.
    request     bytea       not null,
    -- The Idempotency-Key names the payment and this number. An answer that was received burns its key.
    key_epoch   smallint    not null default 0,
    -- True once the key of this epoch is burnt: Toss must be asked what happened before anything is posted again.
    ask_first   boolean     not null default false,
    accepted_at timestamptz not null default now(),
    approved_at timestamptz,
    -- Toss's answer that proves the final state, and what we read off it.
    answer      jsonb,
    balance     bigint,
    method      text,
    receipt_url text,
    primary key (order_id, payment_no),
    -- A paymentKey belongs to one order for ever: the same one on another order is refused by this name.
    constraint payments_payment_key_unique unique (payment_key),
    constraint payments_done_has_proof check (
        status <> 'DONE' or (answer is not null and balance is not null and approved_at is not null))
) with (fillfactor = 80);

-- Two paymentKeys of one order can never be unresolved at once: nobody is charged twice by two tabs.
create unique index payments_one_unresolved on payments (order_id)
    where status in ('IN_PROGRESS', 'WAITING_FOR_DEPOSIT', 'REVIEW');
