//! The code of the pages "Serve", "Resume" and "Proxy", run as it is shown.

mod common;

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{Router, body::Body, http::HeaderMap, response::IntoResponse, routing::get};
use common::{
    Server, chunk, event, events, get_http1, listen, request, serve_app, until, whole, within,
};
use futures_util::{StreamExt, TryStreamExt, stream};
use http_body_util::BodyExt;
use hyper::{
    StatusCode,
    header::{HeaderValue, RETRY_AFTER},
};
use hyper_util::rt::{TokioExecutor, TokioIo};
use sse_wire::{Encoded, Ending, Event, Item, Replay, http::EventBody};
use sse_wire_serve as recipes;
use tokio::{
    net::TcpStream,
    sync::{broadcast, mpsc},
};
use tokio_stream::wrappers::errors::BroadcastStreamRecvError;
use tokio_util::sync::CancellationToken;

#[tokio::test]
async fn axum_counts() {
    let address = serve_app(recipes::axum::app()).await;
    let mut body = get_http1(address, request("/events", None)).await.into_body();
    assert_eq!(chunk(&mut body).await.as_deref(), Some(": keep-alive\n\n"));
    assert_eq!(chunk(&mut body).await.as_deref(), Some("event: tick\ndata: 0\n\n"));
    assert_eq!(chunk(&mut body).await.as_deref(), Some("event: tick\ndata: 1\n\n"));
}

#[tokio::test]
async fn hyper_counts_from_where_a_client_was_until_it_stops() {
    let (listener, address) = listen().await;
    let stop = CancellationToken::new();
    let server = tokio::spawn(recipes::hyper::serve(listener, stop.clone()));
    for client in [Server::Http1, Server::Http2] {
        let mut events = events(client.get(address, Some("6")).await);
        for n in ["7", "8"] {
            let event = within(events.next()).await.unwrap().unwrap();
            assert_eq!((event.id(), event.data()), (Some(n), n), "{client:?}");
        }
    }
    let mut events = events(Server::Http2.get(address, Some("not a number")).await).items();
    assert!(matches!(within(events.next()).await, Some(Ok(Item::Event(e))) if e.data() == "0"));
    stop.cancel();
    let rest: Vec<_> = within(events.try_collect()).await.unwrap();
    assert!(matches!(rest.last(), Some(Item::Retry(time)) if *time == Duration::from_secs(1)));
    within(server).await.unwrap();
}

/// Opens a stream of which its client reads the head only: not one byte of the body fits.
async fn get_and_never_read(address: std::net::SocketAddr) -> impl Sized {
    let socket = TokioIo::new(TcpStream::connect(address).await.unwrap());
    let mut builder = hyper::client::conn::http2::Builder::new(TokioExecutor::new());
    let client = builder.initial_stream_window_size(0).handshake(socket);
    let (mut sender, connection) = within(client).await.unwrap();
    tokio::spawn(connection);
    (within(sender.send_request(request("/events", None))).await.unwrap(), sender)
}

#[tokio::test]
async fn hyper_stops_though_a_client_does_not_read() {
    let (listener, address) = listen().await;
    let stop = CancellationToken::new();
    let server = tokio::spawn(recipes::hyper::serve(listener, stop.clone()));
    let _unread = get_and_never_read(address).await;
    stop.cancel();
    within(server).await.unwrap();
}

#[tokio::test]
async fn axum_stops_though_a_client_does_not_read() {
    let (listener, address) = listen().await;
    let stop = CancellationToken::new();
    let server = tokio::spawn(recipes::axum_stop::serve(listener, stop.clone()));
    let _unread = get_and_never_read(address).await;
    stop.cancel();
    within(server).await.unwrap().unwrap();
}

#[tokio::test]
async fn axum_stops_when_the_signal_has_ended_its_bodies() {
    let stop = CancellationToken::new();
    let (listener, address) = listen().await;
    let server = tokio::spawn(recipes::axum_stop::serve(listener, stop.clone()));
    let mut body = get_http1(address, request("/events", None)).await.into_body();
    assert_eq!(chunk(&mut body).await.as_deref(), Some(": keep-alive\n\n"));
    stop.cancel();
    assert_eq!(whole(body).await.unwrap(), "retry: 2000\n\n");
    within(server).await.unwrap().unwrap();
}

