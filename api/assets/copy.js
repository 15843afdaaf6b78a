// Copies the account number. Without this script it is text that a click or a long press selects whole. The page's content
// may be replaced at any time, so the clicks are heard where it cannot be.
"use strict";

document.documentElement.classList.add("scripted");

const copy = async (button) => {
  const number = document.getElementById("account-number");
  try {
    await navigator.clipboard.writeText(number.textContent);
  } catch {
    // A page without TLS has no clipboard; the older way works there, and else the number is at least selected.
    getSelection().selectAllChildren(number);
    if (!document.execCommand("copy")) {
      return;
    }
  }
  button.textContent = button.dataset.copied;
};

document.addEventListener("click", (event) => {
  const button = event.target.closest?.("#copy");
  if (button) {
    copy(button);
  }
});
