const clientKey = "{CLIENT_KEY}";
const tossPayments = TossPayments(clientKey);
const payment = tossPayments.payment({ customerKey: TossPayments.ANONYMOUS });
const result = document.getElementById("result");

document.getElementById("payment-button").addEventListener("click", async () => {
  const addresses = { successUrl: `${location.origin}/success?cart=7`, failUrl: `${location.origin}/fail?cart=7` };
  try {
    const paid = await payment.requestPayment({
      method: document.getElementById("method").value,
      amount: { currency: "KRW", value: 50000 },
      orderId: crypto.randomUUID(),
      orderName: "토스 티셔츠 외 2건",
      ...(document.querySelector("[name=way]:checked").value === "redirect" ? addresses : {}),
      customerEmail: "customer123@gmail.com",
      customerName: "김토스",
      card: { useEscrow: false, flowMode: "DEFAULT", useCardPoint: false, useAppCardOnly: false },
    });
    result.textContent = JSON.stringify(paid);
  } catch (error) {
    result.textContent = error.code;
  }
});