#[tokio::test]
async fn one_event_goes_to_all_who_are_connected() {
    let clients = broadcast::Sender::<Encoded>::new(16);
    let sender = clients.clone();
    let address = Server::Axum.serve(move |_| recipes::broadcast::cut_off_if_slow(&sender)).await;
    let mut connected = Vec::new();
    for _ in 0..50 {
        connected.push(events(Server::Axum.get(address, None).await));
    }
    assert_eq!(clients.receiver_count(), 50);
    for data in ["a", "b"] {
        recipes::broadcast::send_to_all(&clients, &event(data));
        for events in &mut connected {
            assert_eq!(within(events.next()).await.unwrap().unwrap().data(), data);
        }
    }
    drop(connected);
    until(|| clients.receiver_count() == 0).await;
    recipes::broadcast::send_to_all(&clients, &event("nobody hears it"));
}

#[tokio::test]
async fn a_client_chooses_what_happens_if_it_is_too_slow() {
    let clients = broadcast::Sender::<Encoded>::new(16);
    let address = serve_app(recipes::broadcast::app(&clients)).await;
    for path in ["/all", "/latest"] {
        let mut events = events(get_http1(address, request(path, None)).await);
        recipes::broadcast::send_to_all(&clients, &event(path));
        assert_eq!(within(events.next()).await.unwrap().unwrap().data(), path);
    }
}

#[tokio::test]
async fn a_client_that_is_too_slow_is_cut_off_with_an_error_that_says_so() {
    let clients = broadcast::Sender::<Encoded>::new(4);
    let mut body = recipes::broadcast::cut_off_if_slow(&clients);
    for n in 0..7 {
        recipes::broadcast::send_to_all(&clients, &event(n.to_string()));
    }
    let error = within(body.frame()).await.unwrap().unwrap_err();
    let source = std::error::Error::source(&error).unwrap();
    let lagged = source.downcast_ref::<BroadcastStreamRecvError>();
    assert_eq!(lagged, Some(&BroadcastStreamRecvError::Lagged(3)));
    assert!(body.frame().await.is_none());
}

#[tokio::test]
async fn a_client_that_is_too_slow_is_told_what_it_has_missed() {
    let clients = broadcast::Sender::<Encoded>::new(4);
    let mut body = recipes::broadcast::tell_if_slow(&clients);
    for n in 0..6 {
        recipes::broadcast::send_to_all(&clients, &event(n.to_string()));
    }
    let frame = within(body.frame()).await.unwrap().unwrap().into_data().unwrap();
    let expected = "event: missed\ndata: 2\n\ndata: 2\n\ndata: 3\n\ndata: 4\n\ndata: 5\n\n";
    assert_eq!(frame, expected);
}

#[tokio::test]
async fn a_client_that_comes_back_again_and_again_gets_each_event_once() {
    const EVENTS: u64 = 2000;
    let hub = Arc::new(recipes::hub::Hub::new(Replay::new(7).max_events(EVENTS as usize)));
    let address = serve_app(recipes::hub::app(Arc::clone(&hub))).await;
    let publisher = tokio::spawn(async move {
        for n in 1..=EVENTS {
            hub.publish(event(n.to_string()));
            tokio::task::yield_now().await;
        }
        // Until the client has it all.
        hub
    });
    let mut last = String::from("7-0");
    let mut next = 1;
    let mut connections = 0;
    while next <= EVENTS {
        // By the header, and by the query, as a browser that reloads.
        let request = if connections % 2 == 0 {
            request("/events", Some(&last))
        } else {
            request(&format!("/events?x=1&lastEventId={last}"), None)
        };
        let mut events = events(get_http1(address, request).await);
        connections += 1;
        for _ in 0..=connections % 7 {
            if next > EVENTS {
                break;
            }
            let event = within(events.next()).await.unwrap().unwrap();
            assert_eq!(event.data(), next.to_string());
            assert_eq!(event.id(), Some(format!("7-{next}").as_str()));
            last = event.last_event_id().to_owned();
            next += 1;
        }
    }
    assert!(connections > 100);
    drop(within(publisher).await.unwrap());
}

