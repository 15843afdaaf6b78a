-- Gives an intent to at most $1 refunds that have none, and to as many payments in doubt, and accounts that wait for their
-- deposits, whose time has come to be asked about again. A refund goes first: an order has one intent at a time. While $2
-- accounts wait for their lookup no more are added: they are looked up as Toss bears it, and the others lose nothing by
-- waiting where they are.
with refunds as materialized (
    select r.order_id, 2 as kind, case when r.ask_first then 5 else 4 end as class, r.payment_no from cancels r
    where r.status = 'IN_PROGRESS' and not exists (select from outbox b where b.order_id = r.order_id offset 0)
    order by r.order_id
    limit $1
),
doubts as materialized (
    select p.order_id, 3 as kind, 6 as class, p.payment_no from payments p
    where p.check_at is not null and p.status not in ('WAITING_FOR_DEPOSIT', 'EXPIRED')
      and p.check_at <= now() and not exists (select from outbox b where b.order_id = p.order_id offset 0)
    order by p.check_at
    limit $1
),
waiting as materialized (
    select count(*) as accounts from (select from outbox b where b.class = 7 and b.due_at <= now() limit $2) queue
),
deposits as materialized (
    select p.order_id, 3 as kind, 7 as class, p.payment_no from payments p
    where p.check_at is not null and p.status in ('WAITING_FOR_DEPOSIT', 'EXPIRED')
      and p.check_at <= now() and not exists (select from outbox b where b.order_id = p.order_id offset 0)
    order by p.check_at
    limit case when (select accounts from waiting) < $2 then $1 else 0 end
),
missing as materialized (
    select distinct on (wanted.order_id) wanted.order_id, wanted.kind, wanted.class, wanted.payment_no
    from (select * from refunds union all select * from doubts union all select * from deposits) wanted
    order by wanted.order_id, wanted.kind, wanted.class, wanted.payment_no
),
locked as materialized (
    -- One by one, in their order. A join of the two lists would compare each with each.
    select m.*, o.status, o.last_fence
    from (select * from missing order by missing.order_id) m
    cross join lateral (
        select o.status, o.last_fence from orders o
        where o.id = any(array[m.order_id])
        order by o.id
        for no key update of o skip locked
    ) o
),
queued as (
    insert into outbox (order_id, kind, class, payment_no, due_at, lease_seq)
    select l.order_id, l.kind, l.class, l.payment_no, now(),
           greatest(l.last_fence, coalesce((select max(a.lease_seq) from attempts a where a.order_id = l.order_id), 0)) + 1000
    from locked l
    where l.kind = 2 and exists (select from cancels r where r.order_id = l.order_id and r.status = 'IN_PROGRESS' offset 0)
       or l.kind = 3 and l.status <> 'IN_PROGRESS' -- whose payment is being confirmed waits with older ones
    on conflict (order_id) do nothing
    returning order_id
)
select count(*) as "queued!" from queued
