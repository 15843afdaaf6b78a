-- Makes us ask Toss about the payments that the waiting notices $1 name: one payment of an order at a time, and each at most
-- once in $2 ms. What cannot be asked about now goes on waiting: its order has a live intent, or somebody keeps it locked. The
-- lookup of an account that waits for its turn gives way: the notice says that there is something to see.
--
-- Locks in the global order: the orders by id, their payments, the outbox. It waits for no order.
with hinted as materialized (
    -- One row for each order, in their order: what follows looks up one by one and compares no list with another.
    select w.order_id, array_agg(w.id) as ids, array_agg(w.payment_no) as payment_nos
    from webhook_inbox w
    -- Not by its state: the index of those that wait would be walked for a handful of them.
    where w.id = any($1) and (w.state = 'waiting') is true
    group by w.order_id order by w.order_id
),
locked as materialized (
    select h.*, o.last_fence
    from hinted h
    cross join lateral (
        select o.last_fence from orders o
        where o.id = any(array[h.order_id])
          and o.status <> 'IN_PROGRESS' -- what is being confirmed is being asked about anyway
          and not exists (select from outbox b
                          where b.order_id = o.id and not (b.class = 7 and b.lease_until <= now()) offset 0)
        order by o.id
        for no key update of o skip locked
    ) o
),
chosen as materialized (
    select l.order_id, l.ids, l.last_fence, p.payment_no
    from locked l
    cross join lateral (
        select p.payment_no from payments p
        where p.order_id = l.order_id and p.payment_no = any(l.payment_nos)
          and (p.hinted_at is null or p.hinted_at <= now() - $2::bigint * interval '1 ms')
        order by p.payment_no desc
        limit 1
    ) p
),
noted as (
    -- The time to ask stands with the payment too: a new confirm of the order may take the intent's place.
    update payments p set hinted_at = now(), check_at = least(p.check_at, now())
    from chosen c where p.order_id = any(array[c.order_id]) and p.payment_no = c.payment_no
),
queued as (
    -- Counts on from the fence of the last intent, so that no old claim is taken for a new one.
    insert into outbox (order_id, kind, class, payment_no, due_at, lease_seq)
    select c.order_id, 3, 6, c.payment_no, now(),
           greatest(c.last_fence, coalesce((select max(a.lease_seq) from attempts a where a.order_id = c.order_id), 0))
    from chosen c
    on conflict (order_id) do update set class = excluded.class, payment_no = excluded.payment_no, due_at = excluded.due_at
        where outbox.class = 7 and outbox.lease_until <= now()
),
told as (
    update webhook_inbox w set state = 'checked', state_since = now()
    from chosen c where w.id = any(c.ids) and w.payment_no = c.payment_no
    returning w.id
)
select count(*) as "told!" from told
