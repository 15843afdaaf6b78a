// Stands in for https://js.tosspayments.com/v1 and /v1/payment: the global of SDK v1's payment window.

function TossPayments(clientKey) {
  checkClientKey(clientKey);
  return {
    // Without a method the window offers what a card window does.
    async requestPayment(...args) {
      const [method, request] = args.length === 1 ? ["CARD", args[0]] : args;
      refuseWidgetKey(clientKey);
      const asked = methodOf(method);
      checkObject(request);
      const amount = { currency: request.currency ?? "KRW", value: request.amount };
      check(amountChecks, amount);
      const { cardCompany, cardInstallmentPlan, easyPay, flowMode } = request;
      return inV1(await payByMethod(clientKey, asked, { ...request, amount }, { cardCompany, cardInstallmentPlan, easyPay, flowMode }));
    },
    async requestBillingAuth(method, request) {
      refuseWidgetKey(clientKey);
      checkObject(request);
      checkCustomerKey(request.customerKey);
      refuseBilling(["카드", "CARD"], method, request);
    },
    cancelPayment: () => close(userCancel()),
  };
}

TossPayments.version = VERSION_1;
window.TossPayments = TossPayments;
