//! What adds up to what: tax, the parts of an easy payment, and the rest after a cancel.

use serde_json::{Value, json};

use crate::case::{Case, cases};
use crate::toss::{Toss, int};

pub(crate) fn cases() -> Vec<Case> {
    cases![
        Control: tax_is_an_eleventh_rounded,
        Key: tax_of_any_amount_is_the_nearest_eleventh,
        Control: what_is_free_of_tax_is_taken_off_first,
        Control: an_exemption_is_taken_off_too,
        Control: an_easy_payment_is_card_and_balance_and_discount,
        Control: a_card_inside_an_easy_payment_stays_an_easy_payment,
        Control: a_discount_goes_back_with_the_whole,
        Control: tax_is_worked_out_anew_on_what_is_left,
        Control: a_tax_free_part_is_cancelled_by_its_name,
        Control: however_it_is_cut_the_parts_add_up,
    ]
}

fn nearest_eleventh(amount: i64) -> i64 {
    (2 * amount + 11) / 22
}

#[track_caller]
fn adds_up(payment: &Value) {
    let sum = ["suppliedAmount", "vat", "taxFreeAmount", "taxExemptionAmount"].map(|field| int(&payment[field]));
    assert_eq!(sum.iter().sum::<i64>(), int(&payment["balanceAmount"]), "{payment}");
}

async fn tax_is_an_eleventh_rounded(toss: Toss) {
    for (total, vat, supplied) in [
        (1000, 91, 909),
        (9026, 821, 8205),
        (10000, 909, 9091),
        (15000, 1364, 13636),
        (30000, 2727, 27273),
        (50000, 4545, 45455),
        (163_020, 14820, 148_200),
        (500_000, 45455, 454_545),
    ] {
        let payment = toss.paid(total).await;
        assert_eq!((int(&payment["vat"]), int(&payment["suppliedAmount"])), (vat, supplied), "{total}");
    }
}

async fn tax_of_any_amount_is_the_nearest_eleventh(toss: Toss) {
    // Every remainder of a division by eleven.
    for amount in 1000..1011 {
        let payment = toss.waiting(amount).await;
        let vat = int(&payment["vat"]);
        assert_eq!(vat, nearest_eleventh(amount), "{amount}");
        assert_eq!(int(&payment["suppliedAmount"]), amount - vat);
        adds_up(&payment);
    }
}

async fn what_is_free_of_tax_is_taken_off_first(toss: Toss) {
    let payment = toss.paid_with(json!({ "amount": 10000, "taxFreeAmount": 3000 })).await;
    assert_eq!(int(&payment["vat"]), nearest_eleventh(7000));
    assert_eq!((int(&payment["taxFreeAmount"]), int(&payment["suppliedAmount"])), (3000, 6364));
    let payment = toss.paid_with(json!({ "amount": 10000, "taxFreeAmount": 10000 })).await;
    assert_eq!((int(&payment["vat"]), int(&payment["suppliedAmount"])), (0, 0));
}

async fn an_exemption_is_taken_off_too(toss: Toss) {
    let payment = toss.paid_with(json!({ "amount": 10000, "taxExemptionAmount": 3000 })).await;
    assert_eq!(int(&payment["taxExemptionAmount"]), 3000);
    let left: i64 = ["vat", "suppliedAmount"].iter().map(|field| int(&payment[*field])).sum();
    toss.supposed("what is left without the exemption", &left, &7000);
}

async fn an_easy_payment_is_card_and_balance_and_discount(toss: Toss) {
    let easy = json!({ "provider": "토스페이", "amount": 20000, "discountAmount": 24 });
    let payment = toss.paid_with(json!({ "amount": 50000, "easyPay": easy })).await;
    assert_eq!((&payment["method"], &payment["totalAmount"]), (&json!("간편결제"), &json!(50000)));
    assert_eq!(payment["easyPay"], easy);
    assert_eq!(payment["card"]["amount"], 50000 - 20000 - 24);
    // All of it from the balance: no card took part.
    let easy = json!({ "provider": "토스페이", "amount": 49976, "discountAmount": 24 });
    let payment = toss.paid_with(json!({ "amount": 50000, "easyPay": easy })).await;
    assert!(payment["card"].is_null(), "{payment}");
    assert_eq!(int(&payment["easyPay"]["amount"]) + int(&payment["easyPay"]["discountAmount"]), 50000);
}

