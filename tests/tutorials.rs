//! What tutorials get wrong. Each mistake is a few lines of Rust that do what the
//! JavaScript, Python or Rust in the comment does, which is found in this or a
//! similar form in tutorials and in code made after them. It runs on input that
//! it gets wrong, and so does every tier of this crate, which gets it right.
//! `docs/conformance.md` says for each why it is wrong.
//!
//! Only the mistake in question is made: a reader that is wrong about spaces
//! keeps an incomplete line for the next chunk. What each mistake delivers is
//! asserted exactly, so that none can be claimed that is not one.
#![cfg(all(feature = "std", feature = "stream"))]

mod common;

use std::convert::Infallible;

use bytes::BytesMut;
use common::{ChunkReader, Record, Tier};
use futures::{StreamExt, executor::block_on, stream};
use serde_json::Value;
use sse_wire::{
    EncodeError, Ending, Event, EventReader, EventStreamExt, EventWriter, Outcome, Parser,
};

/// Runs chunks through every tier, which must agree.
fn run(chunks: &[&[u8]]) -> Record {
    let record = Tier::Parser.run(Parser::new(), chunks);
    for tier in Tier::ALL {
        assert_eq!(tier.run(Parser::new(), chunks), record, "{tier:?}");
    }
    record
}

/// The data of the events, by every tier.
fn ours(chunks: &[&[u8]]) -> Vec<String> {
    run(chunks).events().iter().map(|(_, data, _)| (*data).to_owned()).collect()
}

/// The data of the events before `[DONE]`, which has to come.
fn ours_until_done(chunks: &[&[u8]]) -> Vec<String> {
    let inner = stream::iter(chunks.iter().map(|chunk| Ok::<_, Infallible>(chunk.to_vec())));
    let mut events = inner.events().until_sentinel("[DONE]");
    let data: Vec<_> =
        block_on(events.by_ref().map(|event| event.unwrap().data().to_owned()).collect());
    assert_eq!(events.outcome(), Some(Outcome::Finished));
    let all = ours(chunks);
    let before_done = all.into_iter().take_while(|data| data != "[DONE]");
    assert_eq!(before_done.collect::<Vec<_>>(), data);
    data
}

/// What a tutorial does with the lines of a text.
fn data_lines(text: &str) -> Vec<String> {
    // for (const line of text.split("\n"))
    //   if (line.startsWith("data: ")) onData(line.slice(6));
    text.split('\n').filter_map(|line| line.strip_prefix("data: ")).map(str::to_owned).collect()
}

/// Lines, by a tutorial that keeps an incomplete one for the next chunk.
fn complete_lines(chunks: &[&[u8]]) -> Vec<String> {
    // buffer += decoder.decode(value, { stream: true });
    // const lines = buffer.split("\n");
    // buffer = lines.pop();
    let text = String::from_utf8(chunks.concat()).unwrap();
    let mut lines: Vec<_> = text.split('\n').map(str::to_owned).collect();
    lines.pop();
    lines
}

/// Blocks, by a tutorial that keeps an incomplete one for the next chunk.
fn complete_blocks(chunks: &[&[u8]]) -> (Vec<String>, String) {
    // buffer += decoder.decode(value, { stream: true });
    // const blocks = buffer.split("\n\n");
    // buffer = blocks.pop();
    let text = String::from_utf8(chunks.concat()).unwrap();
    let mut blocks: Vec<_> = text.split("\n\n").map(str::to_owned).collect();
    let buffer = blocks.pop().unwrap();
    (blocks, buffer)
}

// Chunks are not lines, not blocks and not text.

