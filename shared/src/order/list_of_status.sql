-- The $3 newest orders of status $1 before order $2.
select o.id, o.order_no, o.name, o.amount, o.status, o.created_at, c.display_name as customer
from orders o join customers c on c.id = o.customer_id
where o.status = $1 and o.id < $2 order by o.id desc limit $3
