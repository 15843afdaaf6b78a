// Stands in for https://js.tosspayments.com/v1/payment-widget: the global of SDK v1's payment widget. Rendering does
// not wait here; what comes back is usable at once, and the frames follow.

function PaymentWidget(clientKey, customerKey) {
  checkClientKey(clientKey);
  refusePaymentKey(clientKey);
  checkCustomerKey(customerKey);
  const widgets = createWidgets(clientKey);
  const amountOf = (amount) =>
    typeof amount === "object" && amount !== null ? { currency: amount.currency ?? "KRW", value: amount.value } : { currency: "KRW", value: amount };

  // The surface of a widget that is still being rendered. Nobody awaits a rendering that fails, so the browser reports
  // it on the console, where the shop's developer looks.
  const soon = (rendering) => ({
    on(name, listener) {
      rendering.then((widget) => (name === "ready" ? listener() : widget.on(name, listener)));
    },
    destroy: () => rendering.then((widget) => widget.destroy()),
  });

  return {
    renderPaymentMethods(selector, amount, options = {}) {
      widgets.setAmount(amountOf(amount));
      elementOf(selector);
      const rendering = widgets.renderPaymentMethods({ selector, variantKey: options?.variantKey });
      let selected = null;
      const { on, destroy } = soon(rendering);
      rendering.then((widget) => widget.on("paymentMethodSelect", (method) => { selected = method; }));
      return {
        on, destroy,
        updateAmount: (value) => widgets.setAmount(amountOf(value)),
        getSelectedPaymentMethod: () => selected,
      };
    },
    renderAgreement(selector, options = {}) {
      elementOf(selector);
      const { on, destroy } = soon(widgets.renderAgreement({ selector, variantKey: options?.variantKey }));
      return { on, destroy };
    },
    requestPayment: widgets.requestPayment,
  };
}

PaymentWidget.ANONYMOUS = ANONYMOUS;
window.PaymentWidget = PaymentWidget;
