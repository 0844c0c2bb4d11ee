//! Which process a builder is, and whether it can be seen to be dead from here.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::sync::OnceLock;

/// Identifies a process among all that ever ran on a network of machines.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct ProcessId {
    pub host: String,
    /// Changes when the machine starts anew.
    pub boot: String,
    /// Process numbers mean something within one namespace only.
    pub namespace: String,
    pub pid: u32,
    /// When the process started, in the kernel's clock ticks; tells it from a later one with the same number.
    pub started: u64,
}

impl fmt::Display for ProcessId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "process {} on '{}'", self.pid, self.host)
    }
}

impl ProcessId {
    /// This process.
    pub(super) fn current() -> &'static ProcessId {
        static CURRENT: OnceLock<ProcessId> = OnceLock::new();
        CURRENT.get_or_init(|| {
            let text = |path: &str| std::fs::read_to_string(path).unwrap_or_default().trim().to_owned();
            let pid = std::process::id();
            ProcessId {
                host: text("/proc/sys/kernel/hostname"),
                boot: text("/proc/sys/kernel/random/boot_id"),
                namespace: pid_namespace(),
                pid,
                started: start_ticks(pid).unwrap_or(0),
            }
        })
    }

    /// Whether the process ran on this machine and certainly runs no longer. `false` when that cannot be told.
    pub(super) fn is_certainly_dead(&self) -> bool {
        let here = ProcessId::current();
        let comparable = !here.boot.is_empty() && here.started != 0 && self.started != 0;
        if !comparable || self.host != here.host {
            return false;
        }
        if self.boot != here.boot {
            // The same machine has been started again since, unless two machines share a name.
            return false;
        }
        if self.namespace != here.namespace {
            return false;
        }
        match start_ticks(self.pid) {
            Some(started) => started != self.started,
            // It may only be hidden, as `/proc` can be set to do with the processes of others.
            None => is_gone(self.pid),
        }
    }
}

fn pid_namespace() -> String {
    std::fs::read_link("/proc/self/ns/pid")
        .map(|link| link.to_string_lossy().into_owned())
        .unwrap_or_default()
}

/// The start time of a process that has not ended; a zombie has.
fn start_ticks(pid: u32) -> Option<u64> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name in parentheses may itself hold spaces and parentheses.
    let mut fields = stat.rsplit_once(')')?.1.split_ascii_whitespace();
    let state = fields.next()?;
    if matches!(state, "Z" | "X") {
        return Some(u64::MAX);
    }
    fields.nth(18)?.parse().ok()
}

/// Whether the kernel says that there is no process of this number.
fn is_gone(pid: u32) -> bool {
    let pid = i32::try_from(pid).ok().and_then(rustix::process::Pid::from_raw);
    pid.is_some_and(|pid| rustix::process::test_kill_process(pid) == Err(rustix::io::Errno::SRCH))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_is_alive_and_a_finished_child_is_dead() {
        let me = ProcessId::current();
        assert!(me.started > 0 && !me.is_certainly_dead());
        let mut child = std::process::Command::new("sleep").arg("60").spawn().unwrap();
        let child_id = ProcessId { pid: child.id(), started: start_ticks(child.id()).unwrap(), ..me.clone() };
        assert!(!child_id.is_certainly_dead());
        child.kill().unwrap();
        std::thread::sleep(std::time::Duration::from_millis(50));
        assert!(child_id.is_certainly_dead(), "a zombie is dead");
        child.wait().unwrap();
        assert!(child_id.is_certainly_dead() && is_gone(child.id()));
        assert!(!ProcessId { host: "elsewhere".to_owned(), ..child_id }.is_certainly_dead());
    }

    #[test]
    fn a_process_that_cannot_be_looked_at_is_not_gone() {
        assert!(!is_gone(1) && !is_gone(std::process::id()) && !is_gone(0));
    }

    #[test]
    fn a_number_used_again_is_another_process() {
        let me = ProcessId::current();
        assert!(ProcessId { started: me.started + 1, ..me.clone() }.is_certainly_dead());
    }
}
