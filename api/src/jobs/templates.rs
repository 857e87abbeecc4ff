//! Hands in, deletes and reads templates at the provider.

use std::time::Duration;

use chrono::TimeDelta;
use domain::id::TemplateId;
use domain::job::ChannelJobKind;
use domain::resource::Template;
use persistence::error::Failure;
use persistence::jobs::{self, ChannelJob};
use persistence::templates::{self, StoredTemplate};

use crate::channels::ChannelCredentials;
use crate::channels::SendFailure;
use crate::channels::whatsapp::outbound::WhatsAppCredentials;
use crate::channels::whatsapp::templates::{
    Managed, ProviderTemplate, Submission, Submitted, create, delete, edit, find, list,
};
use crate::http::finish::chain;
use crate::ops::templates::provider::{self, Tally};
use crate::state::App;

/// After so many attempts it is given up: with the delays, after more than an hour.
const ATTEMPTS_MAX: i32 = 10;
/// How many templates are taken over in one transaction.
const AT_ONCE: usize = 100;
/// What a template's reason says when the provider never answered.
const NO_ANSWER: &str = "The provider did not answer. Change the template to hand it in again.";

/// A business account at the provider.
struct Account {
    credentials: WhatsAppCredentials,
    business: String,
    channel_version: i64,
}

/// Works on one claimed job. What goes wrong here is logged; the claim runs out and the job is seen again.
pub async fn run(app: &App, job: ChannelJob) {
    let worked = match account(app, job).await {
        Ok(Some(account)) => match job.kind {
            ChannelJobKind::SubmitTemplate => submit(app, job, &account).await,
            ChannelJobKind::DeleteTemplate => remove(app, job, &account).await,
            _ => read(app, job, &account).await,
        },
        Ok(None) => app.write(move |tx| Ok(jobs::finish(tx.conn, job.workspace_id, job.id)?)).await,
        Err(failure) => Err(failure),
    };
    if let Err(failure) = worked {
        let cause = chain(&failure);
        tracing::warn!(job = job.kind.as_str(), subject = %job.subject_id, cause, "a template's job could not be done; trying again");
    }
}

async fn account(app: &App, job: ChannelJob) -> Result<Option<Account>, Failure> {
    let Some(known) = app.known_channels.get(app, job.channel_id).await? else { return Ok(None) };
    let business = known.channel.config["account"]["waba_id"].as_str().map(ToOwned::to_owned);
    Ok(match (known.secrets.credentials(&known.channel.external_id), business) {
        (Some(ChannelCredentials::WhatsApp(credentials)), Some(business)) => {
            Some(Account { credentials, business, channel_version: known.channel.version })
        }
        _ => None,
    })
}

async fn stored(app: &App, job: ChannelJob) -> Result<Option<StoredTemplate>, Failure> {
    let id = TemplateId(job.subject_id);
    app.db.read(move |conn| Ok(templates::stored(conn, job.workspace_id, id)?)).await
}

fn submission(template: &Template) -> Submission<'_> {
    Submission {
        name: &template.name,
        language: &template.language,
        category: template.category,
        parameter_format: template.parameter_format,
        components: &template.components,
    }
}

/// Hands in a template. An attempt whose answer was lost may have arrived: then it is there already.
async fn submit(app: &App, job: ChannelJob, account: &Account) -> Result<(), Failure> {
    let Some(StoredTemplate { template, deleted: false }) = stored(app, job).await? else {
        return app.write(move |tx| Ok(jobs::finish(tx.conn, job.workspace_id, job.id)?)).await;
    };
    let (client, credentials) = (&app.providers, &account.credentials);
    if let Some(id) = &template.provider_template_id {
        let answer = edit(client, credentials, id, &submission(&template)).await;
        return match answer {
            Managed::Refused { words } => refused_edit(app, job, account, &template, words).await,
            answer => settle(app, job, account, answer).await,
        };
    }
    if job.attempts > 1 {
        let there = find(client, credentials, &account.business, &template.name, &template.language).await;
        match there {
            Managed::Done(Some(found)) => {
                return settle(app, job, account, Managed::Done(as_submitted(found))).await;
            }
            Managed::Later { retry_after } => return later(app, job, retry_after, NO_ANSWER).await,
            Managed::Stopped(failure) => return stop(app, job, account, failure).await,
            Managed::Done(None) | Managed::Refused { .. } => {}
        }
    }
    let answer = create(client, credentials, &account.business, &submission(&template)).await;
    settle(app, job, account, answer).await
}

fn as_submitted(found: ProviderTemplate) -> Submitted {
    Submitted { id: found.id, status: found.status, category: found.category }
}

/// The provider keeps the template as it was: so does this side, with the reason.
async fn refused_edit(
    app: &App,
    job: ChannelJob,
    account: &Account,
    template: &Template,
    words: String,
) -> Result<(), Failure> {
    let (name, language) = (&template.name, &template.language);
    match find(&app.providers, &account.credentials, &account.business, name, language).await {
        Managed::Done(found) => app.write(move |tx| provider::refused(tx, job, &words, found.as_ref())).await,
        Managed::Stopped(failure) => stop(app, job, account, failure).await,
        Managed::Later { retry_after } => later(app, job, retry_after, NO_ANSWER).await,
        Managed::Refused { .. } => app.write(move |tx| provider::refused(tx, job, &words, None)).await,
    }
}

