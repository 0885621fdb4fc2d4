-- Times are milliseconds since 1970; what runs still ends at the largest number there is.

create table version_span (
    id integer primary key,
    service_id uuid_text not null,
    app_instance_id uuid_text not null,
    environment_id uuid_text not null,
    cluster_id uuid_text not null,
    application varchar not null,
    namespace varchar not null,
    kind varchar not null,
    name varchar not null,
    containers json_text not null,
    since bigint not null,
    until bigint not null
);
create index version_span_time on version_span (until, since);
create index version_span_service on version_span (service_id, until);

insert into version_span (
    service_id, app_instance_id, environment_id, cluster_id, application, namespace, kind, name, containers, since, until
) select
    id, app_instance_id, environment_id, cluster_id, application, namespace, kind, name, containers,
    cast(unixepoch(last_changed, 'subsec') * 1000 as integer), 9223372036854775807
from service;

create trigger version_span_begins after insert on service begin
    insert into version_span (
        service_id, app_instance_id, environment_id, cluster_id, application, namespace, kind, name, containers, since, until
    ) values (
        new.id, new.app_instance_id, new.environment_id, new.cluster_id, new.application, new.namespace, new.kind, new.name,
        new.containers, cast(unixepoch('subsec') * 1000 as integer), 9223372036854775807
    );
end;
create trigger version_span_ends after delete on service begin
    update version_span set until = cast(unixepoch('subsec') * 1000 as integer)
        where service_id = old.id and until = 9223372036854775807;
end;
create trigger version_span_changes after update of last_changed, application, environment_id on service
when new.last_changed <> old.last_changed or new.application <> old.application
    or new.environment_id <> old.environment_id
begin
    update version_span set until = cast(unixepoch('subsec') * 1000 as integer)
        where service_id = old.id and until = 9223372036854775807;
    insert into version_span (
        service_id, app_instance_id, environment_id, cluster_id, application, namespace, kind, name, containers, since, until
    ) values (
        new.id, new.app_instance_id, new.environment_id, new.cluster_id, new.application, new.namespace, new.kind, new.name,
        new.containers, cast(unixepoch('subsec') * 1000 as integer), 9223372036854775807
    );
end;
-- The same images, of which more is known by now.
create trigger version_span_learns after update of containers on service
when new.containers <> old.containers and new.last_changed = old.last_changed
begin
    update version_span set containers = new.containers where service_id = new.id and until = 9223372036854775807;
end;
