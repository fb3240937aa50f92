//! What the program `memory` has counted.

use std::{
    env,
    process::{Command, Stdio},
};

use crate::environment::{MANIFEST, profile};

/// A line of its output: what was counted, of whom, with what, and two numbers.
pub struct Count {
    pub kind: String,
    pub name: String,
    pub with: String,
    pub values: [f64; 2],
}

/// Builds and runs it, in the profile of this program.
pub fn count() -> Vec<Count> {
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args(["run", "--quiet", "--locked", "--profile", &profile()])
        .args(["--manifest-path", MANIFEST, "--bin", "memory"])
        .stderr(Stdio::inherit())
        .output()
        .expect("cargo runs");
    assert!(output.status.success(), "`memory` failed");
    String::from_utf8_lossy(&output.stdout).lines().map(parse).collect()
}

fn parse(line: &str) -> Count {
    let fields: Vec<&str> = line.split(',').collect();
    let number = |index: usize| fields[index].parse().expect("a number");
    Count {
        kind: fields[0].to_owned(),
        name: fields[1].to_owned(),
        with: fields[2].to_owned(),
        values: [number(3), number(4)],
    }
}
