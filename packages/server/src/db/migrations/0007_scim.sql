-- Tokens of SCIM clients (Entra ID, Okta, …), which provision users and groups and nothing else.
create table provisioning_token (
  id uuid primary key,
  name text not null,
  -- HMAC-SHA-256 of `keydesk_scim_…` with the ID and expiry of this row, under a key derived from
  -- the vault key: moved to another row, or with another expiry, it admits nobody.
  token_hash bytea not null
    constraint provisioning_token_hash_length check (octet_length(token_hash) = 32),
  created_by uuid not null references principal (id),
  created_at timestamptz not null,
  expires_at timestamptz not null,
  last_used_at timestamptz,
  revoked_at timestamptz
);

create index provisioning_token_by_creation on provisioning_token (created_at, id);

-- SCIM lists are in this order, page by page.
create index directory_user_by_creation on directory_user (created_at, id)
  where deleted_at is null;
