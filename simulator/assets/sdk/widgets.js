// Part of every script: the payment widget, whose two pages are shown in frames inside the shop's elements.

const elementOf = (selector) => {
  let element = null;
  try {
    element = isText(selector, 1, 1000) ? document.querySelector(selector) : null;
  } catch {
    // A selector that is none finds nothing.
  }
  if (element === null) throw failure("INVALID_SELECTOR", `selector 에 해당하는 요소를 찾을 수 없습니다: ${selector}`);
  return element;
};

const invalidListener = (name) => failure("INVALID_PARAMETER", `허용하지 않는 이벤트이거나 콜백 함수가 올바르지 않습니다: ${name}`);

const checkVariantKey = (variantKey) => {
  if (!isMissing(variantKey) && !isText(variantKey, 1, 100)) throw failure("INVALID_VARIANT_KEY", "variantKey 가 올바르지 않습니다.");
};

const notSetupAmount = () => failure("NOT_SETUP_AMOUNT", "결제 금액이 설정되지 않았습니다. setAmount() 를 먼저 호출해주세요.");

// A page that says nothing of dark colours is light whatever the shopper prefers, and so is what is shown inside it.
const isDarkAware = () => getComputedStyle(document.documentElement).colorScheme.includes("dark");

// One part of the widget: its frame, what it last said, and who wants to hear the next.
const renderPart = async ({ part, title, selector, variantKey, eventName, valueOf, onDestroy }) => {
  const element = elementOf(selector);
  checkVariantKey(variantKey);
  const frame = document.createElement("iframe");
  frame.title = title;
  frame.src = `${simulator}/widget/${part}${isDarkAware() ? "" : "#light"}`;
  Object.assign(frame.style, { display: "block", width: "100%", height: "0", border: "0" });
  const listeners = new Set();
  const state = { value: null };
  let ready;
  const isReady = new Promise((resolve) => { ready = resolve; });
  const hear = ({ origin, source, data }) => {
    if (origin !== simulator || source !== frame.contentWindow || typeof data?.widget !== "object") return;
    const said = data.widget;
    if (said.height !== undefined) frame.style.height = `${said.height + 4}px`;
    if (Object.hasOwn(said, part === "methods" ? "method" : "agreement")) {
      const before = JSON.stringify(valueOf(state.value));
      state.value = part === "methods" ? said.method : said.agreement;
      const now = valueOf(state.value);
      if (!said.ready && now !== null && JSON.stringify(now) !== before) for (const listener of listeners) listener(now);
    }
    if (said.ready) ready();
  };
  window.addEventListener("message", hear);
  frame.addEventListener("error", ready);
  element.replaceChildren(frame);
  await isReady;
  return {
    state,
    tell: (message) => frame.contentWindow?.postMessage(message, simulator),
    surface: {
      on(name, listener) {
        if (name !== eventName || typeof listener !== "function") throw invalidListener(name);
        listeners.add(listener);
      },
      async destroy() {
        window.removeEventListener("message", hear);
        frame.remove();
        onDestroy();
      },
    },
  };
};

// Methods and agreement together, in a window above the shop's page. The shop is told what the shopper wants and asks
// for the payment itself.
const renderWindow = (amount, onDestroy) =>
  new Promise((resolve) => {
    const listeners = { paymentRequest: new Set(), cancel: new Set() };
    const state = { method: null, agreement: null };
    // Once: by then another window may have taken this one's place.
    let destroy = () => {
      destroy = () => {};
      window.removeEventListener("message", hear);
      shown.remove();
      onDestroy();
    };
    const cancel = () => {
      destroy();
      for (const listener of listeners.cancel) listener();
    };
    const shown = openDialog("/widget/window", "결제수단 선택 (시뮬레이터)", cancel);
    const tell = (message) => shown.frame.contentWindow?.postMessage(message, simulator);
    const surface = {
      on(name, listener) {
        if (!Object.hasOwn(listeners, name) || typeof listener !== "function") throw invalidListener(name);
        listeners[name].add(listener);
      },
      destroy: async () => destroy(),
    };
    const hear = ({ origin, source, data }) => {
      if (origin !== simulator || source !== shown.frame.contentWindow || typeof data?.widget !== "object") return;
      const { method, agreement, ready, wish } = data.widget;
      if (method !== undefined) state.method = method;
      if (agreement !== undefined) state.agreement = agreement;
      if (wish === "cancel") cancel();
      if (wish === "pay") for (const listener of listeners.paymentRequest) listener({ paymentMethod: { code: state.method.code } });
      if (ready) {
        tell({ amount });
        resolve({ state, tell, surface });
      }
    };
    window.addEventListener("message", hear);
  });