#[test]
fn splitting_each_chunk_at_lf_cuts_the_data_of_a_line_that_is_cut() {
    fn wrong(chunks: &[&[u8]]) -> Vec<String> {
        // const { value } = await reader.read();
        // const lines = decoder.decode(value).split("\n");
        chunks.iter().flat_map(|chunk| data_lines(&String::from_utf8_lossy(chunk))).collect()
    }
    let chunks: [&[u8]; 3] = [b"data: Hel", b"lo\n\nda", b"ta: you\n\n"];
    assert_eq!(wrong(&chunks), ["Hel"]);
    assert_eq!(ours(&chunks), ["Hello", "you"]);
}

#[test]
fn splitting_each_chunk_at_a_blank_line_loses_the_block_after_one_that_is_cut() {
    fn wrong(chunks: &[&[u8]]) -> Vec<String> {
        // for (const block of decoder.decode(value).split("\n\n"))
        //   if (block.startsWith("data: ")) onData(block.slice(6));
        let mut data = Vec::new();
        for chunk in chunks {
            let text = String::from_utf8_lossy(chunk);
            data.extend(
                text.split("\n\n").filter_map(|block| block.strip_prefix("data: ")).map(Into::into),
            );
        }
        data
    }
    let chunks: [&[u8]; 2] = [b"data: a\n", b"\ndata: b\n\ndata: c\n\n"];
    assert_eq!(wrong(&chunks), ["a\n", "c"]);
    assert_eq!(ours(&chunks), ["a", "b", "c"]);
}

#[test]
fn splitting_at_two_lfs_never_finds_the_end_of_a_block_in_cr_lf_or_cr() {
    let chunks: [&[u8]; 2] = [b"data: a\r\n\r\nda", b"ta: b\r\n\r\n"];
    let (blocks, buffer) = complete_blocks(&chunks);
    assert_eq!((blocks.len(), buffer.len()), (0, 22), "and the buffer grows");
    assert_eq!(ours(&chunks), ["a", "b"]);

    let chunks: [&[u8]; 2] = [b"data: a\r\rda", b"ta: b\r\r"];
    assert_eq!(complete_blocks(&chunks).0, [""; 0]);
    assert_eq!(ours(&chunks), ["a", "b"]);
}

#[test]
fn decoding_each_chunk_by_itself_garbles_a_character_that_is_cut() {
    fn wrong(chunks: &[&[u8]]) -> Vec<String> {
        // buffer += decoder.decode(value);            // without { stream: true }
        // buffer += new TextDecoder().decode(value);
        // buffer.push_str(&String::from_utf8_lossy(&chunk));
        let buffer: String = chunks.iter().map(|chunk| String::from_utf8_lossy(chunk)).collect();
        data_lines(&buffer)
    }
    let chunks: [&[u8]; 2] = [b"data: caf\xC3", b"\xA9 \xE4\xBD\xA0\n\n"];
    assert_eq!(wrong(&chunks), ["caf\u{FFFD}\u{FFFD} 你"]);
    assert_eq!(ours(&chunks), ["café 你"]);
}

#[test]
fn decoding_each_chunk_strictly_fails_at_a_character_that_is_cut() {
    fn wrong(chunks: &[&[u8]]) -> Result<String, std::str::Utf8Error> {
        // for chunk in response.iter_content(chunk_size=None):
        //     buffer += chunk.decode("utf-8")
        chunks.iter().map(|chunk| std::str::from_utf8(chunk)).collect()
    }
    let chunks: [&[u8]; 2] = [b"data: caf\xC3", b"\xA9\n\n"];
    assert!(wrong(&chunks).is_err());
    assert_eq!(ours(&chunks), ["café"]);
}

// The end.

