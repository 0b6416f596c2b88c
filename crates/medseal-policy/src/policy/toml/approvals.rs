//! `[[approval]]`: what needs several people.

use super::{List, Reader};
use crate::approval::Action;
use crate::error::{PolicyError, PolicyFault};
use crate::policy::approvals::{Approvals, Demand};
use serde::Deserialize;
use toml::Spanned;

const MOST_APPROVALS: u8 = 16;
const DEFAULT_EXPIRES: u64 = 86_400;
const LONGEST: u64 = 30 * 86_400;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawApproval {
    operations: List,
    approvals: Spanned<i64>,
    expires: Option<Spanned<String>>,
}

impl Reader<'_> {
    pub(super) fn approvals(&self, raw: &[RawApproval]) -> Result<Approvals, PolicyError> {
        let mut table = Approvals::default();
        for row in raw {
            let demand = self.demand(row)?;
            for entry in self.list(&row.operations)? {
                let action = Action::from_name(entry.as_ref());
                let action = action.ok_or_else(|| self.uncontrolled(entry))?;
                if table.0.insert(action, demand).is_some() {
                    let detail = format!("`{}` stands in two rows of approvals", action.name());
                    return Err(self.fault(PolicyFault::Duplicate, entry.span(), detail));
                }
            }
        }
        Ok(table)
    }

    fn demand(&self, row: &RawApproval) -> Result<Demand, PolicyError> {
        let approvals = u8::try_from(*row.approvals.as_ref()).ok();
        // a row that asks for nobody would look like a control and be none
        let approvals = approvals.filter(|number| (1..=MOST_APPROVALS).contains(number));
        let approvals = approvals.ok_or_else(|| {
            let detail = format!("an approval is asked of 1 to {MOST_APPROVALS} people");
            self.fault(PolicyFault::Contradiction, row.approvals.span(), detail)
        })?;
        let Some(text) = &row.expires else {
            return Ok(Demand { approvals, expires: DEFAULT_EXPIRES });
        };
        let expires = self.seconds(text)?;
        if expires > LONGEST {
            let detail = "a request is good for 30 days at most";
            return Err(self.fault(PolicyFault::Contradiction, text.span(), detail));
        }
        Ok(Demand { approvals, expires })
    }

    fn uncontrolled(&self, entry: &Spanned<String>) -> PolicyError {
        let known = Action::ALL.map(Action::name).join(", ");
        let detail = format!("`{}` takes no approvals; there are {known}", entry.as_ref());
        self.fault(PolicyFault::UnknownName, entry.span(), detail)
    }
}
