// Stands in for https://js.tosspayments.com/v2/standard: same global, same calls, same error codes, and a payment
// window at the simulator. Card payments through `.payment()` only, by redirect, so the promise stays pending.
(() => {
  "use strict";

  const simulator = new URL(document.currentScript.src).origin;
  const ANONYMOUS = "@@ANONYMOUS";

  const failure = (code, message) => Object.assign(new Error(message), { code });

  const isWebAddress = (text) => {
    try {
      return ["http:", "https:"].includes(new URL(text).protocol);
    } catch {
      return false;
    }
  };

  const isText = (value, min, max) => typeof value === "string" && [...value].length >= min && [...value].length <= max;

  const isMetadata = (metadata) =>
    metadata === undefined ||
    metadata === null ||
    (Object.keys(metadata).length <= 5 &&
      Object.entries(metadata).every(([key, value]) => isText(key, 1, 40) && !/[[\]]/.test(key) && isText(value, 0, 2000)));

  // Each check names what Toss's script would name; the first that fails is the answer.
  const checks = [
    [(r) => r !== null && typeof r === "object", "INVALID_PARAMETERS", "요청 파라미터가 올바르지 않습니다."],
    [(r) => isText(r.method, 1, 40), "INVALID_PARAMETERS", "method 는 필수입니다."],
    [(r) => r.method === "CARD", "NOT_SUPPORTED_METHOD", "지원되지 않는 결제수단입니다."],
    [(r) => Number.isFinite(r.amount?.value) && isText(r.amount?.currency, 3, 3), "INVALID_PARAMETERS", "amount 는 { currency, value } 입니다."],
    [(r) => r.amount.value > 0, "BELOW_ZERO_AMOUNT", "금액은 0보다 커야 합니다."],
    [(r) => /^[A-Za-z0-9_-]{6,64}$/.test(r.orderId ?? ""), "INVALID_ORDER_ID", "`orderId`는 영문 대소문자, 숫자, 특수문자(-, _) 만 허용합니다. 6자 이상 64자 이하여야 합니다."],
    [(r) => isText(r.orderName, 1, 100), "INVALID_ORDER_NAME", "주문 이름은 100자 이하여야 합니다."],
    [(r) => r.successUrl !== undefined || r.failUrl !== undefined, "NOT_SUPPORTED_PROMISE", "Promise 방식은 지원되지 않습니다. successUrl 과 failUrl 을 사용해주세요."],
    [(r) => isWebAddress(r.successUrl), "INCORRECT_SUCCESS_URL_FORMAT", "잘못된 successUrl 입니다."],
    [(r) => isWebAddress(r.failUrl), "INCORRECT_FAIL_URL_FORMAT", "잘못된 failUrl 입니다."],
    [(r) => isMetadata(r.metadata), "INVALID_METADATA", "metadata 가 올바르지 않습니다."],
  ];

  async function requestPayment(clientKey, request) {
    for (const [passes, code, message] of checks) {
      if (!passes(request)) throw failure(code, message);
    }
    let response, answer;
    try {
      response = await fetch(`${simulator}/window/payments`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ ...request, clientKey }),
      });
      answer = await response.json();
    } catch {
      throw failure("NETWORK_ERROR", "네트워크 오류가 발생했습니다.");
    }
    if (!response.ok) throw failure(answer.code, answer.message);
    window.location.assign(`${simulator}/window/${encodeURIComponent(answer.paymentKey)}`);
    return new Promise(() => {});
  }

  function TossPayments(clientKey) {
    if (/^(test|live)_g?sk_/.test(clientKey ?? "")) {
      throw failure("INSECURE_KEY_USAGE", "시크릿 키는 브라우저에서 사용할 수 없습니다.");
    }
    if (!/^test_g?ck_/.test(clientKey ?? "")) {
      throw failure("INVALID_CLIENT_KEY", "잘못된 클라이언트 연동 정보 입니다.");
    }
    return {
      payment({ customerKey } = {}) {
        if (clientKey.startsWith("test_gck_")) {
          throw failure("NOT_SUPPORTED_WIDGET_KEY", "결제위젯 연동 키는 지원하지 않습니다. API 개별 연동 키를 사용해주세요.");
        }
        if (customerKey !== ANONYMOUS && !/^[A-Za-z0-9\-_=.@]{2,50}$/.test(customerKey ?? "")) {
          throw failure("INVALID_CUSTOMER_KEY", "customerKey 형식이 올바르지 않습니다.");
        }
        return { requestPayment: (request) => requestPayment(clientKey, request), destroy: async () => {} };
      },
    };
  }

  TossPayments.ANONYMOUS = ANONYMOUS;
  window.TossPayments = TossPayments;
})();
