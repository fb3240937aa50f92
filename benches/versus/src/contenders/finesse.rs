//! finesse.

use finesse::{Frame, Message, Parser};

use super::{Contender, League, Pushed, Seen, Sink, check_pushed, pushed_fleet, time_pushed};

impl Seen for Message {
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
        self.id.as_deref().unwrap_or("")
    }
}

impl Pushed for Parser {
    fn new() -> Self {
        Self::new()
    }

    #[inline]
    fn push(&mut self, chunk: &[u8], sink: &mut impl Sink) {
        self.feed(chunk).expect("a valid stream");
        while let Some(frame) = self.next_frame() {
            if let Frame::Message(message) = frame {
                sink.see(&message);
            }
        }
    }
}

pub(super) fn pushed() -> Contender {
    Contender {
        package: "finesse",
        api: "Parser",
        league: League::PeerPushed,
        how: "`feed(&[u8])`, then `next_frame` until `None`: owned events",
        time: time_pushed::<Parser>,
        check: check_pushed::<Parser>,
        fleet: Some(pushed_fleet::<Parser>),
        size: size_of::<Parser>(),
    }
}
