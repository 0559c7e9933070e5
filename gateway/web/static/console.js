"use strict";
// What the pages can do without it, they do better with it: copy, times in the reader's zone, and the live feed.

const said = document.getElementById("said");
const say = (text) => { if (said) { said.textContent = ""; said.textContent = text; } };

const language = document.documentElement.lang || "en";
const words = JSON.parse(document.body.dataset.words || "{}");
/* a sentence in the page's language, with what belongs where %s stands */
const tell = (sentence, ...parts) => parts.reduce((text, part) => text.replace("%s", () => part), words[sentence] ?? sentence);

/* copy */
document.addEventListener("click", async (event) => {
  const button = event.target.closest("button[data-copy]");
  if (!button) return;
  const text = button.dataset.copy;
  if (!await copy(text)) { say(tell("Your browser did not allow copying.")); return; }
  say(tell("Copied %s", text));
  mark(button, "check", tell("Copied"), true);
  clearTimeout(button.timer);
  button.timer = setTimeout(() => mark(button, "copy", button.dataset.label, false), 2000);
});

async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const field = document.createElement("textarea");
    field.value = text;
    field.className = "vh";
    document.body.append(field);
    const focused = document.activeElement;
    field.select();
    const done = document.execCommand("copy");
    field.remove();
    focused?.focus();
    return done;
  }
}

function mark(button, icon, label, done) {
  const text = [...button.childNodes].find((node) => node.nodeType === Node.TEXT_NODE && node.data.trim());
  if (!text) return;
  button.dataset.label ??= text.data;
  button.classList.toggle("done", done);
  button.querySelector("use")?.setAttribute("href", `#i-${icon}`);
  text.data = label;
}

/* times: relative for an hour, then the clock, the weekday, the date, all in the reader's zone */
const clock = new Intl.DateTimeFormat([], { hour: "2-digit", minute: "2-digit", hour12: false });
const exact = new Intl.DateTimeFormat([], { hour: "2-digit", minute: "2-digit", second: "2-digit", hour12: false });
const weekday = new Intl.DateTimeFormat(language, { weekday: "short" });
const date = new Intl.DateTimeFormat(language, { day: "numeric", month: "short" });

function shortly(then, now) {
  const minutes = Math.floor((now - then) / 60000);
  if (minutes < 1) return tell("just now");
  if (minutes < 60) return tell("%s min ago", minutes);
  if (then.toDateString() === now.toDateString()) return clock.format(then);
  if (minutes < 6 * 24 * 60) return `${weekday.format(then)} ${clock.format(then)}`;
  return date.format(then);
}

function fully(then, now) {
  const today = then.toDateString() === now.toDateString();
  return today ? tell("today at %s", exact.format(then)) : tell("%s at %s", date.format(then), exact.format(then));
}

function tellTimes(root) {
  const now = new Date();
  for (const time of root.querySelectorAll("time[data-show]")) {
    const then = new Date(time.dateTime);
    time.textContent = time.dataset.show === "full" ? fully(then, now) : shortly(then, now);
    time.title = then.toLocaleString();
  }
}
tellTimes(document);
setInterval(() => tellTimes(document), 30000);

const greeting = document.querySelector("[data-greet]");
if (greeting) {
  const hour = new Date().getHours();
  const part = hour < 5 || hour > 17 ? "Good evening, %s" : hour < 12 ? "Good morning, %s" : "Good afternoon, %s";
  greeting.textContent = tell(part, greeting.dataset.greet);
}

/* a mail stands in a frame as high as itself, whatever is unfolded in it */
for (const frame of document.querySelectorAll("iframe.paper")) {
  const fit = () => {
    const page = frame.contentDocument?.body;
    if (page) frame.style.height = `${Math.min(page.scrollHeight + 4, 20000)}px`;
  };
  const follow = () => {
    fit();
    const page = frame.contentDocument?.body;
    if (page && "ResizeObserver" in window) new ResizeObserver(fit).observe(page);
  };
  frame.addEventListener("load", follow);
  addEventListener("resize", fit);
  follow();
}

