-- People, groups and programs; what they may do; which devices belong together and to whom.

-- Whoever can hold a role. One row each for a user, a group or an app, so that a role assignment,
-- a disclosure or an enrolment token can refer to any of them by one foreign key.
create table principal (
  id uuid primary key,
  type text not null constraint principal_type_is_known check (type in ('user', 'group', 'app')),
  created_at timestamptz not null,
  constraint principal_id_and_type unique (id, type)
);

create table directory_user (
  id uuid primary key,
  principal_type text not null default 'user'
    constraint directory_user_is_user check (principal_type = 'user'),
  user_principal_name text not null,
  display_name text not null,
  given_name text,
  family_name text,
  mail text,
  department text,
  -- local: an account of the built-in issuer; issuer: made by a first sign-in through the external
  -- issuer; scim: provisioned.
  source text not null constraint directory_user_source_is_known
    check (source in ('local', 'issuer', 'scim')),
  is_active boolean not null default true,
  -- SCIM externalId
  external_id text,
  -- The external issuer's `iss` and the claim that names the user for good (`oid` or `sub`).
  issuer text,
  subject text,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  -- Access tokens issued before are refused, sessions begun before have ended.
  credentials_valid_after timestamptz,
  -- The row stays: what it did is on record under its ID. A deleted user is unknown everywhere else.
  deleted_at timestamptz,
  constraint directory_user_is_principal foreign key (id, principal_type)
    references principal (id, type),
  constraint directory_user_issuer_with_subject check ((issuer is null) = (subject is null)),
  constraint directory_user_deleted_is_inactive check (deleted_at is null or not is_active)
);

-- In "C", so that one index serves both a name and the beginning of one.
create unique index directory_user_by_name
  on directory_user (lower(user_principal_name) collate "C") where deleted_at is null;
create unique index directory_user_by_subject on directory_user (issuer, subject)
  where deleted_at is null and issuer is not null;
create index directory_user_by_external_id on directory_user (external_id)
  where deleted_at is null and external_id is not null;
create index directory_user_by_display_name
  on directory_user (lower(display_name) collate "C", id) where deleted_at is null;

create table directory_group (
  id uuid primary key,
  principal_type text not null default 'group'
    constraint directory_group_is_group check (principal_type = 'group'),
  display_name text not null,
  description text,
  source text not null constraint directory_group_source_is_known
    check (source in ('local', 'issuer', 'scim')),
  -- SCIM externalId, or the value of the external issuer's groups claim
  external_id text,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  deleted_at timestamptz,
  constraint directory_group_is_principal foreign key (id, principal_type)
    references principal (id, type)
);

create unique index directory_group_by_name
  on directory_group (lower(display_name) collate "C") where deleted_at is null;
create unique index directory_group_by_external_id on directory_group (external_id)
  where deleted_at is null and external_id is not null;

create table group_member (
  group_id uuid not null references directory_group (id),
  user_id uuid not null references directory_user (id),
  -- claim: by the groups claim of the last sign-in, and gone with the next one that lacks it
  source text not null default 'assigned'
    constraint group_member_source_is_known check (source in ('assigned', 'claim')),
  added_at timestamptz not null,
  primary key (group_id, user_id)
);

create index group_member_by_user on group_member (user_id);

-- A program: what Entra calls an app registration. Its ID is its OAuth client ID.
create table app (
  id uuid primary key,
  principal_type text not null default 'app'
    constraint app_is_app check (principal_type = 'app'),
  display_name text not null,
  description text,
  is_enabled boolean not null default true,
  -- Graph's application permissions, such as BitlockerKey.Read.All
  app_roles text[] not null default '{}',
  created_by uuid references principal (id),
  created_at timestamptz not null,
  updated_at timestamptz not null,
  credentials_valid_after timestamptz,
  deleted_at timestamptz,
  constraint app_is_principal foreign key (id, principal_type) references principal (id, type),
  constraint app_deleted_is_disabled check (deleted_at is null or not is_enabled)
);

create unique index app_by_name on app (lower(display_name)) where deleted_at is null;

create table app_credential (
  id uuid primary key,
  app_id uuid not null references app (id),
  kind text not null,
  name text not null,
  -- HMAC-SHA-256 of the secret, bound to the app, under a key derived from the vault key
  secret_hash bytea,
  -- The last characters of the secret, by which people tell theirs
  hint text,
  -- RFC 7517, a public key for private_key_jwt
  public_jwk jsonb,
  created_by uuid references principal (id),
  created_at timestamptz not null,
  expires_at timestamptz not null,
  last_used_at timestamptz,
  revoked_at timestamptz,
  constraint app_credential_kind check (
    (kind = 'secret' and octet_length(secret_hash) = 32 and hint is not null and public_jwk is null)
    or (kind = 'publicKey' and secret_hash is null and hint is null and public_jwk is not null))
);

