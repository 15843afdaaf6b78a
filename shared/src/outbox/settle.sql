-- Writes a batch of findings back: facts unless the order is busy, transitions only where the lease is still held by $1.
-- Answers what became of each finding: moved, lost, or busy. It waits for no lock: one row that somebody keeps locked
-- must not hold up the findings of everybody else, so a busy finding is handed back to be tried again.
with input as materialized (
    select * from unnest(
        $2::bigint[], $3::int[], $4::smallint[], $5::smallint[], $6::text[], $7::bigint[],
        $8::text[], $9::text[], $10::int[], $11::smallint[], $12::text[], $13::text[],
        $14::timestamptz[], $15::bigint[], $16::text[], $17::text[], $18::jsonb[], $19::uuid[]
    ) as i (
        order_id, lease_seq, payment_no, key_epoch, outcome, wait_ms,
        call, api_key_id, duration_ms, http_status, code, trace_id,
        approved_at, balance, method, receipt_url, answer, attempt_id
    )
),
-- Locks in the global order: all orders by id, then their outbox rows. Nobody else locks an outbox row and
-- then waits for an order.
locked as materialized (
    select o.id, o.status from orders o where o.id = any($2) order by o.id for no key update skip locked
),
fenced as materialized (
    select i.*, locked.status
    from locked
    join input i on i.order_id = locked.id
    join outbox b on b.order_id = locked.id
    where b.lease_owner = $1 and b.lease_seq = i.lease_seq
    for update of b skip locked
),
judged as materialized (
    select i.order_id,
           case when f.order_id is not null then 'moved'
                -- Our lease stands where we look, and yet the row could not be had: ask again rather than guess.
                when l.id is null or b.order_id is not null then 'busy'
                else 'lost'
           end as verdict
    from input i
    left join locked l on l.id = i.order_id
    left join fenced f on f.order_id = i.order_id
    left join outbox b on b.order_id = i.order_id and b.lease_owner = $1 and b.lease_seq = i.lease_seq
),
recorded as (
    -- Facts are not fenced: a call was made whether or not its result still counts.
    insert into attempts (order_id, id, payment_no, call, key_epoch, api_key_id, lease_owner, lease_seq, duration_ms,
                          http_status, code, trace_id, outcome, stale)
    select i.order_id, i.attempt_id, i.payment_no, i.call, i.key_epoch, i.api_key_id, $1, i.lease_seq, i.duration_ms,
           i.http_status, i.code, i.trace_id, i.outcome, j.verdict = 'lost'
    from input i join judged j on j.order_id = i.order_id
    where i.call is not null and j.verdict <> 'busy'
    on conflict (order_id, id) do nothing       -- a batch that is settled again
),
finished as (
    delete from outbox b using fenced f
    where b.order_id = f.order_id and f.outcome = 'approved'
),
put_back as (
    update outbox b set
        lease_until = '-infinity',
        lease_owner = 0,                        -- nobody's: the same finding again, or a renewal on its way, no longer fits
        due_at   = case when f.outcome is null then b.due_at
                        -- not now(): that may lie before a wait, and the row would be due before others see this
                        else clock_timestamp() + f.wait_ms * interval '1 ms' end,
        attempts = b.attempts - case when f.outcome is null or f.outcome = 'snooze' then 1 else 0 end,
        snoozes  = least(b.snoozes + case when f.outcome = 'snooze' then 1 else 0 end, 32767)
    from fenced f
    where b.order_id = f.order_id and f.outcome is distinct from 'approved'
),
paid as (
    update payments p set
        status = 'DONE', approved_at = f.approved_at, balance = f.balance, method = f.method,
        receipt_url = f.receipt_url, answer = f.answer
    from fenced f
    where p.order_id = f.order_id and p.payment_no = f.payment_no and f.outcome = 'approved'
),
rekeyed as (
    update payments p set
        ask_first = f.outcome = 'ask',
        key_epoch = p.key_epoch + case when f.outcome = 'next_epoch' then 1 else 0 end
    from fenced f
    where p.order_id = f.order_id and p.payment_no = f.payment_no and f.outcome in ('ask', 'next_epoch')
),
moved as (
    -- Whoever deletes the outbox row writes down its fence, for the order's next intent to count on from.
    update orders o set status = 'DONE', last_fence = f.lease_seq from fenced f
    where o.id = f.order_id and f.outcome = 'approved'
),
event as (
    insert into order_events (order_id, from_status, to_status, cause, actor, payment_no, attempt_id)
    select f.order_id, f.status, 'DONE', 'toss_approved', 'worker', f.payment_no, f.attempt_id
    from fenced f
    where f.outcome = 'approved'
)
select order_id as "order_id!", verdict as "verdict!" from judged
