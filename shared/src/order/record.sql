-- All that an operator is shown of order $1, as of one moment. Times that are none (-infinity) are null, secrets stay inside.
select o.id, o.name, o.amount, o.status, o.paid_by, o.created_at, o.expires_at, o.close_requested_at,
    c.display_name as customer,
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
            'amount', p.amount, 'balance', p.balance, 'method', p.method,
            'key_epoch', p.key_epoch, 'ask_first', p.ask_first, 'sent_with', p.sent_with,
            'accepted_at', p.accepted_at, 'approved_at', p.approved_at,
            'unanswered_at', p.unanswered_at, 'check_at', p.check_at,
            'refund_status', p.refund_status, 'refund_closed_at', p.refund_closed_at,
            'refusal', coalesce(p.refusal, p.answer) ->> 'code') order by p.payment_no), '[]')
     from payments p where p.order_id = o.id) as "payments!: Json<Vec<PaymentRecord>>",
    (select coalesce(json_agg(json_build_object(
            'cancel_no', r.cancel_no, 'payment_no', r.payment_no, 'status', r.status, 'amount', r.amount,
            'expected_balance', r.expected_balance, 'reason', r.reason, 'actor', r.actor, 'key_epoch', r.key_epoch,
            'requested_at', r.requested_at, 'finished_at', r.finished_at,
            'called_off_at', r.called_off_at,
            -- Of a refund that was made, an earlier refusal is history.
            'error', (
                select json_build_object('code', e.error ->> 'code', 'message', e.error ->> 'message')
                from (select case when r.answer ->> 'code' is not null then r.answer else r.refusal end as error) e
                where r.status <> 'DONE' and e.error ->> 'code' is not null)) order by r.cancel_no), '[]')
     from cancels r where r.order_id = o.id) as "cancels!: Json<Vec<CancelRecord>>",
    (select json_build_object(
            'kind', b.kind, 'payment_no', b.payment_no, 'due_at', b.due_at,
            'leased_until', case when b.lease_until > now() then b.lease_until end,
            'lease_owner', case when b.lease_until > now() then b.lease_owner::text end,
            'fence', b.lease_seq, 'attempts', b.attempts, 'snoozes', b.snoozes)
     from outbox b where b.order_id = o.id) as "intent: Json<IntentRecord>",
    (select coalesce(json_agg(json_build_object(
            'call', a.call, 'payment_no', a.payment_no, 'cancel_no', a.cancel_no, 'key_epoch', a.key_epoch,
            'api_key_id', a.api_key_id, 'finished_at', a.finished_at, 'duration_ms', a.duration_ms,
            'http_status', a.http_status, 'code', a.code, 'trace_id', a.trace_id,
            'outcome', a.outcome, 'stale', a.stale) order by a.id desc), '[]')
     -- their ids are made in the order of time
     from (select * from attempts n where n.order_id = o.id order by n.id desc limit $2) a
    ) as "attempts!: Json<Vec<AttemptRecord>>",
    (select coalesce(json_agg(json_build_object(
            'id', e.id, 'from_status', e.from_status, 'to_status', e.to_status, 'cause', e.cause, 'actor', e.actor,
            'payment_no', e.payment_no, 'reason', e.reason, 'at', e.at) order by e.id), '[]')
     from order_events e where e.order_id = o.id) as "events!: Json<Vec<EventRecord>>"
from orders o join customers c on c.id = any(array[o.customer_id])
where o.order_no = $1
