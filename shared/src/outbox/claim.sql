-- Takes at most $4 due intents of class $6, oldest first, none left of $3, for the worker $1, under a lease of $2 seconds;
-- it will sign with the secret of number $5.
--
-- A row whose lease ran out is due again: that is the whole of crash recovery. Such a row still names its old holder, who
-- may have sent something: settling takes the name away.
--
-- The plan is made once, maybe while the tables were empty, and they may be huge when it is used. To a table that seems to
-- have one row every way is as good as another, so no statement of ours leaves the planner a choice: `= any(array[x.id])` is
-- looked up where `= x.id` may be joined by walking all there is; `offset 0` keeps a subquery from becoming a join; and `order
-- by id` names the one index that has the ids in order, where others hold them too. `is true` hides a condition from the indexes
-- that would walk all of one state for it.
with due as materialized (           -- materialized: the planner must not run it twice and pass the limit
    select order_id, lease_owner, lease_key, xmin as version from outbox
    where class = $6
      and due_at <= now()
      and due_at >= coalesce($3::timestamptz, '-infinity')
      and lease_until < now()
      and kind between 1 and 3         -- what a newer build wrote is for a newer build
    order by due_at
    limit $4
    for no key update skip locked
),
claimed as (
    update outbox b set
        lease_until = now() + make_interval(secs => $2),
        lease_owner = $1,
        -- The secret of who first may have sent: however many hold the row after that worker died, the key is its.
        lease_key   = case when b.lease_owner <> 0 then b.lease_key else $5 end,
        lease_seq   = b.lease_seq + 1,              -- a new fence: an old holder can no longer settle
        attempts    = least(b.attempts + 1, 32767)  -- counted here, so that a crash is counted
    from due where b.order_id = any(array[due.order_id])
    returning b.order_id, b.kind, b.payment_no, b.due_at, b.lease_seq, b.attempts, b.snoozes,
              due.lease_owner <> 0 as abandoned, due.lease_key as abandoned_key, due.version
)
select c.order_id, c.kind, c.due_at, c.lease_seq, c.attempts, c.snoozes, c.payment_no,
       c.abandoned as "abandoned!", c.abandoned_key as "abandoned_key!",
       -- A locked row is the newest there is; all else is read as it was when the statement began. Where the row has changed
       -- since, the rest is of another time than it.
       (select seen.xmin from outbox seen where seen.order_id = c.order_id) is distinct from c.version as "is_newer!",
       o.order_no as "order_no?", o.status as "order_status?",
       p.payment_key as "payment_key?", p.amount as "amount?", p.status as "payment_status?",
       (extract(epoch from now() - p.accepted_at) * 1000)::bigint as "accepted_ms_ago?",
       coalesce(r.request, p.request) as "request?",
       coalesce(r.key_epoch, p.key_epoch) as "key_epoch?",
       coalesce(r.ask_first, p.ask_first) as "ask_first?",
       (extract(epoch from now() - case when r.mark is null then p.unanswered_at else r.unanswered_at end) * 1000)::bigint
           as "unanswered_ms_ago?",
       case when r.mark is null then p.sent_with else r.sent_with end as "sent_with?",
       case when r.mark is null then p.refusal is not null else r.refusal is not null end as "refused?",
       r.refusal ->> 'code' as "error_code?",
       case when r.mark is null then (extract(epoch from now() - p.server_error_at) * 1000)::bigint end
           as "server_error_ms_ago?",
       (extract(epoch from now() - case when r.mark is null then p.absent_at else r.absent_at end) * 1000)::bigint
           as "absent_ms_ago?",
       (extract(epoch from now() - case when r.mark is null then p.no_answer_since else r.no_answer_since end) * 1000)::bigint
           as "no_answer_ms?",
       p.answer ->> 'mId' as "m_id?",
       r.cancel_no as "cancel_no?", r.mark as "cancel_mark?", r.reason as "cancel_reason?",
       r.amount as "cancel_amount?", r.expected_balance as "expected_balance?", r.in_full as "in_full?", r.actor as "cancel_actor?",
       r.request_sealed as "request_sealed?",
       (extract(epoch from now() - r.requested_at) * 1000)::bigint as "requested_ms_ago?",
       r.called_off_at is not null as "called_off?"
from claimed c
left join lateral (
    select o.order_no, o.status from orders o where o.id = any(array[c.order_id]) order by o.id
) o on true
left join payments p on p.order_id = any(array[c.order_id]) and p.payment_no = c.payment_no
left join lateral (
    select * from cancels r where c.kind = 2 and r.order_id = c.order_id and r.status = 'IN_PROGRESS' offset 0
) r on true
