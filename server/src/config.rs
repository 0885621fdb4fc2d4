//! Configuration: a flag comes before an environment variable, that before `Leptos.toml`, that before the default.

use std::{
    net::SocketAddr,
    ops::RangeInclusive,
    path::{Path, PathBuf},
};

use clap::{Args, ValueEnum};
use domain::patience::Patience;
use serde::Deserialize;

/// How log lines are written.
#[derive(Clone, Debug, Default, ValueEnum)]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object per line.
    Json,
}

/// Whether programs may be run on this machine.
#[derive(Clone, Debug, PartialEq, Eq, ValueEnum)]
pub enum LocalSite {
    /// Whoever may use Lockstep may run programs as its user.
    On,
    /// Nobody may.
    Off,
}

/// Options of `lockstep serve`.
#[derive(Args, Clone, Debug, Default)]
pub struct Serve {
    /// Address to listen on [default: 127.0.0.1:3000]
    #[arg(long, env = "LOCKSTEP_ADDR")]
    pub addr: Option<SocketAddr>,
    /// sqlite://FILE or postgres://… [default: a SQLite file in the data directory]
    #[arg(long, env = "LOCKSTEP_DATABASE_URL", hide_env_values = true)]
    pub database_url: Option<String>,
    /// Where the database and the secret key are kept [default: data]
    #[arg(long, env = "LOCKSTEP_DATA_DIR")]
    pub data_dir: Option<PathBuf>,
    /// Whether services may run on this machine, as the user that Lockstep runs as [default: on; off with
    /// --insecure-listen or --allowed-host]
    #[arg(long, env = "LOCKSTEP_LOCAL_SITE")]
    pub local_site: Option<LocalSite>,
    /// The ports that services on this machine get, as FIRST-LAST [default: 20000-29999]
    #[arg(long, env = "LOCKSTEP_LOCAL_PORTS", value_parser = ports)]
    pub local_ports: Option<RangeInclusive<u16>>,
    /// Listen beyond this machine, although there is no sign-in yet: whoever reaches the port can do everything
    #[arg(long)]
    pub insecure_listen: bool,
    /// A host name that browsers use for this server; may be repeated
    #[arg(long = "allowed-host", env = "LOCKSTEP_ALLOWED_HOSTS", value_delimiter = ',')]
    pub allowed_hosts: Vec<String>,
    /// A factor on every time-out and pause towards clusters, for tests
    #[arg(long, env = "LOCKSTEP_PATIENCE", default_value_t = 1.0, hide = true)]
    pub patience: f64,
    /// How log lines are written
    #[arg(long, env = "LOCKSTEP_LOG_FORMAT", default_value = "text")]
    pub log_format: LogFormat,
}

/// What a server runs with.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where it listens; port 0 takes any.
    pub addr: SocketAddr,
    /// The database.
    pub database_url: String,
    /// Where it keeps its files.
    pub data_dir: PathBuf,
    /// Host names it answers to, beside addresses and `localhost`.
    pub allowed_hosts: Vec<String>,
    /// The key that tokens are sealed with, in base64; a file in the data directory if none.
    pub secret_key: Option<String>,
    /// The web UI's files.
    pub site_root: PathBuf,
    /// Whether the web UI's files carry a hash in their names.
    pub hashed: bool,
    /// How long clusters are waited for.
    pub patience: Patience,
    /// What this machine's site is made of, where services may run on it.
    pub local: Option<local::Options>,
}

