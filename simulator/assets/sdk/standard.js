// Stands in for https://js.tosspayments.com/v2/standard: the global of SDK v2.

function TossPayments(clientKey) {
  checkClientKey(clientKey);
  return {
    payment({ customerKey } = {}) {
      refuseWidgetKey(clientKey);
      checkCustomerKey(customerKey);
      return {
        async requestPayment(request) {
          const method = methodOf(request?.method);
          check(amountChecks, request.amount);
          return payByMethod(clientKey, method, request, request.card ?? {});
        },
        requestBillingAuth: notSupported("자동결제(빌링)"),
        destroy: async () => close(),
      };
    },

    widgets({ customerKey } = {}) {
      refusePaymentKey(clientKey);
      checkCustomerKey(customerKey);
      const { setAmount, renderPaymentMethods, renderAgreement, requestPayment } = createWidgets(clientKey);
      return {
        setAmount: async (amount) => setAmount(amount),
        renderPaymentMethods,
        renderAgreement,
        requestPayment,
        renderPaymentWindow: notSupported("renderPaymentWindow"),
        requestPaymentWindow: notSupported("requestPaymentWindow"),
      };
    },

    brandpay: () => {
      throw failure("NOT_SUPPORTED_METHOD", "시뮬레이터는 브랜드페이를 지원하지 않습니다.");
    },
  };
}

TossPayments.ANONYMOUS = ANONYMOUS;
window.TossPayments = TossPayments;
