//! The keys of a home, read past the engine and put under the mask at once.

use super::memory::{Masked, Needle};
use medseal_core::KeyVersionId;
use medseal_core::primitives::hmac_sha256::HmacKey;
use medseal_core::row_mac::primary_key;
use medseal_core::secret::{EpochKey, Kek, Kwk};
use medseal_core::stored_secret::{Month, Place};
use medseal_engine::Home;
use medseal_kms::{EpochKeyDirectory, EpochKeys, KeyFileRoot, RootProvider};
use medseal_store::{KeySecretRecord, KeyVersionRecord, RootRecord, SqliteStore, Store};
use pollster::block_on;
use sha2::block_api::compress256;
use zeroize::{Zeroize, Zeroizing};

/// FIPS 180-4, section 5.3.3.
const INITIAL_STATE: [u32; 8] = [
    0x6a09_e667,
    0xbb67_ae85,
    0x3c6e_f372,
    0xa54f_f53a,
    0x510e_527f,
    0x9b05_688c,
    0x1f83_d9ab,
    0x5be0_cd19,
];

/// Root, KWK, epoch key, wrap key, and KEK, DEK and field key of every version of `default`.
pub(super) fn needles_of(home: &Home, field: &str) -> Vec<Needle> {
    let mut needles = Vec::new();
    let store = SqliteStore::open(&home.path().join("store.sqlite")).unwrap();
    let kwk = unwrap_kwk(home, &store, &mut needles);
    add(&mut needles, ["KWK", "KWK, inner", "KWK, outer"], kwk.expose_bytes());
    let epochs = EpochKeyDirectory::new(home.path().join("epochs"));
    let versions = medseal_store::all::<KeyVersionRecord>(&store, &["default", "default"]);
    for version in block_on(versions).unwrap() {
        let id = version.unauthenticated().version.id;
        let kek = unwrap_kek(&store, &kwk, &epochs, &id.to_string(), &mut needles);
        add(&mut needles, ["KEK", "KEK, inner", "KEK, outer"], kek.expose_bytes());
        add_derived(&mut needles, &kek, id, field);
    }
    needles
}

fn unwrap_kwk(home: &Home, store: &SqliteStore, needles: &mut Vec<Needle>) -> Kwk {
    let file = Zeroizing::new(std::fs::read_to_string(home.root_file()).unwrap());
    let mut root = Zeroizing::new([0; 32]);
    let digits = file.lines().nth(1).unwrap();
    for (at, byte) in root.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&digits[2 * at..2 * at + 2], 16).unwrap();
    }
    add(needles, ["root", "root, inner", "root, outer"], &root);
    let row = block_on(medseal_store::get::<RootRecord>(store, &["root"])).unwrap().unwrap();
    let id = block_on(store.state()).unwrap().store_id;
    let key = primary_key(&["root"]);
    let place = Place { store: &id, table: "root", primary_key: &key, version: 1, purpose: "kwk" };
    let provider = KeyFileRoot::open(&home.root_file()).unwrap();
    block_on(provider.unwrap(&place, &row.unauthenticated().wrapped_kwk)).unwrap()
}

fn unwrap_kek(
    store: &SqliteStore,
    kwk: &Kwk,
    epochs: &EpochKeyDirectory,
    id: &str,
    needles: &mut Vec<Needle>,
) -> Kek {
    let row = block_on(medseal_store::get::<KeySecretRecord>(store, &[id])).unwrap().unwrap();
    let secret = row.unauthenticated();
    let month = Month::from_yyyymm(u32::try_from(secret.month).unwrap()).unwrap();
    let epoch: EpochKey = block_on(epochs.get(month)).unwrap();
    add_raw(needles, "epoch key", epoch.expose_bytes());
    let wrap = derive(
        kwk.expose_bytes(),
        "wrap-key",
        &[&month.yyyymm().to_be_bytes(), epoch.expose_bytes()],
    );
    add(needles, ["wrap key", "wrap key, inner", "wrap key, outer"], &wrap);
    let (key, store_id) = (primary_key(&[id]), block_on(store.state()).unwrap().store_id);
    let place = Place {
        store: &store_id,
        table: "key_secrets",
        primary_key: &key,
        version: 1,
        purpose: "kek",
    };
    let opened = kwk.wrap_key_for_month(1, month, &epoch).unwrap(&place, &secret.secret).unwrap();
    Kek::from_slice(&opened).unwrap()
}

fn add_derived(needles: &mut Vec<Needle>, kek: &Kek, id: KeyVersionId, field: &str) {
    let tenant = lp("default");
    let dek = derive(kek.expose_bytes(), "dek-tenant", &[&id.0, &tenant]);
    add(needles, ["DEK", "DEK, inner", "DEK, outer"], &dek);
    let key = derive(&dek, "k-field", &[&lp("patients"), &lp(field)]);
    add(needles, ["field key", "field key, inner", "field key, outer"], &key);
}

fn lp(text: &str) -> Vec<u8> {
    [&u32::try_from(text.len()).unwrap().to_be_bytes(), text.as_bytes()].concat()
}

/// One block of the KDF (`spec/envelope.md`).
fn derive(key: &[u8; 32], label: &str, context: &[&[u8]]) -> Zeroizing<[u8; 32]> {
    let before = [&1u32.to_be_bytes()[..], b"medseal/v1/", label.as_bytes(), &[0]].concat();
    let mut message = Zeroizing::new(Vec::with_capacity(256));
    message.extend_from_slice(&before);
    context.iter().for_each(|part| message.extend_from_slice(part));
    message.extend_from_slice(&256u32.to_be_bytes());
    Zeroizing::new(HmacKey::new(key).mac(&message))
}

fn add_raw(needles: &mut Vec<Needle>, name: &'static str, key: &[u8; 32]) {
    needles.push(Needle { name, masked: Masked::of(key) });
}

/// A key, and the two midstates that are as good as the key.
fn add(needles: &mut Vec<Needle>, names: [&'static str; 3], key: &[u8; 32]) {
    let [raw, inner, outer] = names;
    add_raw(needles, raw, key);
    for (name, pad) in [(inner, 0x36), (outer, 0x5c)] {
        let mut block = Zeroizing::new([pad; 64]);
        block.iter_mut().zip(key).for_each(|(byte, key)| *byte ^= key);
        let mut state = INITIAL_STATE;
        compress256(&mut state, std::slice::from_ref(&block));
        let mut bytes = Zeroizing::new([0; 32]);
        bytes
            .chunks_exact_mut(4)
            .zip(&state)
            .for_each(|(out, word)| out.copy_from_slice(&word.to_ne_bytes()));
        add_raw(needles, name, &bytes);
        state.zeroize();
    }
}
