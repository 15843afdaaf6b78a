-- The intent of order $1 becomes the one that gives payment $2 back, as refund $3: at no moment has the order none.
with turned as (
    update outbox b set
        kind = 2, class = 4, payment_no = $2, due_at = clock_timestamp(), lease_until = '-infinity', lease_owner = 0,
        attempts = 0, snoozes = 0
    where b.order_id = $1
)
insert into cancels (order_id, cancel_no, payment_no, mark, reason, amount, expected_balance, in_full, actor, request)
values ($1, $3, $2, $4, $5, $6, $6, true, 'worker', $7)
