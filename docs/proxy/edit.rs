// # cargo run -p examples --bin proxy   # beside a server such as `resume`
// [dependencies]
// axum = "0.8"
// http-body-util = "0.1"
// hyper = "1"
// hyper-util = { version = "0.1", features = ["client-legacy", "http1", "tokio"] }
// sse-wire = { version = "0.1", features = ["http"] }
// tokio = { version = "1", features = ["macros", "net", "rt-multi-thread"] }
use std::{env, io};

use axum::{
    Router,
    body::Body,
    http::{
        HeaderMap, Request, Response, StatusCode, Uri,
        header::{ACCEPT, CONTENT_TYPE, RETRY_AFTER},
    },
    response::{IntoResponse, Result},
    routing::get,
};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use sse_wire::{
    Edit, EditEvents, EofPolicy, EventStream, Parser,
    http::{EventBody, LAST_EVENT_ID, Source, last_event_id},
};
use tokio::net::TcpListener;

/// Passes a stream on in which no event says a secret.
pub async fn without_secrets(
    client: &Client<HttpConnector, Body>,
    upstream: Uri,
    headers: &HeaderMap,
) -> Result<Response<EventBody<impl Source + use<>>>> {
    let response = open(client, upstream, headers).await?;
    // A stream that is cut off within an event has to be an error here, or this server
    // would end its own as if it were whole.
    let parser = Parser::builder().max_event_size(1024 * 1024).eof_policy(EofPolicy::Error).build();
    let items = EventStream::with_parser(response.into_body().into_data_stream(), parser).items();
    let edited = EditEvents::new(items, |event| match event.event_type() {
        "internal" => Edit::Remove,
        _ if event.data().contains("secret") => {
            Edit::Replace(event.with_data(event.data().replace("secret", "***")))
        }
        _ => Edit::Keep,
    });
    Ok(EventBody::try_new(edited).into_response())
}

/// The stream of the upstream after the client's last event, or how to answer without one.
async fn open(
    client: &Client<HttpConnector, Body>,
    upstream: Uri,
    headers: &HeaderMap,
) -> Result<Response<Incoming>> {
    let mut request = Request::get(upstream).header(ACCEPT, "text/event-stream");
    if let Some(id) = last_event_id(headers).map_err(|_| StatusCode::BAD_REQUEST)? {
        request = request.header(LAST_EVENT_ID, id.as_bytes());
    }
    let request = request.body(Body::empty()).map_err(|_| StatusCode::BAD_REQUEST)?;
    let response = client.request(request).await.map_err(|_| StatusCode::BAD_GATEWAY)?;
    if response.status() != StatusCode::OK {
        // It says whether and when to come back: 204 is never.
        let after = response.headers().get(RETRY_AFTER).map(|time| (RETRY_AFTER, time.clone()));
        return Err((response.status(), HeaderMap::from_iter(after)).into());
    }
    // Any text parses as an event stream, an error in JSON too.
    let content_type = response.headers().get(CONTENT_TYPE).map_or(&b""[..], |t| t.as_bytes());
    let media_type = content_type.split(|&byte| byte == b';').next().unwrap_or_default();
    if !media_type.trim_ascii().eq_ignore_ascii_case(b"text/event-stream") {
        return Err(StatusCode::BAD_GATEWAY.into());
    }
    Ok(response)
}

pub fn app(upstream: Uri) -> Router {
    let client = Client::builder(TokioExecutor::new()).build_http();
    let events = async move |headers: HeaderMap| -> Result<_> {
        Ok(without_secrets(&client, upstream.clone(), &headers).await?.into_response())
    };
    Router::new().route("/events", get(events))
}

#[tokio::main]
async fn main() -> io::Result<()> {
    let mut arguments = env::args().skip(1);
    let address = arguments.next().unwrap_or("127.0.0.1:4000".to_owned());
    let upstream = arguments.next().unwrap_or("http://127.0.0.1:3000/events".to_owned());
    let upstream = Uri::try_from(upstream).map_err(io::Error::other)?;
    let listener = TcpListener::bind(address).await?;
    println!("curl -N http://{}/events", listener.local_addr()?);
    axum::serve(listener, app(upstream)).await
}
