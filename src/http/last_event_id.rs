//! The last event ID that a client says it has seen.
//!
//! It is what a stranger wrote: bounded, and as valid as an ID of ours, but nothing
//! says that it was ever sent.

use alloc::{borrow::Cow, string::String, vec::Vec};

use ::http::{HeaderMap, HeaderName};

use crate::encode::validate_id;

/// The header in which a client sends the last event ID: `Last-Event-ID` (WHATWG HTML
/// §9.2.4).
pub const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

/// Longer IDs are an error: they would be kept, compared and sent to logs.
pub const MAX_LAST_EVENT_ID: usize = 4096;

/// The ID after which a client that reconnects wants events, from its headers.
///
/// `None` if there is none or an empty one, as that is what a new client sends. The ID
/// is UTF-8, as the standard has it (WHATWG HTML §9.2.4), and valid as an ID of an
/// event. Do not trust it further: any client can send any ID. Does not allocate.
///
/// # Errors
///
/// [`LastEventIdError`], for what no client has from us. To answer "400 Bad Request" is
/// one way, to take it for a new client is another: `.ok().flatten()`.
///
/// # Examples
///
/// ```
/// use http::HeaderMap;
/// use sse_wire::http::last_event_id;
///
/// let mut headers = HeaderMap::new();
/// assert_eq!(last_event_id(&headers), Ok(None));
/// headers.insert("last-event-id", "7".parse()?);
/// assert_eq!(last_event_id(&headers), Ok(Some("7")));
/// headers.insert("last-event-id", "7".repeat(5000).parse()?);
/// assert!(last_event_id(&headers).is_err());
/// # Ok::<(), http::header::InvalidHeaderValue>(())
/// ```
pub fn last_event_id(headers: &HeaderMap) -> Result<Option<&str>, LastEventIdError> {
    let mut values = headers.get_all(LAST_EVENT_ID).iter();
    let Some(value) = values.next() else { return Ok(None) };
    if values.next().is_some() {
        return Err(LastEventIdError::Repeated);
    }
    let bytes = value.as_bytes();
    check_length(bytes.len())?;
    let id = core::str::from_utf8(bytes).map_err(|_| LastEventIdError::NotUtf8)?;
    checked(id)
}

/// The same from a query string, for clients that cannot set headers: a browser that
/// makes a new `EventSource` has to put the ID into the URL.
///
/// `query` is what is behind the `?`, and `parameter` the name of the parameter, such
/// as `lastEventId`. It is decoded as forms are: `%` and two digits, and `+` for a space
/// (URL §5.1). Allocates only if there is something to decode. If a header has an ID as
/// well, prefer that: the browser updates it and not the URL.
///
/// # Errors
///
/// [`LastEventIdError`], as of [`last_event_id`].
///
/// # Examples
///
/// ```
/// use sse_wire::http::last_event_id_in_query;
///
/// let id = |query| last_event_id_in_query(query, "lastEventId");
/// assert_eq!(id("room=1&lastEventId=a%2F7").unwrap().unwrap(), "a/7");
/// assert_eq!(id("room=1"), Ok(None));
/// assert!(id("lastEventId=7%0Adata:+injected").is_err());
/// ```
pub fn last_event_id_in_query<'q>(
    query: &'q str,
    parameter: &str,
) -> Result<Option<Cow<'q, str>>, LastEventIdError> {
    let mut values = query
        .split('&')
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .filter(|(name, _)| decoded(name).is_ok_and(|name| name == parameter))
        .map(|(_, value)| value);
    let Some(value) = values.next() else { return Ok(None) };
    if values.next().is_some() {
        return Err(LastEventIdError::Repeated);
    }
    // Three for each byte that is encoded.
    check_length(value.len() / 3)?;
    let id = decoded(value)?;
    check_length(id.len())?;
    Ok(checked(&id)?.is_some().then_some(id))
}

/// Why the last event ID of a client cannot be one.
///
/// # Examples
///
/// ```
/// use http::{HeaderMap, HeaderValue};
/// use sse_wire::http::{LastEventIdError, last_event_id};
///
/// let mut headers = HeaderMap::new();
/// headers.insert("last-event-id", HeaderValue::from_bytes(b"caf\xE9")?);
/// assert_eq!(last_event_id(&headers), Err(LastEventIdError::NotUtf8));
/// # Ok::<(), http::header::InvalidHeaderValue>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum LastEventIdError {
    /// It has more bytes than [`MAX_LAST_EVENT_ID`].
    #[error("the last event ID has more than {MAX_LAST_EVENT_ID} bytes")]
    TooLong,

    /// It is not UTF-8.
    #[error("the last event ID is not UTF-8")]
    NotUtf8,

    /// It contains CR, LF or U+0000, which no ID of an event can.
    #[error("the last event ID contains a line end or U+0000")]
    NotAnId,

    /// There are several, and nothing says which one counts.
    #[error("the request has more than one last event ID")]
    Repeated,
}

fn check_length(length: usize) -> Result<(), LastEventIdError> {
    if length > MAX_LAST_EVENT_ID { Err(LastEventIdError::TooLong) } else { Ok(()) }
}

fn checked(id: &str) -> Result<Option<&str>, LastEventIdError> {
    validate_id(id).map_err(|_| LastEventIdError::NotAnId)?;
    Ok((!id.is_empty()).then_some(id))
}

