// Part of every script: the checks of a request, the payment that is opened for it, and the window that is shown.

const simulator = new URL(document.currentScript.src).origin;
const ANONYMOUS = "@@ANONYMOUS";

const failure = (code, message) => Object.assign(new Error(message), { code });

const isText = (value, min, max) => typeof value === "string" && [...value].length >= min && [...value].length <= max;

const isWebAddress = (text) => {
  try {
    return ["http:", "https:"].includes(new URL(text).protocol);
  } catch {
    return false;
  }
};

const isMetadata = (metadata) =>
  metadata === undefined ||
  metadata === null ||
  (typeof metadata === "object" &&
    Object.keys(metadata).length <= 5 &&
    Object.entries(metadata).every(([key, value]) => isText(key, 1, 40) && !/[[\]]/.test(key) && isText(value, 0, 2000)));

const isMissing = (value) => value === undefined || value === null;
const isOptionalText = (value, max) => isMissing(value) || isText(value, 0, max);
const isPromise = (request) => isMissing(request.successUrl) && isMissing(request.failUrl);

const METHODS = {
  CARD: "CARD", 카드: "CARD", VIRTUAL_ACCOUNT: "VIRTUAL_ACCOUNT", 가상계좌: "VIRTUAL_ACCOUNT",
  TRANSFER: "TRANSFER", 계좌이체: "TRANSFER", MOBILE_PHONE: "MOBILE_PHONE", 휴대폰: "MOBILE_PHONE",
  CULTURE_GIFT_CERTIFICATE: "CULTURE_GIFT_CERTIFICATE", 문화상품권: "CULTURE_GIFT_CERTIFICATE",
  BOOK_GIFT_CERTIFICATE: "BOOK_GIFT_CERTIFICATE", 도서문화상품권: "BOOK_GIFT_CERTIFICATE",
  GAME_GIFT_CERTIFICATE: "GAME_GIFT_CERTIFICATE", 게임문화상품권: "GAME_GIFT_CERTIFICATE",
  FOREIGN_EASY_PAY: "FOREIGN_EASY_PAY", 해외간편결제: "FOREIGN_EASY_PAY",
};

const amountChecks = [
  [(amount) => typeof amount === "object" && amount !== null, "INVALID_PARAMETERS", "amount 는 { currency, value } 입니다."],
  [(amount) => Number.isFinite(amount.value), "INVALID_AMOUNT_VALUE", "결제금액이 올바르지 않습니다."],
  [(amount) => isText(amount.currency, 3, 3), "INVALID_AMOUNT_CURRENCY", "잘못된 통화 값입니다."],
  [(amount) => amount.value > 0, "BELOW_ZERO_AMOUNT", "금액은 0보다 커야 합니다."],
];

const requestChecks = [
  [(r) => /^[A-Za-z0-9_=-]{6,64}$/.test(r.orderId ?? ""), "INVALID_ORDER_ID", "`orderId`는 영문 대소문자, 숫자, 특수문자(-, _) 만 허용합니다. 6자 이상 64자 이하여야 합니다."],
  [(r) => isText(r.orderName, 1, 100), "INVALID_ORDER_NAME", "주문 이름은 100자 이하여야 합니다."],
  [(r) => isPromise(r) || isWebAddress(r.successUrl), "INCORRECT_SUCCESS_URL_FORMAT", "잘못된 successUrl 입니다."],
  [(r) => isPromise(r) || isWebAddress(r.failUrl), "INCORRECT_FAIL_URL_FORMAT", "잘못된 failUrl 입니다."],
  [(r) => !isPromise(r) || canFrame(), "NOT_SUPPORTED_PROMISE", "이 환경에서는 Promise 방식을 지원하지 않습니다. successUrl 과 failUrl 을 사용해주세요."],
  [(r) => isOptionalText(r.customerName, 100), "INVALID_PARAMETERS", "customerName 은 100자 이하여야 합니다."],
  [(r) => isMissing(r.customerEmail) || (isText(r.customerEmail, 3, 100) && /^\S+@\S+$/.test(r.customerEmail)), "INVALID_EMAIL", "이메일 주소 형식에 맞지 않습니다."],
  [(r) => isMissing(r.customerMobilePhone) || /^\d{8,15}$/.test(r.customerMobilePhone), "INVALID_PARAMETERS", "customerMobilePhone 은 8자 이상 15자 이하의 숫자입니다."],
  [(r) => isMissing(r.windowTarget) || ["self", "iframe"].includes(r.windowTarget), "INVALID_PARAMETERS", "windowTarget 은 self 또는 iframe 입니다."],
  [(r) => isMetadata(r.metadata), "INVALID_METADATA", "metadata 가 올바르지 않습니다."],
];

