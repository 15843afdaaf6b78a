-- Makes us ask Toss about the payments that the waiting notices $1 name: one payment of an order at a time, and each at most
-- once in $2 ms. What cannot be asked about now goes on waiting: its order has a live intent, or somebody keeps it locked. The
-- lookup of an account that waits for its turn gives way: the notice says that there is something to see.
--
-- Locks in the global order: the orders by id, their payments, the outbox. It waits for no order.
with hinted as materialized (
    -- Without its state: the index of those that wait would be walked for a handful of them.
    select w.id, w.order_id, w.payment_no, w.state from webhook_inbox w where w.id = any($1)
),
locked as materialized (
    select o.id, o.last_fence from orders o
    where o.id = any(array(select h.order_id from hinted h where h.state = 'waiting'))
      and o.status <> 'IN_PROGRESS' -- what is being confirmed is being asked about anyway
      and not exists (select from outbox b where b.order_id = o.id and not (b.class = 7 and b.lease_until <= now()))
    order by o.id
    for no key update of o skip locked
),
chosen as materialized (
    select distinct on (l.id) l.id, l.last_fence, p.payment_no
    from locked l
    join hinted h on h.order_id = l.id and h.state = 'waiting'
    join payments p on p.order_id = h.order_id and p.payment_no = h.payment_no
    where p.hinted_at is null or p.hinted_at <= now() - $2::bigint * interval '1 ms'
    order by l.id, p.payment_no desc
),
noted as (
    -- The time to ask stands with the payment too: a new confirm of the order may take the intent's place.
    update payments p set hinted_at = now(), check_at = least(p.check_at, now())
    from chosen c where p.order_id = c.id and p.payment_no = c.payment_no
),
queued as (
    -- Counts on from the fence of the last intent, so that no old claim is taken for a new one.
    insert into outbox (order_id, kind, class, payment_no, due_at, lease_seq)
    select c.id, 3, 6, c.payment_no, now(),
           greatest(c.last_fence, coalesce((select max(a.lease_seq) from attempts a where a.order_id = c.id), 0))
    from chosen c
    on conflict (order_id) do update set class = excluded.class, payment_no = excluded.payment_no, due_at = excluded.due_at
        where outbox.class = 7 and outbox.lease_until <= now()
),
told as (
    update webhook_inbox w set state = 'checked', state_since = now()
    from hinted h join chosen c on c.id = h.order_id and c.payment_no = h.payment_no
    where w.id = h.id
    returning w.id
)
select count(*) as "told!" from told
