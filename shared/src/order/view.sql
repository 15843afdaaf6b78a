-- All that a status page shows of the orders $1, as of one moment.
select o.id, o.order_no, o.name, o.amount, o.status, o.paid_by, o.created_at, o.expires_at, now() as "read_at!",
    (select coalesce(json_agg(json_build_object(
            'product_id', l.product_id, 'name', l.product_name,
            'unit_price', l.unit_price, 'quantity', l.quantity,
            'refunded', coalesce((
                select sum(c.quantity) from cancel_lines c
                join cancels r on r.order_id = c.order_id and r.cancel_no = c.cancel_no
                where c.order_id = l.order_id and c.product_id = l.product_id and r.status <> 'FAILED'), 0))
            order by l.position), '[]')
     from order_lines l where l.order_id = o.id) as "lines!: Json<Vec<LineView>>",
    (select coalesce(json_agg(json_build_object(
            'payment_no', p.payment_no, 'payment_key', p.payment_key, 'status', p.status,
            'amount', p.amount, 'balance', p.balance,
            'method', p.method,
            'receipt_url', p.receipt_url,
            'accepted_at', p.accepted_at, 'approved_at', p.approved_at,
            -- Toss's refusal stands by itself or in its payment; the payment of somebody else says nothing about ours.
            'failure', case
                when p.status not in ('ABORTED', 'EXPIRED') then null
                when p.answer ->> 'code' is not null
                    then json_build_object('code', p.answer ->> 'code', 'message', p.answer ->> 'message')
                when p.answer ->> 'paymentKey' = p.payment_key and p.answer -> 'failure' ->> 'code' is not null
                    then json_build_object('code', p.answer -> 'failure' ->> 'code',
                                           'message', p.answer -> 'failure' ->> 'message')
            end,
            -- Where Toss still issues text for the bank, it is a name.
            'account', case when p.answer #>> '{virtualAccount,accountNumber}' is not null then json_build_object(
                'bank', coalesce(p.answer #>> '{virtualAccount,bankCode}', p.answer #>> '{virtualAccount,bank}'),
                'number', p.answer #>> '{virtualAccount,accountNumber}',
                'due_at', p.answer #>> '{virtualAccount,dueDate}') end,
            'refund_status', p.refund_status, 'refund_closed_at', p.refund_closed_at,
            'next_look_at', coalesce(
                (select b.due_at from outbox b where b.order_id = o.id and b.payment_no = p.payment_no),
                case when p.status = 'WAITING_FOR_DEPOSIT' then p.check_at end))
            order by p.payment_no), '[]')
     from payments p where p.order_id = o.id) as "payments!: Json<Vec<PaymentView>>",
    (select coalesce(json_agg(json_build_object(
            'cancel_no', r.cancel_no, 'payment_no', r.payment_no, 'status', r.status, 'amount', r.amount,
            'reason', r.reason, 'actor', r.actor,
            -- Toss's refusal: the answer itself, or the one that was kept until asking showed that nothing moved.
            'failure', case
                when r.status <> 'FAILED' then null
                when r.answer ->> 'code' is not null
                    then json_build_object('code', r.answer ->> 'code', 'message', r.answer ->> 'message')
                when r.refusal is not null
                    then json_build_object('code', r.refusal ->> 'code', 'message', r.refusal ->> 'message')
            end,
            -- While it is under way: what Toss answered last that was no yes.
            'last_error', case when r.status = 'IN_PROGRESS' and r.refusal ->> 'code' is not null
                then json_build_object('code', r.refusal ->> 'code', 'message', r.refusal ->> 'message') end,
            'called_off', r.called_off_at is not null,
            'put_off_by', case when r.status = 'IN_PROGRESS' then (
                select case when a.outcome = 'snooze' then a.code end from attempts a
                where a.order_id = o.id and a.cancel_no = r.cancel_no order by a.id desc limit 1) end,
            'requested_at', r.requested_at, 'finished_at', r.finished_at,
            'next_look_at', case when r.status = 'IN_PROGRESS'
                                 then (select b.due_at from outbox b where b.order_id = o.id and b.kind = 2) end)
            order by r.cancel_no), '[]')
     from cancels r where r.order_id = o.id) as "cancels!: Json<Vec<CancelView>>",
    (select coalesce(json_agg(json_build_object(
            'id', e.id, 'from_status', e.from_status, 'to_status', e.to_status, 'cause', e.cause, 'at', e.at)
            order by e.id), '[]')
     from order_events e where e.order_id = o.id) as "events!: Json<Vec<EventView>>"
from orders o
where o.order_no = any($1)
