//! Access tokens: shown once, kept as a MAC, bound to a principal's id.

use super::directory::Directory;
use crate::clock::rfc3339;
use crate::engine::Engine;
use crate::error::EngineError;
use crate::gate::Changed;
use crate::random::BufferedRandom;
use medseal_core::keyring::UnixSeconds;
use medseal_core::{AccessToken, Error, KeyVersionId, Random};
use medseal_policy::{Principal, PrincipalId, ReadPrincipals};
use medseal_store::{AccessTokenRecord, PrincipalState, Stored};
use serde::Serialize;
use zeroize::Zeroizing;

/// A token that was just made.
pub struct NewToken {
    /// The token itself; nobody can show it a second time.
    pub text: Zeroizing<String>,
    /// What is kept of it.
    pub summary: TokenSummary,
}

/// A token as a person sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TokenSummary {
    /// By which it is revoked; says nothing of the token.
    pub id: String,
    /// Who shows it.
    pub principal: String,
    /// `active`, `expired` or `revoked`.
    pub state: &'static str,
    /// When it was made.
    pub created: String,
    /// From when on it is refused.
    pub expires: String,
}

impl Engine {
    /// Makes a token for an active principal.
    ///
    /// # Errors
    /// [`EngineError::NoSuchPrincipal`], [`EngineError::PrincipalDisabled`].
    pub async fn create_token(
        &self,
        principal: &str,
        lifetime_seconds: i64,
    ) -> Result<NewToken, EngineError> {
        let token = AccessToken::generate(&mut BufferedRandom).map_err(Error::from)?;
        let mut id = [0; 8];
        BufferedRandom.fill(&mut id).map_err(Error::from)?;
        let (token_mac, now) = (self.token_pepper.kept(&token), self.clock.now());
        let mut record = AccessTokenRecord {
            token_mac,
            token_id: PrincipalId(id).to_string(),
            principal_id: String::new(),
            created_at: now,
            expires_at: now.saturating_add(lifetime_seconds.max(0)),
            revoked_at: None,
        };
        let what = format!("create token {} for {principal}", record.token_id);
        let plain = record.clone();
        self.change_principals(&what, |engine, directory, change| {
            let row = &directory.row(principal)?.record;
            if row.state == PrincipalState::Disabled {
                return Err(EngineError::PrincipalDisabled(principal.to_owned()));
            }
            let principal_id = row.principal_id.clone();
            change.insert(&AccessTokenRecord { principal_id, ..plain.clone() }, &engine.row_mac)?;
            Ok(())
        })
        .await?;
        record.principal_id.clear();
        let summary = summary(&record, principal.to_owned(), now);
        Ok(NewToken { text: token.to_text(), summary })
    }

    /// Every token, or those of one principal.
    ///
    /// # Errors
    /// [`EngineError::NoSuchPrincipal`].
    pub async fn list_tokens(
        &self,
        principal: Option<&str>,
    ) -> Result<Vec<TokenSummary>, EngineError> {
        self.begin().await?;
        let (directory, epoch) = self.directory().await?;
        let about = Changed { tenant: None, id: KeyVersionId([0; 8]), what: "list tokens" };
        self.admit_change::<ReadPrincipals>(epoch, &about).await?;
        let only = principal.map(|name| directory.row(name)).transpose()?;
        let rows = self.all_rows::<AccessTokenRecord>().await?;
        let chosen = rows.iter().map(|row| &row.record).filter(|record| {
            only.is_none_or(|only| only.record.principal_id == record.principal_id)
        });
        let mut out: Vec<TokenSummary> = chosen
            .map(|record| {
                let holder = directory.principal_by_id(&record.principal_id)?;
                let name = holder.map_or_else(|| record.principal_id.clone(), |who| who.name);
                Ok(summary(record, name, self.clock.now()))
            })
            .collect::<Result<_, EngineError>>()?;
        out.sort_by(|a, b| {
            (&a.principal, &a.created, &a.id).cmp(&(&b.principal, &b.created, &b.id))
        });
        Ok(out)
    }

    /// Ends a token; its row stays.
    ///
    /// # Errors
    /// [`EngineError::NoSuchToken`].
    pub async fn revoke_token(&self, token_id: &str) -> Result<(), EngineError> {
        let rows = self.all_rows::<AccessTokenRecord>().await?;
        let found = rows.iter().find(|row| row.record.token_id == token_id);
        let Stored { record, version } =
            found.ok_or_else(|| EngineError::NoSuchToken(token_id.to_owned()))?;
        if record.revoked_at.is_some() {
            return Ok(());
        }
        let revoked = AccessTokenRecord { revoked_at: Some(self.clock.now()), ..record.clone() };
        let what = format!("revoke token {token_id}");
        self.change_principals(&what, |engine, _, change| {
            change.update(*version, &revoked, &engine.row_mac)?;
            Ok(())
        })
        .await
    }

    /// Who shows a token, and until when; none for every token that is not to be accepted.
    pub(super) async fn token_holder(
        &self,
        directory: &Directory,
        token: &AccessToken,
    ) -> Result<Option<(Principal, UnixSeconds)>, EngineError> {
        let key = self.token_pepper.kept(token);
        let row = self.rows().get::<AccessTokenRecord>(&[&key]).await?;
        let Some(Stored { record, .. }) = row else { return Ok(None) };
        let over = record.revoked_at.is_some() || self.clock.now() >= record.expires_at;
        let holder = directory.principal_by_id(&record.principal_id)?;
        let holder = holder.filter(|principal| principal.active && !over);
        Ok(holder.map(|principal| (principal, record.expires_at)))
    }
}

fn summary(record: &AccessTokenRecord, principal: String, now: UnixSeconds) -> TokenSummary {
    TokenSummary {
        id: record.token_id.clone(),
        principal,
        state: match record.revoked_at {
            Some(_) => "revoked",
            None if now >= record.expires_at => "expired",
            None => "active",
        },
        created: rfc3339(record.created_at),
        expires: rfc3339(record.expires_at),
    }
}
