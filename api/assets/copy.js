// Copies the account number. Without this script it is text that a click or a long press selects whole.
"use strict";

const button = document.getElementById("copy");
const number = document.getElementById("account-number");

const select = () => getSelection().selectAllChildren(number);

const copy = async () => {
  try {
    await navigator.clipboard.writeText(number.textContent);
  } catch {
    // A page without TLS has no clipboard; the older way works there, and else the number is at least selected.
    select();
    if (!document.execCommand("copy")) {
      return;
    }
  }
  button.textContent = button.dataset.copied;
};

button.hidden = false;
button.setAttribute("aria-live", "polite");
button.addEventListener("click", copy);
