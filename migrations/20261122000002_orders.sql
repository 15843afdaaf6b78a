-- What was bought, at the prices of that moment.

create table orders (
    id            bigint generated always as identity primary key,
    -- The public name: a UUIDv7, so nobody can guess it and new ones land at the right end of the index. Its text form
    -- is valid as Toss's orderId.
    order_no      uuid        not null constraint orders_order_no_unique unique,
    customer_id   bigint      not null constraint orders_customer_exists references customers (id),
    name          text        not null
        constraint orders_name_length check (char_length(name) between 1 and 100),
    -- 2^53 - 1: the largest integer every JSON reader keeps exactly.
    amount        bigint      not null
        constraint orders_amount_range check (amount between 1 and 9007199254740991),
    status        text        not null default 'READY'
        constraint orders_status_known check (status in (
            'READY', 'IN_PROGRESS', 'WAITING_FOR_DEPOSIT', 'DONE', 'PARTIAL_CANCELED', 'CANCELED',
            'ABORTED', 'EXPIRED', 'REVIEW')),
    -- How many paymentKeys were tried; the newest payment of the order carries this number.
    payment_count smallint    not null default 0,
    -- The fence of the last intent that was settled. The next intent of this order counts on from it, so a fence never
    -- means two claims, however late its holder comes.
    last_fence    integer     not null default 0,
    created_at    timestamptz not null default now(),
    expires_at    timestamptz not null,
    constraint orders_ready_has_no_payment check (status <> 'READY' or payment_count = 0)
) with (fillfactor = 80);

-- The operator's list, filtered by status, newest first. Without a filter the primary key serves.
create index orders_by_status on orders (status, id);

-- A line keeps name and price as they were: a later price change cannot alter an order that was started.
-- No foreign key to products: it would take a shared lock on the product's row for every new order, and that row is the
-- one place where all buyers of a product already queue. The one statement that writes lines joins products anyway.
create table order_lines (
    order_id     bigint   not null constraint order_lines_order_exists references orders (id),
    product_id   bigint   not null,
    position     smallint not null,
    product_name text     not null,
    unit_price   bigint   not null constraint order_lines_unit_price_positive check (unit_price > 0),
    quantity     integer  not null constraint order_lines_quantity_range check (quantity between 1 and 1000000),
    primary key (order_id, product_id)
);
