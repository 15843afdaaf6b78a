alter table outbox validate constraint outbox_class_known;

-- What the indexes by class have replaced.
drop index outbox_due;
drop index payments_to_check;
