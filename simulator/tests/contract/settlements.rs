//! `/v1/settlements`: what Toss pays out, from the day after.

use serde_json::{Value, json};

use crate::case::{Case, cases};
use crate::toss::{DAY, Toss, int, text};

pub(crate) fn cases() -> Vec<Case> {
    cases![
        Control: an_approval_is_settled_from_the_day_after,
        Control: a_real_row_comes_out_to_the_won,
        Control: a_cancel_is_a_row_with_everything_negative,
        Control: every_row_adds_up,
        Control: the_kind_of_date_decides,
        Control: pages_are_counted_from_one,
        Key: a_kind_of_date_there_is_none_of_is_refused,
        Control: a_settlement_by_hand_is_taken,
    ]
}

const ALL: &str = "startDate=2020-01-01&endDate=2099-01-01";

async fn rows(toss: &Toss, query: &str) -> Vec<Value> {
    toss.get(&format!("/v1/settlements?{query}")).await.ok().as_array().unwrap().clone()
}

async fn rate(toss: &Toss, basis_points: i64) {
    toss.control("terms", &json!({ "feeBasisPoints": basis_points })).await;
}

async fn an_approval_is_settled_from_the_day_after(toss: Toss) {
    let payment = toss.paid(10000).await;
    assert_eq!(rows(&toss, ALL).await.len(), 0);
    toss.advance(DAY).await;
    let rows = rows(&toss, ALL).await;
    assert_eq!(rows.len(), 1);
    for field in ["mId", "paymentKey", "orderId", "method", "currency", "approvedAt"] {
        assert_eq!(rows[0][field], payment[field], "{field}");
    }
    assert_eq!(rows[0]["transactionKey"], payment["lastTransactionKey"]);
    let names = "amount interestFee fees supplyAmount vat payOutAmount soldDate paidOutDate card easyPay \
        giftCertificate mobilePhone transfer virtualAccount cancel fee";
    for field in names.split_whitespace() {
        assert!(rows[0].get(field).is_some(), "no {field}");
    }
    assert!(rows[0]["cancel"].is_null());
    assert_eq!(rows[0]["soldDate"].as_str(), Some(&text(&payment["approvedAt"])[..10]));
}

async fn a_real_row_comes_out_to_the_won(toss: Toss) {
    rate(&toss, 210).await;
    toss.paid(64601).await;
    toss.advance(DAY).await;
    let row = rows(&toss, ALL).await.remove(0);
    let seen = ["amount", "fee", "supplyAmount", "vat", "payOutAmount"].map(|field| int(&row[field]));
    assert_eq!(seen, [64601, 1492, 1356, 136, 63109]);
}

async fn a_cancel_is_a_row_with_everything_negative(toss: Toss) {
    rate(&toss, 205).await;
    let payment = toss.paid(99800).await;
    toss.advance(DAY).await;
    let cancelled = toss.cancel(&payment, &json!({ "cancelReason": "반품" })).await.is(200, "CANCELED");
    toss.advance(DAY).await;
    let rows = rows(&toss, ALL).await;
    assert_eq!(rows.len(), 2);
    let row = rows.iter().find(|row| !row["cancel"].is_null()).unwrap();
    let seen = ["amount", "fee", "supplyAmount", "vat", "payOutAmount"].map(|field| int(&row[field]));
    assert_eq!(seen, [-99800, -2250, -2045, -205, -97550]);
    assert_eq!(row["transactionKey"], cancelled["lastTransactionKey"]);
    assert_eq!((&row["cancel"]["cancelAmount"], &row["card"]["amount"]), (&json!(99800), &json!(99800)));
    assert_eq!(row["approvedAt"], payment["approvedAt"]);
}

async fn every_row_adds_up(toss: Toss) {
    for total in [1000, 9026, 12345, 1_234_567] {
        let payment = toss.paid(total).await;
        toss.cancel(&payment, &json!({ "cancelReason": "반품", "cancelAmount": total / 3 })).await.ok();
    }
    toss.advance(DAY).await;
    let rows = rows(&toss, ALL).await;
    assert_eq!(rows.len(), 8);
    for row in rows {
        let [amount, fee, supply, vat, paid] =
            ["amount", "fee", "supplyAmount", "vat", "payOutAmount"].map(|field| int(&row[field]));
        assert_eq!((fee, paid), (supply + vat, amount - fee), "{row}");
        let fees: i64 = row["fees"].as_array().unwrap().iter().map(|fee| int(&fee["fee"])).sum();
        toss.supposed("the parts of a fee", &fees, &fee);
        let cancelled = amount < 0;
        assert!([fee, supply, vat, paid].iter().all(|money| *money != 0 && (*money < 0) == cancelled), "{row}");
    }
}

async fn the_kind_of_date_decides(toss: Toss) {
    toss.control("terms", &json!({ "payOutDays": 5 })).await;
    let payment = toss.paid(10000).await;
    toss.advance(8 * DAY).await;
    let row = rows(&toss, ALL).await.remove(0);
    let (sold, paid) = (text(&row["soldDate"]).to_owned(), text(&row["paidOutDate"]).to_owned());
    assert_ne!(sold, paid);
    for (date, kind, there) in [
        (&sold, "", 1),
        (&sold, "&dateType=soldDate", 1),
        (&sold, "&dateType=paidOutDate", 0),
        (&paid, "&dateType=paidOutDate", 1),
        (&paid, "&dateType=soldDate", 0),
    ] {
        let seen = rows(&toss, &format!("startDate={date}&endDate={date}{kind}")).await;
        assert_eq!(seen.len(), there, "{date}{kind}");
        assert!(seen.iter().all(|row| row["paymentKey"] == payment["paymentKey"]));
    }
}

async fn pages_are_counted_from_one(toss: Toss) {
    for _ in 0..3 {
        toss.paid(1000).await;
    }
    toss.advance(DAY).await;
    let all = rows(&toss, ALL).await;
    let pages =
        [rows(&toss, &format!("{ALL}&page=1&size=2")).await, rows(&toss, &format!("{ALL}&page=2&size=2")).await];
    assert_eq!(pages.iter().map(Vec::len).collect::<Vec<_>>(), [2, 1]);
    assert_eq!(pages.concat(), all);
    let refused = toss.get(&format!("/v1/settlements?{ALL}&page=0")).await;
    assert_eq!(refused.status, 400, "{}", refused.text);
}

async fn a_kind_of_date_there_is_none_of_is_refused(toss: Toss) {
    let path = "/v1/settlements?startDate=2026-01-01&endDate=2026-01-02&dateType=approvedDate";
    toss.get(path).await.is(400, "INVALID_REQUEST");
}

async fn a_settlement_by_hand_is_taken(toss: Toss) {
    let payment = toss.paid(1000).await;
    let answer = toss.post("/v1/settlements", &json!({ "paymentKey": payment["paymentKey"] })).await;
    assert_eq!(answer.ok(), json!({ "result": true }));
}
