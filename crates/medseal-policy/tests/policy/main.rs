//! The tests of `medseal-policy`, against its public interface only.

#[cfg(test)]
mod approvals;
#[cfg(test)]
mod budgets;
#[cfg(test)]
mod deciding;
#[cfg(test)]
mod glass;
#[cfg(test)]
mod model;
#[cfg(test)]
mod parsing;
#[cfg(test)]
mod properties;
#[cfg(test)]
mod quorum;
#[cfg(test)]
mod support;
