//! Rows of approvals: they come back, and no edited one is used.

use super::{Bench, Fixture, comes_back, edits_are_found};
use crate::{ApprovalRecord, ApprovalRequestRecord, ApproverKeyRecord, RequestState, Rows};
use medseal_core::row_mac::Column;

const ID: &str = "00112233445566778899aabbccddeeff";

fn approver() -> ApproverKeyRecord {
    ApproverKeyRecord {
        principal_id: "0011223344556677".to_owned(),
        vkeys: "ed25519\nml-dsa-87\n".to_owned(),
        registered_by: "carla".to_owned(),
        registered_at: 7,
    }
}

fn request(state: RequestState) -> ApprovalRequestRecord {
    let closed = state != RequestState::Open;
    ApprovalRequestRecord {
        request_id: ID.to_owned(),
        request: vec![1, 2, 3],
        state,
        closed_by: closed.then(|| "carla".to_owned()),
        closed_at: closed.then_some(8),
    }
}

fn approval(principal: &str) -> ApprovalRecord {
    ApprovalRecord {
        request_id: ID.to_owned(),
        principal_id: principal.to_owned(),
        statement: "a note\n".to_owned(),
        reason: Some("asked on the phone".to_owned()),
        given_at: 9,
    }
}

pub(super) async fn run(new: &impl AsyncFn() -> Box<dyn Fixture>) {
    for state in [RequestState::Open, RequestState::Executed, RequestState::Withdrawn] {
        let fixture = new().await;
        comes_back(&Bench::on(&*fixture).await, &request(state), &[ID]).await;
    }
    let fixture = new().await;
    let bench = Bench::on(&*fixture).await;
    comes_back(&bench, &approver(), &["0011223344556677"]).await;
    comes_back(&bench, &approval("aa"), &[ID, "aa"]).await;
    comes_back(&bench, &ApprovalRecord { reason: None, ..approval("bb") }, &[ID, "bb"]).await;
    let rows: Rows<'_> = bench.rows();
    assert_eq!(rows.all::<ApprovalRecord>(&[ID]).await.unwrap().len(), 2);
    edited_rows_are_found(&*new().await).await;
}

async fn edited_rows_are_found(fixture: &dyn Fixture) {
    let bench = Bench::on(fixture).await;
    let text = |text: &str| Column::Text(text.to_owned());
    let edits = [
        ("vkeys", text("mine\n")),
        ("registered_by", text("ann")),
        ("registered_at", Column::Integer(1)),
    ];
    edits_are_found(&bench, &approver(), &["0011223344556677"], &edits).await;
    let edits = [
        ("request", Column::Bytes(vec![1, 2, 4])),
        ("state", text("open")),
        ("closed_by", Column::Null),
        ("closed_at", Column::Null),
    ];
    edits_are_found(&bench, &request(RequestState::Executed), &[ID], &edits).await;
    let edits = [
        ("statement", text("another note\n")),
        ("reason", Column::Null),
        ("given_at", Column::Integer(10)),
    ];
    edits_are_found(&bench, &approval("aa"), &[ID, "aa"], &edits).await;
}
