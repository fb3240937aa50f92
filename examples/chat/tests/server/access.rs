//! Who may do what, and from where.

use std::time::Duration;

use chat::config::Config;
use reqwest::{
    Client, Method,
    header::{
        ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_ORIGIN, HeaderMap, ORIGIN,
        SET_COOKIE, VARY,
    },
};
use serde_json::json;

use super::{
    Server, config,
    user::{Events, User, error, json, send, text},
};

const ELSEWHERE: &str = "https://elsewhere.example";
const LISTED: &str = "https://listed.example";

async fn token(user: &User, job: &str) -> String {
    let token = json(send(user.post(&format!("{job}/token")), 200).await).await;
    assert_eq!(token["expires_in"], 30);
    token["token"].as_str().unwrap().to_owned()
}

fn with_listed() -> Config {
    Config { origins: vec![LISTED.parse().unwrap()], ..config() }
}

/// Nobody yet.
fn stranger() -> Client {
    Client::builder().no_proxy().tls_certs_only([]).build().unwrap()
}

#[tokio::test]
async fn a_job_is_there_for_its_own_user_only_in_all_tabs() {
    let server = Server::start().await;
    let user = server.user().await;
    let other = server.user().await;
    let job = user.begin("silent").await;
    for path in [job.clone(), format!("{job}/events")] {
        error(other.get(&path), 404).await;
        error(stranger().get(format!("{}{path}", user.base)), 404).await;
    }
    for path in ["cut", "token"] {
        error(other.post(&format!("{job}/{path}")), 404).await;
    }
    error(other.delete(&job), 404).await;
    assert_eq!(other.state("/api/answers").await, json!([]));
    let other_tab = User::known(&user.base, user.cookie.clone());
    assert!(other_tab.state(&job).await["end"].is_null());
    send(other_tab.delete(&job), 204).await;
    assert_eq!(user.ended(&job).await["end"]["event"], "stopped");
}

#[tokio::test]
async fn a_cookie_that_is_none_of_ours_makes_a_new_user() {
    let server = Server::start().await;
    let base = format!("http://{}", server.address);
    for cookie in ["session=../x", "session=", "a=b; session=XYZ", "session"] {
        let user = User::known(&base, cookie.parse().unwrap());
        let response = send(user.get("/api/answers"), 200).await;
        assert!(response.headers()[SET_COOKIE].to_str().unwrap().starts_with("session="));
    }
    let user = server.user().await;
    let known = send(user.get("/api/answers"), 200).await;
    assert!(!known.headers().contains_key(SET_COOKIE));
    let mine = user.cookie.to_str().unwrap();
    let user = User::known(&base, format!("a=b; {mine}; c=d").parse().unwrap());
    assert!(!send(user.get("/"), 200).await.headers().contains_key(SET_COOKIE));
}

#[tokio::test]
async fn a_token_opens_a_stream_once_from_anywhere() {
    let server = Server::with(with_listed()).await;
    let user = server.user().await;
    let job = user.begin("none").await;
    let token_of = token(&user, &job).await;
    let url = |token: &str| format!("{}{job}/events?token={token}", user.base);
    let open = |token: &str| stranger().get(url(token)).header(ORIGIN, ELSEWHERE);

    let opened = send(open(&token_of), 200).await;
    assert_eq!(opened.headers()[ACCESS_CONTROL_ALLOW_ORIGIN], "*");
    // Both together are invalid.
    assert!(!opened.headers().contains_key(ACCESS_CONTROL_ALLOW_CREDENTIALS));
    assert!(!opened.headers().contains_key(SET_COOKIE));
    let events = Events::of(opened).rest().await;
    assert_eq!(text(&events), user.state(&job).await["text"].as_str().unwrap());

    for spent in [&token_of, "x", ""] {
        let refused = send(open(spent), 401).await;
        assert_eq!(refused.headers()[ACCESS_CONTROL_ALLOW_ORIGIN], "*");
        assert!(json(refused).await["error"].as_str().unwrap().contains("ask for a new one"));
    }
    // The cookie does not help a token that is spent.
    error(user.get(&format!("{job}/events?token={token_of}")), 401).await;
    // It is for one job.
    let other = user.begin("none").await;
    let of_other = token(&user, &other).await;
    error(open(&of_other), 401).await;
    // A page that is listed sees what it may see with the cookie.
    let again = token(&user, &job).await;
    let listed = send(stranger().get(url(&again)).header(ORIGIN, LISTED), 200).await;
    assert_eq!(listed.headers()[ACCESS_CONTROL_ALLOW_ORIGIN], LISTED);
    assert_eq!(listed.headers()[ACCESS_CONTROL_ALLOW_CREDENTIALS], "true");
}

