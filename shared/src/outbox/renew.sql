-- Extends by $2 seconds the leases of ($3, $4) that the worker $1 still holds.
with held as materialized (
    select b.order_id
    from unnest($3::bigint[], $4::int[]) as mine (order_id, lease_seq)
    join outbox b on b.order_id = any(array[mine.order_id])
    where b.lease_owner = $1 and b.lease_seq = mine.lease_seq
    order by mine.order_id -- not by that of b: to have that order, a walk over the outbox would do as well
    for no key update of b skip locked
)
update outbox b set lease_until = now() + make_interval(secs => $2)
from held where b.order_id = any(array[held.order_id])
returning b.order_id, b.lease_seq
