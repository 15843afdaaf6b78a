-- Accepts the confirm of order $1 by customer $2 over $3 won with paymentKey $4: all of it or none. Answers the order, or the
-- product that another session keeps locked, or no row.
--
-- Locks in the global order: the order, its products by id. A cart waits for no product unless $6 says so: while it waited
-- for one, those that it has already would be locked for all others.
with wanted as materialized (
    select id, status, payment_count, last_fence from orders
    where order_no = $1 and customer_id = $2
      and (amount = $3 and status in ('READY', 'ABORTED')) is true -- no index of all orders is walked for these
      and expires_at > now()
      -- A look back at a declined payment gives way to the new one; a refund does not.
      and not exists (select from outbox b where b.order_id = orders.id and b.kind <> 3 offset 0)
      -- What is sold out is refused without a lock: the losers of a rush would wait in line, and write, for nothing.
      and not exists (select from order_lines l left join products p on p.id = any(array[l.product_id])
                      where l.order_id = orders.id and coalesce(p.stock, 0) < l.quantity offset 0)
    for no key update           -- whoever comes second waits here, and then finds the order taken
),
cart as materialized (
    select l.product_id, l.quantity
    from wanted
    cross join lateral (select l.product_id, l.quantity from order_lines l where l.order_id = wanted.id offset 0) l
),
free as materialized (
    select p.id from products p
    where (select count(*) > 1 and not $6 from cart) and p.id = any(array(select cart.product_id from cart))
    order by p.id
    for no key update skip locked
),
lines as materialized (
    select p.id, p.stock, cart.quantity, p.stock >= cart.quantity as enough
    from cart
    join products p on p.id = cart.product_id
    where p.id = any(array(select cart.product_id from cart))
      and (select count(*) = 1 or $6 or count(*) = (select count(*) from free) from cart)
    order by p.id               -- one order of locking for everybody: two carts cannot wait for each other
    for no key update of p
),
accepted as materialized (
    select id, status, (payment_count + 1)::smallint as payment_no, last_fence from wanted
    where (select bool_and(enough) and count(*) = (select count(*) from cart) from lines) -- what is gone cannot be held
),
held as (
    -- From the row as it was locked: p is the row as it was when we began, and would be held against the constraints.
    update products p set stock = lines.stock - lines.quantity
    from lines where p.id = any(array[lines.id]) and exists (select from accepted)
),
moved as (
    update orders o set status = 'IN_PROGRESS', payment_count = accepted.payment_no
    from accepted where o.order_no = $1 -- it stands in one index, the id in several
),
paid as (
    insert into payments (order_id, payment_no, payment_key, amount, request)
    select id, payment_no, $4, $3, $5 from accepted
),
event as (
    insert into order_events (order_id, from_status, to_status, cause, actor, payment_no)
    select id, status, 'IN_PROGRESS', 'confirm_accepted', 'shopper', payment_no from accepted
),
queued as (
    insert into outbox (order_id, kind, class, payment_no, due_at, lease_seq)
    select id, 1, 1, payment_no, now(), last_fence from accepted
    on conflict (order_id) do update set
        -- A refund that began while we waited for the order is not to be written over: no kind is 0, so this refuses it all.
        kind = case when outbox.kind = 3 then excluded.kind else 0 end, class = excluded.class,
        payment_no = excluded.payment_no, due_at = excluded.due_at,
        -- Whoever is looking back this moment has lost the lease.
        lease_until = '-infinity', lease_owner = 0, lease_seq = outbox.lease_seq + 1, attempts = 0, snoozes = 0
)
select id as "order_id!", null::bigint as locked_product from accepted
union all
select wanted.id, locked.product_id
from wanted, (
    select min(cart.product_id) as product_id from cart
    where (select count(*) > 1 and not $6 from cart) and not exists (select from free where free.id = cart.product_id)
      and exists (select from products p where p.id = cart.product_id offset 0)
) locked
where locked.product_id is not null
