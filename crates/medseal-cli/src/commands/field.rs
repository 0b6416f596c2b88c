//! `medseal field …`

use crate::arguments::{Arguments, Field};
use crate::failure::Failure;
use crate::{context, home, output};
use medseal_engine::fields::{FieldDefinition, FieldSummary};
use medseal_engine::{EngineError, Flags};

pub(crate) async fn run(arguments: &Arguments, command: &Field) -> Result<(), Failure> {
    let engine = home::open(arguments).await?;
    match command {
        Field::Define { field, tenant, key, class, no_record, subject_bound, padded, token } => {
            if token.is_some() {
                return Err(EngineError::NotAvailable("a search token").into());
            }
            let scope = context::scope_of(field, &tenant.tenant)?;
            let flags = Flags::new(*padded, !no_record, false, *subject_bound);
            let flags = flags.map_err(EngineError::from)?;
            let definition = FieldDefinition {
                key: key.clone(),
                class: class.clone(),
                flags,
                placement: "inline".to_owned(),
                profile: None,
            };
            engine.define_field(&scope, &definition).await?;
            let fields = engine.list_fields(&tenant.tenant).await?;
            show(arguments, fields, Some((scope.collection(), scope.field())))
        }
        Field::List { tenant } => show(arguments, engine.list_fields(&tenant.tenant).await?, None),
        Field::Show { field, tenant } => {
            let scope = context::scope_of(field, &tenant.tenant)?;
            let fields = engine.list_fields(&tenant.tenant).await?;
            show(arguments, fields, Some((scope.collection(), scope.field())))
        }
    }
}

fn show(
    arguments: &Arguments,
    mut fields: Vec<FieldSummary>,
    one: Option<(&str, &str)>,
) -> Result<(), Failure> {
    if let Some((collection, field)) = one {
        fields.retain(|f| f.collection == collection && f.field == field);
        let Some(field) = fields.first() else {
            return Err(Failure::usage(
                "this field is not defined; the default holds: record-bound",
            ));
        };
        return if arguments.json { output::json(field) } else { output::line(&describe(field)) };
    }
    if arguments.json {
        return output::json(&fields);
    }
    fields.iter().try_for_each(|field| output::line(&describe(field)))
}

fn describe(f: &FieldSummary) -> String {
    let bound = if f.record_bound { "record-bound" } else { "no record" };
    let subject = if f.subject_bound { ", subject-bound" } else { "" };
    let padded = if f.padded { ", padded" } else { "" };
    let by = f.profile.as_ref().map(|p| format!(", by profile {p}")).unwrap_or_default();
    format!(
        "{}/{}  key {}, class {}, {bound}{subject}{padded}{by}",
        f.collection, f.field, f.key, f.class
    )
}
