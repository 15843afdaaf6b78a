const paymentWidget = PaymentWidget("{WIDGET_CLIENT_KEY}", PaymentWidget.ANONYMOUS);
const paymentMethodWidget = paymentWidget.renderPaymentMethods("#payment-method", { value: 50000 }, { variantKey: "DEFAULT" });
paymentWidget.renderAgreement("#agreement", { variantKey: "AGREEMENT" });
paymentMethodWidget.updateAmount(30000);

document.getElementById("payment-button").addEventListener("click", () => {
  paymentWidget
    .requestPayment({
      orderId: crypto.randomUUID(),
      orderName: "토스 티셔츠 외 2건",
      successUrl: `${location.origin}/success`,
      failUrl: `${location.origin}/fail`,
    })
    .catch((error) => {
      document.getElementById("result").textContent = error.code;
    });
});
