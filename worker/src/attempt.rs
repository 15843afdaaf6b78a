//! One try at one intent: ask Toss once and say what the answer means.
//!
//! It owns no loop and no sleep, touches no table and holds no transaction, so a slow Toss costs a lease and never a
//! connection.

use std::{borrow::Cow, time::Duration};

use shared::{
    cancel::AccountKey,
    merchant::{ShownMerchant, ShownPayment},
    outbox::{Again, Attempt, Call, Cancel, Claim, Finding, How, Operation, Outcome, Replanned, StoredRequest},
    payment::PaymentKey,
    stop_point::{self, StopPoint},
    toss::{self, Answer, ApiKey, Body, NoAnswer, Reply, Toss},
};
use tokio::time::Instant;
use uuid::Uuid;

use crate::{
    classify::{Try, Waits, classify, key_fault},
    flow::{Flow, Heard},
    key_check::KeyChecks,
    keys::Keys,
    known::{Known, SentKey, Surroundings},
    merchants::Merchants,
    metrics::Metrics,
    reading::About,
    recent_answers::RecentAnswers,
    retry,
    terms::Terms,
};

/// A confirm has ten minutes; whoever asks us to wait longer than this is not asking about confirms.
const RETRY_AFTER_MAX: Duration = Duration::from_mins(1);

/// Toss's are of 14 characters at most; what is longer is none.
const M_ID_LENGTH_MAX: usize = 200;

#[derive(Clone)]
pub(crate) struct Asker {
    pub(crate) toss: Toss,
    pub(crate) keys: Keys,
    pub(crate) merchants: Merchants,
    pub(crate) key_checks: KeyChecks,
    pub(crate) answers: RecentAnswers,
    /// Opens the requests that name an account.
    pub(crate) account_key: Option<AccountKey>,
    pub(crate) terms: Terms,
    pub(crate) metrics: Metrics,
    pub(crate) flow: Flow,
}

/// What was found, and what it says about the way there.
pub(crate) struct Tried {
    pub(crate) finding: Finding,
    pub(crate) call: Call,
    pub(crate) heard: Heard,
    pub(crate) took: Duration,
    /// The fingerprint of the secret that signed.
    pub(crate) signed_with: String,
    /// The code, when the answer may be about that secret.
    pub(crate) key_fault: Option<String>,
    /// The payment was shown.
    pub(crate) shown: Option<ShownPayment>,
}

impl Asker {
    /// `sent_at` is when the claim was sent, by our monotonic clock: not later than the ages in it.
    pub(crate) async fn attempt(&self, claim: Claim, key: &ApiKey, sent_at: Instant) -> Tried {
        let id = Uuid::now_v7();
        stop_point::reach(StopPoint::BeforeAttempt, None).await;
        let started = Instant::now();
        let request = self.request(&claim);
        let surroundings = Surroundings {
            merchant_is_proven: self.merchants.is_proven(key.id(), claim.m_id()),
            key_is_taken: self.merchants.has_shown(key.id(), self.terms.others_answered_within, started),
            others_answered: self.answers.about_others(claim.order_no(), self.terms.others_answered_within, started),
        };
        let sent_key = self.keys.sent_key(claim.sends());
        let known = Known::of(&claim, sent_key, started - sent_at, request.as_deref(), surroundings);
        let call = known.next_call(&self.terms);
        stop_point::reach(StopPoint::BeforeCall, Some(call.as_str())).await;
        let key = self.signer(&known, call, key);
        let reply = self.call(call, &claim, request, key).await;
        stop_point::reach(StopPoint::AfterCall, Some(call.as_str())).await;
        let took = started.elapsed();
        let about = About { payment_key: claim.payment_key(), order_no: claim.order_no(), amount: claim.amount() };
        let tried = Try { known: &known, about, call, signed_with: key.id(), reply: &reply };
        let outcome = classify(&tried, &self.terms, self.waits(&known, &reply));
        let outcome = self.sealed_again(&claim, outcome);
        let (heard, key_fault) = (heard(&reply), key_fault(call, &reply).map(str::to_owned));
        if key_fault.is_none() && answers(&reply) {
            self.answers.note(claim.order_no(), Instant::now());
        }
        let shown = shown(&reply, about, key);
        let (http_status, code, trace_id) = facts(reply);
        tracing::info!(
            order.no = %claim.order_no(), payment.key = %claim.payment_key(), ?call, try = claim.attempts(),
            api_key = key.id(), http.status = http_status, code = code.as_deref(), outcome = outcome.as_str(),
            duration_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
            "asked Toss"
        );
        let signed_with = key.id().to_owned();
        let attempt =
            Attempt { id, call, api_key_id: signed_with.clone(), duration: took, http_status, code, trace_id };
        let finding = Finding::Tried { claim, attempt, outcome };
        self.metrics.note(&finding, took);
        Tried { finding, call, heard, took, signed_with, key_fault, shown }
    }

