//! Revisions.

use chrono::{DateTime, Utc};
use domain::{
    id::{DeploymentId, EnvironmentId},
    list::{Page, Paging},
    revision::{EntryChange, Revision, RevisionEntry, RevisionSummary, SUMMARY_CHANGES, diff},
    settings::{self, EnvironmentSettings},
    variable::{self, VariableChange, Variables},
};
use sea_orm::{ActiveValue::Set, FromQueryResult, QueryOrder, QuerySelect, entity::prelude::*};

use crate::{Error, Store, Write, environment};

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "revision")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    id: Uuid,
    environment_id: Uuid,
    number: i64,
    entries: Json,
    workloads: i32,
    changes: Json,
    variables: Json,
    variable_changes: Json,
    settings: Option<Json>,
    setting_changes: Json,
    deployment_id: Option<Uuid>,
    author: String,
    reason: String,
    created_at: DateTimeUtc,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl TryFrom<Model> for Revision {
    type Error = Error;

    fn try_from(row: Model) -> Result<Self, Error> {
        Ok(Revision {
            id: row.id.into(),
            environment_id: row.environment_id.into(),
            number: row.number,
            entries: serde_json::from_value(row.entries)?,
            changes: serde_json::from_value(row.changes)?,
            variables: serde_json::from_value(row.variables)?,
            variable_changes: serde_json::from_value(row.variable_changes)?,
            settings: row.settings.map(serde_json::from_value).transpose()?,
            setting_changes: serde_json::from_value(row.setting_changes)?,
            deployment_id: row.deployment_id.map(Into::into),
            author: row.author,
            reason: row.reason,
            created_at: row.created_at,
        })
    }
}

/// The newest revision's number of each of these environments, or of all, that has one.
pub(crate) async fn latest_by_environment(
    db: &impl ConnectionTrait,
    of: Option<&[Uuid]>,
) -> Result<Vec<(Uuid, i64)>, Error> {
    // Asked for each by itself, the index tells without reading all of an environment's.
    let latest = "(select max(number) from revision where revision.environment_id = environment.id)";
    let mut query = environment::Entity::find()
        .select_only()
        .column(environment::Column::Id)
        .expr_as(Expr::cust(latest), "number");
    if let Some(of) = of {
        query = query.filter(environment::Column::Id.is_in(of.iter().copied()));
    }
    let rows: Vec<(Uuid, Option<i64>)> = query.into_tuple().all(db).await?;
    Ok(rows.into_iter().filter_map(|(id, number)| Some((id, number?))).collect())
}

/// The number of an environment's newest revision; 0 before the first.
pub(crate) async fn latest_number(
    db: &impl ConnectionTrait,
    environment: EnvironmentId,
) -> Result<i64, Error> {
    let newest: Option<i64> = Entity::find()
        .select_only()
        .column(Column::Number)
        .filter(Column::EnvironmentId.eq(environment.0))
        .order_by_desc(Column::Number)
        .into_tuple()
        .one(db)
        .await?;
    Ok(newest.unwrap_or_default())
}

/// A revision about to be stored.
#[derive(Clone, Debug)]
pub struct NewRevision {
    /// The environment.
    pub environment_id: EnvironmentId,
    /// What should run.
    pub entries: Vec<RevisionEntry>,
    /// Its variables; none for those of the revision before it.
    pub variables: Option<Variables>,
    /// The settings that are to hold; none for those that do.
    pub settings: Option<EnvironmentSettings>,
    /// The deployment that makes it.
    pub deployment_id: Option<DeploymentId>,
    /// Who makes it.
    pub author: String,
    /// Why.
    pub reason: String,
    /// When.
    pub created_at: DateTime<Utc>,
}

/// A row without its entries.
#[derive(FromQueryResult)]
struct Row {
    number: i64,
    workloads: i32,
    changes: Json,
    variable_changes: Json,
    setting_changes: Json,
    deployment_id: Option<Uuid>,
    author: String,
    reason: String,
    created_at: DateTimeUtc,
}

