//! What the scripts refuse, and with which of the SDK's own codes.

use simulator::{DEFAULT_CLIENT_KEY, DEFAULT_WIDGET_CLIENT_KEY};

use crate::stage::{Device, play};

/// A request that is right but for one change to it.
fn payment(change: &str) -> String {
    format!(
        "const request = {{ method: 'CARD', amount: {{ currency: 'KRW', value: 1000 }}, orderId: 'order-checks',
            orderName: 'a', successUrl: location.origin + '/success', failUrl: location.origin + '/fail' }};
         {change};
         return TossPayments('{DEFAULT_CLIENT_KEY}').payment({{ customerKey: TossPayments.ANONYMOUS }})
            .requestPayment(request)"
    )
}

#[tokio::test]
async fn a_request_for_the_window_is_checked_field_by_field() {
    play(Device::Desktop, async |stage| {
        stage.visit("v2-payment").await;
        for (change, code) in [
            ("delete request.method", "INVALID_PARAMETERS"),
            ("request.method = 'SEASHELLS'", "NOT_SUPPORTED_METHOD"),
            ("request.amount = 1000", "INVALID_PARAMETERS"),
            ("request.amount.value = '1000'", "INVALID_AMOUNT_VALUE"),
            ("request.amount.currency = 7", "INVALID_AMOUNT_CURRENCY"),
            ("request.amount.value = 0", "BELOW_ZERO_AMOUNT"),
            ("request.orderId = 'short'", "INVALID_ORDER_ID"),
            ("request.orderName = ''", "INVALID_ORDER_NAME"),
            ("request.successUrl = '/success'", "INCORRECT_SUCCESS_URL_FORMAT"),
            ("delete request.failUrl", "INCORRECT_FAIL_URL_FORMAT"),
            ("request.customerEmail = 'nobody'", "INVALID_EMAIL"),
            ("request.customerMobilePhone = '010-1234-1234'", "INVALID_PARAMETERS"),
            ("request.metadata = { 'a[b]': 'c' }", "INVALID_METADATA"),
            ("request.windowTarget = 'moon'", "INVALID_PARAMETERS"),
            ("request.card = { flowMode: 'DIRECT' }", "INVALID_FLOW_MODE_PARAMETERS"),
        ] {
            assert_eq!(stage.attempt(&payment(change)).await, code, "{change}");
        }
    })
    .await;
}

#[tokio::test]
async fn keys_are_checked_when_they_are_used() {
    play(Device::Desktop, async |stage| {
        stage.visit("v2-payment").await;
        for (lines, code) in [
            ("TossPayments('test_sk_x')", "INSECURE_KEY_USAGE"),
            ("TossPayments('test_gsk_x')", "INSECURE_KEY_USAGE"),
            ("TossPayments('nonsense')", "INVALID_CLIENT_KEY"),
            ("TossPayments('test_ck_x').payment({ customerKey: '?' })", "INVALID_CUSTOMER_KEY"),
            ("TossPayments('test_gck_x').payment({ customerKey: 'ab' })", "NOT_SUPPORTED_WIDGET_KEY"),
            ("TossPayments('test_ck_x').widgets({ customerKey: 'ab' })", "NOT_SUPPORTED_API_INDIVIDUAL_KEY"),
        ] {
            assert_eq!(stage.attempt(lines).await, code, "{lines}");
        }
        stage.visit("v1-payment").await;
        let v1 = "return TossPayments('test_gck_x').requestPayment('카드', {})";
        assert_eq!(stage.attempt(v1).await, "NOT_SUPPORTED_WIDGET_KEY");
        stage.visit("v1-widget").await;
        assert_eq!(stage.attempt("PaymentWidget('test_ck_x', 'ab')").await, "NOT_SUPPORTED_API_INDIVIDUAL_KEY");
    })
    .await;
}

#[tokio::test]
async fn widgets_are_rendered_in_order_once_and_again_after_they_are_destroyed() {
    play(Device::Desktop, async |stage| {
        stage.visit("v2-payment").await;
        let widgets = format!(
            "const widgets = TossPayments('{DEFAULT_WIDGET_CLIENT_KEY}').widgets({{ customerKey: TossPayments.ANONYMOUS }});
             const add = (id) => {{ const div = document.createElement('div'); div.id = id; document.body.append(div); }};
             add('methods'); add('agreement');
             const amount = {{ currency: 'KRW', value: 1000 }}, methods = {{ selector: '#methods' }},
                 agreement = {{ selector: '#agreement' }};"
        );
        for (lines, outcome) in [
            ("await widgets.renderPaymentMethods(methods)", "NOT_SETUP_AMOUNT"),
            ("await widgets.requestPayment({})", "NOT_SETUP_AMOUNT"),
            ("await widgets.setAmount({ currency: 'KRW', value: -1 })", "BELOW_ZERO_AMOUNT"),
            ("await widgets.setAmount(1000)", "INVALID_PARAMETERS"),
            ("await widgets.setAmount(amount); await widgets.renderPaymentMethods({ selector: '#none' })", "INVALID_SELECTOR"),
            (
                "await widgets.setAmount(amount); await widgets.renderPaymentMethods({ ...methods, variantKey: 7 })",
                "INVALID_VARIANT_KEY",
            ),
            (
                "await widgets.setAmount(amount); await widgets.renderPaymentMethods(methods);
                 await widgets.renderPaymentMethods(methods)",
                "PAYMENT_METHODS_WIDGET_ALREADY_RENDERED",
            ),
            (
                "await widgets.setAmount(amount); await widgets.renderAgreement(agreement);
                 await widgets.renderAgreement(agreement)",
                "AGREEMENT_WIDGET_ALREADY_RENDERED",
            ),
            (
                "await widgets.setAmount(amount); const first = await widgets.renderPaymentMethods(methods);
                 await first.destroy(); const second = await widgets.renderPaymentMethods(methods);
                 return await second.getSelectedPaymentMethod()",
                "null",
            ),
        ] {
            stage.visit("v2-payment").await;
            assert_eq!(stage.attempt(&format!("{widgets} {lines}")).await, outcome, "{lines}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_sandbox_result_needs_no_window() {
    play(Device::Desktop, async |stage| {
        stage.visit("v2-payment").await;
        let promise = "delete request.successUrl; delete request.failUrl; request.sandbox";
        let failed = payment(&format!("{promise} = {{ paymentResult: 'FAIL' }}"));
        assert_eq!(stage.attempt(&failed).await, "REJECT_CARD_PAYMENT");
        let paid = payment(&format!("{promise} = {{ paymentResult: 'SUCCESS' }}"));
        assert_eq!(stage.attempt(&paid).await, "[object Object]");
        assert!(!stage.has("dialog").await);
    })
    .await;
}