#[test]
fn looking_for_the_sentinel_in_a_chunk_loses_what_comes_before_it() {
    fn wrong(chunks: &[&[u8]]) -> Vec<String> {
        // const chunk = decoder.decode(value, { stream: true });
        // if (chunk.includes("[DONE]")) break;
        let mut data = Vec::new();
        for chunk in chunks {
            let chunk = String::from_utf8_lossy(chunk);
            if chunk.contains("[DONE]") {
                break;
            }
            data.extend(data_lines(&chunk));
        }
        data
    }
    let chunks: [&[u8]; 2] = [b"data: a\n\n", b"data: b\n\ndata: [DONE]\n\n"];
    assert_eq!(wrong(&chunks), ["a"]);
    assert_eq!(ours_until_done(&chunks), ["a", "b"]);

    // An answer that mentions it.
    let chunks: [&[u8]; 2] = [b"data: send [DONE] last\n\n", b"data: bye\n\ndata: [DONE]\n\n"];
    assert_eq!(wrong(&chunks), [""; 0]);
    assert_eq!(ours_until_done(&chunks), ["send [DONE] last", "bye"]);

    // One that is cut is not found, and what comes after it is read.
    let chunks: [&[u8]; 3] = [b"data: a\n\ndata: [DO", b"NE]\n\n", b"data: more\n\n"];
    assert_eq!(wrong(&chunks), ["a", "[DO", "more"]);
    assert_eq!(ours_until_done(&chunks), ["a"]);
}

#[test]
fn a_break_at_the_sentinel_leaves_only_the_loop_over_the_lines() {
    fn wrong(chunks: &[&[u8]]) -> Vec<String> {
        // while (true) {
        //   const { done, value } = await reader.read();
        //   if (done) break;
        //   for (const line of lines) {
        //     if (data === "[DONE]") break;
        let mut seen = Vec::new();
        for chunk in chunks {
            for data in data_lines(&String::from_utf8_lossy(chunk)) {
                if data == "[DONE]" {
                    break;
                }
                seen.push(data);
            }
        }
        seen
    }
    let chunks: [&[u8]; 2] = [b"data: a\n\ndata: [DONE]\n\n", b"data: after\n\n"];
    assert_eq!(wrong(&chunks), ["a", "after"]);
    assert_eq!(ours_until_done(&chunks), ["a"]);
}

#[test]
fn what_is_left_at_the_end_is_not_an_event() {
    fn wrong(chunks: &[&[u8]]) -> Vec<String> {
        // if (done) {
        //   if (buffer.trim()) onBlock(buffer);
        //   break;
        // }
        let (mut blocks, buffer) = complete_blocks(chunks);
        if !buffer.trim().is_empty() {
            blocks.push(buffer);
        }
        blocks.iter().flat_map(|block| data_lines(block)).collect()
    }
    // The connection broke in the middle of a number.
    let chunks: [&[u8]; 2] = [b"data: pay 10\n\n", b"data: pay 10"];
    assert_eq!(wrong(&chunks), ["pay 10", "pay 10"]);
    assert_eq!(ours(&chunks), ["pay 10"]);
    let mut reader = EventReader::new(ChunkReader::new(&chunks));
    assert_eq!(reader.by_ref().count(), 1);
    assert_eq!(reader.ending(), Some(Ending::Cut));
}

// Lines.

#[test]
fn lines_end_at_cr_and_lf_and_nowhere_else() {
    fn wrong(chunks: &[&[u8]]) -> Vec<String> {
        // for line in response.iter_lines(decode_unicode=True):   # requests
        // async for line in response.aiter_lines():               # httpx
        // Both use `str.splitlines`, which also ends lines at these characters:
        let ends = "\n\r\u{B}\u{C}\u{1C}\u{1D}\u{1E}\u{85}\u{2028}\u{2029}";
        let text = String::from_utf8(chunks.concat()).unwrap();
        let lines = text.split(|character| ends.contains(character));
        lines.filter_map(|line| line.strip_prefix("data: ")).map(Into::into).collect()
    }
    let stream = "data: {\"text\":\"a\u{2028}b\"}\n\ndata: c\u{85}d\n\n".as_bytes();
    assert_eq!(wrong(&[stream]), ["{\"text\":\"a", "c"]);
    assert_eq!(ours(&[stream]), ["{\"text\":\"a\u{2028}b\"}", "c\u{85}d"]);
}

