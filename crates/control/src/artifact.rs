//! Use cases of artifacts: programs that were uploaded for this machine's services.

use domain::{artifact::Artifact, limits::memory_in_words, validate};
use futures::Stream;

use crate::{Context, Error, local_service::failed};

/// All artifacts, newest first, with the services that use them.
pub async fn list(ctx: &Context) -> Result<Vec<Artifact>, Error> {
    ctx.control().local.site()?.artifacts().map_err(failed)
}

/// Stores what is uploaded, and says whether it was not there before: the same content is the same artifact.
pub async fn store<B, E>(
    ctx: &Context,
    name: Option<&str>,
    body: impl Stream<Item = Result<B, E>>,
) -> Result<(Artifact, bool), Error>
where
    B: AsRef<[u8]>,
    E: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let name = name.map(|name| validate::name("name", name)).transpose();
    let name = name.map_err(|fault| Error::Invalid(vec![fault]))?;
    let (artifact, new) = ctx.control().local.site()?.store_artifact(name, body).await.map_err(failed)?;
    if new {
        let what = artifact.name.as_deref().unwrap_or(&artifact.digest);
        let message = format!("uploaded {what} ({})", memory_in_words(artifact.size));
        let mut write = ctx.store().write().await?;
        write.append(ctx.event("artifact.created", message)).await?;
        write.commit().await?;
    }
    Ok((artifact, new))
}

/// Removes an artifact that no service uses.
pub async fn delete(ctx: &Context, digest: &str) -> Result<(), Error> {
    ctx.control().local.site()?.remove_artifact(digest).map_err(|error| match error {
        local::Error::NoArtifact(name) => Error::NotFound { noun: "artifact", name },
        error => failed(error),
    })?;
    let mut write = ctx.store().write().await?;
    write.append(ctx.event("artifact.deleted", format!("removed {digest}"))).await?;
    Ok(write.commit().await?)
}
