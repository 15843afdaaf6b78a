-- no-transaction
create index concurrently payments_lookups on payments (check_at)
    where check_at is not null and status not in ('WAITING_FOR_DEPOSIT', 'EXPIRED');
