const widgets = TossPayments("{WIDGET_CLIENT_KEY}").widgets({ customerKey: TossPayments.ANONYMOUS });
const result = document.getElementById("result");
let shown;

document.getElementById("payment-button").addEventListener("click", async () => {
  await widgets.setAmount({ currency: "KRW", value: 50000 });
  shown = await widgets.renderPaymentWindow({ variantKey: { paymentMethod: "DEFAULT", agreement: "AGREEMENT" } });
  result.textContent = "shown";
  shown.on("cancel", () => { result.textContent = "cancel"; });
  shown.on("paymentRequest", async ({ paymentMethod }) => {
    result.textContent = `paymentRequest ${paymentMethod.code}`;
    await widgets.requestPayment({
      orderId: crypto.randomUUID(),
      orderName: "토스 티셔츠 외 2건",
      successUrl: `${location.origin}/success`,
      failUrl: `${location.origin}/fail`,
    });
    await shown.destroy();
  });
});
