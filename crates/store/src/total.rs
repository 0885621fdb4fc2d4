//! Totals that triggers keep, so that a page need not count what it does not show.

use std::collections::HashMap;

use domain::{
    id::{ClusterId, EnvironmentId},
    matrix::MatrixQuery,
    service::{ServiceQuery, ServiceStatus},
};
use sea_orm::{
    ConnectionTrait, QueryResult,
    prelude::Uuid,
    sea_query::{Alias, Expr, ExprTrait, Func, Order, Query, SelectStatement, SimpleExpr},
};

use crate::{Error, Store, cluster};

/// A filter's words, without those that are empty.
fn given(word: &Option<String>) -> Option<&String> {
    word.as_ref().filter(|word| !word.is_empty())
}

impl Store {
    /// How many services the filter matches, read from what is kept by app instance, kind and status.
    pub(crate) async fn kept_services(
        &self,
        wanted: &ServiceQuery,
        clusters: Option<&[ClusterId]>,
    ) -> Result<u64, Error> {
        let mut query = Query::select().expr(sum("services")).from("service_count").to_owned();
        of_instances(&mut query);
        let place = |column: &'static str| Expr::col((Alias::new("app_instance"), Alias::new(column)));
        query.and_where_option(wanted.env.map(|env| place("environment_id").eq(env.0)));
        query.and_where_option(given(&wanted.namespace).map(|name| place("namespace").eq(name.as_str())));
        query.and_where_option(
            wanted.site.map(|site| place("cluster_id").in_subquery(cluster::of_site(site))),
        );
        query.and_where_option(clusters.map(|ids| place("cluster_id").is_in(ids.iter().map(|id| id.0))));
        for (column, word) in [("status", &wanted.status), ("kind", &wanted.kind)] {
            query.and_where_option(given(word).map(|word| Expr::col(column).eq(word.as_str())));
        }
        self.sum(&query).await
    }

    /// How many rows of the matrix the filter matches, read from what is kept by application and kind.
    pub(crate) async fn kept_rows(
        &self,
        wanted: &MatrixQuery,
        out_of_step: Option<bool>,
    ) -> Result<u64, Error> {
        let mut query = Query::select().expr(sum("matrix_rows")).from("matrix_row_count").to_owned();
        for (column, word) in [("application", &wanted.application), ("kind", &wanted.kind)] {
            query.and_where_option(given(word).map(|word| Expr::col(column).eq(word.as_str())));
        }
        query.and_where_option(out_of_step.map(|out| Expr::col("out_of_step").eq(out)));
        self.sum(&query).await
    }

    /// How many services each app instance has, by its id.
    pub(crate) async fn services_by_instance(&self) -> Result<HashMap<Uuid, u64>, Error> {
        let query = Query::select()
            .column("app_instance_id")
            .expr(sum("services"))
            .from("service_count")
            .group_by_col("app_instance_id")
            .to_owned();
        let rows = self.db.query_all(&query).await?;
        let read = |row: &QueryResult| Ok((row.try_get_by_index(0)?, whole(row.try_get_by_index(1)?)));
        rows.iter().map(read).collect()
    }

    /// How many services each of these environments, or of all, has of each status.
    pub(crate) async fn services_by_environment(
        &self,
        of: Option<&[Uuid]>,
    ) -> Result<Vec<(Uuid, ServiceStatus, u64)>, Error> {
        let environment = Expr::col((Alias::new("app_instance"), Alias::new("environment_id")));
        let mut query = Query::select();
        query.expr(environment.clone()).column("status").expr(sum("services")).from("service_count");
        of_instances(&mut query);
        query.and_where_option(of.map(|of| environment.clone().is_in(of.iter().copied())));
        query.add_group_by([environment, Expr::col("status")]);
        let read = |row: &QueryResult| {
            let status: String = row.try_get_by_index(1)?;
            Ok((row.try_get_by_index(0)?, status.as_str().into(), whole(row.try_get_by_index(2)?)))
        };
        self.db.query_all(&query).await?.iter().map(read).collect()
    }

    /// How many services each environment has in each cluster, of each status.
    pub async fn services_by_cluster(
        &self,
    ) -> Result<Vec<(ClusterId, EnvironmentId, ServiceStatus, u64)>, Error> {
        let place = |column: &'static str| Expr::col((Alias::new("app_instance"), Alias::new(column)));
        let mut query = Query::select();
        query.exprs([place("cluster_id"), place("environment_id")]).column("status").expr(sum("services"));
        query.from("service_count");
        of_instances(&mut query);
        query.add_group_by([place("cluster_id"), place("environment_id"), Expr::col("status")]);
        let read = |row: &QueryResult| {
            let (cluster, environment): (Uuid, Uuid) = (row.try_get_by_index(0)?, row.try_get_by_index(1)?);
            let status: String = row.try_get_by_index(2)?;
            let services = whole(row.try_get_by_index(3)?);
            Ok((cluster.into(), environment.into(), status.as_str().into(), services))
        };
        self.db.query_all(&query).await?.iter().map(read).collect()
    }

    /// Which environments each cluster has, from left to right.
    pub async fn environments_by_cluster(&self) -> Result<Vec<(ClusterId, EnvironmentId)>, Error> {
        let environment = |column: &'static str| Expr::col((Alias::new("environment"), Alias::new(column)));
        let instance = |column: &'static str| (Alias::new("app_instance"), Alias::new(column));
        let query = Query::select()
            .columns([instance("cluster_id"), instance("environment_id")])
            .from("environment")
            .inner_join("app_instance", environment("id").equals(instance("environment_id")))
            .add_group_by([
                Expr::col(instance("cluster_id")),
                Expr::col(instance("environment_id")),
                environment("position"),
            ])
            .order_by_expr(environment("position"), Order::Asc)
            .to_owned();
        let read = |row: &QueryResult| {
            let (cluster, environment): (Uuid, Uuid) = (row.try_get_by_index(0)?, row.try_get_by_index(1)?);
            Ok((cluster.into(), environment.into()))
        };
        self.db.query_all(&query).await?.iter().map(read).collect()
    }

    /// The applications there are, in order.
    pub async fn applications(&self) -> Result<Vec<String>, Error> {
        let query = Query::select()
            .distinct()
            .column("application")
            .from("matrix_row_count")
            .and_where(Expr::col("matrix_rows").gt(0))
            .order_by("application", Order::Asc)
            .to_owned();
        let rows = self.db.query_all(&query).await?;
        Ok(rows.iter().map(|row| row.try_get_by_index(0)).collect::<Result<_, _>>()?)
    }

    async fn sum(&self, query: &SelectStatement) -> Result<u64, Error> {
        let row = self.db.query_one(query).await?;
        let total: Option<i64> = row.map(|row| row.try_get_by_index(0)).transpose()?;
        Ok(whole(total.unwrap_or_default()))
    }
}

/// Joins what is kept of services with the app instances they are kept by.
fn of_instances(query: &mut SelectStatement) {
    let id = Expr::col((Alias::new("app_instance"), Alias::new("id")));
    query.inner_join("app_instance", id.equals((Alias::new("service_count"), Alias::new("app_instance_id"))));
}

/// A sum; PostgreSQL's of bigints is a numeric.
fn sum(column: &'static str) -> SimpleExpr {
    Expr::expr(Func::coalesce([Func::sum(Expr::col(column)).into(), Expr::val(0)])).cast_as("bigint")
}

fn whole(sum: i64) -> u64 {
    sum.try_into().unwrap_or_default()
}
