//! Approvals: who can give them, what is asked for, and what was said.

use crate::row::{Columns, optional_integer, optional_text, text};
use crate::schema::{APPROVAL_REQUESTS, APPROVALS, APPROVER_KEYS, Table};
use crate::{Record, StoreError};
use medseal_core::row_mac::Column;

/// A row of `approver_keys`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApproverKeyRecord {
    /// Whose.
    pub principal_id: String,
    /// Both verifier keys.
    pub vkeys: String,
    /// Who registered them.
    pub registered_by: String,
    /// When.
    pub registered_at: i64,
}

impl Record for ApproverKeyRecord {
    fn table() -> &'static Table {
        &APPROVER_KEYS
    }

    fn to_columns(&self) -> Vec<Column> {
        vec![
            text(&self.principal_id),
            text(&self.vkeys),
            text(&self.registered_by),
            Column::Integer(self.registered_at),
        ]
    }

    fn from_columns(columns: Vec<Column>) -> Result<Self, StoreError> {
        let mut c = Columns::new(&APPROVER_KEYS, columns);
        Ok(Self {
            principal_id: c.text()?,
            vkeys: c.text()?,
            registered_by: c.text()?,
            registered_at: c.integer()?,
        })
    }
}

/// What became of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RequestState {
    /// Nothing yet.
    Open,
    /// It was carried out.
    Executed,
    /// It was taken back.
    Withdrawn,
}

impl RequestState {
    const ALL: [RequestState; 3] =
        [RequestState::Open, RequestState::Executed, RequestState::Withdrawn];

    /// The name in the store.
    pub fn name(self) -> &'static str {
        match self {
            RequestState::Open => "open",
            RequestState::Executed => "executed",
            RequestState::Withdrawn => "withdrawn",
        }
    }
}

/// A row of `approval_requests`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApprovalRequestRecord {
    /// Its id, 32 hexadecimal digits.
    pub request_id: String,
    /// What is asked for.
    pub request: Vec<u8>,
    /// What became of it.
    pub state: RequestState,
    /// Who carried it out or took it back.
    pub closed_by: Option<String>,
    /// When.
    pub closed_at: Option<i64>,
}

impl Record for ApprovalRequestRecord {
    fn table() -> &'static Table {
        &APPROVAL_REQUESTS
    }

    fn to_columns(&self) -> Vec<Column> {
        vec![
            text(&self.request_id),
            Column::Bytes(self.request.clone()),
            text(self.state.name()),
            optional_text(self.closed_by.as_deref()),
            optional_integer(self.closed_at),
        ]
    }

    fn from_columns(columns: Vec<Column>) -> Result<Self, StoreError> {
        let mut c = Columns::new(&APPROVAL_REQUESTS, columns);
        let (request_id, request, word) = (c.text()?, c.bytes()?, c.text()?);
        let state = RequestState::ALL.into_iter().find(|state| state.name() == word);
        Ok(Self {
            request_id,
            request,
            state: state.ok_or_else(|| c.corrupt())?,
            closed_by: c.optional_text()?,
            closed_at: c.optional_integer()?,
        })
    }
}

/// A row of `approvals`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApprovalRecord {
    /// About which request.
    pub request_id: String,
    /// Who.
    pub principal_id: String,
    /// What was signed, with both signatures.
    pub statement: String,
    /// Why.
    pub reason: Option<String>,
    /// When.
    pub given_at: i64,
}

impl Record for ApprovalRecord {
    fn table() -> &'static Table {
        &APPROVALS
    }

    fn to_columns(&self) -> Vec<Column> {
        vec![
            text(&self.request_id),
            text(&self.principal_id),
            text(&self.statement),
            optional_text(self.reason.as_deref()),
            Column::Integer(self.given_at),
        ]
    }

    fn from_columns(columns: Vec<Column>) -> Result<Self, StoreError> {
        let mut c = Columns::new(&APPROVALS, columns);
        Ok(Self {
            request_id: c.text()?,
            principal_id: c.text()?,
            statement: c.text()?,
            reason: c.optional_text()?,
            given_at: c.integer()?,
        })
    }
}
