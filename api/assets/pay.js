// Opens Toss's payment window for the order on this page. Words stand in the page, in the shopper's language.
"use strict";

const button = document.getElementById("pay");
const trouble = document.getElementById("trouble");

const tell = (words) => {
  trouble.textContent = words;
  trouble.hidden = words === "";
};

const pay = async () => {
  const { clientKey, orderId, orderName, amount, canceled, refused } = button.dataset;
  button.disabled = true;
  tell("");
  try {
    await TossPayments(clientKey)
      .payment({ customerKey: TossPayments.ANONYMOUS })
      .requestPayment({
        method: "CARD",
        amount: { currency: "KRW", value: Number(amount) },
        orderId,
        orderName,
        successUrl: `${location.origin}/checkout/success`,
        // Toss names the order in most failures, but not when the shopper canceled.
        failUrl: `${location.origin}/checkout/fail?order=${orderId}`,
      });
  } catch (error) {
    // Toss's own words follow ours; they say what to do about a refused card or a setting of the shop.
    tell(error.code === "USER_CANCEL" ? canceled : [refused, error.message].filter(Boolean).join(" "));
    button.disabled = false;
  }
};

if (typeof TossPayments === "function") {
  button.disabled = false;
  button.addEventListener("click", pay);
  // Back from the window by the browser's own button, the page may be as it was left.
  addEventListener("pageshow", () => {
    button.disabled = false;
  });
} else {
  tell(button.dataset.unavailable);
}
