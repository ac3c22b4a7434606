-- Browser sessions, and the answers of issuers that were used already.

create table session (
  -- Public: people and administrators see and end sessions by it.
  id uuid primary key,
  user_id uuid not null references directory_user (id),
  -- HMAC-SHA-256 of the cookie's secret and of everything below that decides who the session is
  -- for, until when and how strong: whoever only writes here can change none of it.
  mac bytea not null constraint session_mac_length check (octet_length(mac) = 32),
  -- Who vouched for the person: an issuer's `iss`
  issuer text not null,
  created_at timestamptz not null,
  -- However much it is used
  expires_at timestamptz not null,
  -- The issuer's auth_time: when the person last proved who he is; null where it does not say
  authenticated_at timestamptz,
  acr text,
  amr text[] not null,
  -- Written at most once a minute
  last_seen_at timestamptz not null,
  ip_address text not null,
  user_agent text,
  -- Sealed to this session; the issuer's sign-out asks for it
  sealed_id_token bytea,
  ended_at timestamptz,
  ended_reason text,
  constraint session_expires_later check (expires_at > created_at),
  constraint session_end_has_reason check ((ended_at is null) = (ended_reason is null)),
  constraint session_ended_reason_is_known check (ended_reason in
    ('signOut', 'renewed', 'byUser', 'byAdministrator', 'userDisabled', 'expired'))
);

create index session_by_user on session (user_id, created_at);
create index session_open_by_expiry on session (expires_at) where ended_at is null;
create index session_ended on session (ended_at) where ended_at is not null;

-- Answers of the issuer that started a session or were refused: each state works once, on all
-- servers together.
create table used_sign_in_state (
  state_hash bytea primary key
    constraint used_sign_in_state_hash_length check (octet_length(state_hash) = 32),
  expires_at timestamptz not null
);

create index used_sign_in_state_by_expiry on used_sign_in_state (expires_at);
