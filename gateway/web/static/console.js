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

/* a mail stands in a frame as high as itself */
for (const frame of document.querySelectorAll("iframe.paper")) {
  const fit = () => {
    const page = frame.contentDocument?.body;
    if (page) frame.style.height = `${Math.min(page.scrollHeight + 4, 20000)}px`;
  };
  frame.addEventListener("load", fit);
  addEventListener("resize", fit);
  fit();
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
