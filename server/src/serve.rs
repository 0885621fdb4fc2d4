//! Puts a server together and runs it until it is told to stop.

use std::{fs::File, net::SocketAddr, sync::Arc, time::Duration};

use axum::{Router, extract::DefaultBodyLimit, middleware, routing::get};
use control::{Context, Control, Options, Vault};
use domain::problem::Problem;
use http::{HeaderValue, header};
use store::Store;
use tokio::{net::TcpListener, task::JoinHandle};
use tower_http::{
    catch_panic::CatchPanicLayer,
    compression::{
        CompressionLayer,
        predicate::{DefaultPredicate, NotForContentType, Predicate},
    },
    set_header::SetResponseHeaderLayer,
    trace::TraceLayer,
};

use crate::{
    config::Settings,
    first_pages::{self, FirstPages},
    guard::{self, AllowedHosts},
    problem::{ProblemResponse, unknown_path},
    rest, site,
};

/// The largest body of a request: large enough that an absurd name is refused at its field.
pub(crate) const MAX_BODY: usize = 16 * 1024 * 1024;
/// How long requests in flight may take once the server is told to stop.
const GRACE: Duration = Duration::from_secs(10);
/// Who acts, until there are accounts.
const OPERATOR: &str = "local operator";

/// Why a server cannot start or stop.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The data directory cannot be used.
    #[error("the data directory {path} cannot be used: create it, or give another with --data-dir")]
    DataDir {
        /// Which directory.
        path: String,
        /// Why.
        source: std::io::Error,
    },
    /// A demo is not to be made of, nor to forget, what is none.
    #[error("{0} has the data of a server that is no demo: give another with --data-dir")]
    NoDemo(String),
    /// Another server uses the SQLite file.
    #[error(
        "another lockstep uses the database {0}: stop it, or give another with --data-dir or --database-url"
    )]
    InUse(String),
    /// The SQLite file cannot be locked.
    #[error("{path} cannot be written: make its directory writable, or give another with --data-dir")]
    Lock {
        /// The lock's file.
        path: String,
        /// Why.
        source: std::io::Error,
    },
    /// The address cannot be listened on.
    #[error("{addr} cannot be listened on: choose another with --addr")]
    Listen {
        /// Which address.
        addr: SocketAddr,
        /// Why.
        source: std::io::Error,
    },
    /// The secret key cannot be used.
    #[error(transparent)]
    Vault(#[from] control::VaultError),
    /// The database cannot be used.
    #[error("the database cannot be used: see --database-url")]
    Store(#[from] store::Error),
    /// The work in the background cannot start.
    #[error("the server cannot start")]
    Control(#[from] control::Error),
    /// A demo that may run nothing.
    #[error("nothing may run on this machine: see --local-site")]
    NoLocalSite,
    /// This machine's site cannot be used.
    #[error("this machine's site cannot be used")]
    Local(#[from] local::Error),
    /// Serving failed.
    #[error("serving failed")]
    Io(#[from] std::io::Error),
}

/// A running server.
pub struct Running {
    addr: SocketAddr,
    control: Arc<Control>,
    serving: JoinHandle<std::io::Result<()>>,
    store: Store,
    _lock: Option<File>,
}

/// Starts a server.
///
/// # Errors
/// When its directory, key, database or address cannot be used.
pub async fn start(settings: Settings) -> Result<Running, ServeError> {
    let failed = |source| ServeError::DataDir { path: settings.data_dir.display().to_string(), source };
    std::fs::create_dir_all(&settings.data_dir).map_err(failed)?;
    let lock = lock_database(&settings.database_url)?;
    let vault = match &settings.secret_key {
        Some(key) => Vault::from_base64(key, "LOCKSTEP_SECRET_KEY")?,
        None => Vault::from_file(&settings.data_dir.join("secret.key"))?,
    };
    let store = Store::open(&settings.database_url).await?;
    let failed = |source| ServeError::Listen { addr: settings.addr, source };
    let listener = TcpListener::bind(settings.addr).await.map_err(failed)?;
    let addr = listener.local_addr().map_err(failed)?;
    let server_name = format!("{} {}", local::host_name(), uuid::Uuid::now_v7());
    let (patience, local) = (settings.patience, settings.local.clone());
    let options = Options { store: store.clone(), vault, server_name, patience, local };
    let control = Control::start(options).await?;
    let routes = routes(&control, &store, &settings);
    let stopping = control.stopping();
    let serving = tokio::spawn(async move {
        axum::serve(listener, routes).with_graceful_shutdown(stopping.cancelled_owned()).await
    });
    Ok(Running { addr, control, serving, store, _lock: lock })
}

impl Running {
    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Acts in a server's own name.
    pub fn context(&self, actor: &str) -> Context {
        Context::new(self.control.clone(), actor)
    }

    /// The database, for what no user asks for.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// Lets requests in flight and event streams end, then stops. What deployments were doing goes on at the next start.
    ///
    /// # Errors
    /// When serving had failed, or the database cannot be closed.
    pub async fn stop(self) -> Result<(), ServeError> {
        self.control.stop().await;
        if let Ok(served) = tokio::time::timeout(GRACE, self.serving).await {
            served.map_err(std::io::Error::other)??;
        }
        Ok(self.store.close().await?)
    }
}

/// A SQLite file belongs to one server alone; PostgreSQL may be shared.
fn lock_database(url: &str) -> Result<Option<File>, ServeError> {
    let Some(database) = sqlite_file(url) else { return Ok(None) };
    let path = format!("{database}.lock");
    let failed = |source| ServeError::Lock { path: path.clone(), source };
    let file = File::create(&path).map_err(failed)?;
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(std::fs::TryLockError::WouldBlock) => Err(ServeError::InUse(database.to_owned())),
        Err(std::fs::TryLockError::Error(error)) => Err(failed(error)),
    }
}

/// The file that a URL names; none for PostgreSQL and for a database in memory.
fn sqlite_file(url: &str) -> Option<&str> {
    let rest = url.strip_prefix("sqlite:")?;
    let path = rest.strip_prefix("//").unwrap_or(rest).split('?').next().unwrap_or_default();
    (!path.is_empty() && path != ":memory:").then_some(path)
}

fn routes(control: &Arc<Control>, store: &Store, settings: &Settings) -> Router {
    let ctx = Context::new(control.clone(), OPERATOR);
    let allowed: AllowedHosts = settings.allowed_hosts.clone().into();
    let ready = store.clone();
    Router::new()
        .merge(rest::routes(ctx.clone()))
        .route("/api/{*path}", axum::routing::any(unknown_path))
        .fallback_service(site::routes(ctx, settings))
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .layer(compression())
        .layer(middleware::from_fn_with_state(FirstPages::new(store.clone()), first_pages::answer))
        .layer(middleware::from_fn_with_state(allowed, guard::guard))
        // Below the guard: probes ask by whatever name they know, and these tell nobody anything.
        .route("/healthz", get(|| async { "ok" }))
        .route("/readyz", get(move || readiness(ready.clone())))
        .layer(SetResponseHeaderLayer::overriding(
            header::X_CONTENT_TYPE_OPTIONS,
            HeaderValue::from_static("nosniff"),
        ))
        .layer(SetResponseHeaderLayer::overriding(header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY")))
        .layer(SetResponseHeaderLayer::overriding(
            header::REFERRER_POLICY,
            HeaderValue::from_static("same-origin"),
        ))
        .layer(CatchPanicLayer::custom(|_| {
            let detail = "Something went wrong on the server. Try again; the server's log says more.";
            axum::response::IntoResponse::into_response(ProblemResponse(Problem::new(
                500,
                "internal",
                "Internal error",
                detail,
            )))
        }))
        .layer(TraceLayer::new_for_http())
}

/// Everything but streams, which must not be held back, and fonts, which are compressed already.
fn compression() -> CompressionLayer<impl Predicate> {
    let worth_it = DefaultPredicate::new()
        .and(NotForContentType::new("text/event-stream"))
        .and(NotForContentType::new("application/octet-stream"))
        .and(NotForContentType::new("font/"));
    CompressionLayer::new().quality(tower_http::CompressionLevel::Fastest).compress_when(worth_it)
}

async fn readiness(store: Store) -> Result<&'static str, ProblemResponse> {
    store.ping().await.map(|()| "ready").map_err(|_| {
        let detail = "The database does not answer.";
        ProblemResponse(Problem::new(503, "database_unavailable", "Not ready", detail))
    })
}
