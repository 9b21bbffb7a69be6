// What every part of the page stands on. It holds no data of its own: what it shows it has asked for, and forgets with the next step.
"use strict";

const $ = (id) => document.getElementById(id);
let lang = localStorage.getItem("lang") === "en" ? 1 : 0;
let about = null, status = null, session = null, lost = false, wantsMrz = false, typing = false;

const t = (key) => (WORDS[key] ? WORDS[key][lang] : key);
const two = (pair) => (lang ? pair.en : pair.vi);
/** A word of the people of this place: a guest, a patient, a candidate. */
const t1 = (key) => {
  const person = t(`person_${kind()}`);
  return t(key).replace("{person}", person).replace("{Person}", person.replace(/^./, (first) => first.toUpperCase()));
};

/** Makes an element: attributes, then children. Text is always text. */
function el(name, attributes = {}, ...children) {
  const node = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith("on")) node.addEventListener(key.slice(2), value);
    else if (value === true) node.setAttribute(key, "");
    else if (value !== false && value != null) node.setAttribute(key, value);
  }
  node.append(...children.flat().filter((child) => child != null && child !== false && child !== ""));
  return node;
}

/** What stands in an element from now on; what is not there is left out. */
const fill = (node, ...children) => node.replaceChildren(...children.flat().filter((child) => child != null && child !== false && child !== ""));

/** What the page asks by itself, and not because somebody did something: it keeps nobody's page unlocked. */
let byItself = false;
const alone = async (work) => {
  // Only what is asked before the first wait is meant: what somebody does meanwhile is theirs.
  byItself = true;
  try {
    return work();
  } finally {
    byItself = false;
  }
};

async function answered(method, path, options = {}) {
  const auto = byItself;
  try {
    const response = await Key.fetch(method, path, { ...options, auto });
    if (response.ok) return response;
    throw await response.json();
  } catch (problem) {
    if (problem.code === "not_paired") showPairing();
    if (problem.code === "desk_locked") showLock();
    throw problem;
  }
}

async function ask(method, path, body, headers = {}) {
  const raw = body instanceof Blob;
  const response = await answered(method, path, {
    headers: { ...(body && !raw ? { "content-type": "application/json" } : {}), ...headers },
    body: raw ? body : body ? JSON.stringify(body) : undefined,
  });
  const text = await response.text();
  return text ? JSON.parse(text) : {};
}

/** Fetches a file and has the browser keep it: a link would go without a signature. */
async function download(path) {
  const response = await answered("GET", path);
  const named = /filename="([^"]+)"/.exec(response.headers.get("content-disposition") ?? "");
  const url = URL.createObjectURL(await response.blob());
  const link = el("a", { href: url, download: named ? named[1] : "" });
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 60000);
}
const downloads = (path) => ({ type: "button", onclick: guarded(() => download(path)) });

/** What staff can do about it is said in their language; its code stands beside it for whoever is called. */
function saying(problem) {
  if (!problem.code) return t("lost");
  const known = WORDS[problem.code] ? problem.code : FAMILIES.find(([start]) => problem.code.startsWith(start))?.[1];
  const said = known ? `${t(known)} ${problem.detail ?? ""}` : `${t("problem")} ${problem.title} ${problem.remedy}`;
  return `${said} [${problem.code}]`;
}

/** Says what is wrong, and where a field of the visit's form is named, at that field too. */
function fail(problem, where = $("error")) {
  where.hidden = false;
  where.textContent = saying(problem);
  const named = problem.field && ["a", "i"].map((start) => $("step").querySelector(`[name="${start}.${CSS.escape(problem.field)}"]`)).find(Boolean);
  if (!named) return;
  named.setAttribute("aria-invalid", "true");
  named.addEventListener("input", () => named.removeAttribute("aria-invalid"), { once: true });
  named.focus();
}

function guarded(work) {
  return async (event) => {
    event?.preventDefault?.();
    $("error").hidden = true;
    try {
      await work(event);
    } catch (problem) {
      fail(problem);
    }
  };
}

/** A key that does what a button does, and says so on it. */
const hotkey = (name) => ({ "data-key": name, "aria-keyshortcuts": name.replace("S-Escape", "Shift+Escape") });
const cap = (name) => el("kbd", { "aria-hidden": "true" }, { "S-Escape": "⇧ Esc" }[name] ?? name);

