// Keys: a scan is a scan wherever it falls, a judgement is pressed and never typed, and everything has a key of its own.
"use strict";

/** How close the keys of a scanner stand, milliseconds: nobody types eight keys like that. */
const SCAN_GAP = 50;
const SCAN_SHORTEST = 6;
/** How long a key is held to judge. */
const HOLD = 500;
/** How long a code that came before consent is kept, and how long the next line of a passport is awaited: one alone says nothing. */
const EARLY = 60000;
const LINES = 2000;

/** The keys that came close together: what they said, where they fell, and how it was there before. */
let burst = null;
/** A code that was scanned before the person agreed: kept closed until they do, then used, or forgotten. */
let early = null;
/** Lines of a passport, of which each ends in Enter. */
let lines = [], linesTimer = 0;
/** Until when an Enter belongs to the scan before it: scanners send CR and LF. */
let swallow = 0;

const isField = (node) => node instanceof HTMLInputElement || node instanceof HTMLTextAreaElement || node instanceof HTMLSelectElement;

/** Where letters are only written: a choice or a button takes them for something that is wanted. */
const isText = (node) => node instanceof HTMLTextAreaElement || (node instanceof HTMLInputElement && !["radio", "checkbox", "file", "date", "button", "submit"].includes(node.type));

function snapshot(node) {
  if (!isField(node)) return null;
  return { node, value: node.value, checked: node.checked };
}

/** What a scanner typed into a field was not meant for it. */
function restore(was) {
  if (!was) return;
  was.node.value = was.value;
  if (was.node.type === "radio" || was.node.type === "checkbox") was.node.checked = was.checked;
}

/** Listens before everybody else: whether this key is one of a scan, and then what of it is nobody else's. */
function ofScan(event) {
  if (event.isComposing || ["Shift", "Alt", "Control", "AltGraph", "CapsLock", "NumLock"].includes(event.key)) return false;
  const now = event.timeStamp;
  const ends = event.key === "Enter" || event.key === "Tab" || (event.ctrlKey && event.key === "j");
  // Not one that belongs to keys which have come since.
  if (ends && now < swallow && !burst) return true;
  const follows = burst && now - burst.last <= SCAN_GAP && !event.repeat;
  if (ends) {
    const done = follows && burst.text.length >= SCAN_SHORTEST ? burst : null;
    burst = null;
    if (!done) return false;
    swallow = now + 4 * SCAN_GAP;
    restore(done.was);
    scanned(done.text);
    return true;
  }
  if (event.key.length !== 1 || event.ctrlKey || event.metaKey || event.repeat) {
    burst = null;
    return false;
  }
  if (!follows) burst = { text: "", was: snapshot(event.target), last: now };
  burst.text += event.key;
  burst.last = now;
  // The next line of a passport is on its way: how long it takes to arrive here is no matter.
  if (lines.length) awaitLine(LINES);
  // From the third on it is a scanner: nothing that it types is a command. What came into a field is taken out at the end.
  return burst.text.length > 2 && !isText(event.target);
}

/** A scan is for the step that waits for one; before consent it is kept closed; else it is refused, and nothing is lost. */
function scanned(text) {
  const line = /^[A-Z0-9<]{28,44}$/i.test(text) && text.includes("<");
  if (!line) return give(text);
  lines.push(text);
  awaitLine(lines.length >= (text.length > 32 ? 2 : 3) ? 0 : LINES);
}

function awaitLine(wait) {
  clearTimeout(linesTimer);
  linesTimer = setTimeout(() => { const all = lines.join("\n"); lines = []; give(all); }, wait);
}

