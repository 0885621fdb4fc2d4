//! Use cases of sites.

use std::sync::Arc;

use chrono::Utc;
use domain::{
    id::SiteId,
    problem::FieldError,
    site::{
        Check, Dependents, KubeconfigParts, NewSite, Site, SiteEdit, SiteKind, SiteTest, TestProgress, Tested,
    },
    validate,
};
use futures::{Stream, stream};
use platform::{Platform, Told};
use tokio::sync::mpsc;
use uuid::Uuid;

use crate::{Context, Error, cluster, error::name_taken, platforms::connection_of};

/// The longest CA certificate, in bytes.
const MAX_CERTIFICATE: usize = 64 * 1024;
/// The longest token, in bytes.
const MAX_TOKEN: usize = 16 * 1024;

/// Every site, by name.
pub async fn list(ctx: &Context) -> Result<Vec<Site>, Error> {
    Ok(ctx.store().sites().await?)
}

/// What a person should look after, in a sentence for each site that is in trouble or will be soon.
pub async fn troubles(ctx: &Context) -> Result<Vec<String>, Error> {
    let now = Utc::now();
    Ok(list(ctx).await?.iter().filter_map(|site| site.trouble(now)).collect())
}

/// One site.
pub async fn get(ctx: &Context, id: SiteId) -> Result<Site, Error> {
    ctx.store().site(id).await.map_err(not_found(id))
}

/// Tries a connection; the outcome of a stored one is remembered.
pub async fn test(ctx: &Context, tested: Tested) -> Result<SiteTest, Error> {
    let platform = platform_of(ctx, &tested).await?;
    try_out(ctx, &tested, platform, &|_| {}).await
}

/// Tries a connection like [`test`], and tells each check as it ends. It goes on when nobody listens any more.
pub async fn follow_test(
    ctx: &Context,
    tested: Tested,
) -> Result<impl Stream<Item = Result<TestProgress, Error>> + Send + use<>, Error> {
    let platform = platform_of(ctx, &tested).await?;
    let (sender, receiver) = mpsc::unbounded_channel();
    let ctx = ctx.clone();
    ctx.control().clone().spawn(async move {
        let told = |check: &Check| drop(sender.send(Ok(TestProgress::Checked(check.clone()))));
        let outcome = try_out(&ctx, &tested, platform, &told).await;
        // Whoever asked may have left.
        let _ = sender.send(outcome.map(TestProgress::Ended));
    });
    Ok(stream::unfold(receiver, async |mut receiver| Some((receiver.recv().await?, receiver))))
}

/// What is tested; where it cannot even be begun, why.
type Begun = Result<Arc<dyn Platform>, platform::Error>;

async fn platform_of(ctx: &Context, tested: &Tested) -> Result<Begun, Error> {
    match tested {
        Tested::New(new) => check(new).map(|_| platform::connect(&connection_of(new))),
        Tested::Stored(id) => match get(ctx, *id).await?.kind {
            // What this server cannot reach says nothing of the site.
            SiteKind::Local => Ok(Ok(ctx.control().local.driver(*id)?)),
            _ => Ok(platform::connect(&ctx.control().connection(*id).await?)),
        },
    }
}

async fn try_out(ctx: &Context, tested: &Tested, platform: Begun, told: Told<'_>) -> Result<SiteTest, Error> {
    let outcome = platform::test(platform, told).await;
    if let Tested::Stored(id) = tested {
        record(ctx, *id, &outcome).await?;
    }
    Ok(outcome)
}

