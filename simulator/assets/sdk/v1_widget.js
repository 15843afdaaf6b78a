// Stands in for https://js.tosspayments.com/v1/payment-widget: the global of SDK v1's payment widget. Rendering does
// not wait here; what comes back is usable at once, and the frames follow.

// What never happens here, because nobody has made a method of their own in a dashboard.
const CUSTOM_EVENTS = ["customRequest", "customPaymentMethodSelect", "customPaymentMethodUnselect"];

const METHOD_NAMES = { CARD: "카드", EASY_PAY: "간편결제", VIRTUAL_ACCOUNT: "가상계좌", TRANSFER: "계좌이체", MOBILE_PHONE: "휴대폰" };

const methodInV1 = (picked) => {
  if (picked === null) return null;
  const method = { type: "NORMAL", method: METHOD_NAMES[picked.choice.method] };
  return picked.choice.method === "EASY_PAY" ? { ...method, easyPay: { provider: picked.label ?? "" } } : method;
};

const statusInV1 = (status) => ({
  agreedRequiredTerms: status?.agreedRequiredTerms ?? false,
  terms: (status?.agreements ?? []).map((term) => ({ ...term, content: "" })),
});

function PaymentWidget(clientKey, customerKey) {
  checkClientKey(clientKey);
  refusePaymentKey(clientKey);
  checkCustomerKey(customerKey);
  const widgets = createWidgets(clientKey);
  const amountOf = (amount) =>
    typeof amount === "object" && amount !== null ? { currency: amount.currency ?? "KRW", value: amount.value } : { currency: "KRW", value: amount };

  // Nobody awaits a rendering that fails, so the browser reports it on the console, where the shop's developer looks.
  const soon = (rendering) => {
    const part = { now: null };
    rendering.then((widget) => { part.now = widget; });
    return part;
  };

  return {
    renderPaymentMethods(selector, amount, options = {}) {
      widgets.setAmount(amountOf(amount));
      elementOf(selector);
      const rendering = widgets.renderPaymentMethods({ selector, variantKey: options?.variantKey });
      const part = soon(rendering);
      return {
        UPDATE_REASON: { COUPON: "COUPON", POINT: "POINT" },
        on(name, listener) {
          if (typeof listener !== "function") throw invalidListener(name);
          if (name === "ready") rendering.then(() => listener());
          else if (name === "paymentMethodSelect") rendering.then((widget) => widget.on(name, () => listener(methodInV1(widget.picked()))));
          else if (!CUSTOM_EVENTS.includes(name)) throw invalidListener(name);
        },
        updateAmount: (value) => widgets.setAmount(amountOf(value)),
        getSelectedPaymentMethod: () => methodInV1(part.now?.picked() ?? null),
        destroy: async () => (await rendering).destroy(),
      };
    },
    renderAgreement(selector, options = {}) {
      elementOf(selector);
      const rendering = widgets.renderAgreement({ selector, variantKey: options?.variantKey });
      const part = soon(rendering);
      return {
        on(name, listener) {
          if (typeof listener !== "function") throw invalidListener(name);
          if (name === "ready") rendering.then(() => listener());
          else rendering.then((widget) => widget.on("agreementStatusChange", () => listener(statusInV1(widget.status()))));
        },
        getAgreementStatus: () => statusInV1(part.now?.status()),
        destroy: async () => (await rendering).destroy(),
      };
    },
    requestPayment: async (request) => inV1(await widgets.requestPayment(request)),
  };
}

PaymentWidget.ANONYMOUS = ANONYMOUS;
PaymentWidget.version = VERSION_1;
window.PaymentWidget = PaymentWidget;