/* a conversation by keys: r, a and f answer, j and k go from message to message, Esc leads back */
const talk = document.querySelector("[data-keys=thread]");
if (talk) document.addEventListener("keydown", (event) => {
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.target.closest?.("input, select, textarea, [contenteditable]") || document.querySelector("dialog[open], :popover-open")) return;
  if (event.key === "j" || event.key === "k") {
    const all = [...talk.querySelectorAll(".msg")];
    const at = all.findIndex((one) => one.contains(document.activeElement));
    const opened = all.findIndex((one) => one.matches("section"));
    const next = all[(at < 0 ? opened : at) + (event.key === "j" ? 1 : -1)];
    if (!next) return;
    const target = next.matches("details") ? next.querySelector("summary") : next;
    target.focus();
    next.scrollIntoView({ block: "nearest" });
    event.preventDefault();
    return;
  }
  const way = talk.querySelector(`[data-key="${CSS.escape(event.key)}"]`);
  if (way) { event.preventDefault(); way.click(); }
});

/* writing a mail: who is known is offered, files are listed, a template shows how it would look, and whatever goes wrong
   stands on the page without taking from it what was typed or chosen */
const letter = document.querySelector("[data-compose]");
if (letter) compose(letter);

function compose(form) {
  const offered = document.getElementById("people");
  let asked = "";
  form.addEventListener("input", async (event) => {
    const field = event.target.closest("[data-people]");
    if (!field) return;
    const before = field.value.slice(0, field.value.lastIndexOf(",") + 1);
    const sought = field.value.slice(before.length).trim();
    if (!sought || sought === asked || sought.includes("@") && sought.endsWith(">")) return;
    asked = sought;
    const answer = await fetch(`${field.dataset.people}?q=${encodeURIComponent(sought)}`);
    if (!answer.ok || sought !== asked) return;
    offered.replaceChildren(...(await answer.json()).map((one) => new Option("", before ? `${before} ${one}` : one)));
  });

  const listed = form.querySelector("[data-files]");
  const kept = [...listed.children];
  const sizes = (bytes) => bytes < 1000 ? `${bytes} B` : bytes < 1e6 ? `${Math.round(bytes / 1000)} kB` : `${(bytes / 1e6).toFixed(1)} MB`;
  const list = () => {
    listed.replaceChildren(...kept, ...[...form.elements.uploads.files].map((file) => {
      const row = document.createElement("li");
      const box = row.appendChild(document.createElement("span"));
      box.className = "file";
      const name = box.appendChild(document.createElement("span"));
      name.dir = "auto";
      name.textContent = file.name;
      name.appendChild(document.createElement("small")).textContent = sizes(file.size);
      return row;
    }));
  };
  form.addEventListener("change", (event) => { if (event.target === form.elements.uploads) list(); });

  const shown = form.querySelector("[data-filled]");
  const filled = async () => {
    const sent = new FormData(form);
    sent.delete("uploads");
    const answer = await fetch("/compose/fill", { method: "POST", body: sent });
    if (!answer.ok || answer.redirected) return null;
    const found = await answer.json();
    shown.innerHTML = found.html;
    return found;
  };
  form.addEventListener("change", (event) => { if (shown && ["template", "lead", "to"].includes(event.target.name) && form.elements.template.value) filled(); });
  form.querySelector("[data-look]")?.addEventListener("click", (event) => { event.preventDefault(); filled(); });
  form.querySelector("[data-fill]")?.addEventListener("click", async (event) => {
    event.preventDefault();
    const found = await filled();
    if (found?.body === undefined) return;
    const { subject, body, html, how, template } = form.elements;
    if (found.subject && !how.value) subject.value = found.subject;
    body.value = body.value.trim() ? `${found.body}${found.is_html ? "<br>\n" : "\n\n"}${body.value}` : found.body;
    if (found.is_html) html.checked = true;
    template.value = "";
    shown.replaceChildren();
    body.focus();
    say(tell("The template stands in the mail"));
  });

  form.addEventListener("submit", async (event) => {
    if (event.defaultPrevented || event.submitter?.value !== "send") return;
    event.preventDefault();
    const button = event.submitter;
    if (button.getAttribute("aria-busy")) return;
    button.setAttribute("aria-busy", "true");
    const sent = new FormData(form, button);
    const told = form.querySelector("[data-told]");
    try {
      const answer = await fetch(form.action, { method: "POST", body: sent });
      if (answer.redirected && new URL(answer.url).pathname.startsWith("/mail/")) { location.href = answer.url; return; }
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      const next = page.querySelector("[data-compose]");
      if (next) {
        for (const one of form.querySelectorAll(".hint.word.bad")) one.remove();
        for (const one of form.querySelectorAll("[aria-invalid]")) { one.removeAttribute("aria-invalid"); one.removeAttribute("aria-describedby"); }
        for (const one of next.querySelectorAll("[aria-invalid]")) {
          const field = form.elements[one.name];
          field.setAttribute("aria-invalid", "true");
          field.setAttribute("aria-describedby", one.getAttribute("aria-describedby"));
          const hint = next.querySelector(".hint.word.bad");
          if (hint) field.parentElement.append(hint);
          field.closest("details")?.setAttribute("open", "");
        }
        told.replaceChildren(...next.querySelector("[data-told]").childNodes);
        (form.querySelector("[aria-invalid]") ?? told.querySelector("a, button"))?.focus();
      } else {
        const words = page.querySelector("h1")?.textContent ?? "";
        const more = page.querySelector("main p")?.textContent ?? "";
        const note = document.createElement("div");
        note.className = "note bad";
        note.setAttribute("role", "alert");
        const text = note.appendChild(document.createElement("div"));
        text.appendChild(document.createElement("strong")).textContent = words;
        text.appendChild(document.createElement("p")).textContent = more;
        if (answer.status === 401) {
          const way = text.appendChild(document.createElement("a"));
          way.className = "btn s";
          way.href = "/sign-in";
          way.target = "_blank";
          way.textContent = tell("Sign in, in a new tab");
        }
        told.replaceChildren(note);
        told.scrollIntoView({ block: "center" });
      }
    } catch {
      told.textContent = tell("We can’t be reached at this moment. Nothing is lost; try again.");
      say(told.textContent);
    }
    button.removeAttribute("aria-busy");
  });
}

