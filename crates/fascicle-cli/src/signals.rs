//! The signals that ask for an end, by their names.

use rustix::process::Signal;

/// Those that always do.
pub(crate) const ALWAYS: [Signal; 4] = [Signal::INT, Signal::TERM, Signal::HUP, Signal::QUIT];

/// Those that can be chosen. Others cannot be awaited, or mean something else.
const NAMES: [(&str, Signal); 11] = [
    ("USR1", Signal::USR1),
    ("USR2", Signal::USR2),
    ("ALRM", Signal::ALARM),
    ("CONT", Signal::CONT),
    ("URG", Signal::URG),
    ("XCPU", Signal::XCPU),
    ("WINCH", Signal::WINCH),
    ("HUP", Signal::HUP),
    ("INT", Signal::INT),
    ("QUIT", Signal::QUIT),
    ("TERM", Signal::TERM),
];

/// Reads the name of a signal, with `SIG` before it or without.
pub(crate) fn parse_signal(text: &str) -> Result<Signal, String> {
    let upper = text.to_ascii_uppercase();
    let name = upper.strip_prefix("SIG").unwrap_or(&upper);
    if matches!(name, "KILL" | "STOP") {
        return Err(format!("nothing can be done at SIG{name}: it reaches no process that could see it"));
    }
    NAMES.iter().find(|(known, _)| *known == name).map(|(_, signal)| *signal).ok_or_else(|| {
        let names: Vec<&str> = NAMES.iter().map(|(name, _)| *name).collect();
        format!("'{text}' is no signal that can be waited for; these are {}", names.join(", "))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_as_schedulers_write_them() {
        for (text, signal) in [
            ("USR1", Signal::USR1),
            ("SIGUSR1", Signal::USR1),
            ("sigusr2", Signal::USR2),
            ("TERM", Signal::TERM),
            ("xcpu", Signal::XCPU),
        ] {
            assert_eq!(parse_signal(text), Ok(signal), "{text}");
        }
        for (text, why) in [
            ("KILL", "SIGKILL"),
            ("SIGSTOP", "SIGSTOP"),
            ("SEGV", "USR1, USR2"),
            ("10", "USR1"),
            ("", "USR1"),
        ] {
            assert!(parse_signal(text).unwrap_err().contains(why), "{text}");
        }
    }
}
