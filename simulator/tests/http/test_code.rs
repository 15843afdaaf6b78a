//! `TossPayments-Test-Code`: any documented error on request.

use reqwest::Method;
use serde_json::{Value, json};
use simulator::DEFAULT_SECRET_KEY;

use crate::harness::{Answer, Sim};

async fn forced(sim: &Sim, code: &str, language: &str) -> Answer {
    let request = sim.confirm_request(&json!({})).header("TossPayments-Test-Code", code);
    Answer::read(request.header("Accept-Language", language).send().await.unwrap()).await
}

#[tokio::test]
async fn a_forced_code_comes_with_its_own_status_and_text_before_anything_is_checked() {
    let sim = Sim::start().await;
    for (code, status, korean, english) in [
        (
            "REJECT_CARD_PAYMENT",
            403,
            "한도초과 혹은 잔액부족으로 결제에 실패했습니다.",
            "한도초과 혹은 잔액부족으로 결제에 실패했습니다.",
        ),
        (
            "ALREADY_PROCESSED_PAYMENT",
            400,
            "이미 처리된 결제 입니다.",
            "This is a payment that has already been processed.",
        ),
        ("NOT_CANCELABLE_PAYMENT", 403, "취소 할 수 없는 결제 입니다.", "This is a non-cancelable payment."),
        ("ALREADY_CANCELED_PAYMENT", 400, "이미 취소된 결제 입니다.", "The payment has already been canceled."),
        ("IDEMPOTENT_REQUEST_PROCESSING", 409, "이전 멱등 요청이 처리중입니다.", "이전 멱등 요청이 처리중입니다."),
        (
            "FAILED_REFUND_PROCESS",
            500,
            "은행 응답시간 지연이나 일시적인 오류로 환불요청에 실패했습니다.",
            "은행 응답시간 지연이나 일시적인 오류로 환불요청에 실패했습니다.",
        ),
        (
            "COMMON_ERROR",
            500,
            "일시적인 오류가 발생했습니다. 잠시 후 다시 시도해주세요.",
            "A temporary error has occurred. Please try again in a few minutes.",
        ),
    ] {
        for (language, text) in [("ko-KR", korean), ("en-US", english)] {
            let answer = forced(&sim, code, language).await;
            assert_eq!((answer.status, answer.json()), (status, json!({ "code": code, "message": text })));
        }
    }
    for unknown in ["NO_SUCH_CODE", "", "reject_card_payment"] {
        assert_eq!(forced(&sim, unknown, "ko").await.says(), (400, "INVALID_TEST_CODE".into()), "{unknown}");
    }
}

#[tokio::test]
async fn a_forced_code_needs_a_key_moves_nothing_and_works_everywhere() {
    let sim = Sim::start().await;
    let payment = sim.authenticated("order-forced", 1_000).await;
    let request = sim.confirm_request(&payment).header("TossPayments-Test-Code", "PROVIDER_ERROR");
    assert_eq!(Answer::read(request.send().await.unwrap()).await.says(), (400, "PROVIDER_ERROR".into()));
    assert_eq!(sim.status(&payment).await, "IN_PROGRESS");

    let unsigned = sim.request(Method::POST, "/v1/payments/confirm").header("TossPayments-Test-Code", "PROVIDER_ERROR");
    assert_eq!(Answer::read(unsigned.json(&payment).send().await.unwrap()).await.says().0, 401);
    for (method, path) in [
        (Method::GET, "/v1/payments/made-up"),
        (Method::POST, "/v1/payments/made-up/cancel"),
        (Method::POST, "/v1/virtual-accounts"),
    ] {
        let request = sim.request(method, path).basic_auth(DEFAULT_SECRET_KEY, Some(""));
        let answer = Answer::read(request.header("TossPayments-Test-Code", "NOT_FOUND").send().await.unwrap()).await;
        assert_eq!(answer.says(), (404, "NOT_FOUND".into()), "{path}");
    }
}

#[tokio::test]
async fn a_stored_answer_wins_over_a_forced_one_and_a_forced_conflict_is_never_stored() {
    let sim = Sim::start().await;
    let payment = sim.authenticated("order-stored", 1_000).await;
    let with = |key: &str, code: Option<&str>| {
        let request = sim.confirm_request(&payment).header("Idempotency-Key", key.to_owned());
        match code {
            Some(code) => request.header("TossPayments-Test-Code", code),
            None => request,
        }
    };
    let conflict = Some("IDEMPOTENT_REQUEST_PROCESSING");
    for _ in 0..2 {
        let answer = Answer::read(with("key-1", conflict).send().await.unwrap()).await;
        assert_eq!(answer.says(), (409, "IDEMPOTENT_REQUEST_PROCESSING".into()));
    }
    let first = Answer::read(with("key-1", None).send().await.unwrap()).await;
    assert_eq!(first.says(), (200, "DONE".into()));
    let replay = Answer::read(with("key-1", conflict).send().await.unwrap()).await;
    assert_eq!(replay.text, first.text);
    let seen: Vec<Value> = sim.requests("order-stored", |seen| seen.len() == 4).await;
    assert_eq!(seen[3]["replayed"], true);
}