#[test]
fn the_space_after_the_colon_may_be_missing() {
    fn needs_it(chunks: &[&[u8]]) -> Vec<String> {
        // if (line.startsWith("data: ")) onData(line.slice(6));
        let lines = complete_lines(chunks);
        lines.iter().filter_map(|line| line.strip_prefix("data: ")).map(Into::into).collect()
    }
    fn cuts_six_characters(chunks: &[&[u8]]) -> Vec<String> {
        // if (line.startsWith("data:")) onData(line.slice(6));
        let lines = complete_lines(chunks);
        let lines = lines.iter().filter(|line| line.starts_with("data:"));
        lines.map(|line| line.chars().skip(6).collect()).collect()
    }
    let stream = b"data:42\n\ndata: 43\n\n".as_slice();
    assert_eq!(needs_it(&[stream]), ["43"]);
    assert_eq!(cuts_six_characters(&[stream]), ["2", "43"]);
    assert_eq!(ours(&[stream]), ["42", "43"]);
}

#[test]
fn only_one_space_after_the_colon_is_not_data() {
    fn wrong(chunks: &[&[u8]]) -> Vec<String> {
        // const data = line.trim().slice(5).trim();
        let lines = complete_lines(chunks);
        let lines = lines.iter().map(|line| line.trim());
        lines.filter_map(|line| line.strip_prefix("data:")).map(|data| data.trim().into()).collect()
    }
    // The tokens of a language model begin with the space between two words.
    let stream = b"data: Hello\n\ndata:  world\n\ndata: ,  \n\ndata: you\n\n".as_slice();
    assert_eq!(wrong(&[stream]).concat(), "Helloworld,you");
    assert_eq!(ours(&[stream]).concat(), "Hello world,  you");
}

#[test]
fn only_the_name_at_the_start_of_a_line_is_not_data() {
    fn wrong(chunks: &[&[u8]]) -> Vec<String> {
        // data = line.replace("data: ", "")           # Python: everywhere in the line
        let lines = complete_lines(chunks);
        let lines = lines.iter().filter(|line| line.starts_with("data: "));
        lines.map(|line| line.replace("data: ", "")).collect()
    }
    let stream = b"data: {\"more data: \":1}\n\n".as_slice();
    assert_eq!(wrong(&[stream]), ["{\"more \":1}"]);
    assert_eq!(ours(&[stream]), ["{\"more data: \":1}"]);
}

#[test]
fn what_is_not_data_is_no_error() {
    fn wrong(chunks: &[&[u8]]) -> Result<Vec<Value>, serde_json::Error> {
        // for (const line of lines.filter(Boolean))
        //   onToken(JSON.parse(line.replace("data: ", "")));
        let lines = complete_lines(chunks);
        let lines = lines.iter().filter(|line| !line.is_empty());
        lines.map(|line| serde_json::from_str(&line.replacen("data: ", "", 1))).collect()
    }
    // A comment that keeps the connection alive, an event type, an unknown field.
    for line in [": keep-alive", "event: token", "model: small"] {
        let stream = format!("{line}\ndata: {{}}\n\n");
        assert!(wrong(&[stream.as_bytes()]).is_err(), "{line}");
        assert_eq!(ours(&[stream.as_bytes()]), ["{}"], "{line}");
    }
}

// Blocks.

#[test]
fn a_comment_does_not_make_a_comment_of_its_block() {
    fn wrong(chunks: &[&[u8]]) -> Vec<String> {
        // for (const block of blocks) {
        //   if (block.startsWith(":")) continue;      // heartbeat
        let (blocks, _) = complete_blocks(chunks);
        let blocks = blocks.iter().filter(|block| !block.starts_with(':'));
        blocks.flat_map(|block| data_lines(block)).collect()
    }
    let stream = b": keep-alive\ndata: a\n\ndata: b\n\n".as_slice();
    assert_eq!(wrong(&[stream]), ["b"]);
    assert_eq!(ours(&[stream]), ["a", "b"]);
    assert_eq!(run(&[stream]).comments(), ["keep-alive"]);
}

