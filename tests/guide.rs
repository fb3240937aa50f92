//! That `docs/conformance.md` names only tests and cases that exist, and all of
//! those that are there to be named. It cannot check that they hold what the
//! guide says they hold: read the test before you name it.

use std::{collections::BTreeSet, fs, path::Path};

const GUIDE: &str = include_str!("../docs/conformance.md");
const CASES: &str = include_str!("conformance/cases.jsonl");

/// Fewer references than this mean that tables were lost, or that their form has
/// changed and nothing is checked.
const REFERENCES_AT_LEAST: usize = 160;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Reference<'a> {
    /// `tests/file.rs::name`
    Test { file: &'a str, name: &'a str },
    /// `case name`
    Case(&'a str),
}

impl<'a> Reference<'a> {
    fn from_code(code: &'a str) -> Option<Self> {
        if let Some(name) = code.strip_prefix("case ") {
            return (name != "name").then_some(Self::Case(name));
        }
        let (file, name) = code.split_once("::")?;
        let is_path = file.starts_with("tests/") || file.starts_with("src/");
        (is_path && code != "tests/x.rs::name").then_some(Self::Test { file, name })
    }

    fn exists(self) -> bool {
        match self {
            Self::Test { file, name } => tests_of(&read(file)).contains(name),
            Self::Case(name) => CASES.contains(&format!("\"name\": \"{name}\"")),
        }
    }
}

/// What the guide names, outside of blocks of code.
fn references() -> Vec<Reference<'static>> {
    let mut is_code = false;
    let mut references = Vec::new();
    for line in GUIDE.lines() {
        if line.starts_with("```") {
            is_code = !is_code;
        } else if !is_code {
            references.extend(line.split('`').skip(1).step_by(2).filter_map(Reference::from_code));
        }
    }
    references
}

fn read(file: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The functions with a `#[test]` among their attributes.
fn tests_of(source: &str) -> BTreeSet<&str> {
    let mut tests = BTreeSet::new();
    let mut is_test = false;
    for line in source.lines().map(str::trim) {
        if line == "#[test]" {
            is_test = true;
        } else if let Some(rest) = line.strip_prefix("fn ").filter(|_| is_test) {
            tests.extend(rest.split('(').next());
            is_test = false;
        }
    }
    tests
}

#[test]
fn every_test_and_case_that_the_guide_names_exists() {
    let references = references();
    let missing: Vec<_> = references.iter().filter(|reference| !reference.exists()).collect();
    assert!(missing.is_empty(), "{missing:#?}");
    let count = references.len();
    assert!(count >= REFERENCES_AT_LEAST, "only {count} references");
}

#[test]
fn every_rule_and_every_mistake_that_is_tested_is_in_the_guide() {
    let references = references();
    for file in ["tests/whatwg.rs", "tests/tutorials.rs"] {
        for name in tests_of(&read(file)) {
            let is_named = references.contains(&Reference::Test { file, name });
            assert!(is_named, "{file}::{name} is not in docs/conformance.md");
        }
    }
}

#[test]
fn a_name_that_is_misspelled_is_noticed() {
    let named = |code| Reference::from_code(code).expect("a reference").exists();
    assert!(named("tests/whatwg.rs::a_stock_ticker"));
    assert!(named("tests/api.rs::types_are_no_larger_than_they_were"), "attributes in between");
    assert!(named("tests/encode.rs::what_the_builder_accepts_comes_back_equal"), "in a macro");
    assert!(!named("tests/whatwg.rs::a_stock_tickr"));
    assert!(!named("tests/whatwg.rs::a_stock"));
    assert!(!named("tests/whatwg.rs::assert_events"), "not a test");
    assert!(named("case wpt-format-bom"));
    assert!(!named("case wpt-format-bomb") && !named("case wpt-format"));
}
