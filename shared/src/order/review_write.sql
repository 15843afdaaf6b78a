-- Writes down that $3 asked for $2 about order $1, with the reason $4, and does what begins with that: $2 is the cause of the
-- event. It moves no state and no money. The worker's next lookup decides what comes of it.
--
-- $5: the refund that is called off.
with locked as materialized (
    select id, order_no, status from orders where id = any(array[$1::bigint]) order by id for no key update
),
event as (
    insert into order_events (order_id, from_status, to_status, cause, actor, payment_no, reason)
    select id, status, status, $2::text, $3, (select r.payment_no from cancels r where r.order_id = id and r.cancel_no = $5), $4
    from locked
),
closing as (
    update orders o set close_requested_at = now() from locked where o.order_no = any(array[locked.order_no]) and $2 = 'close_requested'
),
looked_up as (
    update payments p set
        check_at         = case when $2 = 'bank_refund_closed' then p.check_at else now() end,
        refund_closed_at = case when $2 = 'bank_refund_closed' then now() else p.refund_closed_at end
    from locked
    where p.order_id = any(array[locked.id])
      and (
          $2 in ('lookup_requested', 'close_requested') and p.status <> 'IN_PROGRESS'
          or $2 = 'bank_refund_closed' and p.status in ('CANCELED', 'PARTIAL_CANCELED') and p.balance < p.amount
             and p.refund_status in ('FAILED', 'PARTIAL_FAILED') and p.refund_closed_at is null
      )
),
called_off as (
    update cancels r set called_off_at = now()
    from locked
    where r.order_id = any(array[locked.id]) and (r.cancel_no = $5) is true and $2 = 'refund_call_off_requested'
),
due as (
    -- What a worker has in hand stays in its hand: it reads the request when it settles or claims the next time.
    update outbox b set due_at = least(b.due_at, now()), class = case when b.kind = 3 then 6 else b.class end
    from locked
    where b.order_id = any(array[locked.id]) and b.lease_until <= now()
      and (b.kind = 3 and $2 in ('lookup_requested', 'close_requested')
           or b.kind = 2 and $2 = 'refund_call_off_requested')
)
select id as "id!" from locked