async fn settle(
    app: &App,
    job: ChannelJob,
    account: &Account,
    answer: Managed<Submitted>,
) -> Result<(), Failure> {
    match answer {
        Managed::Done(answer) => app.write(move |tx| provider::submitted(tx, job, &answer)).await,
        Managed::Refused { words } => app.write(move |tx| provider::refused(tx, job, &words, None)).await,
        Managed::Later { retry_after } => later(app, job, retry_after, NO_ANSWER).await,
        Managed::Stopped(failure) => stop(app, job, account, failure).await,
    }
}

/// Tries again later; after too many attempts a template counts as refused.
async fn later(
    app: &App,
    job: ChannelJob,
    retry_after: Option<Duration>,
    words: &'static str,
) -> Result<(), Failure> {
    let asked = retry_after.and_then(|wait| TimeDelta::from_std(wait).ok());
    app.write(move |tx| match (job.kind, job.attempts < ATTEMPTS_MAX) {
        (_, true) => provider::later(tx, job, asked),
        (ChannelJobKind::SubmitTemplate, false) => provider::refused(tx, job, words, None),
        (ChannelJobKind::DeleteTemplate, false) => provider::deleted(tx, job),
        (_, false) => provider::not_read(tx, job, &Tally::default(), "The provider did not answer."),
    })
    .await
}

/// The job waits until an administrator has seen to the channel.
async fn stop(app: &App, job: ChannelJob, account: &Account, failure: SendFailure) -> Result<(), Failure> {
    let (shared, channel_version) = (app.clone(), account.channel_version);
    app.write(move |tx| provider::stopped(&shared, tx, job, channel_version, &failure)).await?;
    app.known_channels.forget(job.channel_id);
    Ok(())
}

async fn remove(app: &App, job: ChannelJob, account: &Account) -> Result<(), Failure> {
    let (client, credentials) = (&app.providers, &account.credentials);
    let Some(StoredTemplate { template, .. }) = stored(app, job).await? else {
        return app.write(move |tx| Ok(jobs::finish(tx.conn, job.workspace_id, job.id)?)).await;
    };
    let id = match template.provider_template_id.clone() {
        Some(id) => Managed::Done(Some(id)),
        // Its handing in may have arrived without an answer.
        None => {
            match find(client, credentials, &account.business, &template.name, &template.language).await {
                Managed::Done(found) => Managed::Done(found.map(|found| found.id)),
                Managed::Later { retry_after } => Managed::Later { retry_after },
                Managed::Refused { words } => Managed::Refused { words },
                Managed::Stopped(failure) => Managed::Stopped(failure),
            }
        }
    };
    let answer = match id {
        Managed::Done(Some(id)) => delete(client, credentials, &account.business, &id, &template.name).await,
        Managed::Done(None) => Managed::Done(()),
        Managed::Later { retry_after } => Managed::Later { retry_after },
        Managed::Refused { words } => Managed::Refused { words },
        Managed::Stopped(failure) => Managed::Stopped(failure),
    };
    match answer {
        Managed::Done(()) => app.write(move |tx| provider::deleted(tx, job)).await,
        Managed::Refused { words } => {
            tracing::warn!(template_id = %job.subject_id, words, "the provider keeps a template that was deleted here; the next reading shows it again");
            app.write(move |tx| provider::deleted(tx, job)).await
        }
        Managed::Later { retry_after } => later(app, job, retry_after, NO_ANSWER).await,
        Managed::Stopped(failure) => stop(app, job, account, failure).await,
    }
}

/// Reads all templates, page by page, and takes them over.
async fn read(app: &App, job: ChannelJob, account: &Account) -> Result<(), Failure> {
    let (mut all, mut after) = (Vec::new(), None);
    loop {
        let page = list(&app.providers, &account.credentials, &account.business, after.as_deref()).await;
        match page {
            Managed::Done(page) => {
                all.extend(page.templates);
                after = page.after;
            }
            Managed::Later { retry_after } => return later(app, job, retry_after, NO_ANSWER).await,
            Managed::Refused { words } => {
                return app.write(move |tx| provider::not_read(tx, job, &Tally::default(), &words)).await;
            }
            Managed::Stopped(failure) => return stop(app, job, account, failure).await,
        }
        if after.is_none() {
            break;
        }
        // The claim was for one call.
        let until = app.clock.now().plus(claim_for_a_page(app));
        app.db.write(move |conn| Ok(jobs::extend(conn, job.workspace_id, job.id, until)?)).await?;
    }
    let mut tally = Tally::default();
    for some in all.chunks(AT_ONCE) {
        let (some, so_far) = (some.to_vec(), tally);
        tally = app.write(move |tx| provider::take_over(tx, job, &some, &so_far)).await?;
    }
    app.write(move |tx| provider::read_all(tx, job, &tally)).await
}

fn claim_for_a_page(app: &App) -> TimeDelta {
    let longest = app.settings.times.provider_total * 2 + app.settings.times.job_poll * 30;
    TimeDelta::from_std(longest).unwrap_or(TimeDelta::seconds(60))
}