impl Row {
    fn into_summary(self, active: i64) -> Result<RevisionSummary, Error> {
        let mut changes: Vec<EntryChange> = serde_json::from_value(self.changes)?;
        let changed = changes.len() as u64;
        changes.truncate(SUMMARY_CHANGES);
        let mut variables: Vec<VariableChange> = serde_json::from_value(self.variable_changes)?;
        let changed_variables = variables.len() as u64;
        variables.truncate(SUMMARY_CHANGES);
        Ok(RevisionSummary {
            number: self.number,
            active: self.number == active,
            workloads: self.workloads.max(0) as u64,
            changed,
            changes,
            changed_variables,
            variables,
            settings: serde_json::from_value(self.setting_changes)?,
            deployment_id: self.deployment_id.map(Into::into),
            author: self.author,
            reason: self.reason,
            created_at: self.created_at,
        })
    }
}

async fn find(
    db: &impl ConnectionTrait,
    environment: EnvironmentId,
    number: i64,
) -> Result<Option<Revision>, Error> {
    let query =
        Entity::find().filter(Column::EnvironmentId.eq(environment.0)).filter(Column::Number.eq(number));
    query.one(db).await?.map(Revision::try_from).transpose()
}

/// The number of an environment's active revision; 0 before the first.
async fn active_number(db: &impl ConnectionTrait, environment: EnvironmentId) -> Result<i64, Error> {
    let number: Option<i64> = environment::Entity::find_by_id(environment.0)
        .select_only()
        .column(environment::Column::ActiveRevision)
        .into_tuple()
        .one(db)
        .await?;
    number.ok_or(Error::NotFound)
}

impl Store {
    /// A page of an environment's revisions, newest first.
    pub async fn revisions(
        &self,
        environment: EnvironmentId,
        paging: Paging,
    ) -> Result<Page<RevisionSummary>, Error> {
        let all = || Entity::find().filter(Column::EnvironmentId.eq(environment.0));
        let total = all().count(&self.db).await?;
        let active = active_number(&self.db, environment).await?;
        let columns = [
            Column::Number,
            Column::Workloads,
            Column::Changes,
            Column::VariableChanges,
            Column::SettingChanges,
            Column::DeploymentId,
            Column::Author,
            Column::Reason,
            Column::CreatedAt,
        ];
        let query = all()
            .select_only()
            .columns(columns)
            .order_by_desc(Column::Number)
            .offset(paging.offset())
            .limit(u64::from(paging.page_size));
        let rows: Vec<Row> = query.into_model().all(&self.db).await?;
        let items =
            rows.into_iter().map(|row| row.into_summary(active)).collect::<Result<Vec<_>, Error>>()?;
        Ok(Page { items, total, page: paging.page, page_size: paging.page_size })
    }

    /// One revision of an environment, by its number.
    pub async fn revision(&self, environment: EnvironmentId, number: i64) -> Result<Revision, Error> {
        find(&self.db, environment, number).await?.ok_or(Error::NotFound)
    }

    /// The variables of an environment's revision, or of its newest, with its number; none where there is none. What should
    /// run, which may be much, is not read for them.
    pub async fn variables(
        &self,
        environment: EnvironmentId,
        number: Option<i64>,
    ) -> Result<Option<(i64, Variables)>, Error> {
        let mut query = Entity::find()
            .select_only()
            .columns([Column::Number, Column::Variables])
            .filter(Column::EnvironmentId.eq(environment.0))
            .order_by_desc(Column::Number);
        if let Some(number) = number {
            query = query.filter(Column::Number.eq(number));
        }
        let row: Option<(i64, Json)> = query.into_tuple().one(&self.db).await?;
        row.map(|(number, variables)| Ok((number, serde_json::from_value(variables)?))).transpose()
    }

    /// The variables of the revision that an environment was last brought to; none of any before the first.
    pub async fn active_variables(&self, environment: EnvironmentId) -> Result<Variables, Error> {
        let number = active_number(&self.db, environment).await?;
        let active = self.variables(environment, Some(number)).await?;
        Ok(active.map(|(_, variables)| variables).unwrap_or_default())
    }

    /// The revision that an environment was last brought to.
    pub async fn active_revision(&self, environment: EnvironmentId) -> Result<Option<Revision>, Error> {
        let number = active_number(&self.db, environment).await?;
        find(&self.db, environment, number).await
    }
}

impl Write {
    /// Keeps an environment to this transaction until its commit; on SQLite there is one writer anyway.
    pub async fn hold_environment(&mut self, id: EnvironmentId) -> Result<(), Error> {
        if self.tx().get_database_backend() == sea_orm::DbBackend::Postgres {
            environment::Entity::find_by_id(id.0).lock_exclusive().one(self.tx()).await?;
        }
        Ok(())
    }

