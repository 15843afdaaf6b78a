-- Settles one finding about refund $5, of payment $4 of order $2, held by $1 under fence $3. The attempt is $6 to $13 and
-- $26, its outcome $12; all null where nothing was sent. What Toss says is $14 to $17, what the sends left behind $18 to
-- $23, and a new plan for the next epoch $24 and $25.
--
-- A refund that Toss will not make leaves an order that somebody asked to refund as it was, and takes one whose money must
-- not be kept to a human. Either way what Toss holds is asked for again.
with locked as materialized (
    select o.id, o.status, o.paid_by from orders o where o.id = $2 for no key update skip locked
),
ending as materialized (
    select o.id, o.status, o.paid_by, r.actor,
           $12::text in ('returned', 'closed', 'refused', 'review') as ends,
           case when $12 = 'review' or $12 = 'refused' and r.actor = 'worker' then 'REVIEW'
                when $12 not in ('returned', 'closed') then o.status
                when o.paid_by = $4 then $14::text
                -- Nobody pays it: closed before the deposit, or given back what came too late.
                when o.status in ('WAITING_FOR_DEPOSIT', 'ABORTED', 'EXPIRED') and $14 = 'CANCELED' then 'CANCELED'
                when o.status = 'REVIEW' and $14 = 'CANCELED' and not exists (
                    select from payments p where p.order_id = o.id and p.payment_no <> $4 and p.balance > 0
                ) then 'CANCELED'
                -- What came beside the payment that pays is back.
                when o.status = 'REVIEW' and $14 = 'CANCELED' then coalesce(
                    (select p.status from payments p where p.order_id = o.id and p.payment_no = o.paid_by), o.status)
                else o.status
           end as to_status
    from locked o
    join cancels r on r.order_id = o.id and r.cancel_no = $5
),
-- What comes back to the shelves: of an order that is canceled altogether, all that it still has; else what was chosen.
-- What is not for sale any more never does.
back as materialized (
    select l.product_id,
           case when e.to_status = 'CANCELED' then l.quantity - l.returned - l.discarded - chosen.discarded
                when e.paid_by = $4 then chosen.returned
                else 0
           end as pieces,
           chosen.discarded
    from ending e
    join order_lines l on l.order_id = e.id
    left join cancel_lines c on c.order_id = l.order_id and c.cancel_no = $5 and c.product_id = l.product_id
    cross join lateral (
        select least(coalesce(c.quantity, 0), l.quantity - l.returned - l.discarded) as pieces
    ) counted
    cross join lateral (
        select case when c.restock then counted.pieces else 0 end as returned,
               case when c.restock then 0 else counted.pieces end as discarded
    ) chosen
    where $12 in ('returned', 'closed')
      -- A review holds what the order had when it came to it.
      and case when e.status <> 'REVIEW' then e.status
               else (select v.from_status from order_events v
                     where v.order_id = e.id and v.to_status = 'REVIEW' and v.from_status <> 'REVIEW'
                     order by v.id desc limit 1)
          end in ('IN_PROGRESS', 'WAITING_FOR_DEPOSIT', 'DONE', 'PARTIAL_CANCELED')
),
shelves as materialized (
    select p.id, p.stock, back.pieces
    from back join products p on p.id = back.product_id
    where back.pieces > 0
    order by p.id
    for no key update of p
),
fenced as materialized (
    select e.*
    from ending e join outbox b on b.order_id = e.id
    where b.lease_owner = $1 and b.lease_seq = $3
      and (select count(*) from shelves) >= 0 -- after them
    for update of b skip locked
),
judged as materialized (
    select case when f.id is not null then 'moved'
                when l.id is null or exists (
                    select from outbox b where b.order_id = $2 and b.lease_owner = $1 and b.lease_seq = $3) then 'busy'
                else 'lost'
           end as verdict
    from (select) as one
    left join locked l on true
    left join fenced f on true
),
recorded as (
    insert into attempts (order_id, id, payment_no, cancel_no, call, key_epoch, api_key_id, lease_owner, lease_seq,
                          duration_ms, http_status, code, trace_id, outcome, stale)
    select $2, $6::uuid, $4, $5, $7, $8, $9, $1, $3, $10, $11::smallint, $13, $26::text, $12, j.verdict = 'lost'
    from judged j where j.verdict <> 'busy' and $6 is not null
    on conflict (order_id, id) do nothing
),
finished as (
    delete from outbox b using fenced f where b.order_id = f.id and f.ends
),
put_back as (
    update outbox b set
        lease_until = '-infinity',
        lease_owner = 0,
        due_at   = case when $12 is null then b.due_at else clock_timestamp() + $18::bigint * interval '1 ms' end,
        attempts = b.attempts - case when $12 is null or $12 = 'snooze' then 1 else 0 end,
        snoozes  = least(b.snoozes + case when $12 = 'snooze' then 1 else 0 end, 32767)
    from fenced f
    where b.order_id = f.id and f.ends is not true
),
kept as (
    update cancels r set
        key_epoch        = coalesce($19::smallint, r.key_epoch),
        ask_first        = case when $19 is null then r.ask_first else $20::boolean end,
        unanswered_at    = case $21::smallint when 1 then now() when 2 then null else r.unanswered_at end,
        sent_with        = case when $19 is null then r.sent_with else $22::text end,
        refusal          = coalesce($23::jsonb, r.refusal),
        expected_balance = coalesce($24::bigint, r.expected_balance),
        amount           = case when r.in_full then coalesce($24, r.amount) else r.amount end,
        request          = coalesce($25::bytea, r.request)
    from fenced f
    where r.order_id = f.id and r.cancel_no = $5 and f.ends is not true
),
ended as (
    update cancels r set
        status = case when $12 in ('returned', 'closed') then 'DONE' else 'FAILED' end,
        answer = $17::jsonb, finished_at = now(), unanswered_at = null,
        request = case when r.request_sealed then '' else r.request end
    from fenced f
    where r.order_id = f.id and r.cancel_no = $5 and f.ends
),
paid as (
    update payments p set
        status   = case when $12 = 'refused' then p.status else $14 end,
        balance  = case when $12 = 'refused' then p.balance else $15::bigint end,
        answer   = case when $12 = 'refused' then p.answer else $17 end,
        check_at = case $12 when 'refused' then now() when 'returned' then p.check_at end
    from fenced f
    where p.order_id = f.id and p.payment_no = $4
      -- What must not be kept and cannot be given back is a human's: asking again would only begin the same refund again.
      and ($12 in ('returned', 'closed') or $12 = 'refused' and f.actor <> 'worker')
),
shelved as (
    update products p set stock = s.stock + s.pieces
    from shelves s, fenced f
    where p.id = s.id and f.ends
),
counted as (
    update order_lines l set
        returned  = l.returned + case when f.to_status = 'CANCELED' then 0 else back.pieces end,
        discarded = l.discarded + back.discarded
    from back, fenced f
    where l.order_id = f.id and l.product_id = back.product_id and f.ends and (back.pieces > 0 or back.discarded > 0)
),
event as (
    insert into order_events (order_id, from_status, to_status, cause, actor, payment_no, attempt_id)
    select f.id, f.status, f.to_status, $16::text, 'worker', $4, $6
    from fenced f
    where f.ends
),
moved as (
    update orders o set
        review_holds_stock = case when f.to_status = 'REVIEW' then coalesce(
            o.review_holds_stock, o.status in ('IN_PROGRESS', 'WAITING_FOR_DEPOSIT', 'DONE', 'PARTIAL_CANCELED')) end,
        status = f.to_status, last_fence = $3
    from fenced f where o.id = f.id and f.ends
)
select verdict as "verdict!" from judged
