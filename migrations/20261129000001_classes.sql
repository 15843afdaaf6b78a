-- Whose turn it is. A claim takes the due intents of one class, so that the work of one class never waits behind that of
-- another: 100,000 accounts to look at do not keep one shopper waiting. The worker chooses the class by what Toss bears.
--
-- The class says what an intent will most likely call next, and for whom:
--   1 a confirm that was never tried   2 a confirm once more   3 the lookup of a confirm
--   4 a refund                         5 the lookup of a refund
--   6 the lookup of money that is in doubt
--   7 the lookup of an account that waits for its deposit, or did
-- `kind` decides what is done; a wrong class costs time and nothing else. An older build writes none, and its work goes first.
alter table outbox add column class smallint not null default 1;

update outbox set class = case kind when 1 then 2 when 2 then 4 else 6 end;

alter table outbox add constraint outbox_class_known check (class between 1 and 7) not valid;
