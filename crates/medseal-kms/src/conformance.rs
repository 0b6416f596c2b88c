//! What every root provider and every keeper of epoch keys must do, written once against
//! [`RootProvider`] and [`EpochKeys`] alone.
//!
//! A new provider, such as an HSM's, calls [`root_provider`] with two different roots. The store's
//! safety hangs on refusals that no honest caller ever sees, so they are tried here one by one.
#![expect(clippy::unwrap_used, reason = "a suite of tests: a failure is a panic")]

use crate::{EpochKeys, KmsError, RootProvider};
use medseal_core::secret::Kwk;
use medseal_core::stored_secret::{Month, Place};
use medseal_core::{Random, RandomFailure, StoreId};

/// The providers under test.
pub struct Roots<'a> {
    /// A root.
    pub root: &'a dyn RootProvider,
    /// The same root, opened once more.
    pub reopened: &'a dyn RootProvider,
    /// A different root.
    pub another: &'a dyn RootProvider,
}

/// Runs everything that a root provider must do.
///
/// # Errors
/// When a provider fails where it should answer.
///
/// # Panics
/// When the provider does not conform.
pub async fn root_provider(
    roots: &Roots<'_>,
    random: &mut (dyn Random + Send),
) -> Result<(), KmsError> {
    let Roots { root, reopened, another } = *roots;
    let (here, kwk) = (store('a'), kwk());
    let wrapped = root.wrap(&place(&here), &kwk, random).await?;
    assert_eq!(root.descriptor(), reopened.descriptor());
    the_kwk_comes_back([root, reopened], &wrapped).await?;
    let again = root.wrap(&place(&here), &kwk, random).await?;
    assert_ne!(again, wrapped, "no two wraps are alike");
    let others = another.wrap(&place(&here), &kwk, random).await?;
    is_refused(another, &place(&here), &wrapped, "another root").await;
    is_refused(root, &place(&here), &others, "another root's wrap").await;
    other_places_are_refused(root, &wrapped).await;
    every_flipped_byte_is_refused(root, &wrapped).await;
    every_other_length_is_refused(root, &wrapped).await;
    let answer = root.wrap(&place(&here), &kwk, &mut Broken).await;
    assert_eq!(answer, Err(KmsError::Random));
    Ok(())
}

/// Runs everything that a keeper of epoch keys must do. `keys` holds none yet; `reopened` is
/// another way to the same keys.
///
/// # Errors
/// When the keeper fails where it should answer.
///
/// # Panics
/// When the keeper does not conform.
pub async fn epoch_keys(
    keys: &dyn EpochKeys,
    reopened: &dyn EpochKeys,
    random: &mut (dyn Random + Send),
) -> Result<(), KmsError> {
    let [early, late] = [202_612, 202_701].map(|value| Month::from_yyyymm(value).unwrap());
    assert_eq!(keys.get(late).await.err(), Some(KmsError::EpochKeyMissing(202_701)));
    let made = *keys.get_or_create(late, random).await?.expose_bytes();
    assert_eq!(*keys.get_or_create(late, random).await?.expose_bytes(), made);
    assert_eq!(*reopened.get(late).await?.expose_bytes(), made);
    assert_ne!(*reopened.get_or_create(early, random).await?.expose_bytes(), made);
    assert_eq!(keys.months().await?, [early, late]);
    for _ in 0..2 {
        keys.destroy(late).await?;
        let missing = Some(KmsError::EpochKeyMissing(202_701));
        assert_eq!(reopened.get(late).await.err(), missing);
        assert_eq!(keys.months().await?, [early]);
    }
    assert_ne!(*keys.get_or_create(late, random).await?.expose_bytes(), made, "a destroyed key");
    Ok(())
}

const KWK: [u8; 32] = *b"the key that wraps all the rest!";

struct Broken;

impl Random for Broken {
    fn fill(&mut self, _out: &mut [u8]) -> Result<(), RandomFailure> {
        Err(RandomFailure)
    }
}

fn store(digit: char) -> StoreId {
    StoreId::parse(&format!("0000000{digit}-0000-4000-8000-000000000000")).unwrap()
}

fn place(store: &StoreId) -> Place<'_> {
    Place { store, table: "root", primary_key: b"\0\0\0\x04root", version: 1, purpose: "kwk" }
}

fn kwk() -> Kwk {
    Kwk::from_slice(&KWK).unwrap()
}

async fn is_refused(root: &dyn RootProvider, place: &Place<'_>, wrapped: &[u8], what: &str) {
    let answer = root.unwrap(place, wrapped).await;
    assert_eq!(answer.err(), Some(KmsError::Rejected), "{what}");
}

async fn the_kwk_comes_back(roots: [&dyn RootProvider; 2], wrapped: &[u8]) -> Result<(), KmsError> {
    let here = store('a');
    for root in roots {
        assert_eq!(root.unwrap(&place(&here), wrapped).await?.expose_bytes(), &KWK);
    }
    let shown = wrapped.windows(KWK.len()).any(|window| window == KWK);
    assert!(!shown, "the KWK stands in clear in its wrap");
    Ok(())
}

async fn other_places_are_refused(root: &dyn RootProvider, wrapped: &[u8]) {
    let (here, elsewhere) = (store('a'), store('b'));
    let right = place(&here);
    let others = [
        ("store", Place { store: &elsewhere, ..right }),
        ("table", Place { table: "roots", ..right }),
        ("no table", Place { table: "", ..right }),
        ("primary key", Place { primary_key: b"\0\0\0\x04toor", ..right }),
        ("no primary key", Place { primary_key: b"", ..right }),
        ("later version", Place { version: 2, ..right }),
        ("earlier version", Place { version: 0, ..right }),
        ("purpose", Place { purpose: "kek", ..right }),
        ("no purpose", Place { purpose: "", ..right }),
    ];
    for (what, other) in others {
        is_refused(root, &other, wrapped, what).await;
    }
}

async fn every_flipped_byte_is_refused(root: &dyn RootProvider, wrapped: &[u8]) {
    let here = store('a');
    for at in 0..wrapped.len() {
        for mask in [0x01, 0x80, 0xff] {
            let mut altered = wrapped.to_vec();
            altered[at] ^= mask;
            is_refused(root, &place(&here), &altered, &format!("byte {at} ^ {mask:#x}")).await;
        }
    }
}

async fn every_other_length_is_refused(root: &dyn RootProvider, wrapped: &[u8]) {
    let here = store('a');
    for len in 0..wrapped.len() {
        is_refused(root, &place(&here), &wrapped[..len], &format!("{len} bytes")).await;
    }
    let longer = [wrapped, &[0]].concat();
    is_refused(root, &place(&here), &longer, "one byte more").await;
    is_refused(root, &place(&here), &[wrapped, wrapped].concat(), "twice").await;
}
