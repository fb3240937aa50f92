//! That the pages for readers of the repository say what is so: their links lead somewhere, and
//! the commands of `docs/troubleshooting.md` print what is shown below them.

mod common;

use std::{fs, path::Path, process::Command};

use common::Server;

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");
const PAGES: [&str; 5] = [
    "README.md",
    "docs/choosing.md",
    "docs/follow.md",
    "docs/troubleshooting.md",
    "examples/README.md",
];

#[test]
fn every_link_leads_to_a_file_and_to_a_heading_in_it() {
    let mut count = 0;
    for page in PAGES {
        let text = read(page);
        for link in links(&text).filter(|link| !link.contains("://")) {
            let (file, heading) = link.split_once('#').unwrap_or((link, ""));
            let target = match file {
                "" => Path::new(page).to_owned(),
                _ => Path::new(page).parent().unwrap().join(file),
            };
            assert!(Path::new(ROOT).join(&target).exists(), "{page}: {link}");
            if !heading.is_empty() {
                let text = read(target.to_str().unwrap());
                assert!(headings(&text).any(|h| h == heading), "{page}: {link}");
            }
            count += 1;
        }
    }
    assert!(count > 50, "only {count} links");
}

/// `[text](link)`, and `[name]: link` at the start of a line.
fn links(text: &str) -> impl Iterator<Item = &str> {
    let inline = text.split("](").skip(1).filter_map(|rest| rest.split(')').next());
    let named = text.lines().filter(|line| line.starts_with('['));
    inline.chain(named.filter_map(|line| Some(line.split_once("]: ")?.1)))
}

/// As GitHub names them.
fn headings(text: &str) -> impl Iterator<Item = String> {
    let headings = text.lines().filter(|line| line.starts_with('#'));
    headings.map(|line| {
        let line = line.trim_start_matches('#').trim().to_lowercase().replace(' ', "-");
        line.chars().filter(|c| c.is_alphanumeric() || matches!(c, '-' | '_')).collect()
    })
}

#[test]
#[ignore = "needs bash, curl and ss: run `.ci/nginx`"]
fn the_commands_of_the_page_print_what_it_says() {
    let server = Server::start(env!("CARGO_BIN_EXE_resume"), &[]);
    let port = server.url.split(['/', ':']).nth(4).unwrap();
    let page = read("docs/troubleshooting.md");
    let mut count = 0;
    for block in page.split("```console\n").skip(1) {
        let block = block.split("```").next().unwrap();
        let lines: Vec<_> =
            block.lines().map(|line| line.strip_prefix("  ").unwrap_or(line)).collect();
        // All commands of a block in one shell.
        let is_command = |line: &&&str| line.starts_with("$ ");
        let commands = lines.iter().filter(is_command).map(|line| line[2..].replace("3000", port));
        let script = commands.map(|command| command + "\nprintf '\\036'\n").collect::<String>();
        let printed = bash(&format!("exec 2>&1\n{script}"));
        let mut shown: Vec<Vec<&str>> = Vec::new();
        for line in &lines {
            match line.strip_prefix("$ ") {
                Some(_) => shown.push(Vec::new()),
                None => {
                    shown.last_mut().unwrap().extend(Some(*line).filter(|line| !line.is_empty()))
                }
            }
        }
        for (shown, printed) in shown.iter().zip(printed.split('\u{1e}')) {
            assert!(
                is_shown(shown, printed),
                "the page shows\n{shown:#?}\n{script}prints\n{printed}"
            );
            count += 1;
        }
    }
    assert!(count > 10, "only {count} commands");
}

fn bash(script: &str) -> String {
    let output = Command::new("bash").args(["-c", script]).current_dir(ROOT).output();
    String::from_utf8(output.expect("bash is installed").stdout).unwrap()
}

/// Whether that is printed, with other numbers perhaps; `…` as the last line is any more.
fn is_shown(shown: &[&str], printed: &str) -> bool {
    let printed: Vec<_> = printed.lines().filter(|line| !line.is_empty()).collect();
    let (shown, printed) = match shown {
        [shown @ .., "…"] => (shown, &printed[..shown.len().min(printed.len())]),
        _ => (shown, &printed[..]),
    };
    shown
        .iter()
        .map(|line| without_numbers(line))
        .eq(printed.iter().map(|line| without_numbers(line)))
}

/// Times, IDs and counts are others each time. A status is not.
fn without_numbers(line: &str) -> String {
    if line.bytes().all(|byte| byte.is_ascii_digit()) {
        return line.to_owned();
    }
    let mut text = String::new();
    for part in line.trim_end().split_inclusive(|c: char| !c.is_ascii_digit()) {
        let digits = part.trim_end_matches(|c: char| !c.is_ascii_digit());
        let number = if matches!(digits.len(), 0 | 3) { digits } else { "0" };
        text += number;
        text += &part[digits.len()..];
    }
    text
}

fn read(file: &str) -> String {
    let path = Path::new(ROOT).join(file);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}