// The widgets of one customer on one page. What both versions of the SDK offer is made of these few functions.
const createWidgets = (clientKey) => {
  let amount = null;
  const parts = { methods: null, agreement: null, window: null };

  const setAmount = (value) => {
    check(amountChecks, value);
    amount = { currency: value.currency, value: value.value };
    for (const part of [parts.methods, parts.window]) part?.tell?.({ amount });
  };

  const render = async (name, code, message, options) => {
    if (amount === null) throw notSetupAmount();
    if (parts[name] !== null) throw failure(code, message);
    // Taken before the frame is there, so that a second call in the meantime is refused.
    parts[name] = {};
    const free = () => { parts[name] = null; };
    try {
      parts[name] = await renderPart({ ...options, part: name, onDestroy: free });
    } catch (error) {
      free();
      throw error;
    }
    return parts[name];
  };

  // A window above the page counts before what the page shows.
  const selected = () => (parts.window?.state ? parts.window.state.method : (parts.methods?.state?.value ?? null));
  const agreed = () => (parts.window?.state ? parts.window.state.agreement : parts.agreement?.state?.value)?.agreedRequiredTerms === true;
  const statusOf = (status) =>
    status && { ...status, agreements: status.agreements.map(({ id, required, agreed }) => ({ term: { id, required }, agreed })) };
  const codeOf = (method) => (method === null ? null : { code: method.code });

  const renderPaymentMethods = async ({ selector, variantKey } = {}) => {
    const part = await render("methods", "PAYMENT_METHODS_WIDGET_ALREADY_RENDERED", "이미 결제수단 위젯이 렌더링되었습니다.", {
      title: "결제수단", selector, variantKey, eventName: "paymentMethodSelect", valueOf: codeOf,
    });
    part.tell({ amount });
    return { ...part.surface, getSelectedPaymentMethod: async () => codeOf(part.state.value), picked: () => part.state.value };
  };

  const renderAgreement = async ({ selector, variantKey } = {}) => {
    const part = await render("agreement", "AGREEMENT_WIDGET_ALREADY_RENDERED", "이미 약관 위젯이 렌더링되었습니다.", {
      title: "약관", selector, variantKey, eventName: "agreementStatusChange", valueOf: statusOf,
    });
    return { ...part.surface, status: () => part.state.value };
  };

  const requestPayment = async (request) => {
    if (amount === null) throw notSetupAmount();
    checkRequest(request);
    const method = selected();
    if (method === null) throw failure("NOT_SELECTED_PAYMENT_METHOD", "결제수단이 선택되지 않았습니다.");
    if (!method.isComplete) throw failure("NEED_CARD_PAYMENT_DETAIL", "카드사, 은행 등 결제 정보를 선택해주세요.");
    if (!agreed()) {
      throw failure("NEED_AGREEMENT_WITH_REQUIRED_TERMS", "필수 약관에 동의해주세요.");
    }
    return pay(clientKey, request, { amount, widget: true, choice: method.choice });
  };

  const renderPaymentWindow = async ({ variantKey } = {}) => {
    if (amount === null) throw notSetupAmount();
    if (parts.window !== null) throw failure("PAYMENT_WINDOW_ALREADY_RENDERED", "이미 결제창이 렌더링되었습니다.");
    checkVariantKey(variantKey?.paymentMethod);
    checkVariantKey(variantKey?.agreement);
    parts.window = {};
    parts.window = await renderWindow(amount, () => { parts.window = null; });
    return parts.window.surface;
  };

  // The older form: the window, and the payment as soon as the shopper wants it.
  const requestPaymentWindow = async (request, options = {}) => {
    checkObject(request);
    setAmount(request.amount);
    checkRequest(request);
    const shown = await renderPaymentWindow(options);
    await new Promise((resolve, reject) => {
      shown.on("paymentRequest", resolve);
      shown.on("cancel", () => reject(userCancel()));
    });
    return requestPayment(request).finally(shown.destroy);
  };

  return { setAmount, renderPaymentMethods, renderAgreement, requestPayment, renderPaymentWindow, requestPaymentWindow };
};

