-- Past orders $1 to $2 of $3, spread over two years up to an hour ago, with all that hangs on them. Drawn at random, but whole: an
-- order's amount is its lines' sum, its payment has Toss's answer, its events have their calls. Most were paid; the rest were
-- refunded, declined or never paid. Nothing about them is open, so a worker has nothing to do with them.
with shop as (
    select array_agg(id order by id) as ids, array_agg(name order by id) as names, array_agg(price order by id) as prices,
           count(*)::int as products,
           (select array_agg(id order by id) from customers) as customers
    from products
),
drawn as materialized (
    select nextval(pg_get_serial_sequence('orders', 'id')) as id,
           now() - interval '1 hour' - (interval '730 days' / $3) * ($3 - n) as at,
           random() as fate,
           1 + floor(power(random(), 2) * shop.products)::int as first,
           1 + floor(random() * 2)::int as quantity,
           case when random() < 0.3 then 1 + floor(random() * (shop.products - 1))::int end as further,
           1 + floor(random() * cardinality(shop.customers))::int as customer,
           gen_random_uuid() as dice
    from generate_series($1, $2) n, shop
),
priced as materialized (
    select d.*, s.ids[d.first] as product, s.names[d.first] as product_name, s.prices[d.first] as price,
           -- another one: the further product stands that many places on, around the end
           1 + (d.first - 1 + d.further) % s.products as second,
           case when d.fate < 0.88 then 'DONE' when d.fate < 0.92 then 'CANCELED' when d.fate < 0.93 then 'PARTIAL_CANCELED'
                when d.fate < 0.96 then 'ABORTED' else 'EXPIRED' end as status
    from drawn d, shop s
),
past as materialized (
    select p.*, p.price * p.quantity + coalesce(s.prices[p.second], 0) as amount,
           s.customers[p.customer] as customer_id,
           -- a UUIDv7 of its time
           overlay(overlay(p.dice::text placing '7' from 15)
                   placing regexp_replace(lpad(to_hex((extract(epoch from p.at) * 1000)::bigint), 12, '0'), '^(.{8})', '\1-')
                   from 1)::uuid as order_no,
           'tgen_' || to_char(p.at, 'YYYYMMDDHH24MISS') || left(replace(p.dice::text, '-', ''), 8) as payment_key,
           p.status in ('DONE', 'CANCELED', 'PARTIAL_CANCELED') as is_paid
    from priced p, shop s
),
placed as (
    insert into orders (id, order_no, customer_id, name, amount, status, payment_count, paid_by, last_fence, created_at, expires_at)
    overriding system value
    select id, order_no, customer_id, product_name || case when second is null then '' else ' 외 1건' end, amount, status,
           case when status = 'EXPIRED' then 0 else 1 end, case when is_paid then 1 end,
           case when status = 'EXPIRED' then 0 else 1 end, at, at + interval '45 minutes'
    from past order by id
),
lines as (
    insert into order_lines (order_id, product_id, position, product_name, unit_price, quantity)
    select id, product, 1, product_name, price, quantity from past
    union all
    select past.id, s.ids[second], 2, s.names[second], s.prices[second], 1 from past, shop s where second is not null
),
paid as (
    insert into payments (order_id, payment_no, payment_key, amount, status, request, accepted_at, approved_at, answer, balance,
                          method, sent_with)
    select id, 1, payment_key, amount, status,
           convert_to(json_build_object('paymentKey', payment_key, 'orderId', order_no, 'amount', amount)::text, 'UTF8'),
           at + interval '70 seconds', case when is_paid then at + interval '72 seconds' end,
           case when is_paid
                then jsonb_build_object('paymentKey', payment_key, 'orderId', order_no, 'status', status, 'totalAmount', amount,
                                        'balanceAmount', balance, 'method', '카드')
                else '{"code": "REJECT_CARD_PAYMENT", "message": "한도초과 혹은 잔액부족으로 결제에 실패했습니다."}' end,
           balance, case when is_paid then '카드' end, 'test_sk:past'
    from past
    cross join lateral (
        select case status when 'DONE' then amount when 'CANCELED' then 0 when 'PARTIAL_CANCELED' then amount / 2 end as balance
    ) held
    where status <> 'EXPIRED'
),
called as (
    insert into attempts (order_id, id, payment_no, call, key_epoch, api_key_id, lease_owner, lease_seq, finished_at,
                          duration_ms, http_status, code, trace_id, outcome, stale)
    select id, dice, 1, 'confirm', 0, 'test_sk:past', 1, 1, at + interval '72 seconds', 300 + (fate * 2000)::int,
           case when is_paid then 200 else 403 end, case when is_paid then 'DONE' else 'REJECT_CARD_PAYMENT' end,
           left(dice::text, 8), case when is_paid then 'approved' else 'failed' end, false
    from past where status <> 'EXPIRED'
)
insert into order_events (order_id, from_status, to_status, cause, actor, payment_no, attempt_id, at)
select id, e.came_from, e.went_to, e.cause, e.actor, e.payment_no, case when e.actor = 'worker' and e.payment_no = 1 then dice end,
       at + e.later
from past
cross join lateral (values
    (1, status <> 'EXPIRED', 'READY', 'IN_PROGRESS', 'confirm_accepted', 'shopper', 1, interval '70 seconds'),
    (2, is_paid, 'IN_PROGRESS', 'DONE', 'toss_approved', 'worker', 1, interval '72 seconds'),
    (3, is_paid and status <> 'DONE', 'DONE', status, 'canceled_at_toss', 'worker', 1, interval '20 minutes'),
    (4, status = 'ABORTED', 'IN_PROGRESS', 'ABORTED', 'declined', 'worker', 1, interval '72 seconds'),
    (5, status = 'EXPIRED', 'READY', 'EXPIRED', 'not_paid_in_time', 'worker', null, interval '46 minutes')
) as e (position, happened, came_from, went_to, cause, actor, payment_no, later)
where e.happened
order by id, e.position
