-- Settles one finding about payment $4 of order $2 that the batch would not take, because the order has moved on since: a
-- payment approved after it was called failed, a second approval, or a paid payment that changed at Toss. Held by $1 under
-- fence $3. The attempt is $5 to $13; what Toss says is $14 to $19; a refund, if one is due, would be $20 to $22. A virtual
-- account is looked at again after $23 to $25, and a deposit that is younger than $26 is not called taken back.
--
-- Late success wins: what Toss approved is delivered if the order is still unpaid and the stock allows, else all of it is
-- given back through the outbox.
with locked as materialized (
    select o.id, o.status, o.paid_by from orders o where o.id = $2 for no key update skip locked
),
shelves as materialized (
    select p.id, p.stock, l.quantity - l.returned - l.discarded as quantity, p.stock >= l.quantity as enough
    from locked o
    join order_lines l on l.order_id = o.id
    join products p on p.id = l.product_id
    order by p.id
    for no key update of p
),
fenced as materialized (
    select b.order_id
    from locked o join outbox b on b.order_id = o.id
    where b.lease_owner = $1 and b.lease_seq = $3
      and (select count(*) from shelves) >= 0 -- after them
    for update of b skip locked
),
decided as materialized (
    select o.id, o.status,
           case
               -- A bank took the deposit back: the one way in which what was paid is not paid any more. Only all of it, and
               -- only where nothing else of ours depends on it.
               when $14::text = 'WAITING_FOR_DEPOSIT' and $6::text = 'query' and o.status = 'DONE' and o.paid_by = $4
                    and exists (select from payments p where p.order_id = o.id and p.payment_no = $4
                                and p.status = 'DONE' and p.balance = p.amount)
                    and not exists (select from payments p where p.order_id = o.id and p.payment_no <> $4
                                    and p.status in ('IN_PROGRESS', 'WAITING_FOR_DEPOSIT', 'REVIEW'))
                    and not exists (select from cancels r where r.order_id = o.id and r.status = 'IN_PROGRESS')
                   -- So soon after the deposit, what Toss shows may be older than it.
                   then case when exists (select from order_events e where e.order_id = o.id and e.to_status = 'DONE'
                                          and e.from_status is distinct from 'DONE'
                                          and e.at > now() - $26::bigint * interval '1 ms') then 'doubt'
                             else 'reverse' end
               -- Taken away again, or never given: nothing of ours does that.
               when $14::text not in ('DONE', 'PARTIAL_CANCELED', 'CANCELED') then 'review'
               when o.paid_by = $4 then 'follow'
               when $16::bigint = 0 or exists (select from cancels r where r.order_id = o.id and r.status = 'IN_PROGRESS')
                   then 'note'
               when o.status in ('ABORTED', 'EXPIRED') and $14 = 'DONE'
                    and (select bool_and(enough) and count(*) = (select count(*) from order_lines l where l.order_id = o.id)
                         from shelves) then 'deliver'
               -- Toss would not give it back, and a human looks: another try is theirs to begin.
               when exists (select from cancels r where r.order_id = o.id and r.payment_no = $4 and r.actor = 'worker'
                                                    and r.status = 'FAILED') then 'leave'
               else 'return'
           end as move
    from fenced f
    join locked o on o.id = f.order_id
),
judged as materialized (
    select case when d.id is not null then 'moved'
                when l.id is null or exists (
                    select from outbox b where b.order_id = $2 and b.lease_owner = $1 and b.lease_seq = $3) then 'busy'
                else 'lost'
           end as verdict
    from (select) as one
    left join locked l on true
    left join decided d on true
),
recorded as (
    insert into attempts (order_id, id, payment_no, call, key_epoch, api_key_id, lease_owner, lease_seq, duration_ms,
                          http_status, code, trace_id, outcome, stale)
    select $2, $5::uuid, $4, $6, $7, $8, $1, $3, $9, $10::smallint, $11, $12, $13, j.verdict = 'lost'
    from judged j where j.verdict <> 'busy'
    on conflict (order_id, id) do nothing
),
finished as (
    delete from outbox b using decided d where b.order_id = d.id and d.move <> 'return'
),
turned as (
    -- The same row becomes the intent to give back: at no moment has the order none.
    update outbox b set
        kind = 2, payment_no = $4, due_at = clock_timestamp(), lease_until = '-infinity', lease_owner = 0,
        attempts = 0, snoozes = 0
    from decided d where b.order_id = d.id and d.move = 'return'
),
refund as (
    insert into cancels (order_id, cancel_no, payment_no, mark, reason, amount, expected_balance, in_full, actor, request)
    select d.id, coalesce((select max(r.cancel_no) from cancels r where r.order_id = d.id), 0) + 1, $4, $20, $21, $16, $16,
           true, 'worker', $22
    from decided d where d.move = 'return'
),
noted as (
    update payments p set
        status      = case when d.move in ('review', 'doubt') then p.status else $14 end,
        approved_at = case when d.move <> 'reverse' then coalesce($15::timestamptz, p.approved_at) end,
        balance     = case when d.move <> 'reverse' then coalesce($16, p.balance) end,
        method      = coalesce($17, p.method),
        receipt_url = case when d.move <> 'reverse' then coalesce($18, p.receipt_url) end,
        answer      = case when d.move in ('review', 'doubt') then p.answer else $19::jsonb end,
        check_at    = case
            -- What holds money still, while another refund runs, is looked at again after it.
            when d.move = 'note' and $16 > 0 then now() + interval '1 minute'
            when d.move = 'doubt' then now() + $26 * interval '1 ms'
            -- As an account that waits is looked at in settle.sql.
            when d.move = 'reverse'
                then now() + least($23::bigint * interval '1 ms',
                                   greatest($24::timestamptz - now(), now() - $24, $25::bigint * interval '1 ms'))
            -- A young deposit may be taken back yet.
            when d.move in ('follow', 'deliver') and $14 = 'DONE' and $23 is not null and $15 > now() - interval '1 hour'
                then now() + greatest($23 * interval '1 ms', now() - $15) end
    from decided d where p.order_id = d.id and p.payment_no = $4
),
shelved as (
    update products p set stock = s.stock + case d.move when 'deliver' then -s.quantity else s.quantity end
    from shelves s, decided d
    where p.id = s.id and (d.move = 'deliver'
        or d.move = 'follow' and d.status in ('DONE', 'PARTIAL_CANCELED') and $14 = 'CANCELED')
),
event as (
    insert into order_events (order_id, from_status, to_status, cause, actor, payment_no, attempt_id)
    select d.id, d.status,
           case d.move when 'review' then 'REVIEW' when 'return' then d.status else $14 end,
           case d.move when 'review' then 'toss_contradicts'
                       when 'deliver' then 'late_approval'
                       when 'follow' then 'canceled_at_toss'
                       when 'reverse' then 'deposit_reversed'
                       else case when d.status in ('ABORTED', 'EXPIRED') then 'late_approval_returning'
                                 else 'second_approval_returning' end
           end,
           'worker', $4, $5
    from decided d
    where d.move in ('review', 'deliver', 'return', 'reverse')
       or d.move = 'follow' and d.status in ('DONE', 'PARTIAL_CANCELED') and d.status <> $14
),
moved as (
    update orders o set
        review_holds_stock = case when d.move = 'review' then coalesce(
                o.review_holds_stock, o.status in ('IN_PROGRESS', 'WAITING_FOR_DEPOSIT', 'DONE', 'PARTIAL_CANCELED'))
            when d.move in ('deliver', 'reverse') then null else o.review_holds_stock end,
        status     = case when d.move = 'review' then 'REVIEW'
                          when d.move = 'deliver' then 'DONE'
                          when d.move = 'reverse' then 'WAITING_FOR_DEPOSIT'
                          when d.move = 'follow' and o.status in ('DONE', 'PARTIAL_CANCELED') then $14
                          else o.status end,
        paid_by    = case d.move when 'deliver' then $4 when 'reverse' then null else o.paid_by end,
        last_fence = case when d.move = 'return' then o.last_fence else $3 end
    from decided d where o.id = d.id
)
select verdict as "verdict!" from judged
