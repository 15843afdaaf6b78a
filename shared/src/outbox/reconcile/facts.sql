-- All that decides what a finding about payment $2 of order $1 does, read under the order's lock. $3 is the refund that the
-- finding is about, if it is about one; a change of state within the last $4 ms is younger than an answer may be.
select o.status as order_status, coalesce(o.review_holds_stock, false) as "review_holds_stock!",
       o.close_requested_at is not null as "close_requested!", o.paid_by, now() as "now!",
       p.status as payment_status, coalesce(p.balance = p.amount, false) as "payment_is_whole!",
       (select q.status from payments q
        where q.order_id = o.id and q.payment_no = o.paid_by and q.payment_no <> p.payment_no) as "payer_status?",
       (select q.status from payments q
        where q.order_id = o.id and q.payment_no <> p.payment_no
          and q.status in ('IN_PROGRESS', 'WAITING_FOR_DEPOSIT', 'REVIEW')
        order by q.payment_no desc limit 1) as "other_undecided?",
       exists (select from payments q
               where q.order_id = o.id and q.payment_no <> p.payment_no and q.payment_no is distinct from o.paid_by
                 and q.balance > 0) as "other_held!",
       exists (select from cancels r
               where r.order_id = o.id and r.status = 'IN_PROGRESS' and r.cancel_no is distinct from $3::smallint)
           as "refund_running!",
       exists (select from cancels r
               where r.order_id = o.id and r.payment_no = p.payment_no and r.actor = 'worker' and r.status = 'FAILED')
           as "worker_refund_failed!",
       exists (select from order_events e
               where e.order_id = o.id and e.from_status is distinct from e.to_status
                 and e.at > now() - $4::bigint * interval '1 ms') as "changed_lately!",
       (select max(e.at) from order_events e
        where e.order_id = o.id and e.to_status = 'REVIEW' and e.from_status is distinct from 'REVIEW')
           as "review_since?",
       (select coalesce(max(r.cancel_no), 0) + 1 from cancels r where r.order_id = o.id)::smallint as "next_refund_no!",
       (select coalesce(json_agg(json_build_object(
               'no', r.cancel_no, 'mark', r.mark, 'status', r.status, 'finished_at', r.finished_at)
               order by r.cancel_no), '[]')
        from cancels r where r.order_id = o.id and r.payment_no = p.payment_no and r.status <> 'IN_PROGRESS')
           as "ended_refunds!: Json<Vec<EndedRefund>>"
from orders o
join payments p on p.order_id = $1 and p.payment_no = $2
where o.id = any(array[$1::bigint])
order by o.id