#[test]
fn the_data_lines_of_a_block_are_one_event_joined_by_lf() {
    fn each_line(chunks: &[&[u8]]) -> Vec<String> {
        // if (line.startsWith("data: ")) onData(line.slice(6));
        complete_lines(chunks).iter().flat_map(|line| data_lines(line)).collect()
    }
    fn first_line(chunks: &[&[u8]]) -> Vec<String> {
        // const line = block.split("\n").find((line) => line.startsWith("data: "));
        let (blocks, _) = complete_blocks(chunks);
        blocks.iter().filter_map(|block| data_lines(block).into_iter().next()).collect()
    }
    fn last_line(chunks: &[&[u8]]) -> Vec<String> {
        // if (line.startsWith("data: ")) event.data = line.slice(6);
        let (blocks, _) = complete_blocks(chunks);
        blocks.iter().filter_map(|block| data_lines(block).pop()).collect()
    }
    fn joined_by_nothing(chunks: &[&[u8]]) -> Vec<String> {
        // if (line.startsWith("data: ")) event.data += line.slice(6);
        complete_blocks(chunks).0.iter().map(|block| data_lines(block).concat()).collect()
    }
    let stream = b"data: one\ndata: two\n\n".as_slice();
    assert_eq!(each_line(&[stream]), ["one", "two"]);
    assert_eq!(first_line(&[stream]), ["one"]);
    assert_eq!(last_line(&[stream]), ["two"]);
    assert_eq!(joined_by_nothing(&[stream]), ["onetwo"]);
    assert_eq!(ours(&[stream]), ["one\ntwo"]);
}

#[test]
fn an_event_with_empty_data_is_an_event() {
    fn wrong(chunks: &[&[u8]]) -> Vec<String> {
        // if (!data) continue;
        complete_lines(chunks)
            .iter()
            .filter_map(|line| line.strip_prefix("data:"))
            .map(|data| data.trim_start().to_owned())
            .filter(|data| !data.is_empty())
            .collect()
    }
    // The type may be all that a last event has to say.
    let stream = b"event: token\ndata: a\n\nevent: done\ndata:\n\n".as_slice();
    assert_eq!(wrong(&[stream]), ["a"]);
    assert_eq!(run(&[stream]).events(), [("token", "a", ""), ("done", "", "")]);
}

/// `(type, data, last event ID)`, by a reader that dispatches at a `data` line.
fn dispatched_at_data(chunks: &[&[u8]]) -> Vec<(String, String, String)> {
    // if (line.startsWith("event: ")) type = line.slice(7);
    // else if (line.startsWith("id: ")) lastEventId = line.slice(4);
    // else if (line.startsWith("data: ")) onEvent({ type, lastEventId, data: line.slice(6) });
    let (mut event_type, mut id) = ("message".to_owned(), String::new());
    let mut events = Vec::new();
    for line in complete_lines(chunks) {
        if let Some(value) = line.strip_prefix("event: ") {
            event_type = value.to_owned();
        } else if let Some(value) = line.strip_prefix("id: ") {
            id = value.to_owned();
        } else if let Some(data) = line.strip_prefix("data: ") {
            events.push((event_type.clone(), data.to_owned(), id.clone()));
        }
    }
    events
}

#[test]
fn an_id_or_type_after_the_data_is_not_too_late() {
    let owned = |event_type: &str, data: &str, id: &str| {
        (event_type.to_owned(), data.to_owned(), id.to_owned())
    };
    let stream = b"data: a\nid: 1\nevent: x\n\ndata: b\nid: 2\n\n".as_slice();
    // Who reconnects after the first event would get it again, and who
    // reconnects after the second would, too.
    let wrong = [owned("message", "a", ""), owned("x", "b", "1")];
    assert_eq!(dispatched_at_data(&[stream]), wrong);
    assert_eq!(run(&[stream]).events(), [("x", "a", "1"), ("message", "b", "2")]);
}