/* live parts: made anew on the server, and put in place unless somebody is in the middle of something there */
for (const part of document.querySelectorAll("[data-live]")) {
  if (!("EventSource" in window)) break;
  let waiting = null;
  const source = new EventSource(part.dataset.live);
  const busy = () => part.matches(":focus-within") || part.querySelector("details[open]");
  const put = () => {
    if (waiting === null || busy()) return;
    part.innerHTML = waiting;
    waiting = null;
    tellTimes(part);
  };
  source.addEventListener("part", (event) => {
    const { html, said: sentence } = JSON.parse(event.data);
    waiting = html;
    put();
    if (sentence) say(sentence);
  });
  source.addEventListener("over", () => source.close());
  part.addEventListener("focusout", () => setTimeout(put));
  part.addEventListener("toggle", () => setTimeout(put), true);
}

/* live feed */
const feed = document.querySelector("[data-feed]");
if (feed && "EventSource" in window) follow(feed);

function follow(list) {
  const live = document.getElementById("live");
  const pause = document.getElementById("pause");
  const holder = document.getElementById("pause-holder");
  const most = 50;
  let waiting = [];
  let paused = false;
  let spoken = 0;

  const source = new EventSource(`/feed?after=${encodeURIComponent(list.dataset.feed)}`);
  source.addEventListener("open", () => { live.hidden = paused; });
  source.addEventListener("error", () => { live.hidden = true; });
  source.addEventListener("attempt", (event) => {
    const { html, said: sentence } = JSON.parse(event.data);
    if (paused) { waiting.push(html); return; }
    add(html);
    if (Date.now() - spoken > 10000) { spoken = Date.now(); say(sentence); }
  });

  function add(html) {
    const holder = document.createElement("template");
    holder.innerHTML = html;
    const row = holder.content.firstElementChild;
    if (!row || document.getElementById(row.id)) return;
    document.getElementById("no-attempts")?.remove();
    list.hidden = false;
    tellTimes(holder.content);
    list.prepend(row);
    while (list.children.length > most) list.lastElementChild.remove();
  }

  holder.hidden = false;
  pause.addEventListener("click", () => {
    paused = !paused;
    pause.setAttribute("aria-pressed", String(paused));
    live.hidden = paused;
    say(paused ? tell("Paused") : tell("%s new since you paused", waiting.length));
    if (!paused) { waiting.forEach(add); waiting = []; }
  });
}

