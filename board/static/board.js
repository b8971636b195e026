// The queue as it changes: the server sends the same fragment that the page began with, escaped by the same template.
"use strict";
(() => {
  const queue = document.getElementById("queue"), live = document.getElementById("live");
  const events = new EventSource("/board/live");
  events.addEventListener("queue", (event) => {
    const html = JSON.parse(event.data);
    // Who is in the list with the keyboard stays where he is: on a link, or on the table itself.
    const on = queue.contains(document.activeElement) ? document.activeElement : null;
    const name = on && ["href", "aria-label"].find((one) => on.hasAttribute(one));
    const where = name && `[${name}="${CSS.escape(on.getAttribute(name))}"]`;
    queue.innerHTML = html;
    if (where) queue.querySelector(where)?.focus();
  });
  events.addEventListener("open", () => { live.textContent = live.dataset.on; live.classList.add("on"); });
  events.addEventListener("error", () => { live.textContent = live.dataset.off; live.classList.remove("on"); });
})();
