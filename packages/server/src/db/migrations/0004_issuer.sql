-- The built-in issuer: what it remembers between requests, and the keys that sign its tokens.

-- Sessions, interactions, grants, codes and refresh tokens of oidc-provider. IDs are kept as keyed
-- hashes and payloads sealed to their row, so the table gives no token away and none can be made
-- by writing it.
create table issuer_state (
  -- The library's word: Session, Interaction, Grant, AuthorizationCode, RefreshToken, DeviceCode, …
  model text not null,
  id_hash bytea not null,
  payload bytea not null,
  grant_hash bytea,
  uid_hash bytea,
  user_code_hash bytea,
  -- So that all of a person's can be ended
  account_id uuid references directory_user (id),
  created_at timestamptz not null,
  expires_at timestamptz not null,
  -- A code or refresh token that was used; it stays to recognise a second use
  consumed_at timestamptz,
  -- When a program last asked whether its device code was confirmed
  polled_at timestamptz,
  primary key (model, id_hash),
  constraint issuer_state_hashes check (
    octet_length(id_hash) = 32
    and (grant_hash is null or octet_length(grant_hash) = 32)
    and (uid_hash is null or octet_length(uid_hash) = 32)
    and (user_code_hash is null or octet_length(user_code_hash) = 32))
);

create index issuer_state_by_grant on issuer_state (grant_hash) where grant_hash is not null;
create index issuer_state_by_uid on issuer_state (uid_hash) where uid_hash is not null;
create index issuer_state_by_user_code on issuer_state (user_code_hash)
  where user_code_hash is not null;
create index issuer_state_by_account on issuer_state (account_id) where account_id is not null;
create index issuer_state_by_expiry on issuer_state (expires_at);

-- ES256 keys. The private half is sealed under a key derived from the vault key.
create table issuer_key (
  -- RFC 7638 thumbprint
  id text primary key,
  private_key bytea not null,
  created_at timestamptz not null,
  -- Later than created_at, so that every server publishes a key before any of them signs with it
  signs_from timestamptz not null,
  -- When it is no longer published: every token that it signed has expired by then
  retires_at timestamptz,
  constraint issuer_key_id check (length(id) = 43),
  constraint issuer_key_retires_later check (retires_at is null or retires_at >= signs_from)
);

-- A public key counts only with this MAC of its app and key, under a key derived from the vault key
alter table app_credential
  add column public_key_mac bytea,
  -- Made by somebody who may give roles; else it does not prove an app that has some. Part of the
  -- hash or the MAC.
  add column is_for_roles boolean not null default false,
  add constraint app_credential_public_key_has_mac check (
    (kind = 'publicKey') = (public_key_mac is not null) and octet_length(public_key_mac) = 32);

-- What an external issuer calls a program in its access tokens (Okta: 0oa…, Entra ID: a GUID)
alter table app
  add column external_client_id text,
  add constraint app_external_client_id check (length(external_client_id) between 1 and 255);

create unique index app_by_external_client_id on app (external_client_id)
  where deleted_at is null and external_client_id is not null;