#[tokio::test]
async fn a_client_is_told_where_it_begins_and_of_gaps() {
    let hub = Arc::new(recipes::hub::Hub::new(Replay::new(7).max_events(2)));
    for n in 1..=5 {
        hub.publish(event(n.to_string()));
    }
    let address = serve_app(recipes::hub::app(hub)).await;
    // What comes with the comment, in one chunk or several.
    let first = async |last| {
        let mut body = get_http1(address, request("/events", last)).await.into_body();
        let mut text = String::new();
        while text.matches("\n\n").count() < 2 {
            text += &chunk(&mut body).await.unwrap();
        }
        text.split_once("\n\n").unwrap().1.to_owned()
    };
    assert_eq!(first(None).await, "id: 7-5\n\n");
    let held = "id: 7-4\ndata: 4\n\nid: 7-5\ndata: 5\n\n";
    assert_eq!(first(Some("7-3")).await, held);
    let gap = first(Some("7-2")).await;
    let told = "event: gap\ndata: 1 events after that ID are not held any more\n\n";
    assert_eq!(gap, format!("{told}{held}id: 7-5\n\n"));
    assert!(first(Some("6-5")).await.starts_with("event: gap\ndata: that ID is of another epoch"));
    for hostile in ["7-99", "'; drop table", "-", "7-18446744073709551616"] {
        let text = first(Some(hostile)).await;
        assert!(text.starts_with("event: gap\ndata: that ID is not known\n\n"), "{text}");
    }
    let long = "7".repeat(5000);
    let refused = get_http1(address, request("/events", Some(&long))).await;
    assert_eq!(refused.status(), StatusCode::BAD_REQUEST);
    let refused = get_http1(address, request("/events?lastEventId=7%0A", None)).await;
    assert_eq!(refused.status(), StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn a_client_is_told_of_a_gap_once_even_if_there_is_no_event_since() {
    // As after a restart: another epoch, and nothing in the log.
    let hub = Arc::new(recipes::hub::Hub::new(Replay::new(8)));
    let address = serve_app(recipes::hub::app(Arc::clone(&hub))).await;
    let connect =
        async |last: &str| events(get_http1(address, request("/events", Some(last))).await).items();
    let mut items = connect("7-5").await;
    let mut last = String::new();
    let mut gaps = 0;
    while last.is_empty() {
        match within(items.next()).await.unwrap().unwrap() {
            Item::Event(event) => {
                assert_eq!(event.event_type(), "gap");
                gaps += 1;
            }
            Item::LastEventId(id) => last = id,
            _ => {}
        }
    }
    assert_eq!((gaps, last.as_str()), (1, "8-0"));

    drop(items);
    let mut items = connect(&last).await;
    let comment = within(items.next()).await.unwrap().unwrap();
    assert!(matches!(comment, Item::Comment(_)), "{comment:?}");
    hub.publish(event("a"));
    let next = within(items.next()).await.unwrap().unwrap();
    assert!(matches!(&next, Item::Event(event) if event.id() == Some("8-1")), "{next:?}");
}

/// An upstream with all that a stream may have, which notes the last event ID it was sent.
const UPSTREAM: &str = ": hello\r\n\r\nid: 1\r\ndata: a secret\r\ndata: b\r\n\r\nretry: 5\n\n\
    event: internal\nid: 2\ndata: not for you\n\ndata:c\n\nid: 3\n\n";

fn upstream(noted: Arc<Mutex<Option<String>>>, ending: &'static str) -> Router {
    let handler = move |headers: HeaderMap| {
        let id = headers.get("last-event-id").map(|id| id.to_str().unwrap().to_owned());
        *noted.lock().unwrap() = id;
        let chunks = [UPSTREAM, ending].concat();
        let chunks: Vec<_> =
            chunks.as_bytes().chunks(3).map(|chunk| Ok::<_, String>(chunk.to_vec())).collect();
        async { (sse_wire::http::headers(), Body::from_stream(stream::iter(chunks))) }
    };
    Router::new().route("/events", get(handler))
}

async fn gateway(upstream: Router) -> std::net::SocketAddr {
    let upstream = serve_app(upstream).await;
    serve_app(recipes::edit::app(format!("http://{upstream}/events").parse().unwrap())).await
}

#[tokio::test]
async fn a_gateway_edits_events_and_passes_all_else() {
    let noted = Arc::default();
    let address = gateway(upstream(Arc::clone(&noted), "")).await;
    let response = get_http1(address, request("/events", Some("caf"))).await;
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    let expected = ": hello\n\nid: 1\ndata: a ***\ndata: b\n\nretry: 5\n\nid: 2\n\n\
        data: c\n\nid: 3\n\n";
    assert_eq!(whole(response.into_body()).await.unwrap(), expected);
    assert_eq!(noted.lock().unwrap().as_deref(), Some("caf"));
}

#[tokio::test]
async fn a_gateway_cuts_its_stream_off_where_that_of_the_upstream_is_cut() {
    let address = gateway(upstream(Arc::default(), "data: unfin")).await;
    let mut events = events(get_http1(address, request("/events", None)).await);
    let mut data = Vec::new();
    while let Some(Ok(event)) = within(events.next()).await {
        data.push(event.data().to_owned());
    }
    assert_eq!(data, ["a ***\nb", "c"]);
    assert_eq!(events.ending(), Some(Ending::Transport));
}

/// Both gateways, before the same upstream.
async fn gateways(upstream: Router) -> [std::net::SocketAddr; 2] {
    let uri = format!("http://{}/events", serve_app(upstream).await);
    let (log, _) = mpsc::channel(16);
    [
        serve_app(recipes::edit::app(uri.parse().unwrap())).await,
        serve_app(recipes::tee::app(uri.parse().unwrap(), log)).await,
    ]
}

#[tokio::test]
async fn a_gateway_passes_on_what_the_upstream_refuses() {
    for (status, after) in [(204, None), (401, None), (404, None), (503, Some("120"))] {
        let handler = move || async move {
            let after = after.map(|after| (RETRY_AFTER, HeaderValue::from_static(after)));
            (StatusCode::from_u16(status).unwrap(), HeaderMap::from_iter(after))
        };
        for address in gateways(Router::new().route("/events", get(handler))).await {
            let response = get_http1(address, request("/events", None)).await;
            assert_eq!(response.status(), status);
            let passed = response.headers().get("retry-after").map(|time| time.to_str().unwrap());
            assert_eq!(passed, after);
        }
    }
}

#[tokio::test]
async fn a_gateway_passes_on_nothing_but_event_streams() {
    for (content_type, status) in [
        ("application/json", 502),
        ("text/event-stream-2", 502),
        ("Text/Event-Stream ; charset=utf-8", 200),
    ] {
        let handler = move || async move { ([("content-type", content_type)], "data: a\n\n") };
        for address in gateways(Router::new().route("/events", get(handler))).await {
            let response = get_http1(address, request("/events", None)).await;
            assert_eq!(response.status(), status, "{content_type}");
        }
    }
}

#[tokio::test]
async fn a_gateway_answers_for_an_upstream_that_is_not_there() {
    let (listener, address) = listen().await;
    drop(listener);
    let uri = format!("http://{address}/events").parse().unwrap();
    let gateway = serve_app(recipes::edit::app(uri)).await;
    let response = get_http1(gateway, request("/events", None)).await;
    assert_eq!(response.status(), StatusCode::BAD_GATEWAY);
}

#[tokio::test]
async fn a_gateway_passes_on_a_valid_last_event_id_only() {
    let noted = Arc::default();
    let long = "7".repeat(sse_wire::http::MAX_LAST_EVENT_ID + 1);
    for address in gateways(upstream(Arc::clone(&noted), "")).await {
        let response = get_http1(address, request("/events", Some(&long))).await;
        assert_eq!(response.status(), StatusCode::BAD_REQUEST);
        assert_eq!(noted.lock().unwrap().take(), None);
        let response = get_http1(address, request("/events", Some("7"))).await;
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(noted.lock().unwrap().take().as_deref(), Some("7"));
    }
}

#[tokio::test]
async fn a_tee_passes_each_byte_and_logs_events() {
    let upstream = serve_app(upstream(Arc::default(), ": end")).await;
    let (log, mut logged) = mpsc::channel::<Event>(16);
    let uri = format!("http://{upstream}/events").parse().unwrap();
    let address = serve_app(recipes::tee::app(uri, log)).await;
    let body = get_http1(address, request("/events", None)).await.into_body();
    assert_eq!(whole(body).await.unwrap(), format!("{UPSTREAM}: end"));
    for data in ["a secret\nb", "not for you", "c"] {
        assert_eq!(within(logged.recv()).await.unwrap().data(), data);
    }
}

#[tokio::test]
async fn the_responses_can_be_those_of_any_handler() {
    fn is_response(_: impl IntoResponse) {}
    is_response(EventBody::new(stream::pending::<Event>()).into_response());
    is_response(recipes::broadcast::tell_if_slow(&broadcast::Sender::new(1)).into_response());
}
