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

const tell = (words, tone = "bad") => {
  trouble.textContent = words;
  trouble.className = `notice ${tone}`;
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

// Another tab may have paid, or the time may be over: then the order's own page says so, and no window is opened. Where we
// cannot tell, Toss and the confirm still can.
const isStillOpen = async () => {
  try {
    const answer = await fetch(`/api/v1/orders/${orderId}`, { cache: "no-store", signal: AbortSignal.timeout(3_000) });
    const { status, returning, expiresAt } = await answer.json();
    const isPayable = ["READY", "ABORTED"].includes(status) && !returning;
    // By the server's clock; the shopper's may be wrong.
    if (!answer.ok || (isPayable && new Date(expiresAt) > new Date(answer.headers.get("date")))) return true;
  } catch {
    return true;
  }
  location.assign(`/order/${orderId}`);
  return false;
};

const begin = async () => {
  const toss = TossPayments(clientKey);
  const request = document.getElementById("methods") ? await byWidget(toss) : byWindow(toss);
  button.addEventListener("click", async () => {
    button.disabled = true;
    tell("");
    try {
      if (await isStillOpen()) await request();
    } catch (error) {
      const isCanceled = error.code === "USER_CANCEL";
      // Toss's own words follow ours; they say what to do about a missing choice, a refused card or a setting of the shop.
      tell(isCanceled ? canceled : [refused, error.message].filter(Boolean).join(" "), isCanceled ? "calm" : "bad");
      button.disabled = false;
      button.focus();
    }
  });
};

begin().catch(() => tell(unavailable));

// Back from Toss by the browser's own button the page may be as it was left, but the order need not.
addEventListener("pageshow", (event) => {
  if (event.persisted) location.reload();
});
document.addEventListener("visibilitychange", () => {
  if (!document.hidden && !document.querySelector("dialog[open]")) isStillOpen();
});
