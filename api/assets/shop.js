// Shows what is in the cart while it is being filled. The order is made of the form alone, with this script or without.
"use strict";

const form = document.getElementById("order");
const nothing = document.getElementById("nothing");
const chosen = document.getElementById("chosen");
const total = document.getElementById("total");
const submit = form.querySelector("[type=submit]");
const { less, more, won } = form.dataset;

const add = (parent, kind, text, properties = {}) => {
  const element = Object.assign(document.createElement(kind), properties);
  element.textContent = text;
  parent.append(element);
  return element;
};

const money = (amount) => `${amount.toLocaleString("ko-KR")}${won}`;

const rows = [...form.querySelectorAll("input[type=number]")].map((input) => {
  const id = input.id.slice("quantity-".length);
  const { textContent: name } = form.querySelector(`label[for="${input.id}"]`);
  return { input, name, price: Number(form.elements[`price-${id}`].value), most: Number(input.max) };
});

const show = () => {
  chosen.replaceChildren();
  let sum = 0;
  for (const { input, name, price, most, minus, plus } of rows) {
    const quantity = input.valueAsNumber || 0;
    minus.disabled = quantity <= 0;
    plus.disabled = quantity >= most;
    input.closest("li").classList.toggle("taken", quantity > 0);
    if (quantity <= 0) continue;
    sum += quantity * price;
    const line = add(chosen, "li", "");
    add(line, "span", `${name} × ${quantity}`);
    add(line, "span", money(quantity * price), { className: "number" });
  }
  nothing.hidden = sum > 0;
  total.querySelector("strong").textContent = money(sum);
};

for (const row of rows) {
  const stepper = document.createElement("span");
  stepper.className = "stepper";
  row.input.replaceWith(stepper);
  const step = (by) => () => {
    row.input.value = Math.min(row.most, Math.max(0, (row.input.valueAsNumber || 0) + by));
    show();
  };
  const button = (sign, words, by) => {
    const made = add(stepper, "button", sign, { type: "button", ariaLabel: `${row.name} ${words}` });
    made.addEventListener("click", step(by));
    return made;
  };
  row.minus = button("−", less, -1);
  stepper.append(row.input);
  row.plus = button("+", more, 1);
}

form.addEventListener("input", show);
// A second click while the order is being made would make a second one.
form.addEventListener("submit", () => { submit.disabled = true; });
// Back again, by the browser's own button: what was typed is still there.
addEventListener("pageshow", () => {
  submit.disabled = false;
  show();
});
total.hidden = false;
