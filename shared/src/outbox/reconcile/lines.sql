-- Locks the products of order $1, by id as everybody does, and says what the order has of each, and what the refunds $2 chose
-- of it.
select p.id, p.stock, l.quantity - l.returned - l.discarded as "left!",
       chosen.restock as "restock!", chosen.discard as "discard!"
from order_lines l
join products p on p.id = l.product_id
cross join lateral (
    select coalesce(sum(c.quantity) filter (where c.restock), 0)::int as restock,
           coalesce(sum(c.quantity) filter (where not c.restock), 0)::int as discard
    from cancel_lines c
    where c.order_id = l.order_id and c.product_id = l.product_id and c.cancel_no = any($2::smallint[])
) chosen
where l.order_id = $1 and p.id = any(array(select n.product_id from order_lines n where n.order_id = $1))
order by p.id
for no key update of p
