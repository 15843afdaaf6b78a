-- Forgets the calls to Toss of the next $2 orders, as far as they are older than $1 days. An order about which something is
-- open even then keeps its calls. Orders, payments, refunds and events stay. One worker walks at a time.
with walk as materialized (
    select place from walks where name = 'forget_attempts' for no key update skip locked
),
page as materialized (
    -- Without their age: where the young ones begin, looking for old ones would read all orders that there are.
    select o.id, o.status, o.created_at < now() - make_interval(days => $1) as is_old
    from walk cross join lateral (
        select id, status, created_at from orders where id > walk.place order by id limit $2
    ) o
),
passed as materialized (
    -- The first young one is looked for once: compared with each other, a thousand orders are half a million pairs.
    select id, status from page
    where is_old and id < coalesce((select min(young.id) from page young where not young.is_old), 9223372036854775807)
),
forgotten as (
    delete from attempts a using passed
    where a.order_id = any(array[passed.id]) and passed.status not in ('IN_PROGRESS', 'WAITING_FOR_DEPOSIT', 'REVIEW')
    returning 1
),
moved as (
    update walks set place = (select max(id) from passed)
    where name = 'forget_attempts' and exists (select from passed)
)
select (select count(*) from forgotten) as "forgotten!", (select count(*) >= $2 from passed) as "more!"