/** Icon and word of a button as one block, and its key where it has one. */
function act(shape, word, attributes = {}, key = null) {
  return el("button", { type: "button", ...attributes, ...(key ? hotkey(key) : {}) }, icon(shape), el("span", { class: "word" }, word), key && cap(key));
}

/**
 * A judgement, or a way out: it never has the focus, and hears neither space nor Enter. What a scanner types cannot press it:
 * its own key does, or a letter that is held for half a second, or a finger.
 */
function judge(shape, word, does, key, { held = null, ...attributes } = {}) {
  return el("button", { type: "button", tabindex: "-1", "data-judges": true, onclick: does, "data-held": held, ...hotkey(key), ...attributes },
    icon(shape), el("span", { class: "word" }, word), held && el("span", { class: "hold", "aria-hidden": "true" }, t("hold"), cap(held)), !held && cap(key));
}

// What was done is said in the footer, never over a row, with the way back where there is one.
let toastTimer = 0;
function toast(text, { undo = null, tone = "good", seconds = 10 } = {}) {
  clearInterval(toastTimer);
  const left = el("span", { class: "left" });
  const close = () => { clearInterval(toastTimer); $("toast").replaceChildren(); };
  const back = undo && el("button", { type: "button", onclick: guarded(async () => { close(); await undo(); }) }, t("undo"));
  $("toast").replaceChildren(el("div", { class: `toast ${tone}` }, icon(tone === "good" ? "tick" : "lock"), el("span", {}, text), back, undo && left));
  const tell = () => { left.textContent = t("secondsLeft").replace("{n}", seconds); };
  tell();
  toastTimer = setInterval(() => {
    seconds -= 1;
    if (seconds <= 0) close();
    else tell();
  }, 1000);
}

/** Nothing of anybody stays on a page that is locked or paired no more. */
function cover(shown) {
  document.querySelector("main").hidden = true;
  $("rail").hidden = true;
  for (const dialog of document.querySelectorAll("dialog")) {
    if (dialog.open) dialog.close();
    dialog.replaceChildren();
  }
  for (const id of ["step", "party", "rows", "room", "queue", "calls", "owed", "tabs", "portal-body", "list-body", "paper", "staff-body", "access-body", "pairings-body", "figures-body", "duty", "counts", "toast", "visit-note"]) {
    $(id).replaceChildren();
  }
  $("q").value = "";
  $("count").textContent = "";
  $("staff-said").replaceChildren();
  // What is said of the device is asked anew, too.
  for (const id of ["offline", "counts"]) $(id).hidden = true;
  for (const id of ["shortcuts", "note"]) $(id).replaceChildren();
  forget();
  silence();
  [session, status, drawn] = [null, null, ""];
  for (const id of ["pair", "lock"]) $(id).hidden = id !== shown;
}

function showPairing() {
  if (!$("pair").hidden) return;
  cover("pair");
  $("code").focus();
}

function showLock() {
  if (!$("lock").hidden) return;
  cover("lock");
  drawPad();
  askWho().catch((problem) => fail(problem, $("lock-error")));
}

// How the page looks is of this browser, and no secret.
const LOOKS = { theme: ["system", "light", "dark"], density: ["normal", "compact", "comfortable"] };
const look = (name) => {
  const kept = localStorage.getItem(name);
  return LOOKS[name].includes(kept) ? kept : LOOKS[name][0];
};
function wear() {
  const root = document.documentElement;
  for (const name of Object.keys(LOOKS)) root.dataset[name] = look(name);
  const dark = look("theme") === "dark" || (look("theme") === "system" && matchMedia("(prefers-color-scheme: dark)").matches);
  root.dataset.dark = dark;
  $("theme").replaceChildren(icon(dark ? "sun" : "moon"));
}
function setLook(name, value) {
  localStorage.setItem(name, value);
  wear();
}
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", wear);

/** What sort of place this is, which its profile says: what is large, and what stands beside the visit. */
function kind() {
  const profile = about?.profile;
  if (!profile) return "plain";
  if (profile.practice) return "plain";
  if (profile.lodging) return "lodging";
  const shows = profile.roster?.show ?? [];
  if (shows.includes("seat")) return "exam";
  if (shows.includes("amount")) return "beneficiary";
  if (profile.ledger?.rule === "in_out") return "gate";
  if (profile.print === "ticket") return "hospital";
  if (profile.print === "page") return "onestop";
  return "plain";
}
