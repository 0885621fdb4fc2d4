alter table matrix_row add column search text not null default '';
update matrix_row set search = lower(name || ' ' || application);
alter table matrix_row alter column search drop default;

-- Text anywhere in a row, by its trigrams. Without the extension a search reads every row.

do $$ begin
    create extension if not exists pg_trgm;
    create index service_text on service using gin (search gin_trgm_ops);
    create index matrix_row_text on matrix_row using gin (search gin_trgm_ops);
exception when others then
    raise warning 'pg_trgm cannot be used, so searches read every row: %', sqlerrm;
end $$;

-- How many there are, so that a total need not be counted each time.

create table service_count (
    app_instance_id uuid not null references app_instance (id) on delete cascade,
    kind varchar not null,
    status varchar not null,
    services bigint not null,
    primary key (app_instance_id, kind, status)
);
insert into service_count
    select app_instance_id, kind, status, count(*) from service group by app_instance_id, kind, status;
create function service_counted() returns trigger language plpgsql as $$ begin
    if tg_op <> 'INSERT' then
        update service_count set services = services - 1
            where app_instance_id = old.app_instance_id and kind = old.kind and status = old.status;
    end if;
    if tg_op <> 'DELETE' then
        insert into service_count as known values (new.app_instance_id, new.kind, new.status, 1)
            on conflict (app_instance_id, kind, status) do update set services = known.services + 1;
    end if;
    return null;
end $$;
create trigger service_counted after insert or delete on service for each row execute function service_counted();
create trigger service_recounted after update of status on service for each row
    when (new.status <> old.status) execute function service_counted();

create table matrix_row_count (
    application varchar not null,
    kind varchar not null,
    out_of_step boolean not null,
    matrix_rows bigint not null,
    primary key (application, kind, out_of_step)
);
insert into matrix_row_count
    select application, kind, out_of_step, count(*) from matrix_row group by application, kind, out_of_step;
create function matrix_row_counted() returns trigger language plpgsql as $$ begin
    if tg_op <> 'INSERT' then
        update matrix_row_count set matrix_rows = matrix_rows - 1
            where application = old.application and kind = old.kind and out_of_step = old.out_of_step;
    end if;
    if tg_op <> 'DELETE' then
        insert into matrix_row_count as known values (new.application, new.kind, new.out_of_step, 1)
            on conflict (application, kind, out_of_step) do update set matrix_rows = known.matrix_rows + 1;
    end if;
    return null;
end $$;
create trigger matrix_row_counted after insert or delete on matrix_row
    for each row execute function matrix_row_counted();
create trigger matrix_row_recounted after update of out_of_step on matrix_row for each row
    when (new.out_of_step <> old.out_of_step) execute function matrix_row_counted();

drop index matrix_row_name;
drop index matrix_row_out_of_step;
drop index service_name;
drop index service_environment;
drop index service_status;
drop index service_changed;
