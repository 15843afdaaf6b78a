-- no-transaction
create index concurrently payments_deposits on payments (check_at)
    where check_at is not null and status in ('WAITING_FOR_DEPOSIT', 'EXPIRED');
