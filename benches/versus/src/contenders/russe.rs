//! russe, the crate behind the SSE of actix-web-lab. Its streams are this codec
//! in tokio-util's `FramedRead`.

use bytes::BytesMut;
use russe::{Decoder, Event, Message};
use tokio_util::codec::Decoder as _;

use super::{Contender, League, Pushed, Seen, Sink, check_pushed, pushed_fleet, time_pushed};

impl Seen for Message {
    #[inline]
    fn event_type(&self) -> &str {
        self.event.as_deref().unwrap_or("")
    }

    #[inline]
    fn data(&self) -> &str {
        &self.data
    }

    #[inline]
    fn id(&self) -> &str {
        self.id.as_deref().unwrap_or("")
    }
}

struct Buffered {
    buffer: BytesMut,
    decoder: Decoder,
}

impl Pushed for Buffered {
    fn new() -> Self {
        Self { buffer: BytesMut::new(), decoder: Decoder::default() }
    }

    #[inline]
    fn push(&mut self, chunk: &[u8], sink: &mut impl Sink) {
        self.buffer.extend_from_slice(chunk);
        while let Some(event) = self.decoder.decode(&mut self.buffer).expect("a valid stream") {
            if let Event::Message(message) = event {
                sink.see(&message);
            }
        }
    }
}

pub(super) fn pushed() -> Contender {
    Contender {
        package: "russe",
        api: "Decoder",
        league: League::PeerPushed,
        how: "chunks appended to a `BytesMut`, then `decode` until `None`: owned events",
        time: time_pushed::<Buffered>,
        check: check_pushed::<Buffered>,
        fleet: Some(pushed_fleet::<Buffered>),
        size: size_of::<Buffered>(),
    }
}
