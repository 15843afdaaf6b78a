-- The last approved payment that a secret has shown. A lookup of it tells whether Toss takes the secret, whatever Toss says
-- about the payments of strangers.
alter table merchants add column payment_key text
    constraint merchants_payment_key_length check (char_length(payment_key) between 1 and 200);

-- So many lookups were about the secret and not about the payment: they have no row in attempts. And so often the lane paused.
alter table lanes
    add column checks integer not null default 0,
    add column pauses integer not null default 0;