#[tokio::test]
async fn a_token_expires() {
    let server = Server::with(Config { token_lifetime: Duration::ZERO, ..config() }).await;
    let user = server.user().await;
    let job = user.begin("none").await;
    let token = json(send(user.post(&format!("{job}/token")), 200).await).await;
    let token = token["token"].as_str().unwrap();
    error(user.get(&format!("{job}/events?token={token}")), 401).await;
}

#[tokio::test]
async fn a_stream_opened_by_token_is_one_of_its_users() {
    let server = Server::with(Config { streams: 1, ..config() }).await;
    let user = server.user().await;
    let job = user.begin("silent").await;
    let [first, second] = [token(&user, &job).await, token(&user, &job).await];
    let url = |token: &str| format!("{}{job}/events?token={token}", user.base);
    let mut open = Events::of(send(stranger().get(url(&first)), 200).await);
    open.next().await;
    error(stranger().get(url(&second)), 429).await;
}

#[tokio::test]
async fn pages_of_other_origins_may_read_only_if_they_are_listed() {
    let server = Server::with(with_listed()).await;
    let user = server.user().await;
    let from = |origin: &str| user.get("/api/answers").header(ORIGIN, origin);
    let listed = send(from(LISTED), 200).await;
    let has =
        |headers: &HeaderMap, name, value: &str| headers.get(name).is_some_and(|v| v == value);
    assert!(has(listed.headers(), ACCESS_CONTROL_ALLOW_ORIGIN, LISTED));
    assert!(has(listed.headers(), ACCESS_CONTROL_ALLOW_CREDENTIALS, "true"));
    let other = send(from(ELSEWHERE), 200).await;
    assert!(!other.headers().contains_key(ACCESS_CONTROL_ALLOW_ORIGIN));
    assert!(!other.headers().contains_key(ACCESS_CONTROL_ALLOW_CREDENTIALS));
    for response in [&listed, &other] {
        let vary = response.headers()[VARY].to_str().unwrap();
        assert!(vary.split(", ").any(|name| name == "origin"), "{vary}");
    }

    let preflight = |origin: &str| {
        let request = user.client.request(Method::OPTIONS, format!("{}/api/answers", user.base));
        request
            .header(ORIGIN, origin)
            .header("access-control-request-method", "POST")
            .header("access-control-request-headers", "content-type,last-event-id")
    };
    let listed = send(preflight(LISTED), 200).await;
    assert!(has(listed.headers(), ACCESS_CONTROL_ALLOW_ORIGIN, LISTED));
    let allowed = listed.headers()["access-control-allow-headers"].to_str().unwrap();
    assert!(allowed.contains("last-event-id") && allowed.contains("content-type"));
    let other = send(preflight(ELSEWHERE), 200).await;
    assert!(!other.headers().contains_key(ACCESS_CONTROL_ALLOW_ORIGIN));
}

/// A page elsewhere can have its own name lead here.
#[tokio::test]
async fn a_name_that_is_not_known_is_refused() {
    let hosts = vec!["chat.example".to_owned()];
    let server = Server::with(Config { hosts, ..with_listed() }).await;
    let user = server.user().await;
    for path in ["/", "/app.js", "/api/answers"] {
        let by = |host: &str| user.get(path).header("host", host);
        for name in ["localhost", "LocalHost:1", "127.0.0.1", "[::1]:80", "192.168.1.2:3000"] {
            send(by(name), 200).await;
        }
        for name in ["chat.example", "Chat.Example:8443", "listed.example"] {
            send(by(name), 200).await;
        }
        for name in ["evil.example", "localhost.evil.example", "chat.example.evil", "", "a b"] {
            assert!(error(by(name), 403).await.contains("CHAT_HOSTS"), "{name}");
        }
    }
}

#[tokio::test]
async fn pages_of_other_sites_cannot_make_a_browser_do_anything() {
    let server = Server::with(with_listed()).await;
    let user = server.user().await;
    let job = user.begin("silent").await;
    let cut = || user.post(&format!("{job}/cut"));
    error(cut().header(ORIGIN, ELSEWHERE), 403).await;
    error(cut().header(ORIGIN, "null"), 403).await;
    error(user.delete(&job).header(ORIGIN, ELSEWHERE), 403).await;
    for site in ["cross-site", "same-site", "none"] {
        error(cut().header(ORIGIN, &user.base).header("sec-fetch-site", site), 403).await;
    }
    assert!(user.state(&job).await["end"].is_null());
    send(cut(), 204).await;
    send(cut().header(ORIGIN, LISTED).header("sec-fetch-site", "cross-site"), 204).await;
    send(cut().header(ORIGIN, &user.base), 204).await;
    // Behind a proxy, the host is another.
    send(cut().header(ORIGIN, ELSEWHERE).header("sec-fetch-site", "same-origin"), 204).await;
    send(user.delete(&job), 204).await;
    let events = user.events(&job, None).await.rest().await;
    assert_eq!(events.last().unwrap().event_type(), "stopped");
}
