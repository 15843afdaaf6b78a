// Stands in for https://js.tosspayments.com/v1 and /v1/payment: the global of SDK v1's payment window.

function TossPayments(clientKey) {
  checkClientKey(clientKey);
  return {
    async requestPayment(method, request) {
      refuseWidgetKey(clientKey);
      const asked = methodOf(method);
      if (request === null || typeof request !== "object") throw failure("INVALID_PARAMETERS", "요청 파라미터가 올바르지 않습니다.");
      const amount = { currency: request.currency ?? "KRW", value: request.amount };
      check(amountChecks, amount);
      const { cardCompany, cardInstallmentPlan, easyPay, flowMode } = request;
      return payByMethod(clientKey, asked, { ...request, amount }, { cardCompany, cardInstallmentPlan, easyPay, flowMode });
    },
    requestBillingAuth: notSupported("자동결제(빌링)"),
    cancelPayment: () => close(),
  };
}

window.TossPayments = TossPayments;
