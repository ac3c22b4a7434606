-- The first schema. Tables are singular; `*_at` is a timestamptz, always given by the server's clock
-- except where a default says otherwise. CHECKs hold the state machines; triggers are a fence behind
-- the code for what must never happen: a stored key deleted or changed, an audit entry rewritten.
-- No foreign key cascades: a key outlives whatever it hangs on (promise P5).

-- One row: which deployment this database is of. A server whose key file is another deployment's
-- refuses to start, instead of sealing to keys that cannot open what is stored.
create table deployment (
  only_row boolean primary key default true constraint deployment_is_one_row check (only_row),
  id uuid not null,
  -- RFC 7638 thumbprints of the public keys in the vault key file.
  vault_key_id text not null,
  receipt_key_id text not null,
  created_at timestamptz not null default now()
);

create table administrator (
  id uuid primary key,
  name text not null constraint administrator_name_is_unique unique,
  -- HMAC-SHA-256 of `keydesk_admin_…` under a key derived from the vault key: who only writes this
  -- database cannot make an administrator of himself.
  secret_hash bytea not null
    constraint administrator_secret_hash_length check (octet_length(secret_hash) = 32),
  created_at timestamptz not null
);

create table enrollment_token (
  id uuid primary key,
  name text not null,
  group_name text,
  -- HMAC-SHA-256 of `keydesk_enroll_…` under the same key
  token_hash bytea not null
    constraint enrollment_token_hash_is_unique unique
    constraint enrollment_token_hash_length check (octet_length(token_hash) = 32),
  uses_max integer not null constraint enrollment_token_uses_max_positive check (uses_max > 0),
  uses_count integer not null default 0,
  created_by uuid not null references administrator (id),
  created_at timestamptz not null,
  expires_at timestamptz not null,
  revoked_at timestamptz,
  constraint enrollment_token_uses_within_max check (uses_count between 0 and uses_max)
);

create index enrollment_token_by_creation on enrollment_token (created_at, id);

create table device (
  id uuid primary key,
  -- RFC 7638 thumbprint of the device's P-256 key: what makes enrolment idempotent.
  key_thumbprint text not null constraint device_key_is_unique unique,
  -- SubjectPublicKeyInfo, DER
  public_key bytea not null,
  name text not null,
  serial_number text,
  manufacturer text,
  model text,
  os_version text,
  os_build text,
  join_type text,
  group_name text,
  agent_version text,
  enrollment_token_id uuid not null references enrollment_token (id),
  enrolled_at timestamptz not null,
  -- SHA-256 of the last report that was taken in: an equal one changes nothing.
  report_digest bytea
);

-- Search by the beginning of the name or of the serial number, and paging by name.
create index device_by_name on device (lower(name) collate "C", id);
create index device_by_serial_number on device (lower(serial_number) collate "C", id)
  where serial_number is not null;

-- Apart from `device` because it changes at every check-in: narrow rows, no index but the key, and
-- room in each page, so that PostgreSQL updates in place.
create table device_presence (
  device_id uuid primary key references device (id),
  last_seen_at timestamptz not null
) with (fillfactor = 60);

-- Requests that were received and could be replayed until they expire.
create table device_request (
  -- The first 16 bytes of SHA-256(subject, NUL, jti)
  id uuid primary key,
  expires_at timestamptz not null
);

-- Rows come nearly in the order of their expiry, so a block range index costs next to nothing.
create index device_request_by_expiry on device_request using brin (expires_at)
  with (pages_per_range = 16);

create table volume (
  device_id uuid not null references device (id),
  volume_id uuid not null,
  volume_type text not null constraint volume_type_is_known
    check (volume_type in ('operatingSystem', 'fixed', 'removable')),
  mount_point text,
  status text not null,
  protection text not null constraint volume_protection_is_known
    check (protection in ('on', 'off', 'unknown')),
  encryption_method text,
  reported_at timestamptz not null,
  -- Null: its protectors could never be read.
  protectors_read_at timestamptz,
  primary key (device_id, volume_id)
);

