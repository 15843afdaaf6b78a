-- 50,000 live intents of every class, and beside them what has none: orders that nobody paid, payments and refunds whose
-- intent was lost or is due, reviews, webhooks. No statistics are gathered.
set session_replication_role = replica; -- foreign keys hold by the way the rows are made
insert into customers (id, display_name) values (1, 'somebody');
insert into products (name, price, stock, received) select 'Ogu ' || n, 1000, 1000000, 2000000 from generate_series(1, 100) n;

-- What stands where: the numbers are those of the orders, after a past of a million.
create table stories as
select 1000000 + n as id, case
    when n <= 50000 then case n % 10 when 4 then 2 when 5 then 3 when 6 then 4 when 7 then 5 when 8 then 6 when 9 then 7 else 1 end
    end as class,
    case
        when n <= 50000 then (array['IN_PROGRESS', 'IN_PROGRESS', 'IN_PROGRESS', 'DONE', 'DONE', 'ABORTED', 'WAITING_FOR_DEPOSIT'])[
            case n % 10 when 4 then 2 when 5 then 3 when 6 then 4 when 7 then 5 when 8 then 6 when 9 then 7 else 1 end]
        when n <= 53000 then 'READY'                    -- two thirds of them too late
        when n <= 54500 then 'ABORTED'                  -- to be looked up again
        when n <= 56000 then 'WAITING_FOR_DEPOSIT'      -- likewise
        when n <= 56200 then 'DONE'                     -- with a refund
        when n <= 56300 then 'IN_PROGRESS'              -- whose intent was lost
        when n <= 56500 then 'REVIEW'
        else 'CANCELED'                                 -- on its way through a bank
    end as status, n
from generate_series(1, 56600) n;

insert into orders (id, order_no, customer_id, name, amount, status, payment_count, created_at, expires_at, paid_by,
                    review_holds_stock)
overriding system value
select id, ('018f0000-0000-7000-8000-' || lpad(to_hex(id), 12, '0'))::uuid, 1, 'Ogu T', 1000, status,
       case when status = 'READY' then 0 else 1 end,
       now() - interval '1 day' * case when n <= 1500 then 100 else 0 end,
       now() + interval '1 hour' * case when status = 'READY' and n > 51000 then -1 else 1 end,
       case when status in ('DONE', 'CANCELED') then 1 end, case when status = 'REVIEW' then true end
from stories;
alter sequence orders_id_seq restart with 2000000;

insert into order_lines (order_id, product_id, position, product_name, unit_price, quantity)
select id, 1 + n % 100, 1, 'Ogu T', 1000, 1 from stories;

insert into payments (order_id, payment_no, payment_key, amount, status, request, approved_at, answer, balance, check_at)
select id, 1, 'key-' || id, 1000, status, '{}', case when status in ('DONE', 'CANCELED') then now() end,
       case status when 'CANCELED' then '{"virtualAccount": {"refundStatus": "PENDING"}}'::jsonb
                   when 'IN_PROGRESS' then null else '{"lastTransactionKey": "one"}' end,
       case status when 'DONE' then 1000 when 'CANCELED' then 0 end,
       case when status in ('ABORTED', 'WAITING_FOR_DEPOSIT') then now() + interval '1 hour' * case when n > 50000 then -1 else 1 end end
from stories where status <> 'READY';

insert into order_events (order_id, from_status, to_status, cause, actor, payment_no, at)
select id, 'READY', 'IN_PROGRESS', 'confirm_accepted', 'shopper', 1, now() - interval '1 hour' from stories where status <> 'READY'
union all
select id, 'IN_PROGRESS', status, 'toss_approved', 'worker', 1, now() - interval '1 hour' from stories
where status not in ('READY', 'IN_PROGRESS');

insert into attempts (order_id, id, payment_no, call, key_epoch, api_key_id, lease_owner, lease_seq, duration_ms, outcome, stale)
select id, gen_random_uuid(), 1, 'confirm', 0, 'key', 7, 1, 5, 'repeat', false
from stories where status not in ('READY', 'IN_PROGRESS') or n <= 50000;

insert into cancels (order_id, cancel_no, payment_no, mark, reason, amount, expected_balance, in_full, actor, request, ask_first,
                     requested_at)
select id, 1, 1, gen_random_uuid(), 'because', 1000, 1000, true, 'operator', '{}', coalesce(class = 5, false), now() - interval '1 hour'
from stories where class in (4, 5) or n between 56001 and 56200;

insert into api_requests (idempotency_key, fingerprint, order_id, cancel_no, created_at)
select 'request-' || n, '', id, 1, now() - interval '1 day' * case when n < 15000 then 100 else 0 end
from stories where n between 10001 and 40000;

-- A tenth of all is in the hands of worker 7.
insert into outbox (order_id, kind, class, payment_no, due_at, lease_until, lease_owner, lease_seq)
select id, case when class <= 3 then 1 when class <= 5 then 2 else 3 end, class, 1, timestamptz '2026-01-01Z' + n * interval '1 ms',
       case when n <= 5000 then now() + interval '1 hour' else '-infinity' end, case when n <= 5000 then 7 else 0 end, 2
from stories where class is not null;

-- Half of those that wait wait for their order's intent.
insert into webhook_inbox (delivery, received_at, order_id, payment_no, status, content, state)
select gen_random_uuid(), now() - interval '1 day' * case when n <= 20000 then 100 else 0 end, id, 1, 'DONE',
       jsonb_build_object('orderId', '018f0000-0000-7000-8000-' || lpad(to_hex(id), 12, '0')),
       case when n between 49001 and 50000 or n between 53001 and 54000 then 'waiting' when n % 100 = 0 then 'wrong_secret' else 'checked' end
from stories;
insert into webhook_inbox (delivery, content, state)
select gen_random_uuid(), jsonb_build_object('orderId', '018f0000-0000-7000-8000-' || lpad(to_hex(id), 12, '0')), 'unknown'
from stories where n <= 1000;
reset session_replication_role;