function give(text) {
  if (document.querySelector("main").hidden) return toast(t("scanNotHere"), { tone: "warn" });
  if (typing) return scanForTyped(text);
  if (session?.waits === "key" && !document.querySelector("dialog[open]")) return guarded(() => giveKey(text))();
  if (!session || session.waits === "consent") {
    if (!session && status?.busy) return toast(t("scanBusy"), { tone: "warn" });
    early = { text, until: Date.now() + EARLY, session: session?.id ?? null };
    setTimeout(() => { if (early && Date.now() >= early.until) early = null; }, EARLY + 50);
    return toast(t1(session ? "scanKept" : "scanKeptIdle"), { tone: "warn" });
  }
  toast(t1("scanNotNow"), { tone: "warn" });
}

/** What was scanned early is used now that they have agreed. */
function useEarly() {
  if (session?.waits !== "key" || !early) return;
  const { text, until, session: of } = early;
  early = null;
  if (Date.now() < until && (of === null || of === session.id)) guarded(() => giveKey(text))();
}

/** A code at the form of somebody without a readable chip fills it in, where the device can tell. */
function scanForTyped(text) {
  if (!may("POST /v1/typed/scan")) return toast(t1("scanNotNow"), { tone: "warn" });
  guarded(async () => {
    const { items } = await ask("POST", "/v1/typed/scan", { scan: text });
    for (const [name, value] of Object.entries(items)) {
      const field = $("step").querySelector(`[name="i.${CSS.escape(name)}"]`);
      if (field && value) field.value = value;
    }
    toast(t("scanFilled"));
  })();
}

const visible = (node) => node.offsetParent !== null || node.getClientRects().length > 0;
const dialogOpen = () => document.querySelector("dialog[open]");

/** Views by what is done in them, and the keys that are good everywhere. */
function shortcut(event) {
  const name = event.shiftKey && event.key === "Escape" ? "S-Escape" : event.key;
  if (event.key === "Escape" && document.querySelector(".menu")) return false;
  if (dialogOpen()) return false;
  if (event.key === "F2" && about && !document.querySelector("main").hidden && (!session || session.waits === "end") && !typing && !status?.busy) {
    session = null;
    begin(event);
    return true;
  }
  // A key that is held down judges once: the next step may have the same key.
  const button = !event.repeat && [...document.querySelectorAll(`[data-key="${CSS.escape(name)}"]`)].find(visible);
  if (button) {
    button.click();
    return true;
  }
  if (/^F\d+$/.test(name) && document.querySelector(`[data-key="${name}"]`)) return true;
  if (isField(event.target) || event.ctrlKey || event.altKey || event.metaKey) return false;
  if (name === "/") { show(matchMedia("(max-width: 47.99rem)").matches ? "guests" : "desk"); $("q").focus(); return true; }
  if (name === "?") { help(); return true; }
  return false;
}

// A letter judges only when it is held: a scanner cannot hold.
let holding = null;
function hold(event) {
  if (holding || event.repeat || isField(event.target) || dialogOpen()) return;
  const button = [...$("step").querySelectorAll(`[data-held="${CSS.escape(event.key.toUpperCase())}"]`)].find(visible);
  if (!button) return;
  button.classList.add("holding");
  holding = { key: event.key.toUpperCase(), button, timer: setTimeout(() => { release(); if (button.isConnected) button.click(); }, HOLD) };
}
function release() {
  if (!holding) return;
  clearTimeout(holding.timer);
  holding.button.classList.remove("holding");
  holding = null;
}

/** A digit chooses a department, if no other key follows: a scan begins with digits, too. */
let digitTimer = 0;
/** Puts back what a digit chose that was the beginning of a scan: on a busy machine its other keys come late. */
let unchoose = null;
function digit(event) {
  clearTimeout(digitTimer);
  if (!burst || burst.text.length === 1) unchoose = null;
  if (isField(event.target) && event.target.type !== "radio") return;
  const choice = [...$("step").querySelectorAll(`[data-digit="${CSS.escape(event.key)}"]`)].find((one) => visible(one.parentNode));
  if (choice) digitTimer = setTimeout(() => {
    const before = [...$("step").querySelectorAll(`[name="${CSS.escape(choice.name)}"]`)].find((one) => one.checked);
    unchoose = () => { choice.checked = false; if (before) before.checked = true; };
    choice.checked = true;
    choice.focus();
  }, 3 * SCAN_GAP);
}