    /// A repeat is signed with the secret that signed first: under another it would be a new request.
    fn signer<'a>(&'a self, known: &Known, call: Call, key: &'a ApiKey) -> &'a ApiKey {
        match (&known.key, call) {
            (SentKey::AtHand(id), Call::Confirm | Call::Cancel) => self.keys.find(id).unwrap_or(key),
            (SentKey::AtHand(_) | SentKey::Gone | SentKey::None, _) => key,
        }
    }

    /// The bytes to post, as far as they can be read.
    fn request<'a>(&self, claim: &'a Claim) -> Option<Cow<'a, [u8]>> {
        match claim.operation() {
            Operation::Confirm { request }
            | Operation::Cancel(Cancel { request: StoredRequest::Plain(request), .. }) => Some(Cow::Borrowed(request)),
            Operation::Check => None,
            Operation::Cancel(Cancel { mark, request: StoredRequest::Sealed(sealed), .. }) => {
                let opened = self.account_key.as_ref().and_then(|key| key.open(*mark, sealed));
                if opened.is_none() {
                    tracing::error!(
                        order.no = %claim.order_no(),
                        "a refund names an account that REFUND_ACCOUNT_KEY does not open: it waits until it does"
                    );
                }
                opened.map(Cow::Owned)
            }
        }
    }

    /// A new request that names an account is kept as the old one was.
    fn sealed_again(&self, claim: &Claim, outcome: Outcome) -> Outcome {
        let Operation::Cancel(Cancel { mark, request: StoredRequest::Sealed(_), .. }) = claim.operation() else {
            return outcome;
        };
        match outcome {
            Outcome::Again(Again { how, after, sends, replanned: Some(plan) }) => {
                let sealed = self.account_key.as_ref().and_then(|key| key.seal(*mark, &plan.request));
                let replanned = sealed.map(|request| Replanned { request, ..plan });
                // Without random numbers there is no new plan: ask again, and find the same.
                let how = if replanned.is_some() { how } else { How::Ask };
                let sends = if replanned.is_some() { sends } else { claim.sends_asking(Call::Query, "") };
                Outcome::Again(Again { how, after, sends, replanned })
            }
            Outcome::Again(_)
            | Outcome::Approved(_)
            | Outcome::Waiting { .. }
            | Outcome::Failed(_)
            | Outcome::Review { .. }
            | Outcome::Returned(_)
            | Outcome::Closed { .. }
            | Outcome::Refused { .. } => outcome,
        }
    }

    async fn call(&self, call: Call, claim: &Claim, request: Option<Cow<'_, [u8]>>, key: &ApiKey) -> Reply {
        match (call, request) {
            (Call::Confirm, Some(request)) => {
                self.toss.confirm(key, request.into_owned(), &claim.idempotency_key()).await
            }
            (Call::Cancel, Some(request)) => {
                self.toss.cancel(key, claim.payment_key(), request.into_owned(), &claim.idempotency_key()).await
            }
            (Call::Query | Call::Confirm | Call::Cancel, _) => self.toss.payment(key, claim.payment_key()).await,
        }
    }

    fn waits(&self, known: &Known, reply: &Reply) -> Waits {
        let asked = match reply {
            Reply::Answer(answer) => answer.retry_after.unwrap_or_default().min(RETRY_AFTER_MAX),
            Reply::NoAnswer(_) => Duration::ZERO,
        };
        Waits {
            undecided: retry::UNDECIDED.wait(known.attempts) / self.terms.divisor,
            busy: retry::BUSY.wait(known.snoozes.saturating_add(1)) / self.terms.divisor,
            spaced: retry::SPACED.wait(known.attempts) / self.terms.divisor,
            spaced_snooze: retry::SPACED.wait(known.snoozes.saturating_add(1)) / self.terms.divisor,
            asked,
        }
    }
}

pub(crate) fn heard(reply: &Reply) -> Heard {
    match reply {
        Reply::Answer(answer) if answer.http_status == 429 => Heard::Slow { asked: answer.retry_after },
        Reply::Answer(_) => Heard::Answered,
        Reply::NoAnswer(NoAnswer::Unreadable { http_status: 429 }) => Heard::Slow { asked: None },
        Reply::NoAnswer(NoAnswer::Unreadable { .. }) => Heard::Garbled,
        Reply::NoAnswer(NoAnswer::NotConnected | NoAnswer::TimedOut | NoAnswer::Broken) => Heard::Silent,
    }
}

