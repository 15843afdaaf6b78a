main();

async function main() {
  const button = document.getElementById("payment-button");
  const coupon = document.getElementById("coupon-box");
  const events = document.getElementById("events");
  const tossPayments = TossPayments("{WIDGET_CLIENT_KEY}");
  const widgets = tossPayments.widgets({ customerKey: TossPayments.ANONYMOUS });

  await widgets.setAmount({ currency: "KRW", value: 50000 });
  const [methods, agreement] = await Promise.all([
    widgets.renderPaymentMethods({ selector: "#payment-method", variantKey: "DEFAULT" }),
    widgets.renderAgreement({ selector: "#agreement", variantKey: "AGREEMENT" }),
  ]);
  methods.on("paymentMethodSelect", ({ code }) => { events.textContent += ` ${code}`; });
  agreement.on("agreementStatusChange", ({ agreedRequiredTerms }) => { events.textContent += ` ${agreedRequiredTerms}`; });
  Object.assign(window, { widgets, agreement });
  button.disabled = false;

  coupon.addEventListener("change", () => widgets.setAmount({ currency: "KRW", value: coupon.checked ? 45000 : 50000 }));

  button.addEventListener("click", async () => {
    try {
      await widgets.requestPayment({
        orderId: crypto.randomUUID(),
        orderName: "토스 티셔츠 외 2건",
        successUrl: `${location.origin}/success`,
        failUrl: `${location.origin}/fail`,
        customerEmail: "customer123@gmail.com",
        customerName: "김토스",
        customerMobilePhone: "01012341234",
      });
    } catch (error) {
      document.getElementById("result").textContent = error.code;
    }
  });
}
