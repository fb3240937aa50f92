//! Follows a server over HTTP/2 on loopback, through the recipe for `hyper`: the same
//! function, with a client that speaks it by prior knowledge.

use std::{
    convert::Infallible,
    io,
    sync::{Arc, Mutex},
    time::Duration,
};

use futures_util::{Stream, StreamExt, stream};
use http::{Request, Response, Version};
use http_body_util::{BodyExt, Full, StreamBody, combinators::BoxBody};
use hyper::{
    body::{Bytes, Frame, Incoming},
    server::conn::http2,
    service::service_fn,
};
use hyper_util::{
    client::legacy::Client,
    rt::{TokioExecutor, TokioIo},
};
use sse_wire::{Disconnect, EventSourceBuilder, Reconnect, Signal, Stop};
use sse_wire_recipes::follow_hyper;
use tokio::{net::TcpListener, time::timeout};

type Body = BoxBody<Bytes, io::Error>;

#[tokio::test]
async fn a_stream_that_is_reset_goes_on_in_the_same_connection() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let ids = Arc::new(Mutex::new(Vec::new()));
    let server = tokio::spawn(serve(listener, Arc::clone(&ids)));

    let client = Client::builder(TokioExecutor::new()).http2_only(true).build_http();
    let request = Request::get(url).body("").unwrap();
    let policy = Reconnect::builder().min_wait(Duration::from_millis(1)).max_wait(Duration::ZERO);
    let mut source =
        follow_hyper::source(EventSourceBuilder::new(request).reconnect(policy), client);

    let (mut events, mut disconnects) = (Vec::new(), Vec::new());
    let following = async {
        while let Some(signal) = source.next().await {
            match signal {
                Signal::Event(event) => events.push(event.data().to_owned()),
                Signal::Disconnected { why: Disconnect::Transport(_), .. } => {
                    disconnects.push("reset")
                }
                Signal::Disconnected { why: Disconnect::Ended(_), .. } => disconnects.push("end"),
                Signal::Disconnected { .. } => disconnects.push("refused"),
                _ => {}
            }
        }
    };
    timeout(Duration::from_secs(60), following).await.expect("it hangs");
    assert_eq!(events, ["a", "b"]);
    assert_eq!(disconnects, ["reset", "end", "refused"]);
    assert_eq!(source.stopped(), Some(Stop::NoContent));
    assert_eq!(*ids.lock().unwrap(), ["", "1", "2"]);
    server.abort();
}

/// Accepts one connection, and no other.
async fn serve(listener: TcpListener, ids: Arc<Mutex<Vec<String>>>) {
    let (socket, _) = listener.accept().await.unwrap();
    let answer = service_fn(move |request: Request<Incoming>| {
        assert_eq!(request.version(), Version::HTTP_2);
        let id = request.headers().get("last-event-id").map_or("", |id| id.to_str().unwrap());
        ids.lock().unwrap().push(id.to_owned());
        let response = match id {
            "" => event_stream("id: 1\ndata: a\n\nid: 2\nda", Some(io::Error::other("reset"))),
            "1" => event_stream("id: 2\ndata: b\n\n", None),
            _ => Response::builder()
                .status(204)
                .body(Full::default().map_err(no_error).boxed())
                .unwrap(),
        };
        async { Ok::<_, Infallible>(response) }
    });
    _ = http2::Builder::new(TokioExecutor::new())
        .serve_connection(TokioIo::new(socket), answer)
        .await;
}

fn event_stream(chunk: &'static str, error: Option<io::Error>) -> Response<Body> {
    let chunks = stream::iter([Ok(Frame::data(Bytes::from(chunk)))]);
    let body = StreamBody::new(chunks.chain(fail(error)));
    let response = Response::builder().header("content-type", "text/event-stream");
    response.body(BodyExt::boxed(body)).unwrap()
}

/// What was sent before an error may be lost: lets it be read.
fn fail(error: Option<io::Error>) -> impl Stream<Item = io::Result<Frame<Bytes>>> {
    stream::iter(error).then(|error| async {
        tokio::time::sleep(Duration::from_millis(50)).await;
        Err(error)
    })
}

fn no_error(error: Infallible) -> io::Error {
    match error {}
}
