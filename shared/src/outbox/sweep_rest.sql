-- Gives an intent to at most $1 refunds that have none, and to as many payments whose time has come to be asked about
-- again. A refund goes first: an order has one intent at a time.
with refunds as materialized (
    select r.order_id, 2 as kind, r.payment_no from cancels r
    where r.status = 'IN_PROGRESS' and not exists (select from outbox b where b.order_id = r.order_id)
    order by r.order_id
    limit $1
),
checks as materialized (
    select p.order_id, 3 as kind, p.payment_no from payments p
    where p.check_at <= now() and not exists (select from outbox b where b.order_id = p.order_id)
    order by p.check_at
    limit $1
),
missing as materialized (
    select distinct on (wanted.order_id) wanted.order_id, wanted.kind, wanted.payment_no
    from (select * from refunds union all select * from checks) wanted
    order by wanted.order_id, wanted.kind, wanted.payment_no
),
locked as materialized (
    select o.id, o.status, o.last_fence from orders o
    where o.id = any(array(select m.order_id from missing m))
    order by o.id
    for no key update of o skip locked
),
queued as (
    insert into outbox (order_id, kind, payment_no, due_at, lease_seq)
    select l.id, m.kind, m.payment_no, now(),
           greatest(l.last_fence, coalesce((select max(a.lease_seq) from attempts a where a.order_id = l.id), 0)) + 1000
    from missing m join locked l on l.id = m.order_id
    where m.kind = 2 and exists (select from cancels r where r.order_id = l.id and r.status = 'IN_PROGRESS')
       or m.kind = 3 and l.status <> 'IN_PROGRESS' -- whose payment is being confirmed waits with older ones
    on conflict (order_id) do nothing
    returning order_id
)
select count(*) as "queued!" from queued
