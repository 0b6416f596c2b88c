//! A log that measurements write to: the real writer without a home around it.

use super::draft::{Decided, Details, Draft, Who};
use super::files::AuditFiles;
use super::group::Group;
use super::keys::OpenedLog;
use super::verify::{VerifyRequest, verify_log};
use super::writer::Writer;
use crate::error::EngineError;
use crate::random::BufferedRandom;
use medseal_core::audit::{DetailsKey, LogId, LogKeys, LogSigner, Outcome};
use medseal_core::operation::{Operation, OperationItems, Under};
use medseal_core::secret::LogSeed;
use medseal_core::state_root::StateRoot;
use medseal_core::{Error, KeyVersionId};
use medseal_policy::Purpose;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// How many entries a log has that is verified; a build that is not optimised is run, not measured.
pub(crate) const ENTRIES: u64 = if cfg!(debug_assertions) { 10_000 } else { 300_000 };
const TIME: u64 = 1_700_000_000;

/// An empty log in a directory of its own.
pub(crate) struct BenchLog {
    directory: PathBuf,
    keys: LogKeys,
    details: DetailsKey,
    group: Group,
}

impl BenchLog {
    pub(crate) fn create(directory: &Path) -> Result<Self, EngineError> {
        let files = AuditFiles::at(directory.to_owned());
        let log = LogId::generate(&mut BufferedRandom).map_err(Error::from)?;
        let seed = LogSeed::generate(&mut BufferedRandom).map_err(Error::from)?;
        let keys = LogSigner::new(log, &seed)?.keys().clone();
        let open = || -> Result<OpenedLog, EngineError> {
            let seed = LogSeed::from_slice(seed.expose_bytes()).ok_or(Error::Rejected)?;
            Ok(OpenedLog { keys: keys.clone(), seed: Arc::new(seed) })
        };
        Writer::create(&files, open()?, TIME)?;
        let details = DetailsKey::new(log, &seed);
        let group = Group::new(Writer::new(files, open()?));
        Ok(Self { directory: directory.to_owned(), keys, details, group })
    }

    /// One decryption of one value; whether its entry is on disk.
    pub(crate) fn append(&self) -> bool {
        self.draft().and_then(|draft| self.group.append(draft)).is_ok()
    }

    /// So many entries in few writes, and a checkpoint.
    pub(crate) fn fill(&self, entries: u64) -> Result<(), EngineError> {
        const AT_ONCE: u64 = 1000;
        let mut left = entries;
        while left > 0 {
            let some = left.min(AT_ONCE);
            let drafts = (0..some).map(|_| self.draft()).collect::<Result<Vec<_>, _>>()?;
            self.group.append_all(&drafts)?;
            left -= some;
        }
        self.group.sign()
    }

    /// How many entries a verifier finds.
    pub(crate) fn verify(&self) -> Result<u64, EngineError> {
        let request = VerifyRequest { directory: &self.directory, keys: &self.keys, kept: &[] };
        verify_log(&request).map(|report| report.entries)
    }

    fn draft(&self) -> Result<Draft, EngineError> {
        let mut items = OperationItems::new(Operation::Decrypt, 1, [3; 32]);
        let context =
            b"\x04\x01\0\0\0\x07default\x02\0\0\0\x07patient\x03\0\0\0\x04name\x04\0\0\0\x02p1";
        items.add_value(Under::Version(KeyVersionId([1; 8])), context, "general");
        let (kept, digest) = (items.take_details(), items.digest_so_far());
        let who = Who { name: "os-user:1000".to_owned(), ..Who::default() };
        let details = Details {
            time: i64::try_from(TIME).unwrap_or(0),
            who: &who,
            purpose: Some(Purpose::Operations),
            alarms: &[],
            epoch: 1,
            root: Some(StateRoot([5; 32])),
            items: kept,
            count: 1,
            keys: &["default@1".to_owned()],
            change: None,
            subjects: Vec::new(),
            request: None,
        };
        let rules = ["local-owner".to_owned()];
        let decided = Decided { outcome: Outcome::Permitted, rules: &rules };
        Draft::new(Operation::Decrypt, &decided, digest, details, &self.details)
    }
}