#[test]
fn a_type_ends_with_its_block_and_an_id_does_not() {
    // The reader above never goes back to `message`.
    let stream = b"event: x\nid: 1\ndata: a\n\ndata: b\n\n".as_slice();
    let types: Vec<_> = dispatched_at_data(&[stream]).into_iter().map(|event| event.0).collect();
    assert_eq!(types, ["x", "x"]);

    fn ids_of_blocks(chunks: &[&[u8]]) -> Vec<Option<String>> {
        // const event = {};                           // for each block
        // if (line.startsWith("id: ")) event.id = line.slice(4);
        let (blocks, _) = complete_blocks(chunks);
        let id = |block: &String| {
            block.split('\n').find_map(|line| line.strip_prefix("id: ")).map(str::to_owned)
        };
        blocks.iter().map(id).collect()
    }
    // Who reconnects after the second event begins from the start.
    assert_eq!(ids_of_blocks(&[stream]), [Some("1".to_owned()), None]);

    assert_eq!(run(&[stream]).events(), [("x", "a", "1"), ("message", "b", "1")]);
}

// JSON in the data.

/// What an LLM API sends for a token.
fn delta(token: &str) -> String {
    serde_json::json!({"choices": [{"delta": {"content": token}}]}).to_string()
}

fn content(value: &Value) -> Option<&str> {
    value["choices"][0]["delta"]["content"].as_str()
}

/// Puts the tokens together, and stops at an event that is none. Whoever calls
/// it has that event with its data, whatever it is.
fn answer(chunks: &[&[u8]]) -> Result<String, Box<Event>> {
    let mut text = String::new();
    for event in EventReader::new(ChunkReader::new(chunks)) {
        let event = event.unwrap();
        if event.data() == "[DONE]" {
            break;
        }
        let parsed: Result<Value, _> = serde_json::from_str(event.data());
        match parsed.as_ref().ok().and_then(content) {
            Some(token) => text.push_str(token),
            None => return Err(Box::new(event)),
        }
    }
    Ok(text)
}

#[test]
fn swallowing_json_errors_loses_errors_and_tokens() {
    fn wrong(chunks: &[&[u8]]) -> String {
        // try {
        //   text += JSON.parse(data).choices[0].delta.content;
        // } catch {
        //   continue;                                 // "incomplete, the rest will come"
        // }
        let data = chunks.iter().flat_map(|chunk| data_lines(&String::from_utf8_lossy(chunk)));
        data.filter_map(|data| Some(content(&serde_json::from_str(&data).ok()?)?.to_owned()))
            .collect()
    }
    // A token in a line that is cut is lost without a trace.
    let stream = format!("data: {}\n\ndata: {}\n\n", delta("1"), delta("00"));
    let (head, rest) = stream.as_bytes().split_at(stream.len() - 8);
    assert_eq!(wrong(&[head, rest]), "1");
    assert_eq!(answer(&[head, rest]).unwrap(), "100");

    // An error from the server, as JSON or not, looks like the end of the answer.
    for error in ["{\"error\":{\"message\":\"overloaded\"}}", "upstream timed out"] {
        let yes = delta("Yes, ");
        let stream = format!("data: {yes}\n\ndata: {error}\n\ndata: [DONE]\n\n");
        let stream = stream.as_bytes();
        assert_eq!(wrong(&[stream]), "Yes, ");
        assert_eq!(answer(&[stream]).unwrap_err().data(), error);
        assert_eq!(ours_until_done(&[stream]), [yes.as_str(), error]);
    }
}

// Writing.

/// What a client that follows the standard makes of text that a template wrote.
fn received(texts: &[&str], template: impl Fn(&str) -> String) -> Vec<String> {
    let stream: String = texts.iter().map(|text| template(text)).collect();
    ours(&[stream.as_bytes()])
}

