-- A million orders that were paid long ago, and whose intents are gone. No statistics are gathered.
set session_replication_role = replica;
set synchronous_commit = off;
insert into orders (id, order_no, customer_id, name, amount, status, payment_count, created_at, expires_at, paid_by)
overriding system value
select n, ('018e0000-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid, 1, 'Ogu T', 1000, 'DONE', 1,
       now() - interval '50 days', now() - interval '50 days', 1
from generate_series(1, 1000000) n;
insert into payments (order_id, payment_no, payment_key, amount, status, request, approved_at, answer, balance)
select n, 1, 'past-' || lpad(n::text, 7, '0'), 1000, 'DONE', '', now(), '{}', 1000 from generate_series(1, 1000000) n;
insert into order_events (order_id, from_status, to_status, cause, actor, payment_no)
select n, 'IN_PROGRESS', 'DONE', 'toss_approved', 'worker', 1 from generate_series(1, 1000000) n;
reset session_replication_role;
reset synchronous_commit;
