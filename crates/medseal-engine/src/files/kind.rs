//! What a file is, from its first bytes, and its description for the metadata.
//!
//! A guess that names a format and never looks further in, except for npy, whose header says how
//! the array lies. A wrong guess harms nothing: content is encrypted as it is.

use super::source::RegularFile;
use super::{ArrayLayout, Description, npy};
use crate::error::EngineError;
use medseal_core::stream::Metadata;

/// How much of the beginning is looked at.
pub(super) const START_BYTES: usize = 1 << 16;

/// What content can be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Kind {
    /// A raw array whose layout the caller gave.
    Array,
    /// DICOM.
    Dicom,
    /// A tar archive that was made of a directory.
    Directory,
    /// European Data Format.
    Edf,
    /// gzip.
    Gzip,
    /// HDF5 that is not NWB.
    Hdf5,
    /// One array of NumPy.
    Npy,
    /// A zip archive of npy files.
    Npz,
    /// Neurodata Without Borders, in HDF5.
    Nwb,
    /// Apache Parquet.
    Parquet,
    /// Tensors of a model.
    Safetensors,
    /// A tar archive.
    Tar,
    /// None of these.
    Unknown,
    /// The header of a WFDB record.
    Wfdb,
    /// A zip archive that is not npz.
    Zip,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Kind; 15] = [
        Kind::Array,
        Kind::Dicom,
        Kind::Directory,
        Kind::Edf,
        Kind::Gzip,
        Kind::Hdf5,
        Kind::Npy,
        Kind::Npz,
        Kind::Nwb,
        Kind::Parquet,
        Kind::Safetensors,
        Kind::Tar,
        Kind::Unknown,
        Kind::Wfdb,
        Kind::Zip,
    ];

    /// The word in the metadata.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Array => "array",
            Kind::Dicom => "dicom",
            Kind::Directory => "directory",
            Kind::Edf => "edf",
            Kind::Gzip => "gzip",
            Kind::Hdf5 => "hdf5",
            Kind::Npy => "npy",
            Kind::Npz => "npz",
            Kind::Nwb => "nwb",
            Kind::Parquet => "parquet",
            Kind::Safetensors => "safetensors",
            Kind::Tar => "tar",
            Kind::Unknown => "unknown",
            Kind::Wfdb => "wfdb",
            Kind::Zip => "zip",
        }
    }

    /// Reads the word.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// What begins with `start`. The name decides only between what the bytes leave open.
    pub fn of(start: &[u8], name: Option<&str>) -> Self {
        let ends = |end: &str| name.is_some_and(|name| name.to_ascii_lowercase().ends_with(end));
        let at = |offset: usize, magic: &[u8]| {
            start.get(offset..).is_some_and(|rest| rest.starts_with(magic))
        };
        match start {
            _ if at(0, b"\x93NUMPY") => Kind::Npy,
            _ if at(0, b"\x89HDF\r\n\x1a\n") && (ends(".nwb") || names_nwb(start)) => Kind::Nwb,
            _ if at(0, b"\x89HDF\r\n\x1a\n") => Kind::Hdf5,
            _ if at(0, b"PK\x03\x04") && first_member_ends(start, b".npy") => Kind::Npz,
            _ if at(0, b"PK\x03\x04") || at(0, b"PK\x05\x06") => Kind::Zip,
            _ if at(0, b"PAR1") => Kind::Parquet,
            _ if at(0, b"\x1f\x8b") => Kind::Gzip,
            _ if at(128, b"DICM") => Kind::Dicom,
            _ if at(257, b"ustar") => Kind::Tar,
            _ if at(0, b"0       ") && is_edf(start) => Kind::Edf,
            _ if is_safetensors(start) => Kind::Safetensors,
            _ if ends(".hea") && is_wfdb_header(start) => Kind::Wfdb,
            _ => Kind::Unknown,
        }
    }
}

fn names_nwb(start: &[u8]) -> bool {
    start.windows(11).any(|window| window == b"nwb_version")
}

/// The name in the first local header of a zip archive.
fn first_member_ends(start: &[u8], end: &[u8]) -> bool {
    let Some(&[low, high]) = start.get(26..28).and_then(|n| n.first_chunk()) else { return false };
    let length = usize::from(u16::from_le_bytes([low, high]));
    start.get(30..30 + length).is_some_and(|name| name.ends_with(end))
}

/// The header's own length stands at 184 in ASCII: 256 bytes and 256 for each signal.
fn is_edf(start: &[u8]) -> bool {
    let length = start.get(184..192).and_then(|text| std::str::from_utf8(text).ok());
    let length = length.and_then(|text| text.trim_end().parse::<u32>().ok());
    length.is_some_and(|length| length >= 256 && length.is_multiple_of(256))
}

