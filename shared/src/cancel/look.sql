-- All that decides whether a refund of order $1 may begin, as of one moment, and what the Idempotency-Key $2 led to before.
select o.id as "id?", o.status as "status?", o.last_fence as "last_fence?",
       p.payment_no as "payment_no?", p.status as "payment_status?",
       case when p.status = 'WAITING_FOR_DEPOSIT' then p.amount else p.balance end as "balance?",
       coalesce(jsonb_typeof(p.answer -> 'virtualAccount') = 'object', false) as "into_account!",
       exists (select from outbox b where b.order_id = o.id and b.kind <> 3 offset 0) as "at_work!",
       -- Toss booked a refund, and the bank did not pay all of it into the account.
       exists (
           select from payments f
           where f.order_id = o.id and f.status in ('CANCELED', 'PARTIAL_CANCELED') and f.balance < f.amount
             and f.refund_status in ('FAILED', 'PARTIAL_FAILED') and f.refund_closed_at is null
       ) as "transfer_failed!",
       (select count(*) from cancels r where r.order_id = o.id)::smallint as "cancels!",
       (select coalesce(json_agg(json_build_object(
               'product_id', l.product_id, 'unit_price', l.unit_price,
               'left', l.quantity - coalesce((
                   select sum(c.quantity) from cancel_lines c
                   join cancels r on r.order_id = c.order_id and r.cancel_no = c.cancel_no
                   where c.order_id = o.id and c.product_id = l.product_id and r.status <> 'FAILED'), 0))), '[]')
        from order_lines l where l.order_id = o.id) as "lines!: Json<Vec<LineLeft>>",
       before.fingerprint as "fingerprint?", before.order_no as "before_order_no?", before.cancel_no as "before_cancel_no?",
       before.amount as "before_amount?"
from (select) as one
left join (
    select a.fingerprint, a.cancel_no, r.amount, bo.order_no
    from api_requests a
    join cancels r on r.order_id = any(array[a.order_id]) and r.cancel_no = a.cancel_no
    cross join lateral (select bo.order_no from orders bo where bo.id = any(array[a.order_id]) order by bo.id) bo
    where a.idempotency_key = $2
) before on true
left join orders o on o.order_no = $1
-- The payment that money can come back from: the one that pays; an account nobody has paid into; in a review, what Toss
-- holds beside the payment that pays, else that one.
left join lateral (
    select p.payment_no, p.status, p.amount, p.balance, p.answer from payments p
    where p.order_id = o.id
      and case o.status
              when 'WAITING_FOR_DEPOSIT' then p.status = 'WAITING_FOR_DEPOSIT'
              when 'REVIEW' then p.balance > 0
              else p.payment_no = o.paid_by
          end
    order by p.payment_no is not distinct from o.paid_by, p.payment_no desc
    limit 1
) p on true