/// Connects a site, and lists its clusters where it answers.
pub async fn create(ctx: &Context, new: NewSite) -> Result<Site, Error> {
    let name = check(&new)?;
    let connection = connection_of(&new);
    platform::connect(&connection).map_err(|error| Error::invalid(field_of(&error), error.to_string()))?;
    let url = connection.url.trim_end_matches('/').to_owned();
    let new = Site::new(Uuid::now_v7().into(), name, new.kind.clone(), url);
    let site = Site { ca_certificate: connection.ca_certificate, ..new };
    let sealed = ctx.control().vault.seal(&site.id.to_string(), &connection.token);
    let mut write = ctx.store().write().await?;
    write.insert_site(&site, sealed).await.map_err(name_taken(taken(&site.name)))?;
    write.append(ctx.event("site.created", format!("connected site {}", site.name))).await?;
    write.commit().await?;
    // What cannot be reached now is a site with a problem, not a failed request: it may come up later.
    if let Err(error) = cluster::discover(ctx, site.id).await {
        record(ctx, site.id, &problem_only(&error)).await?;
    } else {
        test(ctx, Tested::Stored(site.id)).await?;
    }
    get(ctx, site.id).await
}

/// Edits a site. A new token replaces the stored one. A local site has none, and no address that could be changed.
pub async fn edit(ctx: &Context, id: SiteId, edit: SiteEdit) -> Result<Site, Error> {
    let before = get(ctx, id).await?;
    if before.kind == SiteKind::Local {
        check_local(&before, &edit)?;
    }
    let mut site = before.clone();
    let mut errors = Vec::new();
    if let Some(name) = &edit.name {
        validate::name("name", name).map_or_else(|error| errors.push(error), |name| site.name = name);
    }
    if let Some(url) = &edit.url {
        site.url = url.trim().trim_end_matches('/').to_owned();
    }
    if let Some(pem) = &edit.ca_certificate {
        site.ca_certificate = Some(pem.clone()).filter(|pem| !pem.trim().is_empty());
    }
    site.active = edit.active.unwrap_or(site.active);
    let token = edit.token.as_ref().filter(|token| !token.is_empty());
    check_sizes(token.map_or("", |token| token.expose()), site.ca_certificate.as_deref(), &mut errors);
    if !errors.is_empty() {
        return Err(Error::Invalid(errors));
    }
    // A stored token goes only where it was given for: another address has to come with a token of its own.
    if site.url != before.url && token.is_none() {
        return Err(Error::invalid("token", "The address has changed: give the token again."));
    }
    if site.kind != SiteKind::Local {
        let mut connection = ctx.control().connection(id).await?;
        connection.url = site.url.clone();
        connection.ca_certificate = site.ca_certificate.clone();
        platform::connect(&connection)
            .map_err(|error| Error::invalid(field_of(&error), error.to_string()))?;
    }
    let sealed = token.map(|token| ctx.control().vault.seal(&id.to_string(), token));
    let mut write = ctx.store().write().await?;
    match write.update_site(&site, edit.version.unwrap_or(before.version), sealed).await {
        Err(store::Error::Stale) => return Err(Error::stale(&before)),
        other => other.map_err(name_taken(taken(&site.name)))?,
    }
    write.append(ctx.event("site.changed", format!("edited site {}", site.name))).await?;
    write.commit().await?;
    ctx.control().observer.refresh();
    if site.active && (token.is_some() || site.ca_certificate != before.ca_certificate) {
        test(ctx, Tested::Stored(id)).await?;
    }
    get(ctx, id).await
}

/// What would go with a site.
pub async fn dependents(ctx: &Context, id: SiteId) -> Result<Dependents, Error> {
    get(ctx, id).await?;
    Ok(ctx.store().site_dependents(id).await?)
}

/// Removes a site with its clusters; refused while a deployment works on it and, unless `force`, while app instances
/// are bound in it, which go with it.
pub async fn delete(ctx: &Context, id: SiteId, force: bool) -> Result<(), Error> {
    let site = get(ctx, id).await?;
    if ctx.control().local.id() == Some(id) {
        let words = format!(
            "{} is this server's own machine, which is always there. Switch it off instead.",
            site.name
        );
        return Err(Error::conflict("local_site", words));
    }
    let dependents = dependents(ctx, id).await?;
    if !force && !dependents.app_instances.is_empty() {
        return Err(Error::in_use("site_in_use", &site.name, &dependents));
    }
    if dependents.running_deployments > 0 {
        return Err(Error::conflict(
            "site_in_use",
            "A sync is working on this site. Wait until it has ended, or cancel it.",
        ));
    }
    let mut write = ctx.store().write().await?;
    write.delete_site(id).await.map_err(not_found(id))?;
    write.append(ctx.event("site.deleted", format!("removed site {}", site.name))).await?;
    write.commit().await?;
    ctx.control().observer.refresh();
    Ok(())
}

