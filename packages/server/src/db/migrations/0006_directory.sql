-- The directory's own searches, and to whom a device has belonged.

-- A mail address, or the beginning of one.
create index directory_user_by_mail on directory_user (lower(mail) collate "C")
  where deleted_at is null and mail is not null;

-- Rows are only added. Null: nobody.
create table device_owner_change (
  id bigint generated always as identity primary key,
  device_id uuid not null references device (id),
  from_id uuid references directory_user (id),
  to_id uuid references directory_user (id),
  cause text not null constraint device_owner_change_cause_is_known
    check (cause in ('byHand', 'import', 'enrollment', 'ownerDeleted')),
  changed_at timestamptz not null,
  constraint device_owner_change_changes check (from_id is distinct from to_id)
);

create index device_owner_change_by_device on device_owner_change (device_id, id);

create trigger device_owner_change_append_only before update or delete or truncate
  on device_owner_change for each statement execute function refuse_change();
