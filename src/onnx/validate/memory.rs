//! How much memory a model may ask for.

use std::fs;

use anyhow::{Result, ensure};

/// The share of the machine's memory that a model may ask for by default.
const SHARE: f64 = 0.75;

/// Assumed where the system does not say how much memory it has.
const ASSUMED: u64 = 16 << 30;

/// The most bytes that the values of a network may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MemoryLimit(u64);

impl MemoryLimit {
    /// No limit, where nothing is computed of values but their shapes.
    pub(in crate::onnx) const NONE: MemoryLimit = MemoryLimit(u64::MAX);

    /// So many bytes; by default three quarters of what this machine, or the control group that the process runs in,
    /// has.
    pub fn new(bytes: Option<u64>) -> MemoryLimit {
        MemoryLimit(bytes.unwrap_or_else(|| (memory_of_machine() as f64 * SHARE) as u64))
    }

    /// Fails where something asks for more.
    ///
    /// # Errors
    /// Says what takes how much, the limit, and how to raise it.
    pub fn check(self, bytes: u128, what: impl FnOnce() -> String) -> Result<()> {
        ensure!(
            bytes <= u128::from(self.0),
            "{} takes {} of memory, more than the limit of {}; --max-memory sets another limit",
            what(),
            in_words(bytes),
            in_words(self.0.into())
        );
        Ok(())
    }
}

/// The bytes that this process may use: those of the machine, or of the control group if it has fewer.
fn memory_of_machine() -> u64 {
    let machine = fs::read_to_string("/proc/meminfo").ok().and_then(|text| total(&text));
    let groups = ["/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"];
    let limits =
        groups.iter().filter_map(|file| fs::read_to_string(file).ok()?.trim().parse().ok());
    let own = own_group().into_iter();
    machine.into_iter().chain(limits).chain(own).min().unwrap_or(ASSUMED)
}

/// The limit of the control group (version 2) that the process is in, or the lowest of those above it.
fn own_group() -> Option<u64> {
    let groups = fs::read_to_string("/proc/self/cgroup").ok()?;
    let group = groups.lines().find_map(|line| line.strip_prefix("0::/"))?;
    let mut folder = std::path::Path::new("/sys/fs/cgroup").join(group);
    let mut lowest = None;
    while folder.starts_with("/sys/fs/cgroup") {
        let limit = fs::read_to_string(folder.join("memory.max"));
        let limit: Option<u64> = limit.ok().and_then(|text| text.trim().parse().ok());
        lowest = lowest.into_iter().chain(limit).min();
        if !folder.pop() {
            break;
        }
    }
    lowest
}

/// The line `MemTotal:  24605932 kB`.
fn total(meminfo: &str) -> Option<u64> {
    let line = meminfo.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    let kilobytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kilobytes.checked_mul(1024)
}

/// Bytes with their unit.
pub fn in_words(bytes: u128) -> String {
    let units = ["bytes", "KiB", "MiB", "GiB", "TiB"];
    let mut number = bytes as f64;
    let mut unit = 0;
    while number >= 1000.0 && unit + 1 < units.len() {
        number /= 1024.0;
        unit += 1;
    }
    match unit {
        0 => format!("{bytes} bytes"),
        _ if number >= 1e6 => format!("{number:.0e} {}", units[unit]),
        _ => format!("{number:.1} {}", units[unit]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_machine_has_memory() {
        let bytes = memory_of_machine();
        assert!((1 << 27..1 << 50).contains(&bytes), "{bytes}");
        assert_eq!(total("MemFree: 1 kB\nMemTotal:       24605932 kB\n"), Some(24_605_932 * 1024));
        assert_eq!(total("nothing"), None);
    }

    #[test]
    fn what_is_too_much_is_said_with_its_unit() {
        let limit = MemoryLimit::new(Some(3 << 30));
        limit.check(3 << 30, String::new).unwrap();
        let told = limit.check(5 << 40, || "the tensor".to_string()).unwrap_err().to_string();
        assert_eq!(
            told,
            "the tensor takes 5.0 TiB of memory, more than the limit of 3.0 GiB; --max-memory sets another limit"
        );
        assert_eq!(in_words(999), "999 bytes");
        assert_eq!(in_words(1536), "1.5 KiB");
        assert!(in_words(u128::MAX).ends_with("e26 TiB"));
    }
}
