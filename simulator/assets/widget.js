// Tells the shop's page what is picked in this part of the widget and how tall it is; hears the amount from it.
"use strict";

const INSTALLMENT_MINIMUM_KRW = 50000;
const form = document.querySelector("form");
const tell = (message) => window.parent.postMessage({ widget: message }, "*");

const methodPicked = () => {
  const fields = Object.fromEntries(new FormData(form));
  if (fields.method === undefined) return null;
  const field = { CARD: "cardCompany", EASY_PAY: "easyPay", VIRTUAL_ACCOUNT: "accountBank", TRANSFER: "transferBank", MOBILE_PHONE: "carrier" }[fields.method];
  const institution = form.querySelector(`input[name="${field}"]:checked`);
  const choice = { method: fields.method };
  if (institution !== null) choice[field] = institution.value;
  if (fields.method === "CARD" && fields.installmentMonths !== undefined) choice.installmentMonths = fields.installmentMonths;
  // Toss names an easy pay by its provider.
  const code = fields.method === "EASY_PAY" ? (institution?.nextElementSibling.dataset.brand ?? "EASY_PAY") : fields.method;
  return { code, choice, isComplete: institution !== null };
};

const termsPicked = () => {
  const agreements = [...form.elements.terms].map((box) => ({ id: box.value, title: box.dataset.title, required: true, agreed: box.checked }));
  return { agreedRequiredTerms: agreements.every((one) => one.agreed), agreements };
};

const isAgreement = form.classList.contains("agreement");
const state = () => (isAgreement ? { agreement: termsPicked() } : { method: methodPicked() });

form.addEventListener("submit", (event) => event.preventDefault());
form.addEventListener("change", ({ target }) => {
  if (isAgreement) {
    const boxes = [...form.elements.terms];
    if (target.id === "all") for (const box of boxes) box.checked = target.checked;
    document.getElementById("all").checked = boxes.every((box) => box.checked);
  }
  tell(state());
});

window.addEventListener("message", ({ source, data }) => {
  if (source !== window.parent || isAgreement || typeof data?.amount !== "object") return;
  const { currency, value } = data.amount;
  const isPossible = currency === "KRW" && value >= INSTALLMENT_MINIMUM_KRW;
  const field = form.querySelector(".installments");
  field.hidden = !isPossible;
  field.querySelector("select").disabled = !isPossible;
  form.querySelector(".no-installments").hidden = isPossible;
  tell(state());
});

new ResizeObserver(() => tell({ height: Math.ceil(form.getBoundingClientRect().height) })).observe(form);
tell({ ready: true, ...state() });
