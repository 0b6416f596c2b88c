//! A request in deterministic CBOR, and the digest that stands for it.
//!
//! The decoder encodes again what it read and compares: one request has one encoding, and whoever
//! signs its digest has signed nothing else.

use super::hexadecimal;
use super::statement::ApproverKeyId;
use crate::keyring::UnixSeconds;
use crate::{Random, RandomFailure, StoreId};
use minicbor::{Decoder, Encoder};
use sha2::{Digest, Sha256};
use std::convert::Infallible;
use std::fmt;

const FORMAT: u64 = 1;
const DIGEST_LABEL: &[u8] = b"medseal/v1/approval-request\0";
/// A policy's text, twice, and room for the rest.
const MAX_REQUEST_BYTES: usize = 4 << 20;
const MAX_LIST: u64 = 1024;

type Encoded = Result<(), minicbor::encode::Error<Infallible>>;
type Out<'o> = Encoder<&'o mut Vec<u8>>;

/// Which request; random, given once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RequestId(pub [u8; 16]);

impl RequestId {
    /// A fresh id.
    ///
    /// # Errors
    /// When the random source fails.
    pub fn generate(random: &mut impl Random) -> Result<Self, RandomFailure> {
        let mut bytes = [0; 16];
        random.fill(&mut bytes)?;
        Ok(Self(bytes))
    }

    /// Reads 32 lower-case hexadecimal digits.
    pub fn parse(text: &str) -> Option<Self> {
        hexadecimal::read(text).map(Self)
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        hexadecimal::write(&self.0, f)
    }
}

/// SHA-256 over a request and its label.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RequestDigest(pub [u8; 32]);

impl fmt::Display for RequestDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        hexadecimal::write(&self.0, f)
    }
}

/// Who asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Requester {
    /// The stable id of a principal.
    pub principal: Option<[u8; 8]>,
    /// The user of the operating system; of the owner of a home that nobody else governs, and of a
    /// principal that stands for one.
    pub os_user: Option<u32>,
    /// The name, for people.
    pub name: String,
}

impl Requester {
    /// Whether both are the same one, whatever they are called.
    pub fn is(&self, other: &Requester) -> bool {
        match (self.principal, other.principal) {
            (Some(ours), Some(theirs)) => ours == theirs,
            (None, None) => self.os_user.is_some() && self.os_user == other.os_user,
            _ => false,
        }
    }
}

/// Who could approve when the request was made, and under which key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct EligibleApprover {
    /// The stable id of the principal.
    pub principal: [u8; 8],
    /// The key that was registered then.
    pub key: ApproverKeyId,
}

/// What one thing becomes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alteration {
    /// Which thing.
    pub what: String,
    /// What it is.
    pub from: String,
    /// What it will be.
    pub to: String,
}

/// What will be done: the same act is asked for, approved and carried out, or nothing is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Act {
    /// The operation as a policy names it, such as `destroy-key`.
    pub operation: String,
    /// The tenant it belongs to.
    pub tenant: Option<String>,
    /// The principal that gains or loses by it, who has no say in it.
    pub concerns: Option<[u8; 8]>,
    /// Every parameter, by name, ascending.
    pub parameters: Vec<(String, String)>,
    /// What changes from what to what.
    pub alterations: Vec<Alteration>,
}

/// A request for approvals.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApprovalRequest {
    /// Which.
    pub id: RequestId,
    /// In which store.
    pub store: StoreId,
    /// Who asked.
    pub requester: Requester,
    /// The store's epoch at which it was asked.
    pub epoch: u64,
    /// When.
    pub made_at: UnixSeconds,
    /// From when on it is void.
    pub expires_at: UnixSeconds,
    /// How many people must approve; never 0.
    pub needed: u8,
    /// Who could, ascending by id.
    pub approvers: Vec<EligibleApprover>,
    /// Why.
    pub reason: Option<String>,
    /// What will be done.
    pub act: Act,
}

impl ApprovalRequest {
    /// The one encoding; `None` for what no request may say.
    pub fn to_bytes(&self) -> Option<Vec<u8>> {
        let mut out = Vec::new();
        self.write(&mut Encoder::new(&mut out)).ok()?;
        (self.is_possible() && out.len() <= MAX_REQUEST_BYTES).then_some(out)
    }

    /// Reads a request; `None` for every other encoding, and for one that asks for nobody.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let request = read_request(&mut Decoder::new(bytes))?;
        (request.to_bytes()? == bytes).then_some(request)
    }

    /// What approvers sign; `None` for what no request may say.
    pub fn digest(&self) -> Option<RequestDigest> {
        let hasher = Sha256::new().chain_update(DIGEST_LABEL).chain_update(self.to_bytes()?);
        Some(RequestDigest(hasher.finalize().into()))
    }

    fn is_possible(&self) -> bool {
        let distinct = self.approvers.is_sorted_by(|a, b| a.principal < b.principal);
        let named = self.act.parameters.is_sorted_by(|(a, _), (b, _)| a < b);
        self.needed > 0 && self.expires_at > self.made_at && distinct && named
    }

    fn write(&self, e: &mut Out<'_>) -> Encoded {
        let Requester { principal, os_user, name } = &self.requester;
        let optional = [principal.is_some(), os_user.is_some(), self.reason.is_some()];
        e.map(10 + optional.into_iter().filter(|there| *there).count() as u64)?;
        e.u8(0)?.u64(FORMAT)?.u8(1)?.bytes(&self.id.0)?.u8(2)?.str(self.store.as_str())?;
        if let Some(principal) = principal {
            e.u8(3)?.bytes(principal)?;
        }
        if let Some(os_user) = os_user {
            e.u8(4)?.u32(*os_user)?;
        }
        e.u8(5)?.str(name)?.u8(6)?.u64(self.epoch)?.u8(7)?.i64(self.made_at)?;
        e.u8(8)?.i64(self.expires_at)?.u8(9)?.u8(self.needed)?;
        e.u8(10)?.array(self.approvers.len() as u64)?;
        for EligibleApprover { principal, key } in &self.approvers {
            e.array(2)?.bytes(principal)?.bytes(&key.0)?;
        }
        if let Some(reason) = &self.reason {
            e.u8(11)?.str(reason)?;
        }
        e.u8(12)?;
        self.act.write(e)
    }
}

