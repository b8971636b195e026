// A form that is on its way is not sent again: the answer to the second press would stand in place of the first one's,
// and a new account's password is shown once.
"use strict";
const again = (form) => { delete form.dataset.sent; };
addEventListener("submit", (event) => {
  if (event.target.dataset.sent) event.preventDefault();
  event.target.dataset.sent = "yes";
  setTimeout(again, 10000, event.target);  // who has stopped it may try again
});
addEventListener("pageshow", () => [...document.forms].forEach(again));
