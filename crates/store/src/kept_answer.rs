//! Answers that are given again when a request comes again under the same key.

use chrono::{DateTime, Utc};
use sea_orm::{ActiveValue::Set, entity::prelude::*, sea_query::OnConflict};

use crate::{Error, Write};

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "kept_answer")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    key: String,
    request: String,
    status: Option<i32>,
    location: String,
    body: String,
    created_at: DateTimeUtc,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// What was answered to a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptAnswer {
    /// What the request was: method, path and a hash of its body.
    pub request: String,
    /// The answer's status; none while the request is being worked on.
    pub status: Option<u16>,
    /// The answer's `Location`, or nothing.
    pub location: String,
    /// The answer's body, JSON.
    pub body: String,
}

impl Write {
    /// Begins a request under a key; what is known of it already otherwise. What is older than `since` is forgotten.
    pub async fn begin_request(
        &mut self,
        key: &str,
        request: &str,
        now: DateTime<Utc>,
        since: DateTime<Utc>,
    ) -> Result<Option<KeptAnswer>, Error> {
        Entity::delete_many().filter(Column::CreatedAt.lt(since)).exec(self.tx()).await?;
        let row = ActiveModel {
            key: Set(key.to_owned()),
            request: Set(request.to_owned()),
            status: Set(None),
            location: Set(String::new()),
            body: Set(String::new()),
            created_at: Set(now),
        };
        let unknown = OnConflict::column(Column::Key).do_nothing().to_owned();
        let inserted = Entity::insert(row).on_conflict(unknown).exec_without_returning(self.tx()).await?;
        if inserted > 0 {
            return Ok(None);
        }
        let row = Entity::find_by_id(key).one(self.tx()).await?.ok_or(Error::NotFound)?;
        Ok(Some(KeptAnswer {
            request: row.request,
            status: row.status.and_then(|status| u16::try_from(status).ok()),
            location: row.location,
            body: row.body,
        }))
    }

    /// Keeps the answer to a request that was begun.
    pub async fn keep_answer(
        &mut self,
        key: &str,
        status: u16,
        location: &str,
        body: &str,
    ) -> Result<(), Error> {
        Entity::update_many()
            .col_expr(Column::Status, Expr::value(i32::from(status)))
            .col_expr(Column::Location, Expr::value(location))
            .col_expr(Column::Body, Expr::value(body))
            .filter(Column::Key.eq(key))
            .exec(self.tx())
            .await?;
        Ok(())
    }

    /// Forgets a request that came to nothing, so that it can be tried again.
    pub async fn forget_request(&mut self, key: &str) -> Result<(), Error> {
        Entity::delete_by_id(key).exec(self.tx()).await?;
        Ok(())
    }
}
