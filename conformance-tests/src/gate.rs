//! When a behaviour applies to a backend. Nothing else may skip one.

use fascicle_backend::{Capabilities, Capability};
use std::fmt;

/// A condition on what a backend declares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// The capability is declared.
    Declared(Capability),
    /// The capability is not declared: the behaviour is to refuse it.
    Undeclared(Capability),
}

impl fmt::Display for Need {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Need::Declared(capability) => write!(f, "{capability}"),
            Need::Undeclared(capability) => write!(f, "no {capability}"),
        }
    }
}

/// Why a behaviour with these needs does not apply to a backend that declares `declared`; `None` when it applies.
pub(crate) fn reason_to_skip(needs: &[Need], declared: Capabilities) -> Option<String> {
    needs.iter().find_map(|need| match need {
        Need::Declared(capability) if !declared.has(*capability) => {
            Some(format!("{capability} not declared"))
        }
        Need::Undeclared(capability) if declared.has(*capability) => {
            Some(format!("{capability} is declared"))
        }
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_need_must_be_met() {
        let declared = Capabilities::NONE.with(Capability::Write);
        let needs = [Need::Declared(Capability::Write), Need::Undeclared(Capability::Arrays)];
        assert_eq!(reason_to_skip(&needs, declared), None);
        assert_eq!(reason_to_skip(&[], Capabilities::NONE), None);
        assert_eq!(reason_to_skip(&needs, Capabilities::NONE).as_deref(), Some("write not declared"));
        assert_eq!(
            reason_to_skip(&needs, declared.with(Capability::Arrays)).as_deref(),
            Some("arrays is declared")
        );
    }
}
