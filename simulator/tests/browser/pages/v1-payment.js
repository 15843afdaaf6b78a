const tossPayments = TossPayments("{CLIENT_KEY}");

document.getElementById("payment-button").addEventListener("click", () => {
  tossPayments
    .requestPayment("카드", {
      amount: 15000,
      orderId: crypto.randomUUID(),
      orderName: "토스 티셔츠 외 2건",
      customerName: "박토스",
      successUrl: `${location.origin}/success`,
      failUrl: `${location.origin}/fail`,
    })
    .catch((error) => {
      document.getElementById("result").textContent = error.code;
    });
});
