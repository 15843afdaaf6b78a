-- The $10 newest orders with a number below $9 that pass the filters; one that is null lets everything pass. It is planned
-- anew for each page, with its values, so each set of filters is answered from the index that suits it.
with page as materialized ( -- what is shown beside is read for these rows alone
    select o.id, o.order_no, o.customer_id, o.name, o.amount, o.status, o.created_at
    from orders o
    where o.id < $9
      and ($1::text is null or o.status = $1)
      and ($2::timestamptz is null or (o.created_at >= $2 and o.id >= $11))
      and ($3::timestamptz is null or (o.created_at < $3 and o.id < $12))
      and ($4::bigint is null or o.amount = $4)
      and ($5::bigint is null or o.amount >= $5)
      and ($6::bigint is null or o.amount <= $6)
      and ($7::uuid is null or o.order_no = $7)
      and ($8::text is null or o.id = (select p.order_id from payments p where p.payment_key = $8))
    order by o.id desc
    limit $10
)
select o.id, o.order_no, o.name, o.amount, o.status, o.created_at, c.display_name as customer,
       (select coalesce(json_agg(json_build_object('name', l.product_name, 'quantity', l.quantity) order by l.position),
                        '[]')
        from order_lines l where l.order_id = o.id) as lines
from page o join customers c on c.id = o.customer_id
