-- Ends at most $1 orders that nobody paid in time. An order is ended and accepted under the same lock, so one that is ended
-- can never be charged. None of these has a payment: what is being confirmed ends by what Toss shows, never by our clock.
with late as materialized (
    select id, order_no from orders
    where status = 'READY' and expires_at <= now()
    order by expires_at
    limit $1
    for no key update skip locked
),
moved as (
    update orders o set status = 'EXPIRED' from late where o.order_no = any(array[late.order_no]) returning o.id
),
event as (
    insert into order_events (order_id, from_status, to_status, cause, actor)
    select id, 'READY', 'EXPIRED', 'not_paid_in_time', 'worker' from moved
)
select count(*) as "ended!" from moved
