-- Settles one finding about refund $5, of payment $4 of order $2, held by $1 under fence $3. The attempt is $6 to $13 and
-- $26, its outcome $12; all null where nothing was sent. What Toss says is $14 to $17, what the sends left behind $18 to
-- $23, and a new plan for the next epoch $24 and $25.
with locked as materialized (
    select o.id, o.status, o.paid_by from orders o where o.id = $2 for no key update skip locked
),
shelves as materialized (
    select p.id, p.stock, l.quantity
    from locked o
    join order_lines l on l.order_id = o.id
    join products p on p.id = l.product_id
    where o.paid_by = $4 and $14::text = 'CANCELED'
    order by p.id
    for no key update of p
),
fenced as materialized (
    select o.id, o.status, o.paid_by,
           $12::text in ('returned', 'refused', 'review') as ends,
           case when $12 in ('refused', 'review') then 'REVIEW'
                when $12 <> 'returned' then o.status
                when o.paid_by = $4 then $14
                -- Given back what came too late: charged and fully returned.
                when o.status in ('ABORTED', 'EXPIRED') and $14 = 'CANCELED' then 'CANCELED'
                else o.status
           end as to_status
    from locked o join outbox b on b.order_id = o.id
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
        status = case when $12 = 'returned' then 'DONE' else 'FAILED' end,
        answer = $17::jsonb, finished_at = now(), unanswered_at = null
    from fenced f
    where r.order_id = f.id and r.cancel_no = $5 and f.ends
),
paid as (
    update payments p set status = $14, balance = $15::bigint, answer = $17
    from fenced f
    where p.order_id = f.id and p.payment_no = $4 and $12 = 'returned'
),
shelved as (
    update products p set stock = s.stock + s.quantity
    from shelves s, fenced f
    where p.id = s.id and f.to_status = 'CANCELED' and f.status in ('DONE', 'PARTIAL_CANCELED') and f.ends
),
event as (
    insert into order_events (order_id, from_status, to_status, cause, actor, payment_no, attempt_id)
    select f.id, f.status, f.to_status, $16::text, 'worker', $4, $6
    from fenced f
    where f.ends
),
moved as (
    update orders o set status = f.to_status, last_fence = $3
    from fenced f where o.id = f.id and f.ends
)
select verdict as "verdict!" from judged
