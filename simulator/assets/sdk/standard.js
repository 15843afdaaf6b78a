// Stands in for https://js.tosspayments.com/v2/standard: the global of SDK v2.

const noBrandpay = async () => {
  throw failure("NOT_REGISTERED_REDIRECT_URL", "시뮬레이터는 브랜드페이를 지원하지 않습니다. 등록할 수 있는 redirectUrl 이 없습니다.");
};

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
        requestBillingAuth: async (request) => refuseBilling(["CARD", "TRANSFER"], request?.method, request),
        destroy: async () => close(failure("PAYMENT_REQUEST_ABORTED", "결제 요청이 중단되었습니다.")),
      };
    },

    widgets({ customerKey } = {}) {
      refusePaymentKey(clientKey);
      checkCustomerKey(customerKey);
      const widgets = createWidgets(clientKey);
      return {
        setAmount: async (amount) => widgets.setAmount(amount),
        async renderPaymentMethods(options) {
          const { on, getSelectedPaymentMethod, destroy } = await widgets.renderPaymentMethods(options);
          return { on, getSelectedPaymentMethod, destroy };
        },
        async renderAgreement(options) {
          const { on, destroy } = await widgets.renderAgreement(options);
          return { on, destroy };
        },
        requestPayment: widgets.requestPayment,
        renderPaymentWindow: widgets.renderPaymentWindow,
        requestPaymentWindow: widgets.requestPaymentWindow,
      };
    },

    // The object is there and checks what it is given; what it would do needs a contract the simulator has not.
    brandpay({ customerKey, redirectUrl } = {}) {
      refuseWidgetKey(clientKey);
      checkCustomerKey(customerKey === ANONYMOUS ? undefined : customerKey);
      if (!isMissing(redirectUrl) && !isWebAddress(redirectUrl)) throw failure("INVALID_PARAMETERS", "redirectUrl 이 올바르지 않습니다.");
      return {
        async requestPayment(request) {
          checkObject(request);
          check(amountChecks, request.amount);
          checkRequest(request);
          return noBrandpay();
        },
        addPaymentMethod: noBrandpay,
        changePassword: noBrandpay,
        changeOneTouchPay: noBrandpay,
        isOneTouchPayEnabled: noBrandpay,
        openSettings: noBrandpay,
        requestBillingAuth: noBrandpay,
      };
    },
  };
}

TossPayments.ANONYMOUS = ANONYMOUS;
window.TossPayments = TossPayments;
