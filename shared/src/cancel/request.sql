-- Writes down refund number $6 + 1 of order $1, with its intent: all of it or, if anything is not as it was looked at,
-- nothing. Seen were the order in state $2 under fence $3, payment $4 in state $5, $6 refunds, and the balance $9. The
-- refund is $7 to $14; its Idempotency-Key $15 with the fingerprint $16; its lines $17 to $19.
with key as materialized (
    -- Whoever holds it is at work on the same request this moment.
    select pg_try_advisory_xact_lock(hashtextextended($15, 0)) as is_free
),
wanted as materialized (
    select o.id, o.status, o.last_fence from orders o
    where o.id = any(array[$1::bigint]) and (select is_free from key)
      -- Every settle that moves money leaves another fence.
      and (o.status = $2) is true and o.last_fence = $3 -- no index of all orders is walked for a state
      and not exists (select from outbox b where b.order_id = o.id and b.kind <> 3 offset 0)
      and (select count(*) from cancels r where r.order_id = o.id) = $6
      and exists (select from payments p where p.order_id = o.id and p.payment_no = $4 and p.status = $5 offset 0)
    order by o.id
    for no key update
),
asked as (
    insert into cancels (order_id, cancel_no, payment_no, mark, reason, amount, expected_balance, in_full, actor, request,
                         request_sealed)
    select id, ($6 + 1)::smallint, $4, $7, $8, $10, $9, $11, $12, $13, $14 from wanted
),
lines as (
    insert into cancel_lines (order_id, cancel_no, product_id, quantity, restock)
    select wanted.id, ($6 + 1)::smallint, l.product_id, l.quantity, l.restock
    from wanted, unnest($17::bigint[], $18::int[], $19::boolean[]) as l (product_id, quantity, restock)
),
remembered as (
    insert into api_requests (idempotency_key, fingerprint, order_id, cancel_no)
    select $15, $16, id, ($6 + 1)::smallint from wanted
),
event as (
    insert into order_events (order_id, from_status, to_status, cause, actor, payment_no)
    select id, status, status, 'refund_requested', $12, $4 from wanted
),
queued as (
    insert into outbox (order_id, kind, class, payment_no, due_at, lease_seq)
    select id, 2, 4, $4, now(), last_fence from wanted
    on conflict (order_id) do update set
        -- A confirm or a refund is not to be written over: no kind is 0, so this refuses it all.
        kind = case when outbox.kind = 3 then excluded.kind else 0 end, class = excluded.class,
        payment_no = excluded.payment_no, due_at = excluded.due_at,
        -- Whoever is looking this moment has lost the lease.
        lease_until = '-infinity', lease_owner = 0, lease_seq = outbox.lease_seq + 1, attempts = 0, snoozes = 0
)
select (select is_free from key) as "is_free!", exists (select from wanted) as "accepted!"
