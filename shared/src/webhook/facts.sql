-- What we hold of the payments of order $1, newest first: all of them, or the one with paymentKey $2. And, seen at the same
-- moment, whether the order is free: has no live intent, and so nothing that is about to change a payment.
select p.order_id, p.payment_no, p.status, p.balance,
       p.answer ->> 'secret' as secret, p.answer ->> 'lastTransactionKey' as transaction_key,
       not exists (select from outbox b where b.order_id = o.id offset 0) as "is_free!"
from orders o
join payments p on p.order_id = any(array[o.id]) and p.payment_key = coalesce($2::text, p.payment_key)
where o.order_no = $1
order by p.payment_no desc
limit 50
