-- Who may be shown a key, beyond roles: the rules of self-service, budgets, and a second person.

-- Tenant-wide. One row; the name of the switch is Microsoft Graph's (authorizationPolicy).
create table self_service_policy (
  is_only_row boolean primary key default true constraint self_service_policy_one_row
    check (is_only_row),
  allowed_to_read_bitlocker_keys_for_owned_device boolean not null default true,
  requires_encryption boolean not null default false,
  -- Null: however long ago
  seen_within_days integer constraint self_service_policy_days_positive
    check (seen_within_days > 0),
  key_id_must_be_typed boolean not null default true,
  -- Null: no bound
  hourly_limit integer constraint self_service_policy_hourly_positive check (hourly_limit > 0),
  daily_limit integer default 5 constraint self_service_policy_daily_positive
    check (daily_limit > 0),
  helpdesk_contact text,
  updated_at timestamptz,
  updated_by uuid references principal (id)
);

insert into self_service_policy default values;

-- Overrides the switch for members; a deny wins among the groups of one user.
create table self_service_group (
  group_id uuid primary key references directory_group (id),
  effect text not null constraint self_service_group_effect_is_known
    check (effect in ('allow', 'deny')),
  updated_at timestamptz not null,
  updated_by uuid not null references principal (id)
);

-- How many recovery passwords one person or program, or each holder of a role, is shown.
create table disclosure_budget (
  subject_type text not null,
  subject_id uuid not null,
  -- Foreign key of a person or program; a role may be one of the contract.
  principal_id uuid references principal (id),
  soft_per_hour integer,
  soft_per_day integer,
  hard_per_hour integer,
  hard_per_day integer,
  updated_at timestamptz not null,
  updated_by uuid not null references principal (id),
  primary key (subject_type, subject_id),
  constraint disclosure_budget_subject check (
    (subject_type = 'principal' and principal_id is not null and principal_id = subject_id)
    or (subject_type = 'role' and principal_id is null)),
  constraint disclosure_budget_says_something
    check (num_nonnulls(soft_per_hour, soft_per_day, hard_per_hour, hard_per_day) > 0),
  constraint disclosure_budget_not_negative
    check (least(soft_per_hour, soft_per_day, hard_per_hour, hard_per_day) >= 0)
);

-- When it was last said that somebody used up a budget: once in its window, not at each attempt.
create table disclosure_alert (
  principal_id uuid not null references principal (id),
  is_self_service boolean not null,
  window_seconds integer not null,
  alerted_at timestamptz not null,
  primary key (principal_id, is_self_service, window_seconds)
);

-- What demands a second person: devices of an administrative unit or device group, or whoever
-- holds a role.
create table approval_rule (
  id uuid primary key,
  device_set_id uuid constraint approval_rule_once_per_device_set unique
    constraint approval_rule_device_set references device_set (id),
  -- A built-in role of the contract or a row of role_definition
  role_id uuid constraint approval_rule_once_per_role unique,
  created_by uuid not null references principal (id),
  created_at timestamptz not null,
  constraint approval_rule_one_subject check (num_nonnulls(device_set_id, role_id) = 1)
);

-- For the foreign key below.
alter table recovery_key add constraint recovery_key_with_device unique (id, device_id);

create table approval_request (
  id uuid primary key,
  recovery_key_id bigint not null,
  device_id uuid not null,
  requester_id uuid not null references principal (id),
  -- By what right the requester will be shown the key, as in `disclosure`
  kind text not null constraint approval_request_kind_is_known
    check (kind in ('role', 'ownership', 'application')),
  reason_code text not null,
  reason_text text,
  ticket text,
  -- Shown at once; the second person comes afterwards.
  is_emergency boolean not null,
  state text not null,
  requested_at timestamptz not null,
  -- Until then it can be decided and, approved, be used; an emergency does not expire.
  expires_at timestamptz,
  -- A person: no program approves.
  decided_by uuid references directory_user (id),
  decided_at timestamptz,
  decision_comment text,
  -- The owner of the device at the decision; set by a trigger, not by the program.
  owner_id uuid references directory_user (id),
  used_at timestamptz,
  -- Who owns the device is asked of this one: it is the key's own.
  constraint approval_request_key_of_device foreign key (recovery_key_id, device_id)
    references recovery_key (id, device_id),
  constraint approval_request_state_machine check (
    (decided_by is null) = (decided_at is null)
    and (state = 'used') = (used_at is not null)
    and is_emergency = (expires_at is null)
    and (
      (not is_emergency and state = 'pending' and decided_by is null)
      or (not is_emergency and state in ('approved', 'denied', 'used') and decided_by is not null)
      or (not is_emergency and state = 'cancelled')
      or (is_emergency and state = 'awaitingReview' and decided_by is null)
      or (is_emergency and state in ('accepted', 'rejected') and decided_by is not null))),
  constraint approval_request_approver_is_not_requester check (decided_by <> requester_id),
  constraint approval_request_approver_is_not_owner check (decided_by <> owner_id)
);

create index approval_request_by_time on approval_request (requested_at, id);
create index approval_request_by_requester on approval_request (requester_id, requested_at, id);
create index approval_request_open on approval_request (requested_at, id)
  where state in ('pending', 'approved', 'awaitingReview');

-- The owner is captured where nobody can leave it out, and the device is locked so that its owner
-- does not change meanwhile. Once decided, a decision stays as it is.
create function guard_approval() returns trigger language plpgsql as $$
begin
  if tg_op = 'UPDATE' then
    if (old.id, old.recovery_key_id, old.device_id, old.requester_id, old.kind, old.reason_code,
        old.reason_text, old.ticket, old.is_emergency, old.requested_at, old.expires_at)
       is distinct from
       (new.id, new.recovery_key_id, new.device_id, new.requester_id, new.kind, new.reason_code,
        new.reason_text, new.ticket, new.is_emergency, new.requested_at, new.expires_at) then
      raise exception 'UPDATE of what an approval is asked for is refused'
        using errcode = 'restrict_violation';
    end if;
    if old.decided_by is not null
       and (old.decided_by, old.decided_at, old.decision_comment, old.owner_id)
           is distinct from (new.decided_by, new.decided_at, new.decision_comment, new.owner_id)
    then
      raise exception 'UPDATE of a decision is refused' using errcode = 'restrict_violation';
    end if;
    if old.state in ('denied', 'cancelled', 'used', 'accepted', 'rejected') then
      raise exception 'a closed request for approval stays closed'
        using errcode = 'restrict_violation';
    end if;
    if old.decided_by is not null then return new; end if;
  end if;
  new.owner_id := null;
  if new.decided_by is not null then
    select device.owner_id into new.owner_id from device where device.id = new.device_id for share;
  end if;
  return new;
end
$$;

create trigger approval_request_is_guarded before insert or update on approval_request
  for each row execute function guard_approval();
create trigger approval_request_never_deleted before delete or truncate on approval_request
  for each statement execute function refuse_change();

-- By what right it was shown. Before there were people it was a program.
alter table disclosure
  add column kind text not null default 'application'
    constraint disclosure_kind_is_known check (kind in ('role', 'ownership', 'application')),
  add column approval_id uuid references approval_request (id)
    constraint disclosure_approval_is_used_once unique,
  add column is_emergency boolean not null default false,
  add constraint disclosure_emergency_is_reviewed
    check (not is_emergency or (approval_id is not null and kind <> 'ownership'));
alter table disclosure alter column kind drop default, alter column is_emergency drop default;

-- Budgets count roles and ownership apart.
drop index disclosure_by_principal;
create index disclosure_by_principal on disclosure (principal_id, requested_at) include (kind);
