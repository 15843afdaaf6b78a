-- Forgets those of the oldest $2 notices that came more than $1 days ago.
with page as materialized (
    select id, received_at from webhook_inbox where id > 0 order by id limit $2
)
delete from webhook_inbox w
where w.id = any(array(select page.id from page where page.received_at < now() - make_interval(days => $1)))