const billingChecks = [
  [(r) => isWebAddress(r.successUrl), "INCORRECT_SUCCESS_URL_FORMAT", "잘못된 successUrl 입니다."],
  [(r) => isWebAddress(r.failUrl), "INCORRECT_FAIL_URL_FORMAT", "잘못된 failUrl 입니다."],
  [() => false, "NOT_SUPPORTED_METHOD", "시뮬레이터는 자동결제(빌링)를 지원하지 않습니다."],
];

// Each check names what Toss's script would name; the first that fails is the answer.
const check = (checks, value) => {
  for (const [passes, code, message] of checks) {
    if (!passes(value)) throw failure(code, message);
  }
};

const checkObject = (request) => {
  if (request === null || typeof request !== "object") throw failure("INVALID_PARAMETERS", "요청 파라미터가 올바르지 않습니다.");
};

const checkRequest = (request) => {
  checkObject(request);
  check(requestChecks, request);
};

// No billing key is issued here, so this ends in a refusal however right the request is.
const refuseBilling = (methods, method, request) => {
  checkObject(request);
  if (!methods.includes(method)) throw failure("NOT_SUPPORTED_METHOD", "지원되지 않는 결제수단입니다.");
  check(billingChecks, request);
};

const checkClientKey = (clientKey) => {
  if (/^(test|live)_g?sk_/.test(clientKey ?? "")) throw failure("INSECURE_KEY_USAGE", "시크릿 키는 브라우저에서 사용할 수 없습니다.");
  if (!/^test_g?ck_/.test(clientKey ?? "")) throw failure("INVALID_CLIENT_KEY", "잘못된 클라이언트 연동 정보 입니다.");
};

const isWidgetKey = (clientKey) => clientKey.startsWith("test_gck_");

const refuseWidgetKey = (clientKey) => {
  if (isWidgetKey(clientKey)) throw failure("NOT_SUPPORTED_WIDGET_KEY", "결제위젯 연동 키는 지원하지 않습니다. API 개별 연동 키를 사용해주세요.");
};

const refusePaymentKey = (clientKey) => {
  if (!isWidgetKey(clientKey)) throw failure("NOT_SUPPORTED_API_INDIVIDUAL_KEY", "API 개별 연동 키는 지원하지 않습니다. 결제위젯 연동 키를 사용해주세요.");
};

const checkCustomerKey = (customerKey) => {
  if (customerKey !== ANONYMOUS && !/^[A-Za-z0-9\-_=.@]{2,50}$/.test(customerKey ?? "")) {
    throw failure("INVALID_CUSTOMER_KEY", "customerKey 형식이 올바르지 않습니다.");
  }
};

// On a phone the window takes the whole tab; a page without an origin could not hear the frame.
const canFrame = () => !/Mobi|Android|iPhone|iPad/.test(navigator.userAgent) && location.origin !== "null";

const open = async (body) => {
  let response, answer;
  try {
    response = await fetch(`${simulator}/window/payments`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(body),
    });
    answer = await response.json();
  } catch {
    throw failure("NETWORK_ERROR", "네트워크 오류가 발생했습니다.");
  }
  if (!response.ok) throw failure(answer.code, answer.message);
  return answer;
};

const never = () => new Promise(() => {});

const settle = ({ end }) => {
  if (end.error !== undefined) throw failure(end.error.code, end.error.message);
  return end.result;
};

const userCancel = () => failure("USER_CANCEL", "사용자가 결제를 취소했습니다.");

