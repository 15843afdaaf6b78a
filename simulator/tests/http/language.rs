//! English for those who ask for it: messages of every code, and the words in a payment's values.

use reqwest::Method;
use reqwest::header::ACCEPT_LANGUAGE;
use serde_json::json;
use simulator::DEFAULT_SECRET_KEY;

use crate::harness::{Answer, Sim};

async fn in_english(sim: &Sim, path: &str) -> Answer {
    let request = sim.request(Method::GET, path).basic_auth(DEFAULT_SECRET_KEY, Some(""));
    Answer::read(request.header(ACCEPT_LANGUAGE, "en-US").send().await.unwrap()).await
}

#[tokio::test]
async fn every_code_is_told_in_english_with_the_same_status() {
    let sim = Sim::start().await;
    let listed = sim.see("codes").await;
    let codes = listed["codes"].as_array().unwrap();
    assert!(codes.len() > 120, "{}", codes.len());
    for code in codes {
        let name = code["code"].as_str().unwrap();
        let request = sim.request(Method::GET, "/v1/payments/any").basic_auth(DEFAULT_SECRET_KEY, Some(""));
        let request = request.header("TossPayments-Test-Code", name).header(ACCEPT_LANGUAGE, "en-US");
        let answer = Answer::read(request.send().await.unwrap()).await;
        assert_eq!(
            (json!(answer.status), &answer.json()["message"]),
            (code["status"].clone(), &code["english"]),
            "{name}"
        );
        assert!(answer.json()["message"].as_str().unwrap().is_ascii(), "{name}");
    }
    let text = |name: &str| codes.iter().find(|code| code["code"] == name).unwrap();
    assert_eq!(text("NOT_FOUND_PAYMENT")["english"], "The payment does not exist.");
    assert_eq!(text("NOT_FOUND_PAYMENT")["englishIsPublished"], true);
    assert_eq!(text("INVALID_BANK")["englishIsPublished"], false);
}

#[tokio::test]
async fn a_payment_has_no_korean_word_left_but_its_own_names() {
    let sim = Sim::start().await;
    let receipt = json!({ "type": "소득공제" });
    for (n, means, expected) in [
        (1, json!({ "method": "CARD" }), json!({ "method": "Card", "cardType": "Credit", "ownerType": "Personal" })),
        (2, json!({ "easyPay": "카카오페이" }), json!({ "method": "Easy Pay", "provider": "KAKAOPAY" })),
        (
            3,
            json!({ "method": "VIRTUAL_ACCOUNT", "customerName": "Kim" }),
            json!({ "method": "Virtual Account", "accountType": "Normal" }),
        ),
        (
            4,
            json!({ "method": "TRANSFER", "cashReceipt": receipt }),
            json!({ "method": "Transfer", "type": "Income Deduction" }),
        ),
        (5, json!({ "method": "MOBILE_PHONE" }), json!({ "method": "Mobile Phone" })),
    ] {
        let mut asked = json!({ "orderId": format!("order-english-{n}"), "amount": 1_000, "orderName": "Book" });
        asked.as_object_mut().unwrap().extend(means.as_object().unwrap().clone());
        let payment = sim.authenticated_with(asked).await;
        assert_eq!(sim.confirm(&payment).await.status, 200);
        let path = format!("/v1/payments/{}", payment["paymentKey"].as_str().unwrap());
        let answer = in_english(&sim, &path).await;
        assert!(answer.text.is_ascii(), "{}", answer.text);
        for (field, word) in expected.as_object().unwrap() {
            assert!(answer.text.contains(&format!(r#""{field}":{word}"#)), "{field}: {}", answer.text);
        }
        assert!(!sim.query(&path).await.text.is_ascii(), "and Korean is the default");
    }
    let rows = in_english(&sim, "/v1/transactions?startDate=2000-01-01&endDate=2999-01-01").await;
    assert!(rows.text.is_ascii() && rows.json().as_array().unwrap().len() == 5, "{}", rows.text);
}
