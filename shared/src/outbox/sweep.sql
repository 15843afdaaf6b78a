-- Gives an intent to each of the next $2 orders after $1 that is being confirmed and has none.
with page as materialized (
    -- Only the index by state and id can answer this; were it asked for by id, a walk over all orders would do as well.
    select o.id from orders o
    where (o.status, o.id) > ('IN_PROGRESS', $1) and (o.status, o.id) <= ('IN_PROGRESS', 9223372036854775807)
    order by o.status, o.id limit $2
),
missing as materialized (
    -- An order is accepted together with its intent and resolved together with its end, so at one moment all have one.
    -- One by one, by their numbers: whatever the statistics say, no page looks through all that is being confirmed.
    select o.id, o.payment_count, o.last_fence from page cross join lateral (
        select o.id, o.payment_count, o.last_fence from orders o
        where o.id = any(array[page.id]) and (o.status = 'IN_PROGRESS') is true
          and not exists (select from outbox b where b.order_id = page.id offset 0)
        order by o.id
        for no key update of o skip locked
    ) o
),
queued as (
    insert into outbox (order_id, kind, class, payment_no, due_at, lease_seq)
    -- Nobody wrote down the fence of the row that is gone; this far on, no old claim can be taken for a new one.
    select m.id, 1, 2, m.payment_count, now(),
           greatest(m.last_fence, coalesce((select max(a.lease_seq) from attempts a where a.order_id = m.id), 0)) + 1000
    from missing m
    on conflict (order_id) do nothing
    returning order_id
)
select (select count(*) from queued) as "queued!",
       (select max(id) from page) as last,
       (select count(*) from page) as "seen!"
