//! Previews of syncs, kept until they expire.

use std::collections::HashMap;

use chrono::Utc;
use domain::{
    id::{PreviewId, ServiceId},
    sync::Preview,
    variable::Carried,
};
use sea_orm::{ActiveValue::Set, entity::prelude::*};

use crate::{Error, Store, Write};

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "preview")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    id: Uuid,
    content: Json,
    carried: Json,
    expires_at: DateTimeUtc,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// What a preview would do to the variables of its targets; it is not for the wire.
pub type CarriedByService = HashMap<ServiceId, Carried>;

impl Store {
    /// What a preview would do to its targets' variables.
    pub async fn carried(&self, id: PreviewId) -> Result<CarriedByService, Error> {
        let row = Entity::find_by_id(id.0).one(&self.db).await?;
        Ok(serde_json::from_value(row.ok_or(Error::NotFound)?.carried)?)
    }

    /// A preview, unless it is not known or has expired.
    pub async fn preview(&self, id: PreviewId) -> Result<Preview, Error> {
        let row = Entity::find_by_id(id.0).filter(Column::ExpiresAt.gt(Utc::now())).one(&self.db).await?;
        Ok(serde_json::from_value(row.ok_or(Error::NotFound)?.content)?)
    }
}

impl Write {
    /// Keeps a preview, and forgets the expired ones.
    pub async fn insert_preview(
        &mut self,
        preview: &Preview,
        carried: &CarriedByService,
    ) -> Result<(), Error> {
        Entity::delete_many().filter(Column::ExpiresAt.lt(Utc::now())).exec(self.tx()).await?;
        let row = ActiveModel {
            id: Set(preview.id.0),
            content: Set(serde_json::to_value(preview)?),
            carried: Set(serde_json::to_value(carried)?),
            expires_at: Set(preview.expires_at),
        };
        Entity::insert(row).exec_without_returning(self.tx()).await?;
        Ok(())
    }
}
