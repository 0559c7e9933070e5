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
    const target = next.querySelector("summary") ?? next;
    target.focus();
    next.scrollIntoView({ block: "nearest" });
    event.preventDefault();
    return;
  }
  const way = talk.querySelector(`[data-key="${CSS.escape(event.key)}"]`);
  if (way) { event.preventDefault(); way.click(); }
});

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
