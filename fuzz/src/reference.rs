//! Target `reference`: `Parser` gives what the steps of the standard give, errors
//! included.

use crate::{common::Tier, input::Input};

/// Panics unless the parser and the reference agree on a stream.
pub fn reference(input: &[u8]) {
    let input = Input::new(input);
    let expected = input.settings().read(input.stream);
    let chunks = input.chunks();
    assert_eq!(Tier::Parser.run(input.parser(), &chunks), expected, "in {chunks:X?}");
}
