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