-- What is on the disk, by the device's last list that could be read.
create table protector (
  device_id uuid not null,
  volume_id uuid not null,
  protector_id uuid not null,
  protector_type text not null,
  first_seen_at timestamptz not null,
  primary key (device_id, volume_id, protector_id),
  constraint protector_has_volume foreign key (device_id, volume_id)
    references volume (device_id, volume_id)
);

create table recovery_key (
  id bigint generated always as identity primary key,
  device_id uuid not null references device (id),
  volume_id uuid not null,
  -- The recovery key ID that the recovery screen shows.
  protector_id uuid not null,
  volume_type text not null constraint recovery_key_volume_type_is_known
    check (volume_type in ('operatingSystem', 'fixed', 'removable')),
  mount_point text,
  -- docs/spec/sealed-key.md
  sealed_key bytea not null
    constraint recovery_key_sealed_key_length check (octet_length(sealed_key) = 130),
  vault_key_id text not null,
  -- docs/spec/receipt.md: HMAC by which an equal key is recognised without opening the stored one.
  key_check text not null,
  receipt text not null,
  escrowed_at timestamptz not null,
  state text not null default 'active',
  superseded_at timestamptz,
  proof text not null default 'attested' constraint recovery_key_proof_is_known
    check (proof in ('attested', 'pending', 'verified', 'mismatch')),
  proven_at timestamptz,
  constraint recovery_key_is_unique unique (device_id, volume_id, protector_id),
  constraint recovery_key_state_machine check (
    (state = 'active' and superseded_at is null)
    or (state = 'superseded' and superseded_at is not null)),
  constraint recovery_key_proof_time check (
    (proof in ('verified', 'mismatch')) = (proven_at is not null))
);

-- The order of uuid is the order of its hexadecimal digits: a prefix is a range.
create index recovery_key_by_protector on recovery_key (protector_id);

-- On-disk entries that wait for a worker to check them against the stored key.
create table key_proof (
  recovery_key_id bigint primary key references recovery_key (id),
  -- That of the key; here for the turn only.
  device_id uuid not null,
  -- How many proofs of the device waited when this one came: lower ones go first.
  turn integer not null constraint key_proof_turn_from_zero check (turn >= 0),
  entry bytea not null
    constraint key_proof_entry_length check (octet_length(entry) between 1 and 4096),
  queued_at timestamptz not null,
  -- A worker that dies lets go of its work at this time.
  claimed_until timestamptz,
  attempts integer not null default 0
);

create index key_proof_by_turn on key_proof (turn, queued_at);
create index key_proof_by_device on key_proof (device_id);

create table disclosure (
  id uuid primary key,
  recovery_key_id bigint not null references recovery_key (id),
  administrator_id uuid not null references administrator (id),
  reason_code text not null,
  reason_text text,
  ticket text,
  state text not null,
  requested_at timestamptz not null,
  finished_at timestamptz,
  constraint disclosure_state_machine check (
    (state = 'requested' and finished_at is null)
    or (state in ('shown', 'failed') and finished_at is not null))
);

-- The budget: how many in the last hour.
create index disclosure_by_administrator on disclosure (administrator_id, requested_at);
create index disclosure_by_key on disclosure (recovery_key_id);

create table rotation (
  id uuid primary key,
  recovery_key_id bigint not null references recovery_key (id),
  device_id uuid not null references device (id),
  trigger text not null constraint rotation_trigger_is_known
    check (trigger in ('disclosure', 'mismatch', 'byHand', 'retry')),
  state text not null,
  attempt integer not null default 1 constraint rotation_attempt_positive check (attempt > 0),
  requested_at timestamptz not null,
  not_before timestamptz not null,
  delivered_at timestamptz,
  finished_at timestamptz,
  detail_code text,
  constraint rotation_state_machine check (
    (state = 'requested' and delivered_at is null and finished_at is null)
    or (state in ('delivered', 'inProgress')
        and delivered_at is not null and finished_at is null)
    or (state in ('failed', 'notSupported')
        and delivered_at is not null and finished_at is not null)
    -- The disk may show the replacement before the device was ever told.
    or (state = 'done' and finished_at is not null))
);