impl Act {
    fn write(&self, e: &mut Out<'_>) -> Encoded {
        let optional = u64::from(self.tenant.is_some()) + u64::from(self.concerns.is_some());
        e.map(3 + optional)?.u8(0)?.str(&self.operation)?;
        if let Some(tenant) = &self.tenant {
            e.u8(1)?.str(tenant)?;
        }
        if let Some(concerns) = &self.concerns {
            e.u8(2)?.bytes(concerns)?;
        }
        e.u8(3)?.array(self.parameters.len() as u64)?;
        for (name, value) in &self.parameters {
            e.array(2)?.str(name)?.str(value)?;
        }
        e.u8(4)?.array(self.alterations.len() as u64)?;
        for Alteration { what, from, to } in &self.alterations {
            e.array(3)?.str(what)?.str(from)?.str(to)?;
        }
        Ok(())
    }
}

/// Members in any order and of any kind are read into their places; what stands twice, in another
/// order or behind the end does not survive being encoded again.
fn read_request(d: &mut Decoder<'_>) -> Option<ApprovalRequest> {
    let (mut id, mut store, mut name, mut epoch, mut act) = (None, None, None, None, None);
    let (mut principal, mut os_user, mut made_at, mut expires_at) = (None, None, None, None);
    let (mut needed, mut approvers, mut reason) = (None, None, None);
    for _ in 0..d.map().ok()?? {
        match d.u8().ok()? {
            0 => {
                d.u64().ok().filter(|format| *format == FORMAT)?;
            }
            1 => id = Some(RequestId(d.bytes().ok()?.try_into().ok()?)),
            2 => store = Some(StoreId::parse(d.str().ok()?)?),
            3 => principal = Some(d.bytes().ok()?.try_into().ok()?),
            4 => os_user = Some(d.u32().ok()?),
            5 => name = Some(d.str().ok()?.to_owned()),
            6 => epoch = Some(d.u64().ok()?),
            7 => made_at = Some(d.i64().ok()?),
            8 => expires_at = Some(d.i64().ok()?),
            9 => needed = Some(d.u8().ok()?),
            10 => approvers = Some(read_list(d, read_approver)?),
            11 => reason = Some(d.str().ok()?.to_owned()),
            12 => act = Some(read_act(d)?),
            _ => return None,
        }
    }
    Some(ApprovalRequest {
        id: id?,
        store: store?,
        requester: Requester { principal, os_user, name: name? },
        epoch: epoch?,
        made_at: made_at?,
        expires_at: expires_at?,
        needed: needed?,
        approvers: approvers?,
        reason,
        act: act?,
    })
}

fn read_approver(d: &mut Decoder<'_>) -> Option<EligibleApprover> {
    d.array().ok()?.filter(|parts| *parts == 2)?;
    let principal = d.bytes().ok()?.try_into().ok()?;
    Some(EligibleApprover { principal, key: ApproverKeyId(d.bytes().ok()?.try_into().ok()?) })
}

fn read_act(d: &mut Decoder<'_>) -> Option<Act> {
    let (mut operation, mut tenant, mut concerns) = (None, None, None);
    let (mut parameters, mut alterations) = (None, None);
    for _ in 0..d.map().ok()?? {
        match d.u8().ok()? {
            0 => operation = Some(d.str().ok()?.to_owned()),
            1 => tenant = Some(d.str().ok()?.to_owned()),
            2 => concerns = Some(d.bytes().ok()?.try_into().ok()?),
            3 => {
                parameters = Some(read_list(d, |d| {
                    let [name, value] = read_texts(d)?;
                    Some((name, value))
                })?);
            }
            4 => {
                alterations = Some(read_list(d, |d| {
                    let [what, from, to] = read_texts(d)?;
                    Some(Alteration { what, from, to })
                })?);
            }
            _ => return None,
        }
    }
    let (parameters, alterations) = (parameters?, alterations?);
    Some(Act { operation: operation?, tenant, concerns, parameters, alterations })
}

fn read_texts<const N: usize>(d: &mut Decoder<'_>) -> Option<[String; N]> {
    d.array().ok()?.filter(|parts| *parts == N as u64)?;
    let mut texts = Vec::with_capacity(N);
    for _ in 0..N {
        texts.push(d.str().ok()?.to_owned());
    }
    texts.try_into().ok()
}

fn read_list<'b, T>(
    d: &mut Decoder<'b>,
    mut item: impl FnMut(&mut Decoder<'b>) -> Option<T>,
) -> Option<Vec<T>> {
    let count = d.array().ok()?.filter(|count| *count <= MAX_LIST)?;
    (0..count).map(|_| item(d)).collect()
}
