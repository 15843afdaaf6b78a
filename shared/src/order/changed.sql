-- Which of the orders $1 have an event that is newer than the one of $2 at the same place. Ids are given out before they are
-- committed, so no number can say up to where all orders were read: each is compared with its own newest, and within one
-- order the ids are in the order of the commits.
select w.order_id as "order_id!"
from unnest($1::bigint[], $2::bigint[]) as w (order_id, newest)
cross join lateral (
    -- limit: one look into the index for each order, never a join with all events there are
    select from order_events e where e.order_id = w.order_id and e.id > w.newest limit 1
) as news
