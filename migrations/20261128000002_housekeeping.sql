-- Where a walk over all orders stands: it goes on there instead of beginning anew.
create table walks (
    name  text   primary key,
    place bigint not null
);

insert into walks (name, place) values ('forget_attempts', 0);

-- What looks for orders that are being confirmed, or that nobody paid, passes the index entries of all that were so since the
-- last vacuum. A share of the table would be millions of them, years from now.
alter table orders set (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 50000);
alter table payments set (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 50000);
