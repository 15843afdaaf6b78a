-- Takes at most $4 due intents, oldest first, none left of $3, for the worker $1, under a lease of $2 seconds.
--
-- A row whose lease ran out is due again: that is the whole of crash recovery.
with due as materialized (           -- materialized: the planner must not run it twice and pass the limit
    select order_id from outbox
    where due_at <= now()
      and due_at >= coalesce($3::timestamptz, '-infinity')
      and lease_until < now()
      and kind = 1                     -- confirm; what a newer build wrote is for a newer build
    order by due_at, order_id
    limit $4
    for no key update skip locked
),
claimed as (
    update outbox b set
        lease_until = now() + make_interval(secs => $2),
        lease_owner = $1,
        lease_seq   = b.lease_seq + 1,              -- a new fence: an old holder can no longer settle
        attempts    = least(b.attempts + 1, 32767)  -- counted here, so that a crash is counted
    from due where b.order_id = due.order_id
    returning b.order_id, b.due_at, b.lease_seq, b.attempts, b.snoozes
)
select c.order_id, c.due_at, c.lease_seq, c.attempts, c.snoozes,
       o.order_no as "order_no?", o.status as "order_status?", o.amount as "amount?",
       p.payment_no as "payment_no?", p.payment_key as "payment_key?", p.request as "request?",
       p.key_epoch as "key_epoch?", p.ask_first as "ask_first?"
from claimed c
left join orders o on o.id = c.order_id
left join payments p on p.order_id = o.id and p.payment_no = o.payment_count
