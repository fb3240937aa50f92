//! How a client that was cut off gets what it has missed.
//!
//! A browser's `EventSource` reconnects by itself, and sends the ID of the last event it
//! has (WHATWG HTML §9.2.3). What a server has to do for that:
//!
//! 1. Give each event an ID, and keep the last ones: [`Replay`](crate::Replay).
//! 2. Read the ID that a client sends: [`last_event_id`](crate::http::last_event_id).
//! 3. Send what came after it, and then what comes, with no event between the two lost or
//!    sent twice.
//! 4. If it no longer has all of that, say so.
//!
//! # One server
//!
//! The log and the channel to all who are connected are behind one lock, and that is all
//! there is to the third point: an event is published, and a client begins, at once for both.
//! It is a whole program, whose first lines belong in `Cargo.toml`, without the slashes.
//! `curl -N http://127.0.0.1:3000/events` shows IDs, and with `-H 'Last-Event-ID: …'` what
//! came after one of them.
//!
//! ```no_run
#![doc = include_str!("resume/hub.rs")]
//! ```
//!
//! A client that is too slow for the channel is cut off, comes back, and gets what it has
//! missed: so nobody who can follow at all misses an event, whatever the channel holds.
//!
//! # What to mind
//!
//! - **The epoch.** A log that is only in memory is empty after a restart. With the time of
//!   the start as its epoch, in nanoseconds so that a server that crashes at once does
//!   not have the same one twice, an ID of the former one is a gap. With a constant, event 5 of
//!   today would be taken for event 5 of yesterday.
//! - **A restart without a gap.** Store the epoch and the events as they are pushed. When the
//!   server starts again, push those that it has stored to a log
//!   [that starts after](crate::Replay::starting_after) the one before them, and listen then.
//! - **New clients** get the ID of the log as it is, without an event. A client that is cut
//!   off before its first event would otherwise come back as a new one, and miss what was
//!   sent in between.
//! - **After a gap**, what the client shows is out of date. Let it load its state anew when it
//!   is told, and have that state say at which ID it was made. Send the log's last ID after
//!   it, as to a new client: a log that is empty after a restart has no event to send, and
//!   a client that keeps its old ID would be told of the same gap whenever it reconnects.
//! - **The end.** A browser comes back after a stream has ended, too. Status 204 tells it not
//!   to (WHATWG HTML §9.2.3).
//! - **IDs from clients** are what a stranger wrote. They are bounded and valid, and no
//!   more: do not put them into a query or a page as they are. A log knows whether it has
//!   given an ID to an event; whether that client may see what came after it is for you to
//!   check.
//! - **In the URL.** A browser cannot set a header, and when it makes a new `EventSource`
//!   it has no last event ID. `new EventSource("/events?lastEventId=" + encodeURIComponent(id))`
//!   is how it can continue. When that one reconnects, it sends the header as well, with the
//!   newer ID: so the header comes first.
//!
//! # Several servers
//!
//! A log in each server does not know what the others have sent. [`EventLog`](crate::EventLog)
//! is the interface of one that they share, such as a stream of Redis, and a
//! `Mutex<Replay>` has it too. IDs are those of that log. For a client that is new, or has a
//! gap, [`events`](crate::EventLog::events) has what there is, and the ID to go on with.
//! Subscribe to what comes before you ask for what was missed, and leave out what comes
//! twice: there is no lock around both.
