//! Target `tiers`: all tiers deliver the same, and may be read late, interrupted
//! and taken apart.

use crate::{
    common::{Tier, driven::Way},
    input::Input,
};

/// Panics unless all tiers agree on a stream, however they are driven.
pub fn tiers(input: &[u8]) {
    let input = Input::new(input);
    let chunks = input.chunks();
    let expected = Tier::Parser.run(input.parser(), &chunks);
    let (of_items, of_all) = (input.moves(&[Way::Item]), input.moves(&Way::ALL));
    for tier in Tier::ALL {
        assert_eq!(tier.run(input.parser(), &chunks), expected, "{tier:?} in {chunks:X?}");
        let record = tier.play(input.parser(), &chunks, &of_items);
        assert_eq!(record, expected, "{tier:?} in {chunks:X?}, {of_items:?}");
        let record = tier.play(input.parser(), &chunks, &of_all).events_and_errors();
        assert_eq!(record, expected.events_and_errors(), "{tier:?} in {chunks:X?}, {of_all:?}");
    }
}
