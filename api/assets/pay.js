// Opens Toss's payment window, or shows its payment widget, for the order on this page. Words stand in the page, in the
// shopper's language.
"use strict";

const button = document.getElementById("pay");
const trouble = document.getElementById("trouble");
const { clientKey, orderId, orderName, amount, canceled, unavailable, refused } = button.dataset;
const price = { currency: "KRW", value: Number(amount) };
const order = {
  orderId,
  orderName,
  successUrl: `${location.origin}/checkout/success`,
  // Toss names the order in most failures, but not when the shopper canceled.
  failUrl: `${location.origin}/checkout/fail?order=${orderId}`,
};

const tell = (words) => {
  trouble.textContent = words;
  trouble.hidden = words === "";
};

// Each way gives what asks for the payment, and says when that may be asked.
const byWindow = (toss) => {
  const payment = toss.payment({ customerKey: TossPayments.ANONYMOUS });
  button.disabled = false;
  return () => {
    const method = document.querySelector("input[name=method]:checked").value;
    return payment.requestPayment({ ...order, method, amount: price });
  };
};

const byWidget = async (toss) => {
  const widgets = toss.widgets({ customerKey: TossPayments.ANONYMOUS });
  await widgets.setAmount(price);
  const [, agreement] = await Promise.all([
    widgets.renderPaymentMethods({ selector: "#methods" }),
    widgets.renderAgreement({ selector: "#agreement" }),
  ]);
  button.disabled = false;
  agreement.on("agreementStatusChange", ({ agreedRequiredTerms }) => {
    button.disabled = !agreedRequiredTerms;
  });
  return () => widgets.requestPayment(order);
};

const begin = async () => {
  const toss = TossPayments(clientKey);
  const request = document.getElementById("methods") ? await byWidget(toss) : byWindow(toss);
  button.addEventListener("click", async () => {
    button.disabled = true;
    tell("");
    try {
      await request();
    } catch (error) {
      // Toss's own words follow ours; they say what to do about a missing choice, a refused card or a setting of the shop.
      tell(error.code === "USER_CANCEL" ? canceled : [refused, error.message].filter(Boolean).join(" "));
      button.disabled = false;
    }
  });
};

begin().catch(() => tell(unavailable));

// Back from Toss by the browser's own button the page may be as it was left, but the order need not.
addEventListener("pageshow", (event) => {
  if (event.persisted) location.reload();
});
