-- Creates order $1 for customer $2 with products $3 in quantities $4, if they cost $5 won together; open for $6 minutes.
with lines as materialized (
    select p.id, p.name, p.price, wanted.quantity, wanted.position
    from unnest($3::bigint[], $4::int[]) with ordinality as wanted (product_id, quantity, position)
    join products p on p.id = any(array[wanted.product_id])
),
total as (
    -- numeric: a hundred lines of the dearest product must be refused, not overflow
    select sum(price::numeric * quantity) as amount, count(*) as lines from lines
),
placed as (
    insert into orders (order_no, customer_id, name, amount, expires_at)
    select $1, c.id,
           first.name || case when total.lines > 1 then ' 외 ' || (total.lines - 1) || '건' else '' end,
           total.amount::bigint,
           now() + make_interval(mins => $6)
    from total
    join customers c on c.id = $2
    join lines first on first.position = 1
    where total.lines = cardinality($3::bigint[]) and total.amount = $5::bigint
    returning id, name, amount, expires_at
),
written as (
    insert into order_lines (order_id, product_id, position, product_name, unit_price, quantity)
    select placed.id, lines.id, lines.position, lines.name, lines.price, lines.quantity
    from placed, lines
)
select name, amount, expires_at from placed
