//! That what Toss's scripts offer is there, by the names of its published types, and answers where the simulator has
//! nothing behind it.

use simulator::{DEFAULT_CLIENT_KEY, DEFAULT_WIDGET_CLIENT_KEY};

use crate::stage::{Device, play};

#[tokio::test]
async fn every_member_of_the_published_types_is_there() {
    play(Device::Desktop, async |stage| {
        let names = "const names = (object) => Object.keys(object).sort().join(' ');";
        let v2 = format!(
            "{names} const customerKey = 'abc', [paying, widgeting] = ['{DEFAULT_CLIENT_KEY}', '{DEFAULT_WIDGET_CLIENT_KEY}'].map(TossPayments);
             const widgets = widgeting.widgets({{ customerKey }});
             const add = (id) => {{ const div = document.createElement('div'); div.id = id; document.body.append(div); return `#${{id}}`; }};
             await widgets.setAmount({{ currency: 'KRW', value: 1000 }});
             const methods = await widgets.renderPaymentMethods({{ selector: add('methods') }});
             const agreement = await widgets.renderAgreement({{ selector: add('agreement') }});
             return [paying, paying.payment({{ customerKey }}), widgets, methods, agreement, paying.brandpay({{ customerKey }})].map(names).join('\\n')"
        );
        stage.visit("v2-payment").await;
        let expected = "brandpay payment widgets\n\
            destroy requestBillingAuth requestPayment\n\
            renderAgreement renderPaymentMethods renderPaymentWindow requestPayment requestPaymentWindow setAmount\n\
            destroy getSelectedPaymentMethod on\n\
            destroy on\n\
            addPaymentMethod changeOneTouchPay changePassword isOneTouchPayEnabled openSettings requestBillingAuth requestPayment";
        assert_eq!(stage.attempt(&v2).await, expected);

        stage.visit("v1-payment").await;
        let v1 = format!("{names} return names(TossPayments('{DEFAULT_CLIENT_KEY}')) + typeof TossPayments.version");
        assert_eq!(stage.attempt(&v1).await, "cancelPayment requestBillingAuth requestPaymentstring");
        stage.visit("v1-widget").await;
        let widget = format!("{names} return names(paymentWidget) + ' ' + names(paymentMethodWidget)");
        assert_eq!(
            stage.attempt(&widget).await,
            "renderAgreement renderPaymentMethods requestPayment \
             UPDATE_REASON destroy getSelectedPaymentMethod on updateAmount"
        );
    })
    .await;
}

#[tokio::test]
async fn what_has_nothing_behind_it_checks_its_request_and_says_so() {
    play(Device::Desktop, async |stage| {
        stage.visit("v2-payment").await;
        let brandpay = format!("TossPayments('{DEFAULT_CLIENT_KEY}').brandpay");
        let billing = format!(
            "const request = {{ method: 'CARD', successUrl: location.origin, failUrl: location.origin }};
             const payment = TossPayments('{DEFAULT_CLIENT_KEY}').payment({{ customerKey: 'abc' }});"
        );
        let order = "orderId: 'order-brandpay', orderName: 'a', successUrl: location.origin, failUrl: location.origin";
        let paying = |amount: &str| {
            format!("await {brandpay}({{ customerKey: 'abc' }}).requestPayment({{ amount: {amount}, {order} }})")
        };
        for (lines, code) in [
            (format!("{billing} await payment.requestBillingAuth(request)"), "NOT_SUPPORTED_METHOD"),
            (format!("{billing} await payment.requestBillingAuth()"), "INVALID_PARAMETERS"),
            (
                format!("{billing} await payment.requestBillingAuth({{ ...request, failUrl: 'x' }})"),
                "INCORRECT_FAIL_URL_FORMAT",
            ),
            (format!("{brandpay}({{ customerKey: TossPayments.ANONYMOUS }})"), "INVALID_CUSTOMER_KEY"),
            (format!("TossPayments('{DEFAULT_WIDGET_CLIENT_KEY}').brandpay({{}})"), "NOT_SUPPORTED_WIDGET_KEY"),
            (paying("{ currency: 'KRW', value: 0 }"), "BELOW_ZERO_AMOUNT"),
            (paying("{ currency: 'KRW', value: 1000 }"), "NOT_REGISTERED_REDIRECT_URL"),
            (format!("await {brandpay}({{ customerKey: 'abc' }}).openSettings()"), "NOT_REGISTERED_REDIRECT_URL"),
        ] {
            assert_eq!(stage.attempt(&lines).await, code, "{lines}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_promise_of_v1_is_kept_with_a_bare_amount_and_needs_no_method() {
    play(Device::Desktop, async |stage| {
        stage.visit("v1-payment").await;
        let paid = format!(
            "const {{ amount, orderId }} = await TossPayments('{DEFAULT_CLIENT_KEY}').requestPayment({{
                 amount: 900, orderId: 'order-bare', orderName: 'a', sandbox: {{ paymentResult: 'SUCCESS' }} }});
             return amount + orderId"
        );
        assert_eq!(stage.attempt(&paid).await, "900order-bare");
    })
    .await;
}

#[tokio::test]
async fn the_shops_page_can_end_a_payment_it_has_begun() {
    play(Device::Desktop, async |stage| {
        stage.visit("v2-payment").await;
        let begun = format!(
            "const payment = TossPayments('{DEFAULT_CLIENT_KEY}').payment({{ customerKey: 'abc' }});
             await payment.destroy();
             const paying = payment.requestPayment({{ method: 'CARD', amount: {{ currency: 'KRW', value: 900 }},
                 orderId: 'order-ended', orderName: 'a', successUrl: location.origin, failUrl: location.origin }});
             const shown = new MutationObserver(() => document.querySelector('dialog') && payment.destroy());
             shown.observe(document.body, {{ childList: true }});
             return paying.finally(() => shown.disconnect())"
        );
        assert_eq!(stage.attempt(&begun).await, "PAYMENT_REQUEST_ABORTED");
        assert!(!stage.has("dialog").await);
    })
    .await;
}
