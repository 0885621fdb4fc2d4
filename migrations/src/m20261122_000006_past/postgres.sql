-- Times are milliseconds since 1970; what runs still ends at the largest number there is.

create table version_span (
    id bigint generated always as identity primary key,
    service_id uuid not null,
    app_instance_id uuid not null,
    environment_id uuid not null,
    cluster_id uuid not null,
    application varchar not null,
    namespace varchar not null,
    kind varchar not null,
    name varchar not null,
    containers json not null,
    since bigint not null,
    until bigint not null
);
create index version_span_time on version_span (until, since);
create index version_span_service on version_span (service_id, until);

insert into version_span (
    service_id, app_instance_id, environment_id, cluster_id, application, namespace, kind, name, containers, since, until
) select
    id, app_instance_id, environment_id, cluster_id, application, namespace, kind, name, containers,
    (extract(epoch from last_changed) * 1000)::bigint, 9223372036854775807
from service;

create function version_span_kept() returns trigger language plpgsql as $$
declare
    at bigint := (extract(epoch from clock_timestamp()) * 1000)::bigint;
begin
    if tg_op = 'UPDATE' and new.last_changed = old.last_changed and new.application = old.application
        and new.environment_id = old.environment_id
    then
        -- The same images, of which more is known by now.
        update version_span set containers = new.containers
            where service_id = new.id and until = 9223372036854775807;
        return null;
    end if;
    if tg_op <> 'INSERT' then
        update version_span set until = at where service_id = old.id and until = 9223372036854775807;
    end if;
    if tg_op <> 'DELETE' then
        insert into version_span (
            service_id, app_instance_id, environment_id, cluster_id, application, namespace, kind, name, containers,
            since, until
        ) values (
            new.id, new.app_instance_id, new.environment_id, new.cluster_id, new.application, new.namespace, new.kind,
            new.name, new.containers, at, 9223372036854775807
        );
    end if;
    return null;
end $$;
create trigger version_span_kept after insert or delete on service
    for each row execute function version_span_kept();
create trigger version_span_changed after update on service for each row
    when (new.containers::text <> old.containers::text or new.last_changed <> old.last_changed
        or new.application <> old.application or new.environment_id <> old.environment_id)
    execute function version_span_kept();