    /// The newest revision of an environment that this transaction holds.
    pub async fn latest_revision(&mut self, environment: EnvironmentId) -> Result<Option<Revision>, Error> {
        let query =
            Entity::find().filter(Column::EnvironmentId.eq(environment.0)).order_by_desc(Column::Number);
        query.one(self.tx()).await?.map(Revision::try_from).transpose()
    }

    /// A revision of an environment, by its number.
    pub async fn revision(
        &mut self,
        environment: EnvironmentId,
        number: i64,
    ) -> Result<Option<Revision>, Error> {
        find(self.tx(), environment, number).await
    }

    /// The revision that an environment was last brought to.
    pub async fn active_revision(&mut self, environment: EnvironmentId) -> Result<Option<Revision>, Error> {
        let number = active_number(self.tx(), environment).await?;
        find(self.tx(), environment, number).await
    }

    /// Adds a revision with the environment's next number, which it returns. Settings of its own are stored with
    /// [`Write::update_settings`], after it.
    pub async fn insert_revision(&mut self, new: &NewRevision) -> Result<i64, Error> {
        // So that two that are added at once do not take the same number.
        self.hold_environment(new.environment_id).await?;
        let latest = self.latest_revision(new.environment_id).await?;
        let number = latest.as_ref().map_or(0, |latest| latest.number) + 1;
        let (before, had) = latest.map(|latest| (latest.entries, latest.variables)).unwrap_or_default();
        let changes = diff(&before, &new.entries);
        let variables = new.variables.as_ref().unwrap_or(&had);
        let hold = environment::settings(self.tx(), new.environment_id).await?.settings;
        let settings = new.settings.as_ref().unwrap_or(&hold);
        let row = ActiveModel {
            id: Set(Uuid::now_v7()),
            environment_id: Set(new.environment_id.0),
            number: Set(number),
            entries: Set(serde_json::to_value(&new.entries)?),
            workloads: Set(new.entries.len() as i32),
            changes: Set(serde_json::to_value(&changes)?),
            variables: Set(serde_json::to_value(variables)?),
            variable_changes: Set(serde_json::to_value(variable::diff(&had, variables))?),
            settings: Set(Some(serde_json::to_value(settings)?)),
            setting_changes: Set(serde_json::to_value(settings::diff(&hold, settings))?),
            deployment_id: Set(new.deployment_id.map(|id| id.0)),
            author: Set(new.author.clone()),
            reason: Set(new.reason.clone()),
            created_at: Set(new.created_at),
        };
        Entity::insert(row).exec_without_returning(self.tx()).await?;
        Ok(number)
    }

    /// Says to which revision an environment was brought.
    pub async fn activate_revision(&mut self, environment: EnvironmentId, number: i64) -> Result<(), Error> {
        environment::Entity::update_many()
            .col_expr(environment::Column::ActiveRevision, Expr::value(number))
            .filter(environment::Column::Id.eq(environment.0))
            .exec(self.tx())
            .await?;
        self.pass_over_settings(environment).await
    }

    /// Lets the active revision go on to those after it that changed settings alone: settings hold at once, so there is
    /// nothing to be deployed in between.
    pub async fn pass_over_settings(&mut self, environment: EnvironmentId) -> Result<(), Error> {
        let active = active_number(self.tx(), environment).await?;
        let mut reached = active;
        while active > 0 && self.changes_settings_alone(environment, reached + 1).await? {
            reached += 1;
        }
        if reached > active {
            environment::Entity::update_many()
                .col_expr(environment::Column::ActiveRevision, Expr::value(reached))
                .filter(environment::Column::Id.eq(environment.0))
                .exec(self.tx())
                .await?;
        }
        Ok(())
    }

    async fn changes_settings_alone(
        &mut self,
        environment: EnvironmentId,
        number: i64,
    ) -> Result<bool, Error> {
        let found: Option<(Json, Json, Json)> = Entity::find()
            .select_only()
            .columns([Column::Changes, Column::VariableChanges, Column::SettingChanges])
            .filter(Column::EnvironmentId.eq(environment.0))
            .filter(Column::Number.eq(number))
            .into_tuple()
            .one(self.tx())
            .await?;
        let empty = |changes: &Json| changes.as_array().is_some_and(Vec::is_empty);
        Ok(found.is_some_and(|(entries, variables, settings)| {
            empty(&entries) && empty(&variables) && !empty(&settings)
        }))
    }
}
