//! The last event ID of a client, as it is sent and as its server reads it.

use std::borrow::Cow;

use http::{HeaderMap, HeaderValue};
use sse_wire::{
    Event,
    http::{
        LAST_EVENT_ID, LastEventIdError, MAX_LAST_EVENT_ID, last_event_id, last_event_id_in_query,
    },
};

/// What a client sends as its last event ID is what its server reads, from a header and
/// from a query.
pub(super) fn check_sent(id: &str) {
    let mut headers = HeaderMap::new();
    headers.insert(LAST_EVENT_ID, HeaderValue::from_bytes(id.as_bytes()).expect("a header value"));
    assert_eq!(last_event_id(&headers), Ok(Some(id)));
    let query: String = form_urlencoded::byte_serialize(id.as_bytes()).collect();
    let query = format!("id={query}");
    assert_eq!(last_event_id_in_query(&query, "id"), Ok(Some(Cow::Borrowed(id))));
}

pub(super) fn request_headers(lines: &[u8]) {
    let mut headers = HeaderMap::new();
    for value in lines.split(|byte| *byte == b'\n') {
        if let Ok(value) = HeaderValue::from_bytes(value) {
            headers.append(LAST_EVENT_ID, value);
        }
    }
    let values: Vec<_> = headers.get_all(LAST_EVENT_ID).iter().map(HeaderValue::as_bytes).collect();
    let expected = match values[..] {
        [] => Ok(None),
        [value] if value.len() > MAX_LAST_EVENT_ID => Err(LastEventIdError::TooLong),
        [value] => match std::str::from_utf8(value) {
            Ok(id) => Ok(Some(id).filter(|id| !id.is_empty())),
            Err(_) => Err(LastEventIdError::NotUtf8),
        },
        _ => Err(LastEventIdError::Repeated),
    };
    let id = last_event_id(&headers);
    assert_eq!(id, expected);
    check_accepted(id.ok().flatten());
}

pub(super) fn query(query: &str) {
    let pairs = form_urlencoded::parse(query.as_bytes());
    let values: Vec<_> = pairs.filter(|(name, _)| name == "id").map(|(_, value)| value).collect();
    let expected = match &values[..] {
        [] => Ok(None),
        // What is not UTF-8 has become U+FFFD, and may have become longer.
        [value] if value.contains('\u{fffd}') => return check_replaced(query, value),
        [value] if value.len() > MAX_LAST_EVENT_ID => Err(LastEventIdError::TooLong),
        [value] if value.contains(['\0', '\r', '\n']) => Err(LastEventIdError::NotAnId),
        [value] => Ok(Some(value.clone()).filter(|id| !id.is_empty())),
        _ => Err(LastEventIdError::Repeated),
    };
    let id = last_event_id_in_query(query, "id");
    assert_eq!(id, expected);
    check_accepted(id.ok().flatten().as_deref());
}

fn check_replaced(query: &str, replaced: &str) {
    if let Ok(id) = last_event_id_in_query(query, "id") {
        assert_eq!(id.as_deref(), Some(replaced));
        check_accepted(id.as_deref());
    }
}

/// It is bounded, and can be the ID of an event.
fn check_accepted(id: Option<&str>) {
    let id = id.unwrap_or_default();
    assert!(id.len() <= MAX_LAST_EVENT_ID);
    assert!(Event::builder().id(id).build().is_ok());
}

/// Whether a header with it as its value arrives as it was, and is not too large.
pub(super) fn can_be_sent(id: &str) -> bool {
    let arrives =
        HeaderValue::from_bytes(id.as_bytes()).is_ok() && id.trim_matches([' ', '\t']) == id;
    arrives && id.len() <= MAX_LAST_EVENT_ID
}
