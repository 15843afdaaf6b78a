-- The worker $1 hands back what it has claimed as ($2, $3) and never looked at, as if it had not. Where $4, another one died over
-- it before: there it stays named, for something may have been sent.
with held as materialized (
    select b.order_id, mine.abandoned
    from unnest($2::bigint[], $3::int[], $4::boolean[]) as mine (order_id, lease_seq, abandoned)
    join outbox b on b.order_id = any(array[mine.order_id])
    where b.lease_owner = $1 and b.lease_seq = mine.lease_seq
    order by mine.order_id -- not by that of b: to have that order, a walk over the outbox would do as well
    for no key update of b skip locked
)
update outbox b set
    lease_until = '-infinity',
    lease_owner = case when held.abandoned then b.lease_owner else 0 end,
    attempts    = greatest(b.attempts - 1, 0)
from held where b.order_id = any(array[held.order_id])
