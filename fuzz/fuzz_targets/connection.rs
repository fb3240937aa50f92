//! The fuzz target `connection`; its body is in the library. Without cargo-fuzz
//! this is a program that runs the body over files:
//! `cargo run --bin connection -- <file>…`.
#![cfg_attr(fuzzing, no_main)]

#[cfg(fuzzing)]
libfuzzer_sys::fuzz_target!(|input: &[u8]| sse_wire_fuzz::connection(input));

#[cfg(not(fuzzing))]
fn main() {
    sse_wire_fuzz::replay(sse_wire_fuzz::connection);
}