document.addEventListener("keydown", (event) => {
  if (holding && event.key.toUpperCase() !== holding.key) release();
  if (ofScan(event)) {
    release();
    clearTimeout(digitTimer);
    unchoose?.();
    unchoose = null;
    event.preventDefault();
    event.stopImmediatePropagation();
    return;
  }
  // What judges or leaves hears no Enter and no space, even where the focus came to it.
  if (event.target.closest?.("[data-judges]") && ["Enter", " "].includes(event.key)) {
    event.preventDefault();
    event.stopImmediatePropagation();
    return;
  }
  // Enter in a field of a form goes on to the next one, and at the end to the button that saves: it saves nothing by itself.
  if (event.key === "Enter" && event.target.form?.id === "form" && isField(event.target) && event.target.tagName !== "TEXTAREA") {
    event.preventDefault();
    const all = [...event.target.form.elements].filter((one) => isField(one) ? visible(one) || one.type === "radio" : one.type === "submit");
    const later = all.slice(all.indexOf(event.target) + 1).find((one) => one.type !== "radio" || one.name !== event.target.name);
    later?.focus();
    return;
  }
  hold(event);
  digit(event);
  if (shortcut(event)) event.preventDefault();
}, true);
document.addEventListener("keyup", (event) => {
  release();
  if (event.target.closest?.("[data-judges]") && event.key === " ") event.preventDefault();
}, true);
addEventListener("blur", release);
// A judgement that is touched does not take the focus with it.
document.addEventListener("mousedown", (event) => { if (event.target.closest?.("[data-judges]")) event.preventDefault(); });

/** All keys of what can be done now. */
const KEYS = [["F2", "keyNext"], ["F4", "keyTyped"], ["F6", "keyFile"], ["F8", "keyYes"], ["F9", "keyNo"], ["F10", "keySave"], ["⇧ Esc", "keyStop"], ["/", "keyFind"], ["?", "keyAll"]];
function help() {
  const dialog = $("help");
  const close = () => { dialog.close(); dialog.replaceChildren(); };
  const line = ([name, word]) => el("li", {}, el("kbd", {}, name), el("span", {}, t1(word)));
  fill(dialog,
    el("h2", { id: "help-title" }, t("keysTitle")),
    el("div", { class: "flow" }, el("ul", { class: "keys" }, [...KEYS, ["Y", "keyHoldYes"], ["N", "keyHoldNo"], ["Enter", "keyEnter"]].map(line)), el("p", { class: "kept-scan" }, icon("lock"), el("span", {}, t1("scannerNever")))),
    el("div", { class: "actions" }, el("button", { type: "button", class: "primary", onclick: close }, t("close"))));
  dialog.showModal();
}

/** In the footer: the keys of the step that shows. */
function drawShortcuts() {
  const keys = session?.waits === "face"
    ? [["Y", "keyHoldYes"], ["N", "keyHoldNo"], ["⇧ Esc", "keyStop"]]
    : session && !["end"].includes(session.waits)
      ? [...(["consent", "staff"].includes(session.waits) ? [["F8", "keyYes"], ["F9", "keyNo"]] : [["⇧ Esc", "keyStop"]]), ...(session.waits === "form" ? [["F10", "keySave"]] : [])]
      : [["F2", "keyNext"], ...(about?.profile.accept.includes("typed") ? [["F4", "keyTyped"]] : []), ...(about?.profile.lodging ? [["F6", "keyFile"]] : [])];
  fill($("shortcuts"), ...[...keys, ["/", "keyFind"], ["?", "keyAll"]].map(([name, word]) => el("li", {}, el("kbd", {}, name), el("span", {}, t1(word)))));
  fill($("note"), ...(["face", "consent", "staff"].includes(session?.waits) ? [icon("lock"), el("span", {}, t("scannerNever"))] : []));
}
