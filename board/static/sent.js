// The confirmation: waits for the number where it takes longer than a moment, and copies it.
"use strict";
(() => {
  const box = document.getElementById("confirmation");
  if (box.dataset.state === "waiting") {
    const look = () => fetch(location.href, { headers: { Accept: "application/json" } })
      .then((answer) => answer.json())
      .then((answer) => answer.state === "waiting" ? setTimeout(look, 700) : location.reload())
      .catch(() => setTimeout(look, 3000));
    setTimeout(look, 500);
    return;
  }
  const copy = document.getElementById("copy");
  if (!copy || !navigator.clipboard) return;
  copy.hidden = false;
  copy.addEventListener("click", () => navigator.clipboard.writeText(document.getElementById("number").textContent.trim())
    .then(() => { document.getElementById("copied").textContent = copy.dataset.copied; }));
})();
