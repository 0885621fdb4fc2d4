//! Searching for text.

use sea_orm::{
    ConnectionTrait, DbBackend, Value,
    sea_query::{Alias, Expr, ExprTrait, LikeExpr, SimpleExpr},
};

use crate::{Error, Store};

/// The shortest text that the trigram index of SQLite can find.
const TRIGRAM: usize = 3;
/// With more rows than this SQLite is quicker to read along an order than to look each of them up.
const MANY: usize = 1000;

/// What is searched for: lower case, without what no text has; nothing where nothing is left.
fn sought(text: &str) -> Option<String> {
    // PostgreSQL takes no NUL.
    let text = text.replace('\0', "").trim().to_lowercase();
    (!text.is_empty()).then_some(text)
}

/// A text for a pattern, its own wildcards taken literally.
fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_")
}

/// A pattern that finds a text anywhere.
pub(crate) fn contains(text: &str) -> Option<LikeExpr> {
    let escaped = escaped(&sought(text)?);
    Some(LikeExpr::new(format!("%{escaped}%")).escape('\\'))
}

/// A pattern that finds what begins with a text.
pub(crate) fn begins(text: &str) -> Option<LikeExpr> {
    let escaped = escaped(&sought(text)?);
    Some(LikeExpr::new(format!("{escaped}%")).escape('\\'))
}

/// The condition that a row of `service` or `matrix_row` has a text in its column `search`.
#[derive(Clone)]
pub(crate) struct HasText {
    /// For a page of rows in some order.
    pub(crate) found: SimpleExpr,
    /// For all rows that have it: through the index, however many they are.
    counted: SimpleExpr,
}

impl HasText {
    /// The same condition, for counting.
    pub(crate) fn counting(&self) -> Self {
        Self { found: self.counted.clone(), counted: self.counted.clone() }
    }
}

/// What the trigram index is asked for: a text as it stands.
fn phrase(text: &str) -> String {
    format!("\"{}\"", text.replace('"', "\"\""))
}

impl Store {
    /// Prepares a search. On SQLite the trigram index is asked first, and names the rows if they are few; PostgreSQL
    /// finds its own index for `like`.
    pub(crate) async fn has_text(
        &self,
        table: &'static str,
        text: Option<&str>,
    ) -> Result<Option<HasText>, Error> {
        let Some((text, pattern)) = text.and_then(|text| sought(text).zip(contains(text))) else {
            return Ok(None);
        };
        let like = Expr::col((Alias::new(table), Alias::new("search"))).like(pattern);
        if self.db.get_database_backend() != DbBackend::Sqlite || text.chars().count() < TRIGRAM {
            return Ok(Some(HasText { found: like.clone(), counted: like }));
        }
        if let Some(rows) = self.few(table, &text).await? {
            // One parameter, however many rows: the statement stays the same and is prepared once.
            let named = format!("{table}.row in (select value from json_each(?))");
            let found = Expr::cust_with_values(named, [Value::from(format!("{rows:?}"))]);
            return Ok(Some(HasText { found: found.clone(), counted: found }));
        }
        let indexed = format!("{table}.row in (select rowid from {table}_text where {table}_text match ?)");
        let counted = Expr::cust_with_values(indexed, [Value::from(phrase(&text))]);
        Ok(Some(HasText { found: like, counted }))
    }

    /// The rows that have a text, unless they are many.
    async fn few(&self, table: &str, text: &str) -> Result<Option<Vec<i64>>, Error> {
        let found = format!("select rowid from {table}_text where {table}_text match ? limit {}", MANY + 1);
        let statement =
            sea_orm::Statement::from_sql_and_values(DbBackend::Sqlite, found, [Value::from(phrase(text))]);
        let rows = self.db.query_all_raw(statement).await?;
        let rows = rows.iter().map(|row| row.try_get_by_index(0)).collect::<Result<Vec<i64>, _>>()?;
        Ok((rows.len() <= MANY).then_some(rows))
    }
}
