//! Which pages may do what, and by which name.
//!
//! Pages of this server: all. Those of `CHAT_ORIGINS`: all, and with the cookie, if a
//! browser sends it, which is to pages of the same site only. Those of any other origin:
//! open an event stream with a token, without the cookie; the handler says so itself.
//!
//! A page elsewhere can have its own name lead to this server, and then it is a page of
//! this server (DNS rebinding). So a name has to be known; an address cannot be made up.

use std::{net::IpAddr, sync::Arc};

use axum::{
    extract::{Request, State},
    http::{
        HeaderValue, Method,
        header::{ACCEPT, CONTENT_TYPE, HOST, LOCATION, ORIGIN, RETRY_AFTER},
        request::Parts,
        uri::Authority,
    },
    middleware::Next,
    response::Response,
};
use sse_wire::http::LAST_EVENT_ID;
use tower_http::cors::{AllowCredentials, AllowOrigin, CorsLayer};

use crate::{Chat, config::Config, error::Error};

/// What a browser has to be told: `*` is not possible with credentials, so it is the
/// origin, and caches keep the answers to several origins apart by `Vary`.
pub fn cors(config: &Config) -> CorsLayer {
    let origins: Arc<[HeaderValue]> = config.origins.clone().into();
    let is_listed = move |origin: &HeaderValue, _: &Parts| origins.contains(origin);
    CorsLayer::new()
        .allow_origin(AllowOrigin::predicate(is_listed.clone()))
        .allow_credentials(AllowCredentials::predicate(is_listed))
        .allow_methods([Method::GET, Method::POST, Method::DELETE])
        .allow_headers([ACCEPT, CONTENT_TYPE, LAST_EVENT_ID])
        .expose_headers([LOCATION, RETRY_AFTER])
}

/// Refuses what pages of other sites make a browser do. CORS only keeps them from reading
/// the answer, and not from sending what a form could.
pub async fn check(
    State(chat): State<Arc<Chat>>,
    request: Request,
    next: Next,
) -> Result<Response, Error> {
    let changes = !matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS);
    if changes && !is_allowed(&chat.config, &request) {
        return Err(Error::OtherOrigin);
    }
    Ok(next.run(request).await)
}

/// Refuses what comes by a name that is not known.
pub async fn check_host(
    State(chat): State<Arc<Chat>>,
    request: Request,
    next: Next,
) -> Result<Response, Error> {
    // Whoever names none is not a browser.
    if host(&request).is_some_and(|host| !is_known(&chat.config, host)) {
        return Err(Error::OtherHost);
    }
    Ok(next.run(request).await)
}

fn is_known(config: &Config, host: &str) -> bool {
    let Some(name) = name(host) else { return false };
    let mut origins = config.origins.iter().filter_map(|origin| origin.to_str().ok());
    name.eq_ignore_ascii_case("localhost")
        || name.parse::<IpAddr>().is_ok()
        || config.hosts.iter().any(|known| known.eq_ignore_ascii_case(&name))
        || origins.any(|origin| {
            let known = origin.split_once("://").and_then(|(_, host)| self::name(host));
            known.is_some_and(|known| known.eq_ignore_ascii_case(&name))
        })
}

/// Without the port.
fn name(host: &str) -> Option<String> {
    let host: Authority = host.parse().ok()?;
    Some(host.host().trim_matches(['[', ']']).to_owned())
}

/// Over HTTP/2 it is in the URI. One that is not text is none that we know.
fn host(request: &Request) -> Option<&str> {
    let header = request.headers().get(HOST).map(|host| host.to_str().unwrap_or_default());
    request.uri().authority().map(Authority::as_str).or(header)
}

fn is_allowed(config: &Config, request: &Request) -> bool {
    let Some(origin) = request.headers().get(ORIGIN) else {
        // Not a browser: those always say it.
        return true;
    };
    if config.origins.contains(origin) {
        return true;
    }
    // What a browser says itself is right behind a proxy, too. But over plain HTTP it says so
    // only to the machine that it runs on.
    if let Some(site) = request.headers().get("sec-fetch-site") {
        return site == "same-origin";
    }
    let origin = origin.to_str().ok().and_then(|origin| origin.split_once("://"));
    matches!((host(request), origin), (Some(host), Some((_, origin))) if host == origin)
}