create unique index rotation_one_open_per_key on rotation (recovery_key_id)
  where state in ('requested', 'delivered', 'inProgress');
create index rotation_open_by_device on rotation (device_id, not_before)
  where state in ('requested', 'delivered', 'inProgress');
create index rotation_by_key on rotation (recovery_key_id, requested_at);
create index rotation_by_device on rotation (device_id, requested_at);
create index rotation_by_request on rotation (requested_at, id);
create index rotation_by_state on rotation (state, requested_at, id);

create table exposure (
  id uuid primary key,
  disclosure_id uuid not null constraint exposure_one_per_disclosure unique
    references disclosure (id),
  recovery_key_id bigint not null references recovery_key (id),
  device_id uuid not null references device (id),
  state text not null,
  opened_at timestamptz not null,
  closed_at timestamptz,
  -- A stored key that was on the disk when this one was gone.
  successor_key_id bigint references recovery_key (id),
  constraint exposure_state_machine check (
    (state = 'open' and closed_at is null and successor_key_id is null)
    or (state = 'closed' and closed_at is not null and successor_key_id is not null))
);

create index exposure_open_by_device on exposure (device_id) where state = 'open';
create index exposure_open_by_key on exposure (recovery_key_id) where state = 'open';
create index exposure_by_device on exposure (device_id, opened_at);
create index exposure_by_opening on exposure (opened_at, id);
create index exposure_open_by_opening on exposure (opened_at, id) where state = 'open';

-- Entries refer to nothing by foreign key: they outlive what they speak of.
create table audit_entry (
  id bigint generated always as identity primary key,
  occurred_at timestamptz not null,
  action text not null,
  outcome text not null constraint audit_entry_outcome_is_known
    check (outcome in ('success', 'denied', 'failed')),
  actor_type text not null constraint audit_entry_actor_type_is_known
    check (actor_type in ('administrator', 'device', 'system', 'anonymous')),
  actor_id text,
  actor_name text,
  device_id uuid,
  volume_id uuid,
  -- The protector's GUID, as people know it.
  recovery_key_id uuid,
  request_id text,
  detail jsonb not null default '{}'
);

-- Entries without an index yet. A row is written with its entry and removed with its indexing, so no
-- entry is missed however late its transaction commits.
create table audit_pending (
  entry_id bigint primary key
);

-- The place of each entry in the log, contiguous from 0, given by the sequencer.
create table audit_index (
  entry_index bigint primary key
    constraint audit_index_from_zero check (entry_index >= 0),
  entry_id bigint not null constraint audit_index_once_per_entry unique references audit_entry (id),
  indexed_at timestamptz not null
);

create function refuse_change() returns trigger language plpgsql as $$
begin
  raise exception '% on % is refused: rows are only added', tg_op, tg_table_name
    using errcode = 'restrict_violation';
end
$$;

create trigger audit_entry_append_only before update or delete or truncate on audit_entry
  for each statement execute function refuse_change();
create trigger audit_index_append_only before update or delete or truncate on audit_index
  for each statement execute function refuse_change();
create trigger recovery_key_never_deleted before delete or truncate on recovery_key
  for each statement execute function refuse_change();

-- What was sealed, for whom, and what the receipt says stay as they were.
create function refuse_key_change() returns trigger language plpgsql as $$
begin
  raise exception 'UPDATE of what was escrowed is refused: only state and proof of a key change'
    using errcode = 'restrict_violation';
end
$$;

create trigger recovery_key_is_fixed before update on recovery_key for each row
  when (
    (old.id, old.device_id, old.volume_id, old.protector_id, old.volume_type, old.mount_point,
     old.sealed_key, old.vault_key_id, old.key_check, old.receipt, old.escrowed_at)
    is distinct from
    (new.id, new.device_id, new.volume_id, new.protector_id, new.volume_type, new.mount_point,
     new.sealed_key, new.vault_key_id, new.key_check, new.receipt, new.escrowed_at))
  execute function refuse_key_change();
