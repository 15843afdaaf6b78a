-- All that decides whether an operator's request about order $1 is accepted: refund number $2 of it if the request names one,
-- and whether a lookup was asked for in the last $3 seconds. The caller holds the order's row.
select o.status,
       o.close_requested_at is not null as "close_is_pending!",
       exists (select from payments p where p.order_id = o.id) as "has_payment!",
       exists (
           select from order_events e
           where e.order_id = o.id and e.cause = 'lookup_requested' and e.at > now() - $3::int * interval '1 second'
       ) as "looked_up_lately!",
       -- Toss booked the refund, and the bank did not pay all of it into the account.
       exists (
           select from payments p
           where p.order_id = o.id and p.status in ('CANCELED', 'PARTIAL_CANCELED') and p.balance < p.amount
             and p.refund_status in ('FAILED', 'PARTIAL_FAILED') and p.refund_closed_at is null
       ) as "transfer_failed!",
       exists (
           select from payments p
           where p.order_id = o.id and p.status in ('CANCELED', 'PARTIAL_CANCELED') and p.balance < p.amount
             and p.refund_status in ('FAILED', 'PARTIAL_FAILED') and p.refund_closed_at is not null
       ) as "transfer_is_closed!",
       r.status as "refund_status?", r.actor as "refund_actor?", r.called_off_at is not null as "called_off!"
from orders o
left join cancels r on r.order_id = $1 and r.cancel_no = $2
where o.id = any(array[$1::bigint])
order by o.id
