//! Totals that triggers keep, so that a page need not count what it does not show.

use domain::{id::ClusterId, matrix::MatrixQuery, service::ServiceQuery};
use sea_orm::{
    ConnectionTrait,
    sea_query::{Alias, Expr, ExprTrait, Func, Order, Query, SelectStatement},
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
        let mut query = summed("service_count", "services");
        let place = |column: &'static str| Expr::col((Alias::new("app_instance"), Alias::new(column)));
        query.inner_join(
            "app_instance",
            place("id").equals((Alias::new("service_count"), Alias::new("app_instance_id"))),
        );
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
        let mut query = summed("matrix_row_count", "matrix_rows");
        for (column, word) in [("application", &wanted.application), ("kind", &wanted.kind)] {
            query.and_where_option(given(word).map(|word| Expr::col(column).eq(word.as_str())));
        }
        query.and_where_option(out_of_step.map(|out| Expr::col("out_of_step").eq(out)));
        self.sum(&query).await
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
        Ok(total.unwrap_or_default().try_into().unwrap_or_default())
    }
}

fn summed(table: &'static str, column: &'static str) -> SelectStatement {
    let total = Func::coalesce([Func::sum(Expr::col(column)).into(), Expr::val(0)]);
    // PostgreSQL's sum of bigints is a numeric.
    Query::select().expr(Expr::expr(total).cast_as("bigint")).from(table).to_owned()
}