/// What is wrong with the configuration.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// This program's own file cannot be found.
    #[error("this program's own file cannot be found")]
    Program(#[source] std::io::Error),
    /// `Leptos.toml` cannot be read.
    #[error("{path} cannot be used")]
    File {
        /// Which file.
        path: String,
        /// Why.
        source: toml::de::Error,
    },
    /// The address is not on this machine alone.
    #[error(
        "{0} can be reached from other machines, and there is no sign-in yet. \
         Listen on 127.0.0.1, or give --insecure-listen if something in front of Lockstep protects it."
    )]
    Exposed(SocketAddr),
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct File {
    leptos: LeptosSection,
    lockstep: LockstepSection,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
struct LeptosSection {
    site_root: Option<PathBuf>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
struct LockstepSection {
    addr: Option<SocketAddr>,
    database_url: Option<String>,
    data_dir: Option<PathBuf>,
}

impl Serve {
    /// Puts the sources together.
    ///
    /// # Errors
    /// When `Leptos.toml` cannot be used, or the address is exposed without being meant to be.
    pub fn settings(&self) -> Result<Settings, ConfigError> {
        let beside_binary = std::env::current_exe().ok().and_then(|exe| exe.parent().map(Path::to_owned));
        let mut places = vec![PathBuf::new()];
        places.extend(beside_binary);
        let (place, file) = read_file(&places)?;
        let addr = self.addr.or(file.lockstep.addr).unwrap_or(SocketAddr::from(([127, 0, 0, 1], 3000)));
        if !addr.ip().is_loopback() && !self.insecure_listen {
            return Err(ConfigError::Exposed(addr));
        }
        let data_dir = self.data_dir.clone().or(file.lockstep.data_dir).unwrap_or_else(|| "data".into());
        // Whom a proxy lets in may not run programs here unless that is meant.
        let others = self.insecure_listen || !self.allowed_hosts.is_empty();
        let default = if others { LocalSite::Off } else { LocalSite::On };
        let local = match self.local_site.clone().unwrap_or(default) {
            LocalSite::On => Some(local::Options {
                root: data_dir.join("local"),
                holder: std::env::current_exe().map_err(ConfigError::Program)?,
                ports: self.local_ports.clone().unwrap_or(local::PORTS),
            }),
            LocalSite::Off => None,
        };
        let database_url = self.database_url.clone().or(file.lockstep.database_url);
        let site_root = std::env::var_os("LEPTOS_SITE_ROOT").map(PathBuf::from);
        let site_root = site_root.or_else(|| file.leptos.site_root.map(|root| place.join(root)));
        Ok(Settings {
            addr,
            database_url: database_url.unwrap_or_else(|| sqlite_url(&data_dir)),
            data_dir,
            allowed_hosts: self.allowed_hosts.clone(),
            secret_key: std::env::var("LOCKSTEP_SECRET_KEY").ok(),
            site_root: site_root.unwrap_or_else(|| "target/site".into()),
            hashed: std::env::var("LEPTOS_HASH_FILES").map_or(true, |value| value == "true"),
            patience: Patience::times(self.patience),
            local,
        })
    }
}

fn ports(text: &str) -> Result<RangeInclusive<u16>, &'static str> {
    let ends = text.split_once('-').and_then(|(first, last)| Some((first.parse().ok()?, last.parse().ok()?)));
    match ends {
        Some((first, last)) if 0 < first && first <= last => Ok(first..=last),
        _ => Err("write the first and the last port, such as 20000-29999"),
    }
}

/// The SQLite file of a data directory.
pub fn sqlite_url(data_dir: &Path) -> String {
    format!("sqlite://{}?mode=rwc", data_dir.join("lockstep.db").display())
}

/// The first `Leptos.toml` there is, and where.
fn read_file(places: &[PathBuf]) -> Result<(PathBuf, File), ConfigError> {
    for place in places {
        let path = place.join("Leptos.toml");
        if let Ok(text) = std::fs::read_to_string(&path) {
            let read = toml::from_str(&text);
            let file =
                read.map_err(|source| ConfigError::File { path: path.display().to_string(), source })?;
            return Ok((place.clone(), file));
        }
    }
    Ok((PathBuf::new(), File::default()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_exposed_address_must_be_meant() {
        let mut options = Serve { addr: Some("0.0.0.0:3000".parse().unwrap()), ..Serve::default() };
        assert!(matches!(options.settings(), Err(ConfigError::Exposed(_))));
        options.insecure_listen = true;
        assert!(options.settings().unwrap().local.is_none(), "others' programs are not run unasked");
        options.local_site = Some(LocalSite::On);
        assert!(options.settings().unwrap().local.is_some());
    }

    /// cargo-leptos reads Cargo.toml and the server reads Leptos.toml.
    #[test]
    fn leptos_toml_agrees_with_the_workspace() {
        let read = |path: &str| -> toml::Table { std::fs::read_to_string(path).unwrap().parse().unwrap() };
        let ours = read("../Leptos.toml");
        let workspace = read("../Cargo.toml");
        let project = &workspace["workspace"]["metadata"]["leptos"][0];
        for (key, value) in ours["leptos"].as_table().unwrap() {
            assert_eq!(project.get(key), Some(value), "{key}");
        }
        assert_eq!(project["site-addr"], ours["lockstep"]["addr"]);
    }
}
