use sse_wire_versus::{contenders, input::*};
fn main() {
    for corpus in corpora() {
        for chunking in CHUNKINGS {
            let chunks = Chunks::new(&corpus.bytes, chunking);
            for c in contenders::all() {
                let right = c.is_right(&chunks, corpus.expected);
                let t = (c.time)(&chunks).0;
                println!("{} {} {} {} {:?}", corpus.name, chunking.name, c.name(), right, t);
            }
        }
    }
}
