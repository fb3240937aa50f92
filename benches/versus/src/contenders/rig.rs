//! The parser of rig, in its crate for HTTP.

use rig_http::http_client::framing::{SseEvent, SseFramer};

use super::{Contender, League, Pushed, Seen, Sink, check_pushed, pushed_fleet, time_pushed};

impl Seen for SseEvent {
    #[inline]
    fn event_type(&self) -> &str {
        &self.event
    }

    #[inline]
    fn data(&self) -> &str {
        &self.data
    }

    #[inline]
    fn id(&self) -> &str {
        &self.id
    }
}

impl Pushed for SseFramer {
    fn new() -> Self {
        Self::new()
    }

    #[inline]
    fn push(&mut self, chunk: &[u8], sink: &mut impl Sink) {
        for event in self.push(chunk) {
            sink.see(&event);
        }
    }
}

pub(super) fn pushed() -> Contender {
    Contender {
        package: "rig-http",
        api: "SseFramer",
        league: League::PeerPushed,
        how: "`push(&[u8])`, whose result is drained: owned events",
        time: time_pushed::<SseFramer>,
        check: check_pushed::<SseFramer>,
        fleet: Some(pushed_fleet::<SseFramer>),
        size: size_of::<SseFramer>(),
    }
}
