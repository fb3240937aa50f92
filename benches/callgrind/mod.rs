//! Instructions instead of seconds: the same on a busy machine and a quiet one.
//!
//! A bench runs itself once more under callgrind, with arguments that say what
//! to do. Only what happens in the function [`measured`] counts.

use std::{
    env,
    process::{Command, Stdio},
};

/// Whether valgrind, which has callgrind, is installed.
pub(crate) fn is_installed() -> bool {
    let version = Command::new("valgrind").arg("--version").stdout(Stdio::null()).status();
    version.is_ok_and(|status| status.success())
}

/// Does the work, and lets callgrind count its instructions.
#[inline(never)]
pub(crate) fn measured<T>(work: impl FnOnce() -> T) -> T {
    work()
}

/// How many instructions this program executes in [`measured`] if it is run with
/// these arguments.
pub(crate) fn instructions(arguments: &[&str]) -> u64 {
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg("--toggle-collect=*callgrind::measured*")
        .arg(env::current_exe().expect("a program has a path"))
        .args(arguments)
        .output()
        .expect("valgrind is installed");
    let report = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{arguments:?}: {report}");
    let collected = report.lines().find_map(|line| line.split_once("Collected : "));
    collected.expect("callgrind says what it has collected").1.parse().expect("a number")
}
