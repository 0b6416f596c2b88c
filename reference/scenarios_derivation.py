"""Known answers of vectors/derivation/: the KDF, the encoded context and the key schedule, step by step."""
from medseal_reference import kdf, lp, lp_text
from medseal_secret import encode_secret_context, row_mac_key, wrap_key
from scenario import BASE_KWK, KEK, KVID, PLACE, S32, Case
from scenarios_secret import KEK as STORED_KEK, SUBJECT
from vector_file import pair_line, render, text_line

CASE = Case().at(subject="pat-1")
CONTEXT_KEYS = ("store-id", "table", "primary-key", "version", "purpose")


def known_answer(name, derive, comment, given, answers):
    """bytes are shown in hex, text and numbers as they are."""
    shown = [f"{key}: {value.hex() if isinstance(value, bytes) else value}".rstrip() for key, value in {**given, **answers}.items()]
    return {name: render(["spec: derivation/v1", f"scenario: {name}", "expect: success", f"comment: {comment}", f"derive: {derive}", *shown])}


def kdf_files():
    given = {"key": KEK, "label": "medseal/v1/field", "context": b"\x00\xff context"}
    for length in (32, 64, 96):
        output = kdf(KEK, b"medseal/v1/field", given["context"], length)
        yield known_answer(f"kdf-{length}", "kdf", f"{length // 32} blocks of HMAC output", {**given, "length": length}, {"output": output})
    output = kdf(KEK, b"medseal/v1/field", b"", 44)
    yield known_answer("kdf-44-empty-context", "kdf", "not a multiple of the block", {**given, "context": b"", "length": 44}, {"output": output})


def below_dek(dek):
    place = lp_text(PLACE["collection"]) + lp_text(PLACE["field"])
    return {"dek": dek, "k-field": kdf(dek, b"medseal/v1/k-field", place), "k-stream": kdf(dek, b"medseal/v1/k-stream", place)}


def schedule_files():
    given = {"kek": KEK, "key-version-id": KVID, "tenant": PLACE["tenant"]}
    place = {"collection": PLACE["collection"], "field": PLACE["field"]}
    dek = kdf(KEK, b"medseal/v1/dek-tenant", KVID + lp_text(given["tenant"]))
    yield known_answer("tenant-keys", "tenant", "KEK to tenant DEK, K_field and K_stream", {**given, **place}, below_dek(dek))
    dek = kdf(KEK, b"medseal/v1/dek-subject", KVID + lp_text(given["tenant"]) + lp_text("pat-1") + S32)
    own = {"subject": "pat-1", "subject-secret": S32}
    yield known_answer("subject-keys", "subject", "KEK to subject DEK, K_field and K_stream", {**given, **own, **place}, below_dek(dek))


def context_file(name, comment, case):
    lines = [text_line(key.replace("_", "-"), value.encode()) for key, value in case.context.items()]
    lines += [pair_line(key, value.encode()) for key, value in case.pairs] + [f"ctx: {case.ctx().hex()}"]
    return {name: render(["spec: derivation/v1", f"scenario: {name}", "expect: success", f"comment: {comment}", "derive: context", *lines])}


def context_files():
    yield context_file("context-smallest", "tenant, collection and field", Case().at(record=None))
    yield context_file("context-all-tags", "every tag of a field", CASE.at(row_version="42").but(pairs=(("app", "ward-2"), ("site.room", "0-17"))))


def message_files():
    salt = bytes(range(0xA0, 0xAC))
    okm = kdf(CASE.key(), b"medseal/v1/field", CASE.header() + salt + CASE.ctx(), 64)
    given = {"k-field": CASE.key(), "header": CASE.header(), "salt": salt, "ctx": CASE.ctx()}
    yield known_answer("message-keys", "message", "the worked example's commitment and AEAD key", given, {"commitment": okm[:32], "aead-key": okm[32:]})


def store_files():
    kwk, month, epoch_key = BASE_KWK, STORED_KEK.month, STORED_KEK.epoch_key
    dated = {"kwk": kwk, "month": month, "epoch-key": epoch_key}
    yield known_answer("wrap-key", "wrap-key", "W of a month", dated, {"wrap-key": wrap_key(kwk, month, epoch_key)})
    yield known_answer("wrap-key-no-month", "wrap-key", "W of what no epoch key protects", {"kwk": kwk, "month": 0}, {"wrap-key": wrap_key(kwk, 0)})
    store = {"kwk": kwk, "store-id": STORED_KEK.store_id}
    yield known_answer("row-mac-key", "row-mac", "the key of all row MACs of a store", store, {"row-mac-key": row_mac_key(kwk, STORED_KEK.store_id)})
    context = STORED_KEK.context()
    given = {name.replace("_", "-"): value for name, value in context.items()} | {"primary-key": context["primary_key"][0]}
    yield known_answer("secret-context", "secret-context", "CTX of a stored secret", given, {"ctx": encode_secret_context(context)})
    yield {"secret-context-two-columns": two_columns()}


def two_columns():
    lines = [*(line for line in SUBJECT.lines() if line.split(":")[0] in CONTEXT_KEYS), f"ctx: {encode_secret_context(SUBJECT.context()).hex()}"]
    head = ["spec: derivation/v1", "scenario: secret-context-two-columns", "expect: success", "comment: a primary key of two columns"]
    return render([*head, "derive: secret-context", *lines])


def derivation_files():
    groups = (kdf_files, schedule_files, context_files, message_files, store_files)
    return {name: data for group in groups for file in group() for name, data in file.items()}
