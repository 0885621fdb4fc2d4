//! Searching for text.

use sea_orm::{
    DbBackend,
    sea_query::{Alias, Expr, ExprTrait, LikeExpr, SimpleExpr},
};

/// The shortest text that the trigram index of SQLite can find.
const TRIGRAM: usize = 3;

/// What is searched for: lower case, without what no text has; nothing where nothing is left.
fn wanted(text: &str) -> Option<String> {
    // PostgreSQL takes no NUL.
    let text = text.replace('\0', "").trim().to_lowercase();
    (!text.is_empty()).then_some(text)
}

/// A pattern that finds a text anywhere, its own wildcards taken literally.
pub(crate) fn contains(text: &str) -> Option<LikeExpr> {
    let escaped = wanted(text)?.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_");
    Some(LikeExpr::new(format!("%{escaped}%")).escape('\\'))
}

/// That a row of `service` or `matrix_row` has a text anywhere in its column `search`.
///
/// On SQLite a text of three letters or more is looked up in the trigram index; PostgreSQL finds its own for `LIKE`.
pub(crate) fn has_text(backend: DbBackend, table: &'static str, text: &str) -> Option<SimpleExpr> {
    let sought = wanted(text)?;
    if backend == DbBackend::Sqlite && sought.chars().count() >= TRIGRAM {
        let found = format!("{table}.row in (select rowid from {table}_text where {table}_text match ?)");
        return Some(Expr::cust_with_values(found, [format!("\"{}\"", sought.replace('"', "\"\""))]));
    }
    Some(Expr::col((Alias::new(table), Alias::new("search"))).like(contains(text)?))
}
