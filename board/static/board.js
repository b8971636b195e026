// The queue as it changes: the server sends the same fragment that the page began with, escaped by the same template.
"use strict";
(() => {
  const queue = document.getElementById("queue"), live = document.getElementById("live");
  const events = new EventSource("/board/live");
  events.addEventListener("queue", (event) => {
    const html = JSON.parse(event.data);
    // Who is on a link of the list with the keyboard stays on it.
    const focused = queue.contains(document.activeElement) ? document.activeElement.getAttribute("href") : null;
    queue.innerHTML = html;
    if (focused) queue.querySelector(`a[href="${CSS.escape(focused)}"]`)?.focus();
  });
  events.addEventListener("open", () => { live.textContent = live.dataset.on; live.classList.add("on"); });
  events.addEventListener("error", () => { live.textContent = live.dataset.off; live.classList.remove("on"); });
})();