create index app_credential_by_app on app_credential (app_id, created_at);

-- Custom roles. The built-in ones are in the contract, where nobody who only writes this database
-- can widen them.
create table role_definition (
  id uuid primary key,
  display_name text not null,
  description text,
  permissions text[] not null,
  created_by uuid references principal (id),
  created_at timestamptz not null,
  updated_at timestamptz not null
);

create unique index role_definition_by_name on role_definition (lower(display_name));

-- Devices that belong together: administrative units (for scopes) and device groups (for policy).
create table device_set (
  id uuid primary key,
  kind text not null constraint device_set_kind_is_known
    check (kind in ('administrativeUnit', 'deviceGroup')),
  display_name text not null,
  description text,
  -- Null: members are assigned. Else Entra's rule syntax on attributes of the device.
  membership_rule text,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  constraint device_set_id_and_kind unique (id, kind)
);

create unique index device_set_by_name on device_set (kind, lower(display_name));

-- Materialised for rules too: a decision is a look-up by key, however many devices there are.
create table device_set_member (
  device_set_id uuid not null references device_set (id),
  device_id uuid not null references device (id),
  added_at timestamptz not null,
  primary key (device_set_id, device_id)
);

create index device_set_member_by_device on device_set_member (device_id);

create table role_assignment (
  id uuid primary key,
  principal_id uuid not null references principal (id),
  -- A built-in role of the contract or a row of role_definition
  role_id uuid not null,
  effect text not null default 'allow'
    constraint role_assignment_effect_is_known check (effect in ('allow', 'deny')),
  scope_type text not null,
  administrative_unit_id uuid,
  administrative_unit_kind text,
  device_id uuid references device (id),
  created_by uuid references principal (id),
  created_at timestamptz not null,
  expires_at timestamptz,
  constraint role_assignment_scope check (
    (scope_type = 'directory' and administrative_unit_id is null and device_id is null)
    or (scope_type = 'administrativeUnit' and administrative_unit_id is not null
        and administrative_unit_kind = 'administrativeUnit' and device_id is null)
    or (scope_type = 'device' and administrative_unit_id is null and device_id is not null)),
  constraint role_assignment_unit foreign key (administrative_unit_id, administrative_unit_kind)
    references device_set (id, kind),
  constraint role_assignment_is_unique unique nulls not distinct
    (principal_id, role_id, effect, scope_type, administrative_unit_id, device_id)
);

create index role_assignment_by_role on role_assignment (role_id);
create index role_assignment_by_unit on role_assignment (administrative_unit_id)
  where administrative_unit_id is not null;
create index role_assignment_by_device on role_assignment (device_id) where device_id is not null;

-- Who acted before there were people: the bootstrap administrator becomes an app without
-- credentials, so that what it did stays on record under its ID.
insert into principal (id, type, created_at)
  select id, 'app', created_at from administrator;
insert into app (id, display_name, description, is_enabled, created_at, updated_at)
  select id, 'bootstrap', 'The administrator of a version without sign-in', false,
         created_at, created_at
    from administrator;
-- Its secret lets nobody in any more.

alter table enrollment_token drop constraint enrollment_token_created_by_fkey;
alter table enrollment_token add constraint enrollment_token_creator
  foreign key (created_by) references principal (id);

alter table disclosure drop constraint disclosure_administrator_id_fkey;
alter table disclosure rename column administrator_id to principal_id;
alter table disclosure add constraint disclosure_principal
  foreign key (principal_id) references principal (id);
alter index disclosure_by_administrator rename to disclosure_by_principal;
drop table administrator;

-- 'administrator': entries of a version without sign-in
alter table audit_entry drop constraint audit_entry_actor_type_is_known;
alter table audit_entry add constraint audit_entry_actor_type_is_known
  check (actor_type in ('user', 'app', 'administrator', 'device', 'system', 'anonymous'));

alter table device
  add column owner_id uuid references directory_user (id),
  -- Who enrolled it by his own sign-in, instead of by a token
  add column enrolled_by uuid references directory_user (id),
  alter column enrollment_token_id drop not null,
  add constraint device_enrolled_once check (num_nonnulls(enrollment_token_id, enrolled_by) = 1);

create index device_by_owner on device (owner_id) where owner_id is not null;

alter table rotation drop constraint rotation_trigger_is_known;
alter table rotation add constraint rotation_trigger_is_known
  check (trigger in ('disclosure', 'mismatch', 'byHand', 'retry', 'ownerChange'));
