//! What an access is for: the purposes of use that health law tells apart.

/// A purpose of use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Purpose {
    /// Treating the patient.
    Treatment,
    /// Being paid for it.
    Payment,
    /// Running the institution.
    Operations,
    /// Research.
    Research,
    /// An emergency.
    Emergency,
}

impl Purpose {
    /// Every purpose.
    pub const ALL: [Purpose; 5] = [
        Purpose::Treatment,
        Purpose::Payment,
        Purpose::Operations,
        Purpose::Research,
        Purpose::Emergency,
    ];

    /// The name in policies, on the command line and in the audit log.
    pub fn name(self) -> &'static str {
        match self {
            Purpose::Treatment => "treatment",
            Purpose::Payment => "payment",
            Purpose::Operations => "operations",
            Purpose::Research => "research",
            Purpose::Emergency => "emergency",
        }
    }

    /// Reads a [`Purpose::name`].
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|purpose| purpose.name() == name)
    }
}
