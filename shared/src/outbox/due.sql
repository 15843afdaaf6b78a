-- Which of the classes $1 have an intent that is due and free, each not left of its place in $2.
select d.class as "class!"
from unnest($1::smallint[], $2::timestamptz[]) as d (class, low)
cross join lateral (
    -- With a limit it is asked class by class, whatever the planner thinks of the table.
    select from outbox b
    where b.class = d.class
      and b.due_at <= now()
      and b.due_at >= coalesce(d.low, '-infinity')
      and b.lease_until < now()
      and b.kind between 1 and 3
    order by b.due_at
    limit 1
) first
