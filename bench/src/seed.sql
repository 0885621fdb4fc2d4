-- An id tells its table and its number. Times go on by a minute from deployment to deployment.
create temp view digit as select value as number from json_each('[0,1,2,3,4,5,6,7,8,9]');

create temp table many as
  select a.number * 100000 + b.number * 10000 + c.number * 1000 + d.number * 100 + e.number * 10 + f.number as number
  from digit a, digit b, digit c, digit d, digit e, digit f;

insert into environment (id, name, search, description, color, position, active_revision, version, created_at, updated_at)
  select unhex(printf('0197e000000070008000%012x', number)), printf('Stage %05d', number), printf('stage %05d', number),
    '', '#4CAF50', number, 1, 1, '2026-01-01T00:00:00+00:00', '2026-01-01T00:00:00+00:00'
  from many where number < :environments;

insert into app_instance (id, name, environment_id, cluster_id, namespace, application, version, created_at, updated_at)
  select unhex(printf('0197a000000070008000%012x', number)), printf('shop %05d', number),
    unhex(printf('0197e000000070008000%012x', number)), cluster.id, printf('shop-%05d', number), 'shop', 1,
    '2026-01-01T00:00:00+00:00', '2026-01-01T00:00:00+00:00'
  from many join (select id, row_number() over (order by id) - 1 as place from cluster) cluster
    on cluster.place = many.number % 200
  where number < :environments;

insert into revision (id, environment_id, number, entries, author, reason, created_at)
  select unhex(printf('0197b000000070008000%012x', number)), unhex(printf('0197e000000070008000%012x', number)), 1, '[]',
    'bench', 'the beginning', '2026-01-01T00:00:00+00:00'
  from many where number between 1 and :environments - 1;

insert into revision (id, environment_id, number, entries, author, reason, created_at)
  select unhex(printf('0197c000000070008000%012x', number)), unhex(printf('0197e000000070008000%012x', 0)), number + 1,
    '[]', 'bench', 'once more', '2026-01-01T00:00:00+00:00'
  from many where number < :environments;

insert into deployment (id, origin, source_environment_id, source_name, target_environment_id, target_name, status,
    on_failure, cancel_requested, note, ticket, initiated_by, revision, start_time, begun_at, end_time, lease_epoch)
  select unhex(printf('0197d000000070008000%012x', number)), 'deploy',
    unhex(printf('0197e000000070008000%012x', number % :environments)), printf('Stage %05d', number % :environments),
    unhex(printf('0197e000000070008000%012x', number % :environments)), printf('Stage %05d', number % :environments),
    case number % 10 when 0 then 'failed' else 'complete' end, 'put_back', 0, 'a release', '', 'bench', 1,
    strftime('%Y-%m-%dT%H:%M:%S+00:00', 1767225600 + number * 60, 'unixepoch'),
    strftime('%Y-%m-%dT%H:%M:%S+00:00', 1767225600 + number * 60, 'unixepoch'),
    strftime('%Y-%m-%dT%H:%M:%S+00:00', 1767225600 + number * 60 + 30, 'unixepoch'), 1
  from many where number < :deployments;

insert into task (id, deployment_id, position, service_id, target_service_id, target_app_instance_id, site_id, cluster_id,
    cluster_external_id, cluster, namespace, application, kind, name, uid, found, containers, status, words, accepted,
    retries, available, replicas)
  select unhex(printf('0197f000000070008000%012x', number)), unhex(printf('0197d000000070008000%012x', number)), 0,
    randomblob(16), randomblob(16), randomblob(16), randomblob(16), randomblob(16), 'x', 'x', 'shop', 'shop', 'Deployment',
    'cart', 'x', '[]', '[]', 'success', '', 1, 0, 1, 1
  from many where number < :deployments;

insert into event (seq, at, kind, actor, deployment_id, message)
  select (select coalesce(max(seq), 0) from event) + 1 + many.number * :per + part.value,
    '2026-01-01T00:00:00+00:00', 'task.changed', 'lockstep', unhex(printf('0197d000000070008000%012x', many.number)),
    'Deployment cart: rolls out'
  from many, json_each('[0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19]') part
  where many.number < :deployments;
