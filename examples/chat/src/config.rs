//! The settings, from the environment.

use std::{env, net::SocketAddr, str::FromStr, time::Duration};

use axum::http::HeaderValue;

#[derive(Clone, Debug)]
pub struct Config {
    pub address: SocketAddr,
    pub tls_address: Option<SocketAddr>,
    /// How many events each log holds.
    pub replay_events: usize,
    /// Where logs are, instead of in memory.
    pub redis_url: Option<String>,
    /// How many event streams one user may have open.
    pub streams: usize,
    /// Other origins whose pages may use the interface with the cookie.
    pub origins: Vec<HeaderValue>,
    /// Names of this server, other than `localhost` and those of the origins.
    pub hosts: Vec<String>,
    /// An answer to which nobody listens for so long is stopped.
    pub abandoned_after: Duration,
    /// How long a one-time token may be used.
    pub token_lifetime: Duration,
    /// A pause after each step of a task, so that there is something to watch.
    pub task_pause: Duration,
    /// How long the jobs that run may go on when the server stops.
    pub grace: Duration,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            address: SocketAddr::from(([127, 0, 0, 1], 3000)),
            tls_address: None,
            replay_events: 1024,
            redis_url: None,
            streams: 5,
            origins: Vec::new(),
            hosts: Vec::new(),
            abandoned_after: Duration::from_secs(30),
            token_lifetime: Duration::from_secs(30),
            task_pause: Duration::from_millis(80),
            grace: Duration::from_secs(10),
        }
    }
}

impl Config {
    pub fn from_env() -> Result<Self, ConfigError> {
        let default = Self::default();
        Ok(Self {
            address: variable("CHAT_ADDRESS")?.unwrap_or(default.address),
            tls_address: variable("CHAT_TLS_ADDRESS")?,
            replay_events: variable("CHAT_REPLAY_EVENTS")?.unwrap_or(default.replay_events),
            redis_url: variable("REDIS_URL")?,
            streams: variable("CHAT_STREAMS")?.unwrap_or(default.streams),
            origins: list("CHAT_ORIGINS")?,
            hosts: list("CHAT_HOSTS")?,
            ..default
        })
    }
}

fn variable<T: FromStr>(name: &'static str) -> Result<Option<T>, ConfigError> {
    match env::var(name) {
        Ok(value) if !value.is_empty() => parse(name, &value).map(Some),
        _ => Ok(None),
    }
}

/// Separated by commas.
fn list<T: FromStr>(name: &'static str) -> Result<Vec<T>, ConfigError> {
    let values = env::var(name).unwrap_or_default();
    let values = values.split(',').map(str::trim).filter(|value| !value.is_empty());
    values.map(|value| parse(name, value)).collect()
}

fn parse<T: FromStr>(name: &'static str, value: &str) -> Result<T, ConfigError> {
    value.parse().map_err(|_| ConfigError { name, value: value.to_owned() })
}

#[derive(Debug, thiserror::Error)]
#[error("{name} cannot be {value:?}: see the settings in the README")]
pub struct ConfigError {
    name: &'static str,
    value: String,
}
