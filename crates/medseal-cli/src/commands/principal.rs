//! `medseal principal …`, `role …`, `token …` and `break-glass …`.

use crate::arguments::Arguments;
use crate::arguments::principal::{self as grammar, BreakGlass, Principal, Role, Token};
use crate::failure::Failure;
use crate::{duration, home, input, os_user, output};
use medseal_engine::principals::{BrokenGlass, Kind, NewPrincipal, PrincipalSummary, TokenSummary};
use serde_json::json;
use std::path::Path;

pub(crate) async fn run(arguments: &Arguments, command: &Principal) -> Result<(), Failure> {
    let engine = home::open(arguments).await?;
    match command {
        Principal::Create { name, kind, os_user, tenant, reason } => {
            let os_user = os_user.as_deref().map(os_user::id).transpose()?;
            let (kind, tenant) = (kind_of(*kind), tenant.as_deref());
            let new = NewPrincipal { name, kind, tenant, os_user };
            engine.create_principal(&new, reason.as_deref()).await?;
            done(arguments, name, "is made, without any role")
        }
        Principal::List => {
            let principals = engine.list_principals(None).await?;
            if arguments.json {
                return output::json(&principals);
            }
            principals.iter().try_for_each(|principal| output::line(&describe(principal)))
        }
        Principal::Show { name } => {
            let principals = engine.list_principals(Some(name)).await?;
            principals.iter().try_for_each(|principal| {
                if arguments.json {
                    output::json(principal)
                } else {
                    output::line(&describe(principal))
                }
            })
        }
        Principal::ApproverKey { name, file, reason } => {
            let path =
                file.strip_prefix('@').ok_or_else(|| Failure::usage("the keys are @FILE"))?;
            let vkeys = String::from_utf8_lossy(&input::read_all(Path::new(path))?).into_owned();
            engine.register_approver(name, &vkeys, reason.as_deref()).await?;
            done(arguments, name, "can approve with this key, if it has the role")
        }
        Principal::Disable { name, reason } => {
            engine.disable_principal(name, reason.as_deref()).await?;
            done(arguments, name, "is disabled")
        }
    }
}

pub(crate) async fn run_role(arguments: &Arguments, command: &Role) -> Result<(), Failure> {
    let engine = home::open(arguments).await?;
    match command {
        Role::Grant { name, role } => {
            engine.grant_role(name, role).await?;
            done(arguments, name, &format!("has the role {role}"))
        }
        Role::Revoke { name, role } => {
            engine.revoke_role(name, role).await?;
            done(arguments, name, &format!("has the role {role} no more"))
        }
    }
}

pub(crate) async fn run_token(arguments: &Arguments, command: &Token) -> Result<(), Failure> {
    let engine = home::open(arguments).await?;
    match command {
        Token::Create { name, lifetime } => {
            let seconds = duration::seconds(lifetime)?;
            if seconds == 0 {
                return Err(Failure::usage("a token needs a lifetime, such as 90d"));
            }
            let token = engine.create_token(name, seconds).await?;
            if arguments.json {
                let (text, id) = (token.text.as_str(), &token.summary.id);
                let expires = &token.summary.expires;
                return output::json(
                    &json!({ "token": text, "id": id, "principal": name, "expires": expires }),
                );
            }
            output::write(token.text.as_bytes())?;
            output::write(b"\n")
        }
        Token::List { name } => {
            let tokens = engine.list_tokens(name.as_deref()).await?;
            if arguments.json {
                return output::json(&tokens);
            }
            tokens.iter().try_for_each(|token| output::line(&describe_token(token)))
        }
        Token::Revoke { id } => {
            engine.revoke_token(id).await?;
            done(arguments, id, "is revoked")
        }
    }
}

pub(crate) async fn run_break_glass(
    arguments: &Arguments,
    command: &BreakGlass,
) -> Result<(), Failure> {
    let engine = home::open(arguments).await?;
    match command {
        BreakGlass::List => {
            let emergencies = engine.list_broken_glass().await?;
            if arguments.json {
                return output::json(&emergencies);
            }
            emergencies
                .iter()
                .try_for_each(|emergency| output::line(&describe_emergency(emergency)))
        }
        BreakGlass::Review { id } => {
            engine.review_broken_glass(id).await?;
            done(arguments, id, "is reviewed")
        }
    }
}

fn describe_emergency(emergency: &BrokenGlass) -> String {
    let BrokenGlass { id, principal, state, opened, ends, reason, .. } = emergency;
    let by = emergency.reviewed_by.as_ref().map(|by| format!(" by {by}")).unwrap_or_default();
    format!("{id}  {state}{by}  {principal}  {opened} to {ends}  {reason}")
}

fn kind_of(kind: grammar::Kind) -> Kind {
    match kind {
        grammar::Kind::Person => Kind::Person,
        grammar::Kind::Service => Kind::Service,
        grammar::Kind::OsUser => Kind::OsUser,
    }
}

fn done(arguments: &Arguments, subject: &str, what: &str) -> Result<(), Failure> {
    if arguments.json {
        output::json(&json!({ "subject": subject, "result": what }))
    } else {
        output::line(&format!("{subject} {what}"))
    }
}

fn describe(principal: &PrincipalSummary) -> String {
    let PrincipalSummary { name, id, kind, state, created, .. } = principal;
    let tenant = principal.tenant.as_deref().unwrap_or("every tenant");
    let os_user = principal.os_user.map(|id| format!(", os-user {id}")).unwrap_or_default();
    let roles = match principal.roles.as_slice() {
        [] => "no role".to_owned(),
        roles => roles.join(","),
    };
    let reason = principal.reason.as_ref().map(|r| format!(", reason: {r}")).unwrap_or_default();
    format!("{name:<20} {id}  {kind}, {state}, {tenant}{os_user}  {roles}  made {created}{reason}")
}

fn describe_token(token: &TokenSummary) -> String {
    let TokenSummary { id, principal, state, created, expires } = token;
    format!("{id}  {principal:<20} {state}, made {created}, expires {expires}")
}
