// The queue as it changes: the server sends the same fragment that the page began with, escaped by the same template.
"use strict";
(() => {
  const queue = document.getElementById("queue"), live = document.getElementById("live");
  const show = (event) => {
    const html = JSON.parse(event.data);
    // Who is in the list with the keyboard stays where he is: on a link, or on the table itself.
    const on = queue.contains(document.activeElement) ? document.activeElement : null;
    const name = on && ["href", "aria-label"].find((one) => on.hasAttribute(one));
    const where = name && `[${name}="${CSS.escape(on.getAttribute(name))}"]`;
    queue.innerHTML = html;
    const same = where && queue.querySelector(where);
    if (same) same.focus();
  };
  const look = () => {
    const events = new EventSource("/board/live");
    events.addEventListener("queue", show);
    events.addEventListener("open", () => { live.textContent = live.dataset.on; live.classList.add("on"); });
    events.addEventListener("error", () => {
      live.textContent = live.dataset.off;
      live.classList.remove("on");
      // Whatever is no stream ends it for good: a proxy's answer while the front starts anew, or the way to sign in.
      if (events.readyState === EventSource.CLOSED) later();
    });
  };
  const later = () => setTimeout(again, 3000 + 6000 * Math.random());  // not all who look at the same moment
  const again = () => fetch("/board", { method: "HEAD", redirect: "manual" })
    .then((answer) => answer.type === "opaqueredirect" ? location.reload() : look(), later);
  look();
})();
