//! Why we lose where we lose: what profiles say of these cells.

use crate::{cells::Cell, contenders::League};

/// Why a cell is not faster for one of our own leagues.
pub(super) fn reason(cell: &Cell, league: League) -> &'static str {
    let is_owned = league == League::OwnStream;
    match cell.corpus {
        "large" if cell.chunking.is_network => {
            "bound by copies: no chunk has all of the event, and its buffer is not kept for the next one"
        }
        _ if !cell.chunking.is_network && is_owned => {
            "each chunk is a `Bytes` that has to be dropped, and cuts a line"
        }
        "keep_alive" if !cell.chunking.is_network => {
            "each chunk cuts a comment, whose text is kept for who asks for items"
        }
        _ if !cell.chunking.is_network => {
            "each chunk cuts a line, which is read and counted against the limit as it arrives"
        }
        "keep_alive" => "what a chunk costs is more than what a comment costs",
        "three_lines" if is_owned => {
            "joined data is copied twice: where its lines are joined, and into the event"
        }
        _ if is_owned => "to own an event costs more than to find it",
        _ => "what a chunk costs is more than what an event costs",
    }
}
