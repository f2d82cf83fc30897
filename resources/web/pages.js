// Pages are whole without this file: it shows buttons that copy, and says when something was copied.
"use strict";

const SHOWN_MS = 2000;

async function copy(source) {
  if (navigator.clipboard) {
    await navigator.clipboard.writeText(source.textContent);
    return;
  }
  // Pages that came unencrypted have no clipboard; what is selected can still be copied.
  getSelection().selectAllChildren(source);
  if (!document.execCommand("copy")) {
    throw new Error("refused");
  }
}

for (const button of document.querySelectorAll("[data-copy]")) {
  const source = document.getElementById(button.dataset.copy);
  const label = button.querySelector("span");
  const usual = label.textContent;
  let back = 0;
  label.setAttribute("aria-live", "polite");
  button.hidden = false;
  button.addEventListener("click", async () => {
    clearTimeout(back);
    try {
      await copy(source);
      label.textContent = "Copied";
      button.classList.add("done");
    } catch {
      getSelection().selectAllChildren(source);
      label.textContent = "Press Ctrl+C";
    }
    back = setTimeout(() => {
      label.textContent = usual;
      button.classList.remove("done");
    }, SHOWN_MS);
  });
}
