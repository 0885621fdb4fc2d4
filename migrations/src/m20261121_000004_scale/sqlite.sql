-- Both tables get an integer key of their own, because the text index names rows by it and VACUUM renumbers all others.

create table matrix_row_new (
    row integer primary key,
    id uuid_text not null unique,
    application varchar not null,
    kind varchar not null,
    name varchar not null,
    out_of_step boolean not null,
    search text not null
);
insert into matrix_row_new (id, application, kind, name, out_of_step, search)
    select id, application, kind, name, out_of_step, lower(name || ' ' || application) from matrix_row;

create table service_new (
    row integer primary key,
    id uuid_text not null unique,
    app_instance_id uuid_text not null references app_instance (id) on delete cascade,
    environment_id uuid_text not null,
    cluster_id uuid_text not null references cluster (id) on delete cascade,
    matrix_row_id uuid_text not null references matrix_row_new (id) on delete cascade,
    application varchar not null,
    namespace varchar not null,
    kind varchar not null,
    name varchar not null,
    status varchar not null,
    reason text,
    replicas integer not null,
    available_replicas integer not null,
    image_tag varchar not null,
    containers json_text not null,
    manager varchar,
    search text not null,
    last_changed timestamp_with_timezone_text not null,
    last_synced timestamp_with_timezone_text
);
insert into service_new (
    id, app_instance_id, environment_id, cluster_id, matrix_row_id, application, namespace, kind, name, status, reason,
    replicas, available_replicas, image_tag, containers, manager, search, last_changed, last_synced
) select
    id, app_instance_id, environment_id, cluster_id, matrix_row_id, application, namespace, kind, name, status, reason,
    replicas, available_replicas, image_tag, containers, manager, search, last_changed, last_synced
from service;

drop table service;
drop table matrix_row;
alter table matrix_row_new rename to matrix_row;
alter table service_new rename to service;

-- Text anywhere in a row, by its trigrams.

create virtual table service_text using fts5(search, content='', contentless_delete=1, tokenize='trigram');
insert into service_text (rowid, search) select row, search from service;
create trigger service_text_insert after insert on service begin
    insert into service_text (rowid, search) values (new.row, new.search);
end;
create trigger service_text_delete after delete on service begin
    delete from service_text where rowid = old.row;
end;
create trigger service_text_update after update of search on service when new.search <> old.search begin
    delete from service_text where rowid = old.row;
    insert into service_text (rowid, search) values (new.row, new.search);
end;

create virtual table matrix_row_text using fts5(search, content='', contentless_delete=1, tokenize='trigram');
insert into matrix_row_text (rowid, search) select row, search from matrix_row;
create trigger matrix_row_text_insert after insert on matrix_row begin
    insert into matrix_row_text (rowid, search) values (new.row, new.search);
end;
create trigger matrix_row_text_delete after delete on matrix_row begin
    delete from matrix_row_text where rowid = old.row;
end;

-- How many there are, so that a total need not be counted each time.

create table service_count (
    app_instance_id uuid_text not null references app_instance (id) on delete cascade,
    kind varchar not null,
    status varchar not null,
    services integer not null,
    primary key (app_instance_id, kind, status)
) without rowid;
insert into service_count
    select app_instance_id, kind, status, count(*) from service group by app_instance_id, kind, status;
create trigger service_count_insert after insert on service begin
    insert into service_count values (new.app_instance_id, new.kind, new.status, 1)
        on conflict do update set services = services + 1;
end;
create trigger service_count_delete after delete on service begin
    update service_count set services = services - 1
        where app_instance_id = old.app_instance_id and kind = old.kind and status = old.status;
end;
create trigger service_count_update after update of status on service when new.status <> old.status begin
    update service_count set services = services - 1
        where app_instance_id = old.app_instance_id and kind = old.kind and status = old.status;
    insert into service_count values (new.app_instance_id, new.kind, new.status, 1)
        on conflict do update set services = services + 1;
end;

create table matrix_row_count (
    application varchar not null,
    kind varchar not null,
    out_of_step boolean not null,
    matrix_rows integer not null,
    primary key (application, kind, out_of_step)
) without rowid;
insert into matrix_row_count
    select application, kind, out_of_step, count(*) from matrix_row group by application, kind, out_of_step;
create trigger matrix_row_count_insert after insert on matrix_row begin
    insert into matrix_row_count values (new.application, new.kind, new.out_of_step, 1)
        on conflict do update set matrix_rows = matrix_rows + 1;
end;
create trigger matrix_row_count_delete after delete on matrix_row begin
    update matrix_row_count set matrix_rows = matrix_rows - 1
        where application = old.application and kind = old.kind and out_of_step = old.out_of_step;
end;
create trigger matrix_row_count_update after update of out_of_step on matrix_row
    when new.out_of_step <> old.out_of_step begin
    update matrix_row_count set matrix_rows = matrix_rows - 1
        where application = old.application and kind = old.kind and out_of_step = old.out_of_step;
    insert into matrix_row_count values (new.application, new.kind, new.out_of_step, 1)
        on conflict do update set matrix_rows = matrix_rows + 1;
end;
