//! Instructions instead of seconds: the same on a busy machine and a quiet one.
//!
//! A bench runs itself once more under callgrind, with arguments that say what
//! to do. Only what happens in the function [`measured`] counts.

use std::{
    env,
    io::Write,
    process::{Command, Stdio},
    sync::atomic::{AtomicUsize, Ordering},
    thread,
};

/// The arguments of the bench, without the one that cargo adds.
pub(crate) fn arguments() -> Vec<String> {
    env::args().skip(1).filter(|argument| argument != "--bench").collect()
}

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
/// these arguments and this input.
pub(crate) fn instructions(arguments: &[&str], input: &[u8]) -> u64 {
    let mut program = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg("--toggle-collect=*callgrind::measured*")
        .arg(env::current_exe().expect("a program has a path"))
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("valgrind is installed");
    // If the program ends before it has read all, its report says why.
    _ = program.stdin.take().expect("a pipe").write_all(input);
    let output = program.wait_with_output().expect("valgrind runs");
    let report = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{arguments:?}: {report}");
    let collected = report.lines().find_map(|line| line.split_once("Collected : "));
    collected.expect("callgrind says what it has collected").1.parse().expect("a number")
}

/// Does something with each, in as many threads as there are processors, and
/// returns the results in the order of the cases.
pub(crate) fn in_parallel<T: Sync, R: Send>(cases: &[T], each: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let next = AtomicUsize::new(0);
    let worker = || {
        let mut results = Vec::new();
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            let Some(case) = cases.get(index) else { return results };
            results.push((index, each(case)));
        }
    };
    let mut results: Vec<_> = thread::scope(|scope| {
        let processors = thread::available_parallelism().map_or(1, usize::from);
        let threads: Vec<_> = (0..processors).map(|_| scope.spawn(worker)).collect();
        threads.into_iter().flat_map(|thread| thread.join().expect("no panic")).collect()
    });
    results.sort_by_key(|(index, _)| *index);
    results.into_iter().map(|(_, result)| result).collect()
}
