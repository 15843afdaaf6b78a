//! Refunds into accounts, between Toss's booking and the bank's payment: nothing calls one done before the bank has paid it.

use reqwest::StatusCode;
use serde_json::{Value, json};

use super::{PRICE, REASON, told};
use crate::harness::shop::Shop;

fn to_account() -> Value {
    let account = json!({"bank": "88", "accountNumber": "110987654321", "holderName": "김심"});
    json!({"cancelReason": "단순 변심", "refundReceiveAccount": account})
}

/// Paid into an account and given back to another, as far as the bank is.
async fn given_back(shop: &Shop, bank: &str) -> String {
    shop.control("switches", json!({"bankRefund": bank})).await;
    let product = shop.product("Ogu T", PRICE, 5).await;
    let order = shop.order(PRICE, &[(product, 1)]).await;
    let key = shop.authenticate_account(&order, PRICE, &json!({})).await;
    assert_eq!(shop.confirm(&order, &key, PRICE).await.status, StatusCode::ACCEPTED);
    shop.until(&order, "WAITING_FOR_DEPOSIT").await;
    let waiting = shop.get(&format!("/api/v1/orders/{order}")).await.json();
    assert_eq!(waiting["payment"]["refundStatus"], "NONE", "Toss says so of every account");
    shop.control("deposit", json!({"paymentKey": key})).await;
    shop.look_back().await;
    shop.until(&order, "DONE").await;
    assert_eq!(shop.refund(&order, "a-key", to_account()).await.status, StatusCode::ACCEPTED);
    shop.until(&order, "CANCELED").await;
    order
}

async fn page(shop: &Shop, order: &str) -> String {
    let headers = [("accept-language", "ko")];
    shop.send(reqwest::Method::GET, &format!("/order/{order}"), None, &headers).await.text
}

/// The gauges of refunds on their way through a bank.
async fn gauges(shop: &Shop) -> Vec<String> {
    let text = shop.metrics().await;
    let lines = text.lines().filter(|line| line.starts_with("hanbeon_bank_refunds{"));
    lines.map(|line| line.trim_start_matches("hanbeon_bank_refunds").to_owned()).collect()
}

#[tokio::test]
async fn a_refund_is_on_its_way_until_the_bank_has_paid_it() {
    for (word, is_over) in [("NONE", false), ("PENDING", false), ("COMPLETED", true)] {
        let shop = Shop::start(1).await;
        let order = given_back(&shop, word).await;
        let view = shop.get(&format!("/api/v1/orders/{order}")).await.json();
        assert_eq!((&view["payment"]["refundStatus"], &view["status"]), (&json!(word), &json!("CANCELED")), "{view}");
        assert_eq!(view["moneyMoved"], false, "by Toss's books");
        let page = page(&shop, &order).await;
        assert_eq!(page.contains("전액 돌려드렸습니다"), is_over, "{word}: {page}");
        assert_eq!(page.contains("환불 완료"), is_over, "{word}: {page}");
        assert_eq!(page.contains("환불금을 보내는 중입니다"), !is_over, "{word}: {page}");
        let expected = if is_over { vec![] } else { vec![format!("{{status=\"{word}\"}} 1")] };
        assert_eq!(gauges(&shop).await, expected);
        let closed = shop.act(&order, "refund-closed", json!({"reason": REASON})).await;
        assert_eq!(told(&closed), (409, "NO_FAILED_TRANSFER".to_owned()), "{word}");
        let again = shop.refund(&order, "again", to_account()).await;
        assert_eq!(told(&again), (409, "ALREADY_CANCELED".to_owned()));
        shop.finish().await;
    }
}

#[tokio::test]
async fn a_transfer_that_failed_is_said_counted_and_settled_by_the_shop() {
    for word in ["FAILED", "PARTIAL_FAILED"] {
        let shop = Shop::start(1).await;
        let order = given_back(&shop, word).await;
        let shown = page(&shop, &order).await;
        assert!(shown.contains("입금되지 않았습니다") && !shown.contains("전액 돌려드렸습니다"), "{shown}");
        assert!(shown.contains("물어봐 주세요"), "whom to ask: {shown}");
        assert_eq!(gauges(&shop).await, [format!("{{status=\"{word}\"}} 1")]);
        let posted = shop.requests(&order).await.len();
        let again = shop.refund(&order, "again", to_account()).await;
        assert_eq!(told(&again), (409, "ALREADY_CANCELED".to_owned()));
        assert!(again.json()["detail"].as_str().unwrap().contains("고객센터"), "{}", again.text);
        for path in ["cancel", "detail"] {
            let page = shop.get_as_operator(&format!("/order/{order}/{path}")).await.text;
            assert!(page.contains("고객센터"), "what to do: {page}");
            assert!(!page.contains("이미 모두 돌려드렸습니다"), "{page}");
        }
        for body in [json!({}), json!({"reason": ""})] {
            assert_eq!(shop.act(&order, "refund-closed", body).await.status, StatusCode::BAD_REQUEST);
        }
        for _ in 0..2 {
            let closed = shop.act(&order, "refund-closed", json!({"reason": REASON})).await;
            assert_eq!(closed.status, StatusCode::ACCEPTED, "{}", closed.text);
        }
        let expected = ("server".to_owned(), "CANCELED CANCELED".to_owned(), Some(REASON.to_owned()));
        assert_eq!(shop.requests_told(&order, "bank_refund_closed").await, [expected]);
        let view = shop.get(&format!("/api/v1/orders/{order}")).await;
        let payment = &view.json()["payment"];
        assert!(payment["refundClosedAt"].is_string() && payment["refundStatus"] == word, "{payment}");
        assert!(!view.text.contains("카나리아"), "{}", view.text);
        let shown = page(&shop, &order).await;
        assert!(shown.contains("상점이 따로 처리") && !shown.contains("전액 돌려드렸습니다"), "{shown}");
        assert_eq!(gauges(&shop).await, Vec::<String>::new());
        let detail = shop.get_as_operator(&format!("/order/{order}/detail")).await.text;
        assert!(detail.contains(REASON) && !detail.contains("/refund-closed\""), "{detail}");
        assert_eq!(shop.requests(&order).await.len(), posted, "nothing was posted for it again");
        shop.finish().await;
    }
}

#[tokio::test]
async fn a_card_has_no_bank_to_wait_for() {
    let shop = Shop::start(1).await;
    let product = shop.product("Ogu T", PRICE, 5).await;
    let order = shop.accepted(PRICE, &[(product, 1)]).await;
    shop.until(&order, "DONE").await;
    assert_eq!(shop.refund(&order, "a-key", json!({"cancelReason": "단순 변심"})).await.status, StatusCode::ACCEPTED);
    shop.until(&order, "CANCELED").await;
    let view = shop.get(&format!("/api/v1/orders/{order}")).await.json();
    assert_eq!(view["payment"]["refundStatus"], Value::Null, "{view}");
    assert!(page(&shop, &order).await.contains("전액 돌려드렸습니다"));
    assert_eq!(gauges(&shop).await, Vec::<String>::new());
    shop.finish().await;
}
