//! Where and when something was measured, and with which versions.

use std::{
    env, fs,
    process::Command,
    thread,
    time::{SystemTime, UNIX_EPOCH},
};

pub const MANIFEST: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml");

/// Name and value, in words for readers.
pub fn describe() -> Vec<(&'static str, String)> {
    vec![
        ("date", today()),
        ("processor", processor()),
        ("system", format!("{} on {}", env::consts::OS, env::consts::ARCH)),
        ("compiler", output("rustc", &["--version"])),
        ("profile", profile()),
        ("sse-wire", format!("{}, commit {}", version("sse-wire"), commit())),
    ]
}

/// The version of a package in the lock file.
pub fn version(package: &str) -> String {
    let lock = include_str!("../Cargo.lock");
    let found = lock.split_once(&format!("name = \"{package}\"\nversion = \""));
    let version = found.and_then(|(_, rest)| rest.split('"').next());
    version.unwrap_or("unknown").to_owned()
}

/// The Cargo profile that this program was built with.
pub fn profile() -> String {
    let folder = env::current_exe().ok().and_then(|path| {
        let folder = path.parent()?.file_name()?;
        Some(folder.to_string_lossy().into_owned())
    });
    folder.unwrap_or_else(|| "release".to_owned())
}

/// In UTC.
pub fn today() -> String {
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs());
    let (year, month, day) = date(seconds / 86_400);
    format!("{year}-{month:02}-{day:02}")
}

/// The date so many days after 1970-01-01: years from March to February, 400 of
/// which are 146,097 days.
fn date(days: u64) -> (u64, u64, u64) {
    let days = days + 719_468;
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = (month_from_march + 2) % 12 + 1;
    (era * 400 + year_of_era + u64::from(month <= 2), month, day)
}

fn processor() -> String {
    let cores = thread::available_parallelism().map_or(0, usize::from);
    let information = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let line = information.lines().find(|line| line.starts_with("model name"));
    let name = match line.and_then(|line| line.split_once(": ")) {
        Some((_, name)) => name.to_owned(),
        None => output("sysctl", &["-n", "machdep.cpu.brand_string"]),
    };
    format!("{name}, {cores} cores")
}

fn commit() -> String {
    let folder = env!("CARGO_MANIFEST_DIR");
    let commit = output("git", &["-C", folder, "rev-parse", "--short=10", "HEAD"]);
    let changes = output("git", &["-C", folder, "status", "--porcelain", "../../src"]);
    if changes.is_empty() { commit } else { format!("{commit} with changes") }
}

fn output(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output();
    let text = output.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned());
    text.unwrap_or_else(|_| "unknown".to_owned())
}

#[cfg(test)]
mod tests {
    use super::date;

    #[test]
    fn days_are_dates() {
        assert_eq!(date(0), (1970, 1, 1));
        assert_eq!(date(11_016), (2000, 2, 29));
        assert_eq!(date(20_454), (2026, 1, 1));
    }
}