async fn a_card_inside_an_easy_payment_stays_an_easy_payment(toss: Toss) {
    let payment = toss.paid_with(json!({ "amount": 50000, "easyPay": "카카오페이" })).await;
    assert_eq!(payment["method"], "간편결제");
    assert_eq!(payment["easyPay"], json!({ "provider": "카카오페이", "amount": 0, "discountAmount": 0 }));
    assert_eq!(payment["card"]["amount"], 50000);
}

async fn a_discount_goes_back_with_the_whole(toss: Toss) {
    let easy = json!({ "provider": "토스페이", "amount": 49976, "discountAmount": 24 });
    let payment = toss.paid_with(json!({ "amount": 50000, "easyPay": easy })).await;
    let cancelled = toss.cancel(&payment, &json!({ "cancelReason": "반품" })).await.is(200, "CANCELED");
    let cancel = &cancelled["cancels"][0];
    assert_eq!((int(&cancel["cancelAmount"]), int(&cancel["easyPayDiscountAmount"])), (50000, 24));
}

async fn tax_is_worked_out_anew_on_what_is_left(toss: Toss) {
    let payment = toss.paid(10000).await;
    let body = json!({ "cancelReason": "refund-17", "cancelAmount": 3000 });
    let left = toss.cancel(&payment, &body).await.is(200, "PARTIAL_CANCELED");
    let seen = ["balanceAmount", "vat", "suppliedAmount"].map(|field| int(&left[field]));
    toss.supposed("the rest of 10000 after 3000", &seen, &[7000, 636, 6364]);
    adds_up(&left);
}

async fn a_tax_free_part_is_cancelled_by_its_name(toss: Toss) {
    let payment = toss.paid_with(json!({ "amount": 10000, "taxFreeAmount": 3000 })).await;
    let body = json!({ "cancelReason": "반품", "cancelAmount": 2000, "taxFreeAmount": 2000 });
    let left = toss.cancel(&payment, &body).await.is(200, "PARTIAL_CANCELED");
    assert_eq!((int(&left["balanceAmount"]), int(&left["taxFreeAmount"])), (8000, 1000));
    assert_eq!(int(&left["cancels"][0]["taxFreeAmount"]), 2000);
    adds_up(&left);
    // Not named, nothing tax-free is taken.
    let body = json!({ "cancelReason": "반품", "cancelAmount": 2000 });
    let left = toss.cancel(&payment, &body).await.is(200, "PARTIAL_CANCELED");
    assert_eq!((int(&left["balanceAmount"]), int(&left["taxFreeAmount"])), (6000, 1000));
    adds_up(&left);
}

async fn however_it_is_cut_the_parts_add_up(toss: Toss) {
    for total in [1000_i64, 9026, 12345, 99999] {
        let payment = toss.paid(total).await;
        let (mut left, mut cancelled, mut cuts) = (total, 0, 0);
        while left > 0 {
            let amount = if cuts == 6 { left } else { rand::random_range(1..=left) };
            let body = json!({ "cancelReason": "반품", "cancelAmount": amount, "refundableAmount": left });
            let answer = toss.cancel(&payment, &body).await.ok();
            left -= amount;
            cuts += 1;
            adds_up(&answer);
            assert_eq!((int(&answer["balanceAmount"]), int(&answer["totalAmount"])), (left, total));
            let cancels = answer["cancels"].as_array().unwrap();
            cancelled = cancels.iter().map(|cancel| int(&cancel["cancelAmount"])).sum();
            assert_eq!((cancels.len(), cancelled), (cuts, total - left));
        }
        assert_eq!(cancelled, total);
    }
}
