-- Locks order $1, so that what is read next stands until the end of the transaction.
select id from orders where order_no = $1 for no key update
