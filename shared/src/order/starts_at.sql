-- The first number that an order of $1 or later can have. Orders are numbered in the order of their time, give or take the
-- seconds that a statement may run, so it is found by halving: an index on the time would cost every order a write for the
-- sake of a filter. Orders that were brought in later with times of long ago are not found this way.
with recursive search as (
    select (select id from orders order by id limit 1) as low, (select id + 1 from orders order by id desc limit 1) as high
    union all
    select case when probe.is_before then probe.id + 1 else s.low end,
           case when probe.is_before then s.high else s.low + (s.high - s.low) / 2 end
    from search s
    cross join lateral (
        select o.id, o.created_at < $1::timestamptz - interval '10 seconds' as is_before
        from orders o where o.id >= s.low + (s.high - s.low) / 2
        order by o.id
        limit 1
    ) probe
    where s.low < s.high
)
select coalesce(max(low), 1) as "first!" from search