// A dialog above the shop's page with one of the simulator's pages in a frame. Styles are set one by one, because a
// policy that forbids inline styles still allows that.
const openDialog = (path, title, onCancel) => {
  const dialog = document.createElement("dialog");
  const frame = document.createElement("iframe");
  const narrow = matchMedia("(max-width: 52rem)").matches;
  Object.assign(dialog.style, {
    width: "100%", height: "100%", maxWidth: "none", maxHeight: "none", margin: "0", padding: narrow ? "0" : "2rem 0",
    border: "0", boxSizing: "border-box", background: "rgb(0 0 0 / 55%)", display: "grid", placeItems: "center",
  });
  Object.assign(frame.style, {
    width: "100%", maxWidth: narrow ? "none" : "28rem", height: "100%", maxHeight: narrow ? "none" : "48rem", border: "0",
    borderRadius: narrow ? "0" : "1.25rem", background: "Canvas", colorScheme: "light dark",
  });
  frame.title = title;
  frame.src = `${simulator}${path}`;
  dialog.addEventListener("cancel", (event) => {
    event.preventDefault();
    onCancel();
  });
  dialog.append(frame);
  document.body.append(dialog);
  dialog.showModal();
  frame.focus();
  return { frame, remove: () => dialog.remove() };
};

// What closes the payment window that is open, with the error its promise ends in; one is open at a time.
let close = () => {};

// Back from the shop's next page by the browser's own button, this one may be as it was left: with the window open.
window.addEventListener("pageshow", ({ persisted }) => {
  if (persisted) close(userCancel());
});

// Shows the window until it says how the visit ended.
const showFrame = (paymentKey) =>
  new Promise((resolve, reject) => {
    close(userCancel());
    const shown = openDialog(`/window/${encodeURIComponent(paymentKey)}`, "토스페이먼츠 결제창 (시뮬레이터)", () => close(userCancel()));
    const end = () => {
      window.removeEventListener("message", hear);
      shown.remove();
      close = () => {};
    };
    const hear = ({ origin, source, data }) => {
      if (origin !== simulator || source !== shown.frame.contentWindow || data?.visit !== paymentKey) return;
      end();
      resolve(data);
    };
    close = (error) => {
      end();
      reject(error);
    };
    window.addEventListener("message", hear);
  });

// Opens the payment and the window. With addresses to return to the promise stays pending, unless a window above the
// shop's page is closed.
const pay = async (clientKey, request, extra) => {
  const answer = await open({ ...request, ...extra, clientKey });
  if (answer.location) {
    window.location.assign(answer.location);
    return never();
  }
  if (answer.message) return settle(answer.message);
  const inFrame = isPromise(request) || ((request.windowTarget ?? "iframe") === "iframe" && canFrame());
  if (inFrame) return settle(await showFrame(answer.paymentKey));
  window.location.assign(`${simulator}/window/${encodeURIComponent(answer.paymentKey)}`);
  return never();
};

// A payment by one method that the shop names. `options` holds what the shop fixes within it, in SDK v2's words.
const payByMethod = async (clientKey, method, request, options) => {
  checkRequest(request);
  const choice = {};
  if (!isMissing(options.cardCompany)) choice.cardCompany = options.cardCompany;
  if (!isMissing(options.cardInstallmentPlan)) choice.installmentMonths = String(options.cardInstallmentPlan);
  if (!isMissing(options.easyPay)) Object.assign(choice, { method: "EASY_PAY", easyPay: options.easyPay });
  const isDirect = options.flowMode === "DIRECT";
  if (isDirect && isMissing(options.cardCompany) && isMissing(options.easyPay)) {
    throw failure("INVALID_FLOW_MODE_PARAMETERS", "인증 창을 먼저 띄우려면 카드사 코드 또는 은행 코드 또는 간편결제수단이 같이 전달되어야 합니다.");
  }
  return pay(clientKey, request, { method, ...(isDirect ? { choice } : {}) });
};

const methodOf = (name) => {
  if (!isText(name, 1, 40)) throw failure("INVALID_PARAMETERS", "결제수단은 필수입니다.");
  if (!Object.hasOwn(METHODS, name)) throw failure("NOT_SUPPORTED_METHOD", "지원되지 않는 결제수단입니다.");
  return METHODS[name];
};

const VERSION_1 = "1-simulator";

// In v1 a promise is kept with the amount as a number.
const inV1 = (result) => ({ ...result, amount: result.amount.value });