/// Takes a pasted kubeconfig apart.
pub async fn parse_kubeconfig(ctx: &Context, text: String) -> Result<KubeconfigParts, Error> {
    let _ = ctx;
    platform::kubeconfig::parse(&text, None).map_err(|error| Error::invalid("kubeconfig", error.to_string()))
}

/// Remembers what a test found out, and tells when it changes something.
pub(crate) async fn record(ctx: &Context, id: SiteId, test: &SiteTest) -> Result<(), Error> {
    let before = get(ctx, id).await?;
    let mut write = ctx.store().write().await?;
    write.record_site_test(id, test).await?;
    if before.problem.is_some() == test.success {
        let message = match test.success {
            true => format!("site {} works", before.name),
            false => format!("site {} has a problem: {}", before.name, test.message),
        };
        write.append(ctx.event("site.changed", message)).await?;
    }
    Ok(write.commit().await?)
}

fn check(new: &NewSite) -> Result<String, Error> {
    let mut errors = Vec::new();
    let name = validate::name("name", &new.name).map_err(|error| errors.push(error)).unwrap_or_default();
    if new.kind == SiteKind::Local {
        errors.push(FieldError::new(
            "kind",
            "A local site is there by itself: it is the server's own machine.",
        ));
    }
    if let SiteKind::Unknown(kind) = &new.kind {
        errors.push(FieldError::new("kind", format!("“{kind}” is none of: rancher, kubernetes.")));
    }
    if new.url.trim().is_empty() {
        errors
            .push(FieldError::new("url", "Give the server's address, such as https://rancher.example.com."));
    }
    if new.token.expose().trim().is_empty() {
        errors.push(FieldError::new("token", "Give an API token."));
    }
    check_sizes(new.token.expose(), new.ca_certificate.as_deref(), &mut errors);
    if errors.is_empty() { Ok(name) } else { Err(Error::Invalid(errors)) }
}

fn check_local(site: &Site, edit: &SiteEdit) -> Result<(), Error> {
    let fields = [
        ("url", edit.url.as_ref().is_some_and(|url| *url != site.url)),
        ("token", edit.token.as_ref().is_some_and(|token| !token.is_empty())),
        ("caCertificate", edit.ca_certificate.as_ref().is_some_and(|pem| !pem.trim().is_empty())),
    ];
    let fault = |field| FieldError::new(field, "The server's own machine needs neither address nor token.");
    let faults: Vec<FieldError> =
        fields.into_iter().filter(|(_, given)| *given).map(|(field, _)| fault(field)).collect();
    if faults.is_empty() { Ok(()) } else { Err(Error::Invalid(faults)) }
}

fn check_sizes(token: &str, ca_certificate: Option<&str>, errors: &mut Vec<FieldError>) {
    if token.len() > MAX_TOKEN || token.trim().chars().any(|c| c.is_control() || c.is_whitespace()) {
        errors.push(FieldError::new("token", "A token is one line without spaces."));
    }
    if ca_certificate.is_some_and(|pem| pem.len() > MAX_CERTIFICATE) {
        errors.push(FieldError::new("caCertificate", "At most 64 KiB of PEM."));
    }
}

fn problem_only(error: &impl std::fmt::Display) -> SiteTest {
    SiteTest { success: false, message: error.to_string(), ..SiteTest::from_checks(Vec::new()) }
}

fn field_of(error: &platform::Error) -> &'static str {
    match error {
        platform::Error::Tls(_) => "caCertificate",
        platform::Error::SignIn(_) => "token",
        _ => "url",
    }
}

fn taken(name: &str) -> String {
    format!("There is a site named “{name}” already. Choose another name.")
}

fn not_found(id: SiteId) -> impl FnOnce(store::Error) -> Error {
    move |error| match error {
        store::Error::NotFound => Error::NotFound { noun: "site", name: id.to_string() },
        other => other.into(),
    }
}