/// A name or value of a query. A `%` without two digits stands for itself.
fn decoded(text: &str) -> Result<Cow<'_, str>, LastEventIdError> {
    if !text.contains(['%', '+']) {
        return Ok(Cow::Borrowed(text));
    }
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        let (byte, after) = match (byte, after) {
            (b'+', _) => (b' ', after),
            (b'%', &[high, low, ref after @ ..]) => match (digit(high), digit(low)) {
                (Some(high), Some(low)) => (high * 16 + low, after),
                _ => (byte, &rest[1..]),
            },
            _ => (byte, after),
        };
        bytes.push(byte);
        rest = after;
    }
    String::from_utf8(bytes).map(Cow::Owned).map_err(|_| LastEventIdError::NotUtf8)
}

fn digit(hexadecimal: u8) -> Option<u8> {
    char::from(hexadecimal).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

#[cfg(test)]
mod tests {
    use alloc::borrow::ToOwned;

    use ::http::HeaderValue;

    use super::*;

    fn from_header(value: &[u8]) -> Result<Option<String>, LastEventIdError> {
        let mut headers = HeaderMap::new();
        headers.insert(LAST_EVENT_ID, HeaderValue::from_bytes(value).unwrap());
        last_event_id(&headers).map(|id| id.map(ToOwned::to_owned))
    }

    fn from_query(query: &str) -> Result<Option<String>, LastEventIdError> {
        last_event_id_in_query(query, "id").map(|id| id.map(Cow::into_owned))
    }

    #[test]
    fn a_header_is_utf8() {
        assert_eq!(from_header("caf\u{e9}".as_bytes()), Ok(Some("caf\u{e9}".into())));
        assert_eq!(from_header(b"caf\xE9"), Err(LastEventIdError::NotUtf8));
    }

    #[test]
    fn an_empty_one_is_none() {
        assert_eq!(from_header(b""), Ok(None));
        for query in ["", "id", "id=", "&", "=", "id=&x=1", "x=id"] {
            assert_eq!(from_query(query), Ok(None), "{query}");
        }
    }

    #[test]
    fn the_length_is_limited_as_decoded() {
        let longest = "x".repeat(MAX_LAST_EVENT_ID);
        assert_eq!(from_header(longest.as_bytes()), Ok(Some(longest.clone())));
        assert_eq!(
            from_header(alloc::format!("{longest}x").as_bytes()),
            Err(LastEventIdError::TooLong)
        );
        let query = alloc::format!("id={}", "%78".repeat(MAX_LAST_EVENT_ID));
        assert_eq!(from_query(&query), Ok(Some(longest)));
        for more in ["x", "%78", "%", "+"] {
            assert_eq!(
                from_query(&alloc::format!("{query}{more}")),
                Err(LastEventIdError::TooLong)
            );
        }
    }

    #[test]
    fn several_are_an_error() {
        let mut headers = HeaderMap::new();
        headers.append(LAST_EVENT_ID, HeaderValue::from_static("1"));
        headers.append(LAST_EVENT_ID, HeaderValue::from_static("1"));
        assert_eq!(last_event_id(&headers), Err(LastEventIdError::Repeated));
        assert_eq!(from_query("id=1&id=1"), Err(LastEventIdError::Repeated));
        assert_eq!(from_query("id=1&%69d=2"), Err(LastEventIdError::Repeated));
    }

    #[test]
    fn queries_are_decoded_as_forms_are() {
        for (value, expected) in [
            ("7", "7"),
            ("a+b%20c", "a b c"),
            ("%C3%a9", "\u{e9}"),
            ("100%", "100%"),
            ("%1", "%1"),
            ("%zz%2", "%zz%2"),
            ("%%37", "%7"),
            ("a=b=c", "a=b=c"),
            ("\u{e9}+", "\u{e9} "),
        ] {
            let query = alloc::format!("x=1&id={value}&y");
            assert_eq!(from_query(&query).unwrap().as_deref(), Some(expected), "{value}");
        }
    }

    #[test]
    fn what_no_id_can_contain_is_an_error() {
        for value in ["%0A", "1%0D", "%00", "a%0D%0Adata:+b", "\n"] {
            assert_eq!(from_query(&alloc::format!("id={value}")), Err(LastEventIdError::NotAnId));
        }
        for value in ["%FF", "%C3", "%ED%A0%80"] {
            assert_eq!(from_query(&alloc::format!("id={value}")), Err(LastEventIdError::NotUtf8));
        }
        // A name that is not UTF-8 is another parameter's.
        assert_eq!(from_query("%FF=1&id=2"), Ok(Some("2".into())));
    }

    #[test]
    fn any_bytes_are_an_id_or_an_error() {
        for high in 0..=u8::MAX {
            for low in 0..=u8::MAX {
                let text: String = [char::from(high), char::from(low)].iter().collect();
                let _ = from_query(&alloc::format!("id=%{text}{text}%{high:02x}"));
                let mut headers = HeaderMap::new();
                if let Ok(value) = HeaderValue::from_bytes(&[high, low]) {
                    headers.insert(LAST_EVENT_ID, value);
                    let _ = last_event_id(&headers);
                }
            }
        }
    }
}
