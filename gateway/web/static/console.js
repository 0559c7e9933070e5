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
  if (minutes < -1) return fully(then, now);
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
    const tells = { full: fully, clock: () => exact.format(then) };
    time.textContent = (tells[time.dataset.show] ?? shortly)(then, now);
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
    const told = form.querySelector("[data-refusal]");
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
        told.replaceChildren(...next.querySelector("[data-refusal]").childNodes);
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

/* a file that is too large is told at once: on its way it would be cut off without an answer */
for (const field of document.querySelectorAll("input[type=file][data-most]")) {
  const judge = () => {
    field.setCustomValidity(field.files[0]?.size > Number(field.dataset.most) ? field.dataset.tooLarge : "");
    field.reportValidity();
  };
  field.addEventListener("change", judge);
}

/* live parts: made anew on the server, and put in place unless somebody is in the middle of something there */
for (const part of document.querySelectorAll("[data-live]")) {
  if (!("EventSource" in window)) break;
  let waiting = null;
  const source = new EventSource(part.dataset.live);
  /* a button or link that has an id is found again in the new part; elsewhere somebody is in the middle of something */
  const held = () => part.querySelector(":is(button, a)[id]:focus");
  const busy = () => (part.matches(":focus-within") && !held()) || part.querySelector("details[open]");
  const put = () => {
    if (waiting === null || busy()) return;
    const id = held()?.id;
    part.innerHTML = waiting;
    waiting = null;
    tellTimes(part);
    if (id) document.getElementById(id)?.focus({ preventScroll: true });
  };
  source.addEventListener("part", (event) => {
    const { html, said: sentence } = JSON.parse(event.data);
    waiting = html;
    put();
    part.dataset.followed = "";
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

/* board: a lead goes to another column by the arrow keys on its name, or by its form, and stays in sight */
const board = document.querySelector("[data-board]");
if (board) {
  const columns = [...board.querySelectorAll("[data-status]")];
  const hint = document.getElementById("board-keys");
  if (hint) hint.hidden = false;

  const count = () => columns.forEach((column) => {
    const shown = column.querySelector(".count");
    const more = shown.textContent.endsWith("+") ? "+" : "";
    shown.textContent = `${column.querySelectorAll("li").length}${more}`;
    const empty = column.querySelector(".empty");
    if (empty) empty.hidden = column.querySelector("li") !== null;
  });

  const move = async (row, column) => {
    const form = row.querySelector("form");
    const name = row.querySelector("a.over");
    const status = column.dataset.status;
    row.setAttribute("aria-busy", "true");
    try {
      const body = new URLSearchParams({ status });
      const answer = await fetch(form.action, { method: "POST", body, redirect: "manual" });
      if (answer.type !== "opaqueredirect") throw new Error(String(answer.status));
    } catch {
      say(tell("%s could not be moved. Load the page again.", name.textContent));
      return;
    } finally {
      row.removeAttribute("aria-busy");
    }
    const focused = row.contains(document.activeElement) ? document.activeElement : null;
    column.querySelector("ul").prepend(row);
    form.elements.status.value = status;
    count();
    focused?.focus();
    say(tell("%s is now in %s", name.textContent, column.dataset.label));
  };

  board.addEventListener("keydown", (event) => {
    const name = event.target.closest("a.over");
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!name || !step || event.altKey || event.ctrlKey || event.metaKey || event.shiftKey) return;
    const row = name.closest("li");
    const column = columns[columns.indexOf(row.closest("[data-status]")) + step];
    event.preventDefault();
    if (column && !row.hasAttribute("aria-busy")) move(row, column);
  });
  board.addEventListener("submit", (event) => {
    const row = event.target.closest("li");
    const column = columns.find((one) => one.dataset.status === event.target.elements.status.value);
    if (!row || !column) return;
    event.preventDefault();
    if (!column.contains(row)) move(row, column);
  });
}

/* on a narrow screen the present one of many tabs is in sight */
for (const tab of document.querySelectorAll(".tabs [aria-current]")) {
  const [shown, row] = [tab.getBoundingClientRect(), tab.parentElement.getBoundingClientRect()];
  if (shown.right > row.right || shown.left < row.left) tab.parentElement.scrollLeft += shown.right - row.right + 8;
}

/* forms whose answer takes a while say so */
for (const form of document.querySelectorAll("form[data-waits]")) {
  form.addEventListener("submit", (event) => event.submitter?.setAttribute("aria-busy", "true"));
}
addEventListener("pageshow", () => {
  for (const button of document.querySelectorAll("form[data-waits] [aria-busy]")) button.removeAttribute("aria-busy");
});

/* toast: what was just done can be undone for a while. It waits while somebody is at it */
for (const note of document.querySelectorAll("[data-told]")) {
  history.replaceState(null, "", location.href.replace(/[?&]did=[^&#]*/, (found) => (found[0] === "?" ? "?" : "")).replace(/\?$/, ""));
  setTimeout(() => say(note.querySelector("p").textContent), 100);
  if (!note.dataset.toast) continue;
  const button = note.querySelector("button");
  let left = Number(note.dataset.toast);
  note.className = "toast";
  note.querySelector("svg")?.remove();
  const timer = setInterval(() => {
    if (note.matches(":hover, :focus-within")) return;
    left -= 1;
    button.setAttribute("aria-label", tell("Undo, %s seconds left", left));
    if (left <= 0) { clearInterval(timer); note.remove(); }
  }, 1000);
}

/* choosing rows */
const rows = () => [...document.querySelectorAll("[data-keys] > li")];
const boxOf = (row) => row.querySelector("input[type=checkbox]");
const chosen = () => rows().filter((row) => boxOf(row)?.checked);
const all = document.querySelector("[data-all]");
document.addEventListener("change", (event) => {
  if (event.target === all) {
    for (const row of rows()) boxOf(row).checked = all.checked;
  } else if (all && event.target.closest("[data-keys]")) {
    all.checked = rows().every((row) => boxOf(row).checked);
  } else return;
  say(tell("%s selected", chosen().length));
});

/* keys of lists (/help). They move the focus, so who listens hears the row; letters can be turned off */
const dialog = document.getElementById("keys");
const kept = (name, value) => {
  try { return value === undefined ? localStorage.getItem(name) : localStorage.setItem(name, value); } catch { return null; }
};
const linkOf = (row) => row?.querySelector("a.over, a[data-row]");
const current = () => document.activeElement?.closest("[data-keys] > li");
function move(by) {
  const list = rows();
  const at = list.indexOf(current());
  const row = list[at < 0 ? (by > 0 ? 0 : list.length - 1) : Math.min(Math.max(at + by, 0), list.length - 1)];
  linkOf(row)?.focus();
  row?.scrollIntoView({ block: "nearest" });
  return Boolean(row);
}
const press = (key) => {
  const button = document.querySelector(`button[data-key="${key}"]`);
  button?.form.requestSubmit(button);
  return Boolean(button);
};
const acts = {
  "/": () => { const field = document.querySelector("main input[type=search]"); field?.focus(); field?.select?.(); return Boolean(field); },
  j: () => move(1),
  k: () => move(-1),
  x: () => { const box = current() && boxOf(current()); box?.click(); return Boolean(box); },
  z: () => press("z"),
  "?": () => { dialog?.showModal(); return Boolean(dialog); },
  e: () => {
    const row = chosen().length ? chosen()[0] : current();
    if (!row || !document.querySelector("button[data-key=e]")) return false;
    try { sessionStorage.setItem("row", rows().indexOf(row)); } catch { /* the next page begins at its top */ }
    if (!chosen().length) boxOf(row).checked = true;
    return press("e");
  },
  Escape: (field) => {
    if (field) field.blur();
    else if (chosen().length) { document.getElementById("bulk")?.reset(); say(tell("%s selected", 0)); }
    else if (current()) document.activeElement.blur();
    else document.querySelector("main a.back")?.click();
    return false;
  },
};
document.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && event.target.matches?.("[data-keys] input[type=checkbox]")) {
    event.preventDefault();
    linkOf(current())?.click();
    return;
  }
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
  if (document.querySelector("dialog[open], :popover-open")) return;
  const field = event.target.closest("input:not([type=checkbox], [type=radio]), select, textarea, [contenteditable]");
  if (event.key !== "Escape" && (field || kept("letters") === "off")) return;
  if (Object.hasOwn(acts, event.key) && acts[event.key](field)) event.preventDefault();
});
if (dialog?.showModal) {
  document.querySelector("[data-all-keys]")?.addEventListener("click", (event) => { event.preventDefault(); dialog.showModal(); });
  const off = dialog.querySelector("[data-keys-off]");
  const name = () => { off.textContent = kept("letters") === "off" ? tell("Turn letter keys on") : tell("Turn letter keys off"); };
  off.addEventListener("click", () => { kept("letters", kept("letters") === "off" ? "on" : "off"); name(); });
  name();
}
try {
  const at = sessionStorage.getItem("row");
  sessionStorage.removeItem("row");
  if (at !== null) linkOf(rows()[Math.min(Number(at), rows().length - 1)])?.focus();
} catch { /* nothing is kept between pages */ }