/// What a client makes of the same text that this crate wrote, in both ways.
fn received_from_ours(texts: &[&str]) -> Vec<String> {
    let mut stream = BytesMut::new();
    for text in texts {
        Event::new(*text).encode(&mut stream);
    }
    let mut written = BytesMut::new();
    for text in texts {
        EventWriter::new(&mut written).data(text).finish();
    }
    assert_eq!(written, stream);
    ours(&[&stream])
}

#[test]
fn a_template_loses_the_line_ends_of_its_text_and_what_comes_after_them() {
    // res.write(`data: ${token}\n\n`);
    // yield f"data: {token}\n\n"
    let template = |text: &str| format!("data: {text}\n\n");
    let tokens = ["# Title", "\n\n", "one\ntwo"];
    assert_eq!(received(&tokens, template).concat(), "# Titleone");
    assert_eq!(received_from_ours(&tokens).concat(), "# Title\n\none\ntwo");
}

#[test]
fn a_template_lets_its_text_write_events() {
    let template = |text: &str| format!("data: {text}\n\n");
    let text = "hi\n\nevent: transfer\ndata: all of it\nid: 666";
    let stream = template(text);
    let record = run(&[stream.as_bytes()]);
    assert_eq!(record.events(), [("message", "hi", ""), ("transfer", "all of it", "666")]);
    assert_eq!(received_from_ours(&[text]), [text]);
}

#[test]
fn replacing_lf_only_leaves_cr_to_write_events() {
    // text.split("\n").map((line) => `data: ${line}`).join("\n") + "\n\n"
    let template = |text: &str| format!("data: {}\n\n", text.replace('\n', "\ndata: "));
    let text = "hi\revent: transfer\rdata: all of it";
    let record = run(&[template(text).as_bytes()]);
    assert_eq!(record.events(), [("transfer", "hi\nall of it", "")]);
    // A CR cannot be sent. It arrives as what it is, a line end.
    assert_eq!(received_from_ours(&[text]), ["hi\nevent: transfer\ndata: all of it"]);
}

#[test]
fn a_template_for_type_or_id_lets_their_text_write_fields() {
    // res.write(`event: ${name}\nid: ${id}\ndata: ${data}\n\n`);
    let template = |name: &str, id: &str| format!("event: {name}\nid: {id}\ndata: a\n\n");
    let name = "x\ndata: injected";
    let record = run(&[template(name, "1").as_bytes()]);
    assert_eq!(record.events(), [("x", "injected\na", "1")]);
    let built = Event::builder().event_type(name).id("1").data("a").build();
    assert_eq!(built, Err(EncodeError::LineEnd { field: "event", position: 1 }));
    let built = Event::builder().event_type("x").id("1\n\n").data("a").build();
    assert_eq!(built, Err(EncodeError::LineEnd { field: "id", position: 1 }));
}

#[test]
fn a_template_without_the_space_loses_that_of_its_text() {
    // res.write(`data:${token}\n\n`);
    let template = |text: &str| format!("data:{text}\n\n");
    let tokens = ["Hello", " world"];
    assert_eq!(received(&tokens, template).concat(), "Helloworld");
    assert_eq!(received_from_ours(&tokens).concat(), "Hello world");
}

#[test]
fn escaping_line_ends_by_hand_changes_text_that_contains_the_escape() {
    // yield "data: " + token.replace("\n", "\\n") + "\n\n"      # the server
    // text += event.data.replaceAll("\\n", "\n");               // the client
    let template = |text: &str| format!("data: {}\n\n", text.replace('\n', "\\n"));
    let text = "print(\"a\\n\")\n";
    let unescaped = received(&[text], template).concat().replace("\\n", "\n");
    assert_eq!(unescaped, "print(\"a\n\")\n");
    assert_eq!(received_from_ours(&[text]), [text]);
}
