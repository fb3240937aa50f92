//! Which service to ask, and with which key.

use std::{fmt, io, sync::Arc, time::Duration};

use reqwest::{Client, Url, header::HeaderValue, redirect::Policy};

use super::Service;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// A real service.
#[derive(Clone, Debug)]
pub struct Settings {
    pub service: Service,
    /// What the paths of the service begin with: `https://api.deepseek.com/v1`.
    pub base_url: String,
    /// A service of one's own may need none.
    pub key: Option<Key>,
    pub model: String,
}

impl Settings {
    /// Of the variables `LLM_BASE_URL`, `LLM_API_KEY`, `LLM_MODEL` and `LLM_SERVICE`, which
    /// are set together or not at all: one that is forgotten should not lead to the fake.
    pub fn from_vars(get: impl Fn(&str) -> Option<String>) -> io::Result<Option<Self>> {
        let get = |name| get(name).map(|value| value.trim().to_owned()).filter(|v| !v.is_empty());
        let [base_url, key, model, service] =
            ["LLM_BASE_URL", "LLM_API_KEY", "LLM_MODEL", "LLM_SERVICE"].map(get);
        let (base_url, model) = match (base_url, model) {
            (Some(base_url), Some(model)) => (base_url, model),
            (None, None) if key.is_none() && service.is_none() => return Ok(None),
            (None, _) => return Err(invalid("set LLM_BASE_URL, too, or no variable LLM_…")),
            (_, None) => return Err(invalid("set LLM_MODEL, too: the name of a model")),
        };
        let service = match service.as_deref() {
            None | Some("openai") => Service::OpenAi,
            Some("anthropic") => Service::Anthropic,
            Some(_) => return Err(invalid("set LLM_SERVICE to `openai` or `anthropic`")),
        };
        let key = key.map(|key| Key::new(&key)).transpose()?;
        Ok(Some(Self { service, base_url, key, model }))
    }

    /// After how long without a byte to give up, in seconds.
    pub fn silence(get: impl Fn(&str) -> Option<String>) -> io::Result<Option<Duration>> {
        let seconds = get("LLM_SILENCE").unwrap_or_default();
        match seconds.trim().parse() {
            Ok(seconds @ 1..=86_400) => Ok(Some(Duration::from_secs(seconds))),
            _ if seconds.trim().is_empty() => Ok(None),
            _ => Err(invalid("set LLM_SILENCE to a number of seconds, at most a day")),
        }
    }
}

/// A secret that goes into headers, and nowhere else.
#[derive(Clone)]
pub struct Key(Arc<str>);

impl Key {
    pub fn new(key: &str) -> io::Result<Self> {
        match HeaderValue::from_str(key) {
            Ok(_) if !key.is_empty() => Ok(Self(key.into())),
            _ => Err(invalid("the key is empty, or has characters that a header cannot have")),
        }
    }

    /// After some text, as the value of a header, which does not show it either.
    pub(super) fn header(&self, prefix: &str) -> HeaderValue {
        let value = HeaderValue::from_str(&format!("{prefix}{}", self.0));
        let mut value = value.expect("`new` has made one of it");
        value.set_sensitive(true);
        value
    }

    pub(super) fn hide_in(&self, text: &str) -> String {
        text.replace(&*self.0, "(the key)")
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key")
    }
}

/// Nothing in it may be secret: it is in messages.
pub(super) fn base_url(text: &str) -> io::Result<Url> {
    let url = Url::parse(text).map_err(|_| invalid("LLM_BASE_URL is not a URL"))?;
    let is_plain = url.username().is_empty() && url.password().is_none();
    if !matches!(url.scheme(), "http" | "https") || !is_plain || url.query().is_some() {
        return Err(invalid("LLM_BASE_URL has to be http or https, a host, and a path only"));
    }
    Ok(url)
}

pub(super) fn append(mut base_url: Url, path: &[&str]) -> Url {
    if let Ok(mut segments) = base_url.path_segments_mut() {
        segments.pop_if_empty().extend(path);
    }
    base_url
}

pub(super) fn client(base_url: &Url, silence: Duration) -> io::Result<Client> {
    // Another part of the program may have chosen one before, which is as good.
    _ = rustls::crypto::ring::default_provider().install_default();
    let client = Client::builder()
        .connect_timeout(CONNECT_TIMEOUT)
        // Between two reads, and not for the whole: an answer takes as long as it takes.
        .read_timeout(silence)
        // Where it leads to should not get the key.
        .redirect(Policy::none());
    let client = match base_url.scheme() {
        // Without TLS it works where no certificates are installed.
        "http" => client.tls_certs_only([]),
        _ => client,
    };
    let is_loopback = base_url.host_str().is_some_and(|host| {
        host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
    });
    let client = if is_loopback { client.no_proxy() } else { client };
    client.build().map_err(io::Error::other)
}

fn invalid(message: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, message)
}
