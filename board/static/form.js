// The form: checks as one types, the proof of work of the captcha, files with their sizes, progress while sending.
// Without this file the form works as it is, with a question in place of the proof of work. It keeps to what browsers
// of 2018 know: old telephones get no newer ones.
"use strict";
(() => {
  const form = document.querySelector("form[data-number-slip]");
  if (!form) return;
  const say = (key) => form.dataset[key] || "";
  const at = (id) => document.getElementById(id);

  // Damm's check digit (H. Michael Damm, 2004): the last of the digits of a ticket number.
  const DAMM = ["0317598642", "7092154863", "4206871359", "1750983426", "6123045978",
    "3674209581", "5869720134", "8945362017", "9438617205", "2581436790"];
  const rightNumber = (digits) => [...digits].reduce((row, digit) => Number(DAMM[row][Number(digit)]), 0) === 0;
  const digitsOf = (text) => text.replace(/[OoОо]/g, "0").replace(/[Зз]/g, "3").replace(/[lI|]/g, "1")
    .replace(/б/g, "6").replace(/В/g, "8").replace(/[\uff10-\uff19]/g, (one) => one.charCodeAt(0) - 0xff10).replace(/\D/g, "");
  const number = at("number"), note = at("number-note");
  const numberState = () => {
    const digits = digitsOf(number.value);
    if (!digits.length) return number.value.trim() ? "slip" : "";
    if (digits.length < 13) return "";
    return digits.length <= 14 && rightNumber(digits) ? "right" : "slip";
  };
  const showNumber = () => {
    const state = numberState();
    note.className = "count " + state;
    note.textContent = state === "slip" ? say("numberSlip") : state === "right" ? say("numberRight") : "";
  };
  number.addEventListener("input", showNumber);
  showNumber();
  if (form.id !== "form") return;

  const description = at("description"), least = Number(form.dataset.least);
  const lengthOf = () => description.value.trim().replace(/\s+/g, " ").length;
  const count = () => {
    const length = lengthOf(), box = at("description-count");
    box.className = "count" + (length >= least ? " right" : "");
    box.textContent = length >= least ? say("countDone").replace("{count}", length)
      : length ? say("countMore").replace("{count}", least - length) : "";
  };
  description.addEventListener("input", count);
  count();

  // Files are kept beside the field, so that one can be taken away again and more can be added.
  const chosen = at("files"), list = at("files-list");
  let files = [];
  const size = (bytes) => bytes < 1048576 ? Math.max(1, Math.round(bytes / 1024)) + "\u00a0" + say("kilobytes")
    : (bytes / 1048576).toFixed(1).replace(/\.0$/, "") + "\u00a0" + say("megabytes");
  const refill = (element, rows) => { element.textContent = ""; element.append(...rows); };
  const showFiles = () => {
    refill(list, files.map((file, index) => {
      const row = document.createElement("li"), name = document.createElement("span"), about = document.createElement("span");
      const remove = document.createElement("button");
      name.textContent = file.name;
      about.textContent = size(file.size);
      about.className = "soft";
      remove.type = "button";
      remove.className = "link";
      remove.textContent = say("filesRemove");
      remove.setAttribute("aria-label", say("filesRemove") + ": " + file.name);
      remove.addEventListener("click", () => { files.splice(index, 1); showFiles(); chosen.focus(); });
      row.append(name, about, remove);
      return row;
    }));
    show("files", filesWrong());
  };
  const filesWrong = () => {
    if (files.length > Number(form.dataset.mostFiles)) return say("filesMany");
    if (files.some((file) => file.size === 0)) return say("filesEmpty");
    const all = files.reduce((sum, file) => sum + file.size, 0);
    // Beside the files the request holds the other fields; base64 is not used on the way here.
    if (files.some((file) => file.size > Number(form.dataset.mostFile)) || all > Number(form.dataset.most) - 65536) return say("filesTooLarge");
    return "";
  };
  chosen.addEventListener("change", () => { files.push(...chosen.files); chosen.value = ""; showFiles(); });

  const show = (name, text) => {
    const wrong = at(name + "-wrong"), field = document.querySelector(`[data-field="${name}"]`), input = at(name);
    if (!wrong) return;
    wrong.textContent = text;
    wrong.hidden = !text;
    field.classList.toggle("has-error", Boolean(text));
    if (text) input.setAttribute("aria-invalid", "true"); else input.removeAttribute("aria-invalid");
  };
  const checks = {
    full_name: () => at("full_name").value.trim().split(/\s+/).length < 2 ? say("fullNameWrong") : "",
    email: () => /^[^\s@]+@[^\s@]+\.[^\s@]{2,}$/.test(at("email").value.trim()) ? "" : say("emailWrong"),
    category: () => at("category").value ? "" : say("categoryWrong"),
    description: () => lengthOf() < least ? say("descriptionShort").replace("{count}", least - lengthOf()) : "",
    files: filesWrong,
    number: () => numberState() === "slip" || (digitsOf(number.value).length && digitsOf(number.value).length < 13) ? say("numberWrong") : "",
  };
  for (const name of ["full_name", "email", "category", "description"]) {
    at(name).addEventListener("input", () => { if (at(name).hasAttribute("aria-invalid")) show(name, checks[name]()); });
  }
  const summary = at("summary");
  const showErrors = (errors) => {
    for (const name of Object.keys(checks).concat("phone")) show(name, errors[name] || "");
    const rows = Object.entries(errors).map(([name, text]) => {
      const row = document.createElement("li");
      if (at(name) && at(name).type !== "hidden" && name !== "form") {
        const link = document.createElement("a");
        link.href = "#" + name;
        link.textContent = text;
        link.addEventListener("click", (event) => { event.preventDefault(); at(name).focus(); });
        row.append(link);
      } else row.textContent = text;
      return row;
    });
    refill(summary.querySelector("ul"), rows);
    summary.hidden = !rows.length;
    if (rows.length) summary.focus();
  };

  // The proof of work is done in a thread of its own, once the citizen begins to write.
  const robot = at("robot"), asked = at("asked"), source = new URL("work.js", document.querySelector("script[src$='form.js']").src).href;
  let work = null;
  const prove = () => {
    if (work) return work;
    robot.hidden = false;
    robot.className = "robot";
    robot.textContent = say("captchaWaiting");
    work = fetch("/captcha").then((answer) => {
      if (!answer.ok) throw new Error("captcha");
      return answer.json();
    }).then((challenge) => new Promise((resolve, reject) => {
      const worker = new Worker(source);
      worker.onmessage = (event) => { worker.terminate(); event.data === null ? reject(new Error("captcha")) : resolve(event.data); };
      worker.onerror = () => { worker.terminate(); reject(new Error("captcha")); };
      worker.postMessage(challenge);
    })).then((payload) => {
      robot.className = "robot ready";
      robot.textContent = say("captchaReady");
      at("captcha").value = payload;
      return payload;
    }).catch(() => { work = null; robot.textContent = ""; throw new Error("captcha"); });
    return work;
  };
  form.addEventListener("input", () => prove().catch(() => undefined), { once: true });

  const send = at("send"), bar = at("progress"), status = at("sending");
  const busy = (text) => { send.disabled = Boolean(text); bar.hidden = !text || !files.length; status.textContent = text; };
  const post = (body) => new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("POST", form.action);
    request.setRequestHeader("Accept", "application/json");
    request.upload.onprogress = (event) => {
      if (!event.lengthComputable || !files.length) return;
      bar.value = Math.round(100 * event.loaded / event.total);
      status.textContent = say("sendingFiles").replace("{percent}", bar.value);
    };
    request.onload = () => { try { resolve(JSON.parse(request.responseText)); } catch { reject(new Error(String(request.status))); } };
    request.onerror = () => reject(new Error("0"));
    request.send(body);
  });
  form.noValidate = true;
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    if (send.disabled) return;
    const errors = {};
    for (const [name, check] of Object.entries(checks)) { const text = check(); if (text) errors[name] = text; }
    showErrors(errors);
    if (Object.keys(errors).length) return;
    busy(say("sending"));
    const answered = !asked.hidden && at("answer").value.trim();
    (answered ? Promise.resolve("") : prove()).then((payload) => {
      const body = new FormData(form);
      body.set("captcha", payload);
      body.delete("files");
      for (const file of files) body.append("files", file);
      return post(body);
    }).then((answer) => {
      if (answer.location) { location.assign(answer.location); return; }
      busy("");
      if (answer.errors.captcha) { work = null; prove().catch(() => undefined); }
      showErrors(answer.errors);
    }).catch((error) => {
      busy("");
      asked.hidden = asked.hidden && error.message !== "captcha";
      showErrors(error.message === "captcha" ? { answer: say("captchaAsk") } : { form: say(error.message === "0" ? "offline" : "away") });
    });
  });
  // Back from the confirmation: the proof was used, the next request needs one of its own.
  window.addEventListener("pageshow", () => { busy(""); work = null; at("captcha").value = ""; robot.hidden = true; });
  asked.hidden = true;  // at last, when all of this could be done
})();
