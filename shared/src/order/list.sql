-- The $2 newest orders before order $1.
select o.id, o.order_no, o.name, o.amount, o.status, o.created_at, c.display_name as customer
from orders o join customers c on c.id = o.customer_id
where o.id < $1 order by o.id desc limit $2