/* templates: fields go where the caret is, and the preview follows what is written */
const editor = document.querySelector(".editor");
if (editor) write(editor);

function write(form) {
  let last = form.elements.body;
  for (const name of ["subject", "body"]) form.elements[name].addEventListener("focus", (event) => { last = event.target; });
  for (const button of form.querySelectorAll("[data-insert]")) button.hidden = false;
  form.addEventListener("click", (event) => {
    const text = event.target.closest("[data-insert]")?.dataset.insert;
    if (!text) return;
    last.focus();
    if (!document.execCommand("insertText", false, text)) {
      last.setRangeText(text, last.selectionStart, last.selectionEnd, "end");
      last.dispatchEvent(new Event("input", { bubbles: true }));
    }
    say(tell("Inserted %s", text));
  });

  /* each preview comes into a frame of its own, so that the way back doesn't lead through them */
  const now = document.getElementById("preview-now");
  let waiting = 0;
  let told = "";
  const look = () => {
    const shown = form.querySelector("[data-preview]:not(.vh)");
    const next = shown.cloneNode();
    next.removeAttribute("src");
    next.name = `preview-${Date.now()}`;
    next.classList.add("vh");
    next.tabIndex = -1;
    form.querySelectorAll("[data-preview].vh").forEach((one) => one.remove());
    next.addEventListener("load", () => {
      const page = next.contentDocument;
      if (!page || page.URL === "about:blank") return;
      shown.remove();
      next.classList.remove("vh");
      next.removeAttribute("tabindex");
      next.style.height = `${Math.min(page.body.scrollHeight + 4, 20000)}px`;
      const words = page.querySelector("[data-said] strong")?.textContent ?? "";
      if (words !== told) { told = words; if (words) say(words); }
    });
    shown.after(next);
    now.formTarget = next.name;
    form.requestSubmit(now);
  };
  const later = () => { clearTimeout(waiting); waiting = setTimeout(look, 400); };
  form.addEventListener("input", later);
  form.addEventListener("submit", (event) => { if (event.submitter !== now) clearTimeout(waiting); });
  now.addEventListener("click", (event) => { if (event.isTrusted) { event.preventDefault(); look(); } });
  form.elements.who.addEventListener("keydown", (event) => { if (event.key === "Enter") { event.preventDefault(); look(); } });
  if (form.elements.body.value) look();

  const people = document.getElementById("people");
  let asked = "";
  form.elements.who.addEventListener("input", async () => {
    const sought = form.elements.who.value.trim();
    if (sought === asked || [...people.options].some((one) => one.value === sought)) return;
    asked = sought;
    const answer = await fetch(`${form.elements.who.dataset.people}?q=${encodeURIComponent(sought)}`);
    if (!answer.ok || sought !== asked) return;
    people.replaceChildren(...(await answer.json()).map((name) => new Option("", name)));
  });
}
