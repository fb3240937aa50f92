//! How a stream of bytes can end.

/// How the bytes of an event stream ended.
///
/// # Examples
///
/// ```
/// # #[cfg(feature = "std")] {
/// use sse_wire::{Ending, EventReader};
///
/// let ending = |stream: &str| {
///     let mut reader = EventReader::new(stream.as_bytes());
///     while reader.next_event().is_ok_and(|event| event.is_some()) {}
///     reader.ending()
/// };
/// assert_eq!(ending("data: 1\n\n"), Some(Ending::Complete));
/// assert_eq!(ending("data: 1\n\ndata: 2"), Some(Ending::Cut));
/// # }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Ending {
    /// Between two blocks: nothing was lost.
    Complete,
    /// Within a line, or within a block that has data: the stream was cut off.
    /// The [`EofPolicy`](crate::EofPolicy) decides what happens to that block.
    Cut,
    /// With an error of the transport.
    Transport,
}