/// Did Toss say something about the payment, rather than about itself?
fn answers(reply: &Reply) -> bool {
    matches!(reply, Reply::Answer(answer) if answer.http_status != 429 && !answer.is_server_error())
}

fn shown(reply: &Reply, about: About<'_>, key: &ApiKey) -> Option<ShownPayment> {
    let Reply::Answer(Answer { body: Body::Payment(payment), .. }) = reply else { return None };
    payment.is_of(about.payment_key, about.order_no).then(|| shown_payment(payment, key)).flatten()
}

/// What this secret showed: a payment that is ours, and its merchant.
pub(crate) fn shown_payment(payment: &toss::Payment, key: &ApiKey) -> Option<ShownPayment> {
    let m_id = payment.m_id.clone().filter(|m_id| (1..=M_ID_LENGTH_MAX).contains(&m_id.chars().count()))?;
    let is_approved = matches!(payment.status.as_str(), "DONE" | "PARTIAL_CANCELED" | "CANCELED");
    Some(ShownPayment {
        merchant: ShownMerchant { api_key_id: key.id().to_owned(), m_id },
        approved: PaymentKey::parse(&payment.payment_key).filter(|_| is_approved),
    })
}

fn facts(reply: Reply) -> (Option<u16>, Option<String>, Option<String>) {
    match reply {
        Reply::Answer(Answer { http_status, trace_id, body, .. }) => {
            let code = match body {
                Body::Payment(payment) => payment.status,
                Body::Error { code, .. } => code,
            };
            (Some(http_status), Some(code), trace_id)
        }
        Reply::NoAnswer(silence) => {
            let http_status = match silence {
                NoAnswer::Unreadable { http_status } => Some(http_status),
                NoAnswer::NotConnected | NoAnswer::TimedOut | NoAnswer::Broken => None,
            };
            (http_status, Some(silence.as_str().to_owned()), None)
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use shared::{
        order::OrderStatus,
        outbox::{Call, Sends},
        payment::PaymentStatus,
        toss::{ApiKey, Toss},
    };

    use super::Asker;
    use crate::{
        flow::{Flow, Limits},
        key_check::KeyChecks,
        keys::Keys,
        known::{Known, SentKey, Surroundings, Work},
        merchants::Merchants,
        metrics::Metrics,
        recent_answers::RecentAnswers,
        terms::Terms,
    };

    #[test]
    fn a_repeat_is_signed_with_the_secret_that_signed_first() {
        let secret = |text: &str| ApiKey::parse(text.into()).unwrap();
        let (newest, previous) = (secret("test_sk_newest"), secret("test_sk_previous"));
        let flow = Flow::new(Limits { concurrency: 1, per_second: None });
        let asker = Asker {
            toss: Toss::new("http://127.0.0.1:1", Duration::from_secs(1)).unwrap(),
            keys: Keys::new(newest.clone(), Some(previous.clone())),
            merchants: Merchants::default(),
            key_checks: KeyChecks::default(),
            answers: RecentAnswers::default(),
            account_key: None,
            terms: Terms::REAL,
            metrics: Metrics::new(flow.clone()),
            flow,
        };
        let signer = |key: SentKey, call: Call| {
            let known = Known {
                work: Work::Confirm,
                order_status: OrderStatus::InProgress,
                payment_status: PaymentStatus::InProgress,
                since_accepted: Duration::ZERO,
                sends: Sends {
                    epoch: 0,
                    burnt: false,
                    unanswered: None,
                    sent_with: None,
                    refused: false,
                    server_error: None,
                    absent: None,
                    no_answer: None,
                    error_code: None,
                },
                abandoned: false,
                key,
                surroundings: Surroundings { merchant_is_proven: true, key_is_taken: true, others_answered: true },
                attempts: 1,
                snoozes: 0,
            };
            asker.signer(&known, call, &newest).id().to_owned()
        };
        for call in [Call::Confirm, Call::Cancel] {
            assert_eq!(signer(SentKey::AtHand(previous.id().to_owned()), call), previous.id());
            assert_eq!(signer(SentKey::None, call), newest.id());
        }
        // A question moves nothing, whoever asks.
        assert_eq!(signer(SentKey::AtHand(previous.id().to_owned()), Call::Query), newest.id());
    }
}
