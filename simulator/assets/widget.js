// Tells the shop's page what is picked in this part of the widget and how tall it is; hears the amount from it. A whole
// window also says what the shopper wants: to pay, or to leave.
"use strict";

// Before the frame has a height, so nobody sees it change.
document.documentElement.classList.toggle("light", location.hash === "#light");

const INSTALLMENT_MINIMUM_KRW = 50000;
const methods = document.querySelector("form.choose");
const agreement = document.querySelector("form.agreement");
const pay = document.querySelector(".sheet .main");
const tell = (message) => window.parent.postMessage({ widget: message }, "*");

const methodPicked = () => {
  const fields = Object.fromEntries(new FormData(methods));
  if (fields.method === undefined) return null;
  const field = { CARD: "cardCompany", EASY_PAY: "easyPay", VIRTUAL_ACCOUNT: "accountBank", TRANSFER: "transferBank", MOBILE_PHONE: "carrier" }[fields.method];
  const institution = methods.querySelector(`input[name="${field}"]:checked`);
  const choice = { method: fields.method };
  if (institution !== null) choice[field] = institution.value;
  if (fields.method === "CARD" && fields.installmentMonths !== undefined) choice.installmentMonths = fields.installmentMonths;
  const chip = institution?.nextElementSibling;
  // Toss names an easy pay by its provider.
  const code = fields.method === "EASY_PAY" ? (chip?.dataset.brand ?? "EASY_PAY") : fields.method;
  return { code, choice, label: chip?.textContent, isComplete: institution !== null };
};

const termsPicked = () => {
  const agreements = [...agreement.elements.terms].map((box) => ({ id: box.value, title: box.dataset.title, required: true, agreed: box.checked }));
  return { agreedRequiredTerms: agreements.every((one) => one.agreed), agreements };
};

const state = () => ({
  ...(methods && { method: methodPicked() }),
  ...(agreement && { agreement: termsPicked() }),
});

const changed = () => {
  const now = state();
  if (pay) pay.disabled = !now.method?.isComplete || !now.agreement.agreedRequiredTerms;
  tell(now);
};

for (const form of [methods, agreement]) form?.addEventListener("submit", (event) => event.preventDefault());

methods?.addEventListener("change", changed);

agreement?.addEventListener("change", ({ target }) => {
  const boxes = [...agreement.elements.terms];
  const all = document.getElementById("all");
  if (target === all) for (const box of boxes) box.checked = all.checked;
  all.checked = boxes.every((box) => box.checked);
  changed();
});

window.addEventListener("message", ({ source, data }) => {
  if (source !== window.parent || methods === null || typeof data?.amount !== "object") return;
  const { currency, value } = data.amount;
  const isPossible = currency === "KRW" && value >= INSTALLMENT_MINIMUM_KRW;
  const field = methods.querySelector(".installments");
  field.hidden = !isPossible;
  field.querySelector("select").disabled = !isPossible;
  methods.querySelector(".no-installments").hidden = isPossible;
  const text = document.querySelector(".amount-text");
  if (text) text.textContent = value.toLocaleString();
  tell(state());
});

pay?.addEventListener("click", () => tell({ wish: "pay" }));
document.querySelector(".sheet .shut")?.addEventListener("click", () => tell({ wish: "cancel" }));
window.addEventListener("keydown", ({ key }) => {
  if (pay && key === "Escape") tell({ wish: "cancel" });
});

const root = document.querySelector("main, form");
new ResizeObserver(() => tell({ height: Math.ceil(root.getBoundingClientRect().height) })).observe(root);
changed();
tell({ ready: true, ...state() });