/// Eight bytes of length and a JSON object with tensors or metadata.
fn is_safetensors(start: &[u8]) -> bool {
    let Some((length, rest)) = start.split_first_chunk() else { return false };
    let length = u64::from_le_bytes(*length);
    let head = rest.get(..rest.len().min(4096)).unwrap_or_default();
    let tensors = [&b"\"dtype\""[..], b"\"__metadata__\""];
    let named = tensors.iter().any(|word| head.windows(word.len()).any(|window| window == *word));
    (2..100_000_000).contains(&length) && head.starts_with(b"{\"") && named
}

/// The record line: a name, the number of signals, then numbers.
fn is_wfdb_header(start: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(start) else { return false };
    let line = text.lines().map(str::trim).find(|line| !line.is_empty() && !line.starts_with('#'));
    let signals = line.and_then(|line| line.split_ascii_whitespace().nth(1));
    signals.is_some_and(|signals| signals.parse::<u16>().is_ok())
}

/// The metadata of a file on disk.
pub(super) fn describe_file(
    file: &RegularFile,
    description: &Description,
) -> Result<Metadata, EngineError> {
    let len = usize::try_from(file.len).unwrap_or(usize::MAX).min(START_BYTES);
    let mut start = vec![0; len];
    file.read_exact(&mut start, 0)?;
    let mut metadata = describe(&start, file.name.as_deref(), Some(file.len), description)?;
    metadata.size = Some(file.len);
    metadata.name = file.name.clone().map(Into::into);
    if metadata.to_text().is_err() {
        // a name that no metadata can hold is left out
        metadata.name = None;
    }
    Ok(metadata)
}

/// The metadata of what comes through a pipe: its size is not known yet.
pub(super) fn describe_pipe(
    start: &[u8],
    description: &Description,
) -> Result<Metadata, EngineError> {
    describe(start, None, None, description)
}

fn describe(
    start: &[u8],
    name: Option<&str>,
    len: Option<u64>,
    description: &Description,
) -> Result<Metadata, EngineError> {
    if let Some(layout) = &description.array {
        layout.check_len(len)?;
        return Ok(layout.metadata());
    }
    let kind = description.kind.unwrap_or_else(|| Kind::of(start, name));
    let mut metadata = match kind {
        Kind::Npy => npy::describe(start, len)?,
        _ => Metadata::default(),
    };
    metadata.kind = Some(kind.name().to_owned());
    Ok(metadata)
}

impl ArrayLayout {
    fn check_len(&self, len: Option<u64>) -> Result<(), EngineError> {
        match len {
            Some(len) if len != self.bytes()? => {
                Err(EngineError::ArrayInvalid("the input has another length than the shape"))
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Kind;

    #[test]
    fn kinds_are_known_by_their_first_bytes() {
        let mut dicom = vec![0; 132];
        dicom[128..].copy_from_slice(b"DICM");
        let mut tar = vec![b'a'; 512];
        tar[257..262].copy_from_slice(b"ustar");
        let mut edf = vec![b' '; 256];
        edf[0] = b'0';
        edf[184..187].copy_from_slice(b"768");
        let mut zip = b"PK\x03\x04".to_vec();
        zip.resize(26, 0);
        let npz = [&zip[..], &[7, 0, 0, 0], b"arr.npy"].concat();
        let zip = [&zip[..], &[5, 0, 0, 0], b"a.txt"].concat();
        let tensors = [&20u64.to_le_bytes()[..], b"{\"a\":{\"dtype\":\"F32\"}}"].concat();
        let hdf5 = b"\x89HDF\r\n\x1a\n....".to_vec();
        let nwb = [&hdf5[..], b"nwb_version"].concat();
        for (start, name, kind) in [
            (&b"\x93NUMPY\x01"[..], "x", Kind::Npy),
            (&hdf5, "x.h5", Kind::Hdf5),
            (&hdf5, "x.NWB", Kind::Nwb),
            (&nwb, "x", Kind::Nwb),
            (&npz, "x", Kind::Npz),
            (&zip, "x.npz", Kind::Zip),
            (b"PAR1", "x", Kind::Parquet),
            (b"\x1f\x8b\x08", "x", Kind::Gzip),
            (&dicom, "x", Kind::Dicom),
            (&tar, "x", Kind::Tar),
            (&edf, "x", Kind::Edf),
            (&tensors, "x", Kind::Safetensors),
            (b"# made up\n100 2 360 650000\n", "100.hea", Kind::Wfdb),
            (b"100 2 360 650000\n", "100.txt", Kind::Unknown),
            (b"100 signals\n", "100.hea", Kind::Unknown),
            (&edf[..100], "x.edf", Kind::Unknown),
            (b"", "x.npy", Kind::Unknown),
        ] {
            assert_eq!(Kind::of(start, Some(name)), kind, "{name}");
        }
        assert!(Kind::ALL.iter().all(|kind| Kind::from_name(kind.name()) == Some(*kind)));
        assert_eq!(Kind::from_name("pickle"), None);
    }
}
