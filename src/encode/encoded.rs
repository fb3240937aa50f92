//! Bytes of an event stream that are known to be whole, valid blocks.

use alloc::vec::Vec;
use core::time::Duration;

use bytes::{BufMut, Bytes};

use super::{Encode, comment, id_len};
use crate::{
    error::EncodeError,
    event::{Event, EventRef, Item, ItemRef},
};

/// Whole blocks, as they are sent: encoded once, for many clients.
///
/// Can only be made from valid values, and is cheap to clone.
///
/// # Examples
///
/// ```
/// use sse_wire::{Encoded, Event};
///
/// let encoded = Encoded::from(&Event::new("to all"));
/// let bodies: Vec<Encoded> = vec![encoded; 1000];
/// assert_eq!(bodies[999].as_bytes(), b"data: to all\n\n");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Encoded(Bytes);

impl Encoded {
    /// The comment `keep-alive`, which needs no memory.
    #[cfg(feature = "http")]
    pub(crate) const KEEP_ALIVE: Self = Self(Bytes::from_static(b": keep-alive\n\n"));

    /// Encodes a comment, as [`encode::comment`](crate::encode::comment) does.
    /// Allocates once.
    pub fn comment(text: &str) -> Self {
        let mut bytes = Vec::with_capacity(ItemRef::Comment(text).encoded_len());
        comment(text, &mut bytes);
        Self(bytes.into())
    }

    /// Encodes a reconnection time, as [`encode::retry`](crate::encode::retry)
    /// does. Allocates once.
    ///
    /// # Errors
    ///
    /// [`EncodeError::Retry`] if it is not a whole number of milliseconds, or
    /// more than `u64::MAX` of them.
    pub fn retry(time: Duration) -> Result<Self, EncodeError> {
        Self::item(ItemRef::Retry(time))
    }

    /// Encodes an event with another ID than its own, which is valid. Allocates once.
    pub(crate) fn with_id(event: EventRef<'_>, id: &str) -> Self {
        let own = event.id().map_or(0, id_len);
        let mut bytes = Vec::with_capacity(event.encoded_len() - own + id_len(id));
        event.encode_with_id(Some(id), &mut bytes);
        Self(bytes.into())
    }

    /// The bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The bytes, without a copy.
    pub fn into_bytes(self) -> Bytes {
        self.0
    }

    #[inline]
    pub(super) fn bytes(&self) -> &Bytes {
        &self.0
    }

    fn item(item: ItemRef<'_>) -> Result<Self, EncodeError> {
        let mut bytes = Vec::with_capacity(item.encoded_len());
        item.encode(&mut bytes)?;
        Ok(Self(bytes.into()))
    }
}

impl Encode for Encoded {
    fn encode(&self, dst: &mut impl BufMut) -> Result<(), EncodeError> {
        dst.put_slice(&self.0);
        Ok(())
    }

    fn encoded_len(&self) -> usize {
        self.0.len()
    }
}

impl AsRef<[u8]> for Encoded {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl From<Encoded> for Bytes {
    fn from(encoded: Encoded) -> Self {
        encoded.0
    }
}

impl From<EventRef<'_>> for Encoded {
    fn from(event: EventRef<'_>) -> Self {
        Self(event.to_bytes())
    }
}

impl From<&Event> for Encoded {
    fn from(event: &Event) -> Self {
        Self(event.to_bytes())
    }
}

impl From<Event> for Encoded {
    fn from(event: Event) -> Self {
        Self(event.to_bytes())
    }
}

/// Fails for an item made by hand with an ID or a reconnection time that is
/// not valid.
impl TryFrom<&Item> for Encoded {
    type Error = EncodeError;

    fn try_from(item: &Item) -> Result<Self, EncodeError> {
        Self::item(item.as_item_ref())
    }
}
