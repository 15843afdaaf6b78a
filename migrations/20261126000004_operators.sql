-- Who may see all orders: sessions of operators, and tries to log in. Both stand here because every api must know them, also
-- after a restart; both are small, and nothing about orders refers to them.

-- The key is a hash over the token in the operator's cookie and the account's credentials. So neither this table nor a
-- backup of it lets anybody in, and another password or another name ends every session at once.
create table operator_sessions (
    token_hash bytea       primary key constraint operator_sessions_hash_length check (octet_length(token_hash) = 32),
    operator   text        not null,
    created_at timestamptz not null default now(),
    used_at    timestamptz not null default now(),
    expires_at timestamptz not null
);

-- Tries to log in since the last one that was right, by name and by source. Hashes: people type passwords into the wrong
-- field, and where somebody logs in from is nobody's business.
create table login_tries (
    key          bytea       primary key constraint login_tries_key_length check (octet_length(key) = 32),
    tries        integer     not null,
    tried_at     timestamptz not null default now(),
    -- Not a moment of now while nothing is locked: of two tries at once, the one that began first would find the other's.
    locked_until timestamptz not null default '-infinity'
);

-- The list filtered by an amount, newest first. An order never changes its amount, so its updates stay heap-only where they
-- are; what it costs is one entry for each new order. The other filters live on what is there: states on orders_by_status,
-- days on the primary key, order numbers and paymentKeys on their unique indexes.
create index orders_by_amount on orders (amount, id);
