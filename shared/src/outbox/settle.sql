-- Writes a batch of findings about payments back: facts unless the order is busy, transitions only where the lease is
-- still held by $1. Answers what became of each finding: moved, lost, busy, or reconcile. It waits for no order, payment or
-- intent: one row that another session keeps locked must not hold up the other findings, so a busy finding is handed back
-- to be tried again. A finding that gives stock back is busy while one of its products is locked, and the product is named;
-- with $33 the statement waits for the products instead.
with input as materialized (
    select * from unnest(
        $2::bigint[], $3::int[], $4::smallint[], $5::text[], $6::bigint[],
        $7::text[], $8::smallint[], $9::text[], $10::int[], $11::smallint[], $12::text[], $13::text[], $14::uuid[],
        $15::text[], $16::text[], $17::timestamptz[], $18::bigint[], $19::text[], $20::text[], $21::jsonb[], $22::bigint[],
        $23::smallint[], $24::boolean[], $25::smallint[], $26::smallint[], $27::text[], $28::jsonb[],
        $29::timestamptz[], $30::bigint[], $31::smallint[], $32::smallint[], $34::smallint[]
    ) as i (
        order_id, lease_seq, payment_no, outcome, wait_ms,
        call, key_epoch, api_key_id, duration_ms, http_status, code, trace_id, attempt_id,
        to_status, cause, approved_at, balance, method, receipt_url, answer, check_ms,
        next_epoch, burnt, unanswered, absent, sent_with, refusal,
        look_by, soon_ms, server_error, no_answer, next_class
    )
),
-- Locks in the global order: all orders by id, then products by id. Intents and payments are only taken where they are free.
--
-- Each step adds to the rows of the one before, and looks up what it needs row by row. The lists of a statement have no index
-- and no statistics: where they are joined with one another, each row may be compared with every other.
locked as materialized (
    select i.*, o.order_no, o.status, o.status in ('IN_PROGRESS', 'WAITING_FOR_DEPOSIT') as unresolved
    from (select * from input order by input.order_id) i
    left join lateral (
        select o.order_no, o.status from orders o where o.id = any(array[i.order_id]) order by o.id
        for no key update skip locked
    ) o on true
),
giving_back as materialized (
    select o.order_id, l.product_id
    from locked o
    cross join lateral (select l.product_id from order_lines l where l.order_id = o.order_id offset 0) l
    where o.to_status in ('ABORTED', 'EXPIRED', 'CANCELED') and o.unresolved
),
free as materialized (
    select p.id from products p
    where not $33 and p.id = any(array(select g.product_id from giving_back g))
    order by p.id
    for no key update skip locked
),
shelves as materialized (
    select p.id, p.stock from products p
    where p.id = any(case when $33 then array(select g.product_id from giving_back g) else array(select id from free) end)
    order by p.id
    for no key update
),
waiting as materialized (
    select g.order_id, min(g.product_id) as product_id
    from giving_back g
    where not exists (select from shelves s where s.id = g.product_id)
      and exists (select from products p where p.id = g.product_id offset 0) -- one that is gone takes nothing back
    group by g.order_id
),
held as materialized (
    select o.*, p.payment_status, coalesce(b.is_fenced and p.payment_status is not null, false) as is_ours,
           (select w.product_id from waiting w where w.order_id = o.order_id) as locked_product
    from locked o
    left join lateral (
        select true as is_fenced from outbox b
        where b.order_id = o.order_id and b.lease_owner = $1 and b.lease_seq = o.lease_seq
          and o.status is not null and not exists (select from waiting w where w.order_id = o.order_id offset 0)
        for update of b skip locked
    ) b on true
    left join lateral (
        select p.status as payment_status from payments p
        where p.order_id = o.order_id and p.payment_no = o.payment_no and o.status is not null
        for no key update of p skip locked
    ) p on true
    where (select count(*) from shelves) >= 0 -- after them
),
-- What may be done with each. A payment and its order move together from unresolved to anything, and from nothing else: a
-- finding about an order that has moved on, or is in review, is reconciled by itself.
weighed as materialized (
    select h.*,
           h.is_ours and h.to_status is null as lives_on,
           h.is_ours and h.to_status is not null and h.unresolved
               and h.payment_status in ('IN_PROGRESS', 'WAITING_FOR_DEPOSIT', 'REVIEW') as moves,
           -- Asked again, and a failure is still one.
           h.is_ours and h.to_status in ('ABORTED', 'EXPIRED') and h.payment_status in ('ABORTED', 'EXPIRED') as stays
    from held h
),
moving as materialized (select * from weighed where moves),
judged as materialized (
    select w.*,
           case when w.lives_on or w.moves or w.stays then 'moved'
                when w.is_ours then 'reconcile'
                -- Our lease stands where we look, and yet the row could not be had: ask again rather than guess.
                when w.status is null or w.payment_status is null
                  or exists (select from outbox b where b.order_id = w.order_id and b.lease_owner = $1
                                                    and b.lease_seq = w.lease_seq offset 0) then 'busy'
                else 'lost'
           end as verdict
    from weighed w
),
recorded as (
    -- Facts are not fenced: a call was made whether or not its result still counts.
    insert into attempts (order_id, id, payment_no, call, key_epoch, api_key_id, lease_owner, lease_seq, duration_ms,
                          http_status, code, trace_id, outcome, stale)
    select j.order_id, j.attempt_id, j.payment_no, j.call, j.key_epoch, j.api_key_id, $1, j.lease_seq, j.duration_ms,
           j.http_status, j.code, j.trace_id, j.outcome, j.verdict = 'lost'
    from judged j
    where j.call is not null and j.verdict in ('moved', 'lost')
    on conflict (order_id, id) do nothing       -- a batch that is settled again
),
finished as (
    delete from outbox b using weighed w where b.order_id = any(array[w.order_id]) and (w.moves or w.stays)
),
put_back as (
    update outbox b set
        lease_until = '-infinity',
        lease_owner = 0,                        -- nobody's: the same finding again, or a renewal on its way, no longer fits
        due_at   = case when w.outcome is null then b.due_at
                        -- not now(): that may lie before a wait, and the row would be due before others see this
                        else clock_timestamp() + w.wait_ms * interval '1 ms' end,
        class    = coalesce(w.next_class, b.class),
        attempts = b.attempts - case when w.outcome is null or w.outcome = 'snooze' then 1 else 0 end,
        snoozes  = least(b.snoozes + case when w.outcome = 'snooze' then 1 else 0 end, 32767)
    from weighed w
    where b.order_id = any(array[w.order_id]) and w.lives_on
),
kept as (
    -- What the sends left behind, where a try left something: most do not.
    update payments p set
        key_epoch     = w.next_epoch,
        ask_first     = w.burnt,
        unanswered_at = case w.unanswered when 1 then now() when 2 then null else p.unanswered_at end,
        absent_at     = case w.absent when 1 then now() when 2 then null else p.absent_at end,
        server_error_at = case w.server_error when 1 then now() when 2 then null else p.server_error_at end,
        no_answer_since = case w.no_answer when 1 then now() when 2 then null else p.no_answer_since end,
        sent_with     = w.sent_with,
        refusal       = coalesce(w.refusal, p.refusal)
    from weighed w
    where p.order_id = any(array[w.order_id]) and p.payment_no = w.payment_no and w.lives_on and w.next_epoch is not null
),
resolved as (
    update payments p set
        status = w.to_status, approved_at = w.approved_at, balance = w.balance, method = w.method,
        receipt_url = w.receipt_url, answer = coalesce(w.answer, p.refusal),
        unanswered_at = null, server_error_at = null, no_answer_since = null,
        check_at = case
            when w.soon_ms is null then now() + w.check_ms * interval '1 ms'
            -- A virtual account: not later than its due time, and after that at growing intervals from a short one on.
            else now() + least(w.check_ms * interval '1 ms',
                               greatest(w.look_by - now(), now() - w.look_by, w.soon_ms * interval '1 ms')) end
    from moving w
    where p.order_id = any(array[w.order_id]) and p.payment_no = w.payment_no
),
looked_at as (
    -- A copy of Toss's books may lag behind an approval, and then shows that nothing moved. So early a look is not believed
    -- for good: the payment is asked about once more. A deposit that was made in time may be known hours later: for a day
    -- its account is looked at again after as long as it has been closed.
    update payments p set
        check_at = case
            when p.accepted_at > now() - interval '11 minutes' then now() + w.check_ms * interval '1 ms'
            when w.look_by > now() - interval '1 day'
                then now() + greatest(w.check_ms * interval '1 ms', now() - w.look_by) end
    from weighed w
    where p.order_id = any(array[w.order_id]) and p.payment_no = w.payment_no and w.stays
),
suspected as (
    -- An approval that came too late to count, of a payment that somebody else called failed: it is asked about again,
    -- when no answer can be older than this one any more.
    update payments p set check_at = now() + interval '1 minute'
    from judged j
    where j.verdict = 'lost' and j.outcome = 'approved'
      and p.order_id = any(array[j.order_id]) and p.payment_no = j.payment_no and p.status in ('ABORTED', 'EXPIRED', 'REVIEW')
),
returned as (
    -- From the rows as they were locked, which may be newer than what we began with.
    update products p set stock = s.stock + back.quantity
    from shelves s, (select l.product_id, sum(l.quantity) as quantity
          from moving w
          cross join lateral (select l.product_id, l.quantity from order_lines l where l.order_id = w.order_id offset 0) l
          where w.to_status in ('ABORTED', 'EXPIRED', 'CANCELED')
          group by l.product_id) back
    where p.id = any(array[s.id]) and s.id = back.product_id
),
moved as (
    -- Whoever deletes the outbox row writes down its fence, for the order's next intent to count on from.
    update orders o set
        status     = case when w.moves then w.to_status else o.status end,
        paid_by    = case when w.moves and w.balance is not null then w.payment_no else o.paid_by end,
        -- It was unresolved, and so it holds its stock.
        review_holds_stock = case when not w.moves then o.review_holds_stock when w.to_status = 'REVIEW' then true end,
        last_fence = w.lease_seq
    from weighed w
    where o.order_no = any(array[w.order_no]) and (w.moves or w.stays) -- it stands in one index, the id in several
),
event as (
    insert into order_events (order_id, from_status, to_status, cause, actor, payment_no, attempt_id)
    select w.order_id, w.status, w.to_status, w.cause, 'worker', w.payment_no, w.attempt_id
    from moving w
    where w.status <> w.to_status
)
select order_id as "order_id!", verdict as "verdict!", locked_product from judged
