//! How a stream of bytes can end.

/// How the bytes of an event stream ended.
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
