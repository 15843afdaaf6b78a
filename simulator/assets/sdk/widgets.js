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

// One part of the widget: its frame, what it last said, and who wants to hear the next.
const renderPart = async ({ part, title, selector, variantKey, eventName, valueOf, onDestroy }) => {
  const element = elementOf(selector);
  if (!isMissing(variantKey) && !isText(variantKey, 1, 100)) throw failure("INVALID_VARIANT_KEY", "variantKey 가 올바르지 않습니다.");
  const frame = document.createElement("iframe");
  frame.title = title;
  frame.src = `${simulator}/widget/${part}`;
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
        if (name !== eventName || typeof listener !== "function") throw failure("INVALID_PARAMETERS", `지원하지 않는 이벤트입니다: ${name}`);
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

// The widgets of one customer on one page. What both versions of the SDK offer is made of these few functions.
const createWidgets = (clientKey) => {
  let amount = null;
  const parts = { methods: null, agreement: null };

  const setAmount = (value) => {
    check(amountChecks, value);
    amount = { currency: value.currency, value: value.value };
    parts.methods?.tell?.({ amount });
  };

  const render = async (name, code, message, options) => {
    if (amount === null) throw failure("NOT_SETUP_AMOUNT", "결제 금액이 설정되지 않았습니다. setAmount() 를 먼저 호출해주세요.");
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

  const selected = () => parts.methods?.state?.value ?? null;
  const codeOf = (method) => (method === null ? null : { code: method.code });

  const renderPaymentMethods = async ({ selector, variantKey } = {}) => {
    const part = await render("methods", "PAYMENT_METHODS_WIDGET_ALREADY_RENDERED", "이미 결제수단 위젯이 렌더링되었습니다.", {
      title: "결제수단", selector, variantKey, eventName: "paymentMethodSelect", valueOf: codeOf,
    });
    part.tell({ amount });
    return { ...part.surface, getSelectedPaymentMethod: async () => codeOf(part.state.value) };
  };

  const renderAgreement = async ({ selector, variantKey } = {}) => {
    const part = await render("agreement", "AGREEMENT_WIDGET_ALREADY_RENDERED", "이미 약관 위젯이 렌더링되었습니다.", {
      title: "약관", selector, variantKey, eventName: "agreementStatusChange", valueOf: (agreement) => agreement,
    });
    return part.surface;
  };

  const requestPayment = async (request) => {
    if (amount === null) throw failure("NOT_SETUP_AMOUNT", "결제 금액이 설정되지 않았습니다. setAmount() 를 먼저 호출해주세요.");
    checkRequest(request);
    const method = selected();
    if (method === null) throw failure("NOT_SELECTED_PAYMENT_METHOD", "결제수단이 선택되지 않았습니다.");
    if (!method.isComplete) throw failure("NEED_CARD_PAYMENT_DETAIL", "카드사, 은행 등 결제 정보를 선택해주세요.");
    if (parts.agreement?.state?.value?.agreedRequiredTerms !== true) {
      throw failure("NEED_AGREEMENT_WITH_REQUIRED_TERMS", "필수 약관에 동의해주세요.");
    }
    return pay(clientKey, request, { amount, widget: true, choice: method.choice });
  };

  return { setAmount, renderPaymentMethods, renderAgreement, requestPayment };
};

