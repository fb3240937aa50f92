//! What the fake says: in pieces, which end anywhere within words, as tokens do.

use std::f32::consts::TAU;

use base64::{Engine, prelude::BASE64_STANDARD as BASE64};
use serde_json::json;

use super::{
    super::{Delta, Show, media},
    Message,
};

const ANSWER: &str = include_str!("answer.md");
const PICTURE: &[u8] = include_bytes!("picture.png");

/// In characters, one piece after the other, and again from the start.
const PIECES: [usize; 9] = [4, 3, 6, 1, 5, 2, 7, 4, 3];
/// Of a prompt, in characters, when it is said again.
const QUOTED: usize = 80;

pub(super) fn tell(show: Show, messages: &[Message]) -> Vec<Delta> {
    let mut prompts = messages.iter().filter(|message| message.role == "user").rev();
    let prompt = prompts.next().map_or_else(String::new, |message| quoted(&message.content));
    let before: Vec<_> = prompts.map(|message| quoted(&message.content)).collect();
    match show {
        Show::Text => done(tokens(&answer(&prompt, &before))),
        Show::Thinking => {
            let thought = format!(
                "The question is “{prompt}”. 让我想一想 … A model would think now, and would say \
                 so piece by piece: that the answer is not known to it, that it could admit that, \
                 and that it is better to be brief. So I shall be brief. 🤔"
            );
            let said = format!(
                "I have thought about “{prompt}”, and you could watch me. {} **Thoughts** come as \
                 events of a type of their own, so a page can fold them — voilà.",
                memory(&before)
            );
            done([pieces(&thought).map(Delta::Thinking).collect(), tokens(&said)].concat())
        }
        Show::Image => {
            let said = format!("You asked for “{prompt}”. I can paint only this — *voilà*:\n\n");
            let picture = item("image/png", PICTURE);
            done([tokens(&said), vec![picture]].concat())
        }
        Show::Audio => {
            let said = format!("You asked for “{prompt}”. I can play only this — *voilà*:\n\n");
            let sound = item("audio/wav", &media::wav(&melody()));
            done([tokens(&said), vec![sound]].concat())
        }
        Show::Tool => {
            let said = format!("For “{prompt}” I have to look something up — *un moment* …\n\n");
            let search = json!({"query": prompt, "languages": ["en", "fr", "中文"]}).to_string();
            let weather = json!({"city": "Zürich", "unit": "celsius"}).to_string();
            let calls = [call(0, "search", &search), call(1, "get_weather", &weather)].concat();
            [tokens(&said), calls, vec![Delta::Done { reason: "tool_calls".to_owned() }]].concat()
        }
    }
}

fn done(mut deltas: Vec<Delta>) -> Vec<Delta> {
    deltas.push(Delta::Done { reason: "stop".to_owned() });
    deltas
}

fn answer(prompt: &str, before: &[String]) -> String {
    // The prompt last: it may have braces, too.
    ANSWER.replace("{memory}", &memory(before)).replace("{prompt}", prompt)
}

/// `before`: the prompts before this one, the latest first.
fn memory(before: &[String]) -> String {
    match before {
        [] => "That is the first thing that you say to me.".to_owned(),
        [last] => format!("Before that you said “{last}”, and I have not forgotten it."),
        [last, ..] => {
            format!("Before that you said {} other things, “{last}” the latest.", before.len())
        }
    }
}

fn quoted(prompt: &str) -> String {
    let words = prompt.split_whitespace().collect::<Vec<_>>().join(" ");
    match words.char_indices().nth(QUOTED) {
        Some((end, _)) => format!("{}…", &words[..end]),
        None => words,
    }
}

fn tokens(text: &str) -> Vec<Delta> {
    pieces(text).map(Delta::Token).collect()
}

fn call(index: usize, name: &str, arguments: &str) -> Vec<Delta> {
    let name = Some(name.to_owned());
    let first = Delta::Tool { index, name, arguments: String::new() };
    let rest = pieces(arguments).map(|arguments| Delta::Tool { index, name: None, arguments });
    [first].into_iter().chain(rest).collect()
}

fn pieces(text: &str) -> impl Iterator<Item = String> {
    let mut chars = text.chars();
    let pieces = PIECES.into_iter().cycle().map(move |len| chars.by_ref().take(len).collect());
    pieces.take_while(|piece: &String| !piece.is_empty())
}

fn item(media_type: &str, bytes: &[u8]) -> Delta {
    Delta::Item { media_type: media_type.to_owned(), base64: BASE64.encode(bytes) }
}

/// Three notes, each dying away.
fn melody() -> Vec<u8> {
    let note = |pitch: f32| {
        let samples = media::SAMPLES_A_SECOND / 4;
        (0..samples).flat_map(move |n| {
            let (time, left) =
                (n as f32 / media::SAMPLES_A_SECOND as f32, 1.0 - n as f32 / samples as f32);
            let sample = (TAU * pitch * time).sin() * left * 0.3 * f32::from(i16::MAX);
            (sample as i16).to_le_bytes()
        })
    };
    [523.25, 659.26, 783.99].into_iter().flat_map(note).collect()
}
