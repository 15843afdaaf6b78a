-- Refunds that an operator or the shop's own server asks for: in part, by line, into an account, and once for each
-- Idempotency-Key.

alter table cancels
    drop constraint cancels_actor_known,
    add constraint cancels_actor_known check (actor in ('worker', 'operator', 'server')),
    -- As it was given. Toss keeps 200 characters, our mark among them, so what is sent may be shorter.
    drop constraint cancels_reason_length,
    add constraint cancels_reason_length check (char_length(reason) between 1 and 200),
    -- The request names the account that the money goes to, and is encrypted. It is erased when the refund ends.
    add column request_sealed boolean not null default false,
    add constraint cancels_account_erased check (status = 'IN_PROGRESS' or not request_sealed or request = '');

-- Which lines a refund is for, and whether their goods are for sale again. A refund of everything needs none.
create table cancel_lines (
    order_id   bigint   not null,
    cancel_no  smallint not null,
    product_id bigint   not null,
    quantity   integer  not null constraint cancel_lines_quantity_positive check (quantity > 0),
    restock    boolean  not null,
    primary key (order_id, cancel_no, product_id),
    constraint cancel_lines_cancel_exists foreign key (order_id, cancel_no) references cancels (order_id, cancel_no),
    constraint cancel_lines_line_exists foreign key (order_id, product_id) references order_lines (order_id, product_id)
);

-- What came back while the order stayed paid, and what will never come back: pieces that were refunded and are not for
-- sale. An order that was canceled altogether keeps those and nothing else.
alter table order_lines
    add column returned  integer not null default 0,
    add column discarded integer not null default 0,
    add constraint order_lines_back_range check (returned >= 0 and discarded >= 0 and returned + discarded <= quantity);

alter table order_events
    drop constraint order_events_actor_known,
    add constraint order_events_actor_known check (actor in ('shopper', 'worker', 'operator', 'server'));

alter table attempts
    drop constraint attempts_outcome_known,
    add constraint attempts_outcome_known check (outcome in (
        'approved', 'waiting', 'failed', 'review', 'returned', 'closed', 'refused',
        'repeat', 'snooze', 'ask', 'next_epoch'));

-- One row is one Idempotency-Key of our own API that led to something. A request that was refused changed nothing, so its
-- key is still free. The fingerprint tells the same request from another one under the same key.
create table api_requests (
    idempotency_key text        primary key,
    fingerprint     bytea       not null,
    order_id        bigint      not null,
    cancel_no       smallint    not null,
    created_at      timestamptz not null default now(),
    constraint api_requests_cancel_exists foreign key (order_id, cancel_no) references cancels (order_id, cancel_no)
);

create index api_requests_by_age on api_requests (created_at);
