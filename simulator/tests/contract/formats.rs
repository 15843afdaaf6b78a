//! How keys, dates, numbers and addresses look. A client must not parse them; it may well store them in too few
//! characters, so they are worth imitating.

use serde_json::json;

use crate::case::{Case, cases};
use crate::toss::{Toss, text};

pub(crate) fn cases() -> Vec<Case> {
    cases![
        Key: keys_look_like_tosss,
        Key: dates_carry_the_zone_of_seoul,
        Control: a_card_is_masked_and_its_test_approval_is_zeros,
        Control: transaction_keys_have_thirty_two_characters,
        Control: a_receipt_and_a_checkout_have_addresses,
        Key: a_virtual_account_of_a_test_starts_with_x,
        Control: version_country_and_currency_are_there,
    ]
}

/// `9` any digit, `a` any letter or digit, `x` a lower-case letter or digit, everything else itself.
fn looks(text: &str, like: &str) -> bool {
    text.chars().count() == like.chars().count()
        && text.chars().zip(like.chars()).all(|(c, like)| match like {
            '9' => c.is_ascii_digit(),
            'a' => c.is_ascii_alphanumeric(),
            'x' => c.is_ascii_lowercase() || c.is_ascii_digit(),
            _ => c == like,
        })
}

fn a_date(text: &str) -> bool {
    looks(text, "9999-99-99T99:99:99+09:00")
}

async fn keys_look_like_tosss(toss: Toss) {
    let payment = toss.waiting(30000).await;
    let (key, merchant) = (text(&payment["paymentKey"]), text(&payment["mId"]));
    let start: String = merchant.chars().take(5).collect();
    let formed = key.strip_prefix(&start).is_some_and(|rest| looks(rest, "99999999999999aaaaa"));
    toss.supposed("a paymentKey of mId, time and five more", &formed, &true);
    assert!(key.len() <= 200 && (1..=14).contains(&merchant.len()), "{key} {merchant}");
    let secret = text(&payment["secret"]);
    assert!(secret.len() <= 50);
    let formed = secret.strip_prefix("ps_").is_some_and(|rest| looks(rest, &"a".repeat(28)));
    toss.supposed("a secret of ps_ and 28 more", &formed, &true);
}

async fn dates_carry_the_zone_of_seoul(toss: Toss) {
    let payment = toss.waiting(30000).await;
    assert!(a_date(text(&payment["requestedAt"])), "{payment}");
    assert!(payment["approvedAt"].is_null());
    assert!(a_date(text(&payment["virtualAccount"]["dueDate"])), "{payment}");
    let cancelled = toss.cancel(&payment, &json!({ "cancelReason": "반품" })).await.ok();
    assert!(a_date(text(&cancelled["cancels"][0]["canceledAt"])), "{cancelled}");
}

async fn a_card_is_masked_and_its_test_approval_is_zeros(toss: Toss) {
    let payment = toss.paid(1000).await;
    assert!(a_date(text(&payment["approvedAt"])) && payment["approvedAt"].as_str() >= payment["requestedAt"].as_str());
    let card = &payment["card"];
    assert_eq!(card["approveNo"], "00000000");
    assert!(looks(text(&card["number"]), "99999999****999*"), "{card}");
    assert!(["신용", "체크", "기프트", "미확인"].contains(&text(&card["cardType"])), "{card}");
    assert!(["개인", "법인", "미확인"].contains(&text(&card["ownerType"])), "{card}");
    assert!(looks(text(&card["issuerCode"]), "aa"), "{card}");
    assert_eq!((&card["installmentPlanMonths"], &card["amount"]), (&json!(0), &json!(1000)));
    assert_eq!(payment["cultureExpense"], false);
}

async fn transaction_keys_have_thirty_two_characters(toss: Toss) {
    let payment = toss.paid(1000).await;
    let key = text(&payment["lastTransactionKey"]);
    assert!(looks(key, &format!("txrd_a01{}", "x".repeat(24))), "{key}");
}

async fn a_receipt_and_a_checkout_have_addresses(toss: Toss) {
    let payment = toss.paid(1000).await;
    let key = text(&payment["paymentKey"]);
    let receipt = format!("https://dashboard-sandbox.tosspayments.com/receipt/redirection?transactionId={key}&ref=PX");
    assert_eq!(payment["receipt"]["url"], receipt);
    let checkout = text(&payment["checkout"]["url"]);
    assert!(checkout.starts_with("http") && checkout.ends_with(&format!("/v1/payments/{key}/checkout")), "{checkout}");
}

async fn a_virtual_account_of_a_test_starts_with_x(toss: Toss) {
    let payment = toss.waiting(30000).await;
    let account = &payment["virtualAccount"];
    let number = text(&account["accountNumber"]);
    assert!(number.starts_with('X') && number.len() <= 20, "{number}");
    assert_eq!((&account["bankCode"], &account["accountType"]), (&json!("88"), &json!("일반")));
}

async fn version_country_and_currency_are_there(toss: Toss) {
    let payment = toss.paid(1000).await;
    assert_eq!((&payment["version"], &payment["type"]), (&json!("2022-11-16"), &json!("NORMAL")));
    assert_eq!((&payment["country"], &payment["currency"]), (&json!("KR"), &json!("KRW")));
}
