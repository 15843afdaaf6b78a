-- At most $2 notices about orders after $1 that wait, whose order has no live intent any more, and about whose payment
-- none made us ask in the last $3 ms. With what we hold of the payment by now.
select w.id, w.order_id as "order_id!", w.status as said_status, w.balance as said_balance,
       w.transaction_key as said_transaction_key,
       p.payment_no, p.status, p.balance, p.answer ->> 'lastTransactionKey' as transaction_key
from webhook_inbox w
join payments p on p.order_id = any(array[w.order_id]) and p.payment_no = w.payment_no
where w.state = 'waiting' and w.order_id > $1
  and not exists (select from outbox b where b.order_id = w.order_id offset 0)
  and (p.hinted_at is null or p.hinted_at <= now() - $3::bigint * interval '1 ms')
order by w.order_id, w.id
limit $2
