-- Local accounts of the built-in issuer: how people prove who they are.
--
-- Whoever can only write here must not be able to sign in as somebody else: every secret is hashed,
-- sealed or authenticated under a key derived from the vault key, and bound to its user.

create table account_password (
  user_id uuid primary key references directory_user (id),
  -- PHC string of argon2id, with the pepper as secret and the user ID as associated data
  hash text not null,
  changed_at timestamptz not null
);

create table account_totp (
  user_id uuid primary key references directory_user (id),
  -- AES-256-GCM, bound to the user
  sealed_secret bytea not null,
  -- RFC 6238 time step of the last code that was taken: a code works once
  last_step bigint not null,
  created_at timestamptz not null
);

create table account_backup_code (
  user_id uuid not null references directory_user (id),
  -- HMAC-SHA-256, bound to the user
  code_hash bytea not null
    constraint account_backup_code_hash_length check (octet_length(code_hash) = 32),
  created_at timestamptz not null,
  used_at timestamptz,
  primary key (user_id, code_hash)
);

create table passkey (
  id uuid primary key,
  user_id uuid not null references directory_user (id),
  credential_id bytea not null,
  -- COSE key
  public_key bytea not null,
  -- HMAC-SHA-256 over user, credential ID and public key: a row that somebody inserts or gives to
  -- another user is not believed
  mac bytea not null constraint passkey_mac_length check (octet_length(mac) = 32),
  sign_count bigint not null,
  transports text[] not null default '{}',
  name text not null,
  -- Kept in sync by its maker, so it may be on several devices
  is_backed_up boolean not null,
  created_at timestamptz not null,
  last_used_at timestamptz,
  constraint passkey_by_credential unique (credential_id)
);

create index passkey_by_user on passkey (user_id, created_at);

-- WebAuthn challenges that were given out and not used.
create table passkey_challenge (
  -- HMAC-SHA-256 over the challenge, its purpose and what it was given out for
  challenge_hash bytea primary key,
  expires_at timestamptz not null
);

create index passkey_challenge_by_expiry on passkey_challenge (expires_at);

-- Links that work once: first administrator, invitation, password reset.
create table one_time_link (
  id uuid primary key,
  purpose text not null constraint one_time_link_purpose_is_known
    check (purpose in ('setup', 'invitation', 'passwordReset')),
  -- Null: whoever sets up the service
  user_id uuid references directory_user (id),
  -- Made by somebody who may give roles: it also works for a user who holds some
  over_roles boolean not null,
  -- HMAC-SHA-256 over the secret of the link and the row: purpose, user, roles, expiry
  secret_hash bytea not null
    constraint one_time_link_hash_length check (octet_length(secret_hash) = 32),
  created_by uuid references principal (id),
  created_at timestamptz not null,
  expires_at timestamptz not null,
  used_at timestamptz,
  revoked_at timestamptz,
  constraint one_time_link_names_its_user check ((purpose = 'setup') = (user_id is null)),
  constraint one_time_link_ends_once check (used_at is null or revoked_at is null)
);

create index one_time_link_by_user on one_time_link (user_id) where user_id is not null;

-- Failed guesses, by account and network, account, known browser, network, or second factor.
create table sign_in_throttle (
  -- HMAC-SHA-256 of what is counted: names that do not exist are counted too and not kept
  key bytea primary key constraint sign_in_throttle_key_length check (octet_length(key) = 32),
  failures integer not null constraint sign_in_throttle_counts check (failures >= 0),
  -- No guess is looked at before
  blocked_until timestamptz,
  updated_at timestamptz not null
);

create index sign_in_throttle_by_age on sign_in_throttle (updated_at);
