// The desk page. It holds no data of its own: what it shows it has asked for, and forgets with the next step.
"use strict";

const $ = (id) => document.getElementById(id);
let lang = localStorage.getItem("lang") === "en" ? 1 : 0;
/** When central was first seen not to have everything: a moment of it is no news. */
let behindSince = 0;
let about = null, status = null, session = null, lost = false, wantsMrz = false, typing = false;
/** Who of staff looked last: for the shift, and nowhere but here. */
let staffName = "";

const t = (key) => (WORDS[key] ? WORDS[key][lang] : key);
const two = (pair) => (lang ? pair.en : pair.vi);

/** Makes an element: attributes, then children. Text is always text. */
function el(name, attributes = {}, ...children) {
  const node = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith("on")) node.addEventListener(key.slice(2), value);
    else if (value === true) node.setAttribute(key, "");
    else if (value !== false && value != null) node.setAttribute(key, value);
  }
  node.append(...children.flat().filter((child) => child != null && child !== false));
  return node;
}

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

function fail(problem, where = $("error")) {
  where.hidden = false;
  if (!problem.code) where.textContent = t("lost");
  // What staff can do about it is said in their language; what only a technician meets has its code and remedy.
  else if (WORDS[problem.code]) where.textContent = `${t(problem.code)} ${problem.detail ?? ""} [${problem.code}]`;
  else where.textContent = `${t("problem")} ${problem.title} ${problem.remedy} [${problem.code}]`;
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

/** Nothing of anybody stays on a page that is locked or paired no more. */
function cover(shown) {
  document.querySelector("main").hidden = true;
  if ($("detail").open) $("detail").close();
  $("detail").replaceChildren();
  for (const id of ["step", "rows", "portal-body", "list-body", "paper", "staff-body", "access-body", "pairings-body", "duty"]) $(id).replaceChildren();
  $("staff-said").replaceChildren();
  // What is said of the device is asked anew, too.
  $("offline").hidden = true;
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

$("pair").addEventListener("submit", async (event) => {
  event.preventDefault();
  $("pair-error").hidden = true;
  const first = $("first").hidden ? {} : { manager: { name: $("first-name").value.trim(), pin: $("first-pin").value.trim() } };
  try {
    await Key.pair({ code: $("code").value.trim(), name: $("who").value.trim(), ...first });
    location.reload();
  } catch (problem) {
    // Nobody manages the place yet, and the code is not spent: who pairs its first page names who does.
    if (problem.code === "manager_needed") {
      $("first").hidden = $("first").disabled = false;
      $("first-name").focus();
    } else {
      fail(problem, $("pair-error"));
    }
  }
});

const clock = (seconds) =>
  new Intl.DateTimeFormat("vi-VN", { hour: "2-digit", minute: "2-digit", timeZone: "Asia/Ho_Chi_Minh" }).format(seconds * 1000);
const label = (name) => {
  const field = about.profile.form.find((field) => `form.${field.id}` === name);
  if (field) return lang ? field.label_en : field.label_vi;
  if (about.profile.labels[name]) return two(about.profile.labels[name]);
  const attribute = name.replace("roster.", "");
  return WORDS[`list_${attribute}`] ? t(`list_${attribute}`) : attribute;
};
const valueOf = (holder, name) => name.split(".").reduce((value, key) => value?.[key], holder);
const shown = (name, value) => {
  const field = about.profile.form.find((field) => `form.${field.id}` === name);
  const choice = field?.choice.find((choice) => choice.value === value);
  return choice ? (lang ? choice.label_en : choice.label_vi) : value;
};
const fields = () => about.profile.recipients.find((recipient) => recipient.id === "desk")?.fields ?? [];

function picture(image, caption, reason) {
  if (!image && reason) {
    const why = WORDS[`no_portrait_${reason}`] ? t(`no_portrait_${reason}`) : t("no_portrait_odd");
    return el("figure", { class: "missing", "data-reason": reason }, el("figcaption", {}, `${t("noPortrait")} ${why}`));
  }
  if (!image) return null;
  const src = `data:${image.media_type};base64,${image.base64}`;
  return el("figure", {}, el("img", { src, alt: caption }), el("figcaption", {}, caption));
}

function holderView(holder, photo, differences) {
  if (!holder) return null;
  const list = el("dl");
  for (const name of fields()) {
    const value = valueOf(holder, name);
    if (name === "portrait" || value == null || (name === "document_number" && holder.id_number)) continue;
    list.append(el("dt", {}, label(name)), el("dd", {}, shown(name, value)));
  }
  for (const difference of differences ?? []) {
    list.append(el("dt", {}, label(difference.item)), el("dd", { class: "differs" }, `${difference.listed} → ${difference.chip}`));
  }
  return el("div", { class: "holder" }, picture(holder.portrait, t("chipPhoto"), holder.portrait_reason), picture(photo, t("listPhoto")), list);
}

// The verdict: one shape, one colour, one sentence, one next step.

/** Shapes on a grid of 24: what is filled faintly, then what is drawn over it. */
const ICONS = {
  "shield": ["M12 3l7 2.6v5.6c0 4.4-2.9 7.9-7 9.8-4.1-1.9-7-5.4-7-9.8V5.6z", "M8.9 11.9l2.2 2.2 4.1-4.3"],
  "shield-cross": ["M12 3l7 2.6v5.6c0 4.4-2.9 7.9-7 9.8-4.1-1.9-7-5.4-7-9.8V5.6z", "M9.6 9.4l4.8 4.8M14.4 9.4l-4.8 4.8"],
  pin: ["M9.5 3.8v5.4L6.7 13h10.6l-2.8-3.8V3.8z", "M8 3.8h8M12 13v7.4"],
  triangle: ["M12 4.2l8.8 15.3H3.2z", "M12 10v4.2M12 16.8v.1"],
  eye: ["M2.5 12S6 5.8 12 5.8 21.5 12 21.5 12 18 18.2 12 18.2 2.5 12 2.5 12z", "M14.7 12a2.7 2.7 0 1 1-5.4 0 2.7 2.7 0 0 1 5.4 0z"],
  pencil: ["M4.2 19.8l1-4.4L16.1 4.5a1.5 1.5 0 0 1 2.1 0l1.3 1.3a1.5 1.5 0 0 1 0 2.1L8.6 18.8z", "M13.7 6.9l3.4 3.4"],
  arrows: ["", "M4 8.6h16l-3.9-3.9M20 15.4H4l3.9 3.9"],
  "calendar-cross": ["M6 5.3h12a2 2 0 0 1 2 2v11a2 2 0 0 1-2 2H6a2 2 0 0 1-2-2v-11a2 2 0 0 1 2-2z", "M4 9.8h16M8.3 3.2v3.6M15.7 3.2v3.6M10.1 12.8l3.8 3.8M13.9 12.8l-3.8 3.8"],
  question: ["M21 12a9 9 0 1 1-18 0 9 9 0 0 1 18 0z", "M9.3 9.4a2.8 2.8 0 1 1 4.2 2.5c-.9.5-1.5 1.1-1.5 2.1M12 16.8v.1"],
  stop: ["M21 12a9 9 0 1 1-18 0 9 9 0 0 1 18 0z", "M9 9l6 6M15 9l-6 6"],
  next: ["", "M9 5.5l6.5 6.5L9 18.5"],
};

function icon(name) {
  const draw = (tag, attributes) => {
    const node = document.createElementNS("http://www.w3.org/2000/svg", tag);
    for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
    return node;
  };
  const [filled, drawn] = ICONS[name] ?? ICONS.question;
  const svg = draw("svg", { viewBox: "0 0 24 24", class: "icon", "aria-hidden": "true", focusable: "false" });
  svg.append(...[filled && draw("path", { d: filled, class: "filled" }), draw("path", { d: drawn })].filter(Boolean));
  return svg;
}

/** What the device says of a word. One that it does not know yet is shown as it is, and promises nothing. */
const wordOf = (code) => {
  const plain = { vi: code, en: code };
  return about.words?.word?.[code] ?? { title: plain, chip: plain, staff: null, next: null, tone: "slate", icon: "question" };
};
const because = (code) => (about.words?.because?.[code] ? two(about.words.because[code]) : code);
const rungName = (code) => (about.words?.rung?.[code] ? two(about.words.rung[code]) : code);
const LEVELS = { claimed: 1, shown: 2, signed: 3, pinned: 4, proved: 5 };
/** Under which code somebody is turned away for a reason; it is the same code for most. */
const REFUSALS = { other_holder: "face_differs", withdrawn: "card_withdrawn", expired: "card_expired", not_yet_valid: "card_not_yet_valid", assurance: "assurance_too_low", weak: "algorithm_too_weak" };
const refusalOf = (reason) => REFUSALS[reason] ?? reason;
/** As people here write a day, where the document has it in another order. */
const dayOf = (text) => text.replace(/^(\d{4})-(\d{2})-(\d{2})$/, "$3/$2/$1");

function meter(level) {
  const parts = [1, 2, 3, 4, 5].map((at) => el("span", { class: at <= level ? "on" : "" }));
  return el("span", { class: "meter", role: "img", "aria-label": `${level}/5` }, parts);
}

/** Why a visit does not simply go on: what becomes of it, in which words, and whether the word over the card says it. */
function whyOf({ verdict, outcome, waits }) {
  const { word, admission, refusal } = verdict;
  const [how, reason] = typeof admission === "string" ? [admission] : Object.entries(admission ?? {})[0] ?? [];
  const refused = refusal ?? outcome?.refused;
  if (how === "refused") return { kind: "refuse", head: t("turnedAway"), text: because(reason), said: word === reason };
  if (how === "ask_staff" && refused === refusalOf(reason)) return { kind: "refuse", head: t("staffDidNot"), text: because(reason) };
  if (refused) return { kind: "refuse", head: t("turnedAway"), text: t(refused), said: refusalOf(word) === refused };
  if (outcome === "cancelled") return { kind: "halt", head: t("cancelled") };
  if (how === "marked") return { kind: "mark", head: t("goesOnMarked"), text: because(reason) };
  if (how === "ask_staff") return { kind: "mark", head: t(waits === "staff" ? "asksStaff" : "staffWentOn"), text: because(reason) };
  return null;
}

/**
 * The panel: `what` has word, rung, document, until, checks; `why` is what stands against simply going on. `next` is the
 * next step where it is another one than the word's own, and nothing where there is none; `brief` is the head alone.
 */
function panel(what, { why, next, brief } = {}) {
  const word = wordOf(what.word);
  const level = what.level ?? LEVELS[what.rung];
  const step = next === undefined ? word.next && two(word.next) : next;
  const day = what.word === "expired" && what.until ? `${t("expiredOn")} ${dayOf(what.until)}` : null;
  const rung = level ? el("span", {}, `${rungName(what.rung)} · ${t("level")} ${level}`) : null;
  const line = [day && el("span", {}, day), rung, level ? meter(level) : null, !level && why?.kind === "refuse" && el("span", {}, t("refusedShort"))];
  const strip = why && !why.said
    ? el("p", { class: `why ${why.kind}` }, icon(why.kind === "mark" ? "triangle" : "stop"), el("span", {}, el("strong", {}, why.head), why.text ? `: ${why.text}` : ""))
    : null;
  // What a card says that proved to be none, or another one, is no fact.
  const facts = [
    level && what.document && [t("document"), WORDS[`doc_${what.document}`] ? t(`doc_${what.document}`) : what.document],
    level && what.until && !day && [t("validUntil"), dayOf(what.until)],
    what.staff && [t("staffBy"), [what.by, t(`reason_${what.staff}`)].filter(Boolean).join(" · ")],
  ].filter(Boolean);
  const green = ["ok", "teal"].includes(word.tone);
  // What was not asked of a chip is news only where something is missing.
  const odd = Object.entries(what.checks ?? {}).filter(([, outcome]) => outcome !== "passed" && !(green && outcome === "not_performed"));
  const body = brief ? null : [
    word.staff && el("p", { class: "sentence" }, two(word.staff)),
    step && el("p", { class: "step" }, icon("next"), el("span", {}, el("span", { class: "muted" }, t("nextStep")), el("strong", {}, step))),
    facts.length > 0 && el("ul", { class: "facts" }, facts.map(([name, value]) => el("li", {}, `${name}: `, el("b", {}, value)))),
    odd.length > 0 && el("details", {}, el("summary", {}, `${t("checks")} (${odd.length})`),
      el("ul", {}, odd.map(([id, outcome]) => el("li", {}, el("code", {}, id), ` ${t(`check_${outcome}`)}`)))),
  ].filter(Boolean);
  // Green and teal fill the head only where nothing stands against going on: at a glance, filled means go on.
  const held = why && green;
  // Who is turned away for another reason than the card reads that first.
  const first = strip && why.kind !== "mark";
  return el("div", { class: `verdict tone-${word.tone}${held ? " held" : ""}`, "data-word": what.word, "data-icon": word.icon },
    first ? strip : null,
    el("div", { class: "head" }, el("span", { class: "disc" }, icon(word.icon)),
      el("div", {}, el("h3", {}, two(word.title)), el("p", { class: "rung" }, line))),
    first ? null : strip,
    body && body.length > 0 ? el("div", { class: "body" }, body) : null);
}

function verdictView(view, brief = false) {
  return view.verdict ? panel(view.verdict, { why: whyOf(view), next: nextOf(view), brief }) : null;
}

/** Of a record: what was assured when they came, and who of staff went on. */
function assuranceView(record) {
  const { assurance } = record;
  if (!assurance) return el("p", {}, chipView(null), " ", el("span", { class: "muted" }, t("unclearLong")));
  const why = assurance.marked ? { kind: "mark", head: t(assurance.staff ? "staffWentOn" : "marked"), text: because(assurance.marked) } : null;
  return panel({ ...assurance, by: record.staff }, { why, next: null });
}

/** The same, small: shape, word, and the level for those who hear it. */
function chipView(assurance) {
  const word = assurance ? wordOf(assurance.word ?? assurance.rung) : { tone: "slate", icon: "question" };
  const level = LEVELS[assurance?.rung];
  return el("span", { class: `chip tone-${word.tone}`, "data-word": assurance?.word ?? "", "data-icon": word.icon },
    icon(word.icon), assurance ? two(word.chip) : t("unclear"), level ? el("span", { class: "unseen" }, `, ${t("level")} ${level}`) : null);
}

function markView(assurance) {
  if (!assurance?.marked) return null;
  const said = t(assurance.staff ? "staffLooked" : "marked");
  return el("span", { class: "mark", title: because(assurance.marked) }, icon("triangle"), said, el("span", { class: "unseen" }, `: ${because(assurance.marked)}`));
}

/** Takes what the device says of the session; an answer that was overtaken by a newer one says nothing any more. */
function know(view) {
  if (!session || session.id !== view.id || view.last_event >= session.last_event) session = view;
}

/** Which step shows: rebuilt only when it is another, so that nobody loses what they are typing. */
let drawn = "";

function drawVisit(focused = true) {
  const key = JSON.stringify([lang, session?.id, session?.waits, session?.outcome, wantsMrz, typing, session ? 0 : status?.busy, session?.answers]);
  if (key === drawn) return;
  drawn = key;
  const step = $("step");
  step.dataset.step = session?.waits ?? "";
  step.replaceChildren(...steps());
  $("visit-title").textContent = title();
  const focus = step.querySelector("[data-focus]") ?? step.querySelector("input, select, textarea, button.primary, button");
  if (!focused) return;
  // No further than it must: a field in the middle of the screen would push the verdict over its edge.
  focus?.focus({ preventScroll: true });
  focus?.scrollIntoView({ block: "nearest" });
}

function title() {
  if (typing) return t("typedStart");
  if (!session) return t("ready");
  const end = { done: "done", cancelled: "cancelled" }[session.outcome] ?? "turnedAway";
  return t({ consent: "consentTitle", key: "keyTitle", chip: "chipTitle", staff: "staffTitle", face: "faceTitle", form: "formTitle", kept: "kept", end }[session.waits]);
}

function steps() {
  if (typing) return [typedForm()];
  if (!session) return idle();
  switch (session.waits) {
    case "consent": return consent();
    case "key": return key();
    case "chip": return chip();
    case "staff": return staffStep();
    case "face": return face();
    case "form": return [verdictView(session, true), holderView(session.holder, session.photo, session.differences), form(session.answers)].filter(Boolean);
    case "kept": return [el("progress", { "aria-label": t("kept") })];
    default: return end();
  }
}

const stop = () => el("button", { type: "button", class: "quiet", onclick: guarded(cancel) }, t("cancel"));

async function cancel() {
  session = await ask("DELETE", `/v1/sessions/${session.id}`);
  session = null;
  refresh();
  drawVisit();
}

const begins = (wanted) => guarded(async () => {
  wantsMrz = false;
  const random = [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  session = await ask("POST", "/v1/sessions", wanted, { "idempotency-key": random });
  drawVisit();
});
const begin = begins({});

function idle() {
  if (status?.busy) {
    return [el("p", {}, `${t("busyBy")} ${status.busy}`), el("button", { type: "button", onclick: guarded(adopt) }, t("takeOver"))];
  }
  const parts = [
    el("button", { type: "button", class: "primary big", onclick: begin }, t("start")),
    el("p", { class: "muted" }, t("startKey")),
  ];
  if (about.plugin) {
    parts.push(el("button", { type: "button", class: "big", onclick: begins({ for_plugin: true }) }, t("startPlugin")));
  }
  if (about.profile.accept.includes("typed")) {
    parts.push(el("button", { type: "button", class: "big", onclick: () => { typing = true; drawVisit(); } }, t("typedStart")));
  }
  return parts;
}

async function adopt() {
  session = await ask("GET", `/v1/sessions/${status.session}`);
  drawVisit();
}

function consent() {
  const { purpose, legal_basis: law, keep } = about.profile;
  const agree = guarded(async () => {
    know(await ask("POST", `/v1/sessions/${session.id}/consent`, { language: lang ? "en" : "vi" }));
    drawVisit();
  });
  return [
    el("p", { class: "muted" }, t("consentHint")),
    el("p", { class: "purpose" }, two(purpose)),
    el("p", { class: "muted", lang: lang ? "vi" : "en" }, lang ? purpose.vi : purpose.en),
    el("p", {}, keep ? t("keeps").replace("{days}", keep.days) : t("keepsNothing")),
    el("p", { class: "muted" }, `${t("law")}: ${law}`),
    el("div", { class: "actions" },
      el("button", { type: "button", class: "primary", "data-focus": true, onclick: agree }, t("agree")),
      el("button", { type: "button", class: "quiet", onclick: guarded(cancel) }, t("refuse"))),
  ];
}

function key() {
  const send = guarded(async (event) => {
    const text = new FormData(event.target).get("key").trim();
    // A keyboard loses letters with marks: of a citizen card only the number is sent, which opens the chip.
    const first = text.split("|")[0];
    const body = wantsMrz ? { mrz: text } : /^\d{12}$/.test(first) ? { scan: first } : { scan: text };
    event.target.reset();
    know(await ask("POST", `/v1/sessions/${session.id}/key`, body));
    if (session.waits === "key") {
      $("step").querySelector("p").textContent = t("insurance");
    }
    drawVisit();
  });
  const field = wantsMrz
    ? el("textarea", { name: "key", required: true, autocomplete: "off", spellcheck: "false" })
    : el("input", { name: "key", required: true, autocomplete: "off", spellcheck: "false" });
  const mrz = about.profile.takes_mrz && !wantsMrz;
  return [
    el("p", { class: "muted", role: "status" }, wantsMrz ? t("mrzField") : t("keyHint")),
    el("form", { onsubmit: send },
      el("label", {}, el("span", {}, wantsMrz ? t("mrzField") : t("keyField")), field),
      el("div", { class: "actions" },
        el("button", { type: "submit", class: "primary" }, t("next")),
        mrz && el("button", { type: "button", onclick: () => { wantsMrz = true; drawVisit(); } }, t("mrz")),
        stop())),
  ];
}

function chip() {
  return [
    el("p", { id: "reading", class: "muted" }, t("chipHint")),
    el("progress", { id: "progress", max: 100, value: 0, "aria-label": t("chipTitle") }),
    el("div", { class: "actions" }, stop()),
  ];
}

function face() {
  const say = (same) => guarded(async () => {
    know(await ask("POST", `/v1/sessions/${session.id}/face`, { same }));
    drawVisit();
  });
  return [
    verdictView(session),
    holderView(session.holder, session.photo, session.differences),
    el("div", { class: "actions pinned" },
      el("button", { type: "button", class: "primary", "data-focus": true, onclick: say(true), ...hotkey("F8") }, t("same"), cap("F8")),
      el("button", { type: "button", class: "danger", onclick: say(false), ...hotkey("F9") }, t("differs"), cap("F9")),
      stop()),
  ];
}

/** A key that does what a button does, and says so on it. */
const hotkey = (name) => ({ "data-key": name, "aria-keyshortcuts": name });
const cap = (name) => el("kbd", { "aria-hidden": "true" }, name);

const REASONS = ["card_examined", "person_known", "other_paper_seen", "emergency"];

/** Who of staff goes on, and why: nobody is asked twice for their name in a shift, and everybody for the reason. */
function vouching() {
  const name = el("input", { name: "staff", value: staffName, required: true, maxlength: 80, autocomplete: "off", oninput: (event) => { staffName = event.target.value.trim(); } });
  const reasons = REASONS.map((reason) => el("option", { value: reason }, t(`reason_${reason}`)));
  return [
    el("div", { class: "pair" },
      el("label", {}, el("span", {}, t("staffName")), name),
      el("label", {}, el("span", {}, t("staffReason")), el("select", { name: "reason", required: true }, el("option", { value: "" }, t("choose")), reasons))),
  ];
}

const vouched = (form) => {
  const data = new FormData(form);
  return { name: (data.get("staff") ?? "").trim(), reason: data.get("reason") };
};

function staffStep() {
  // No button submits it: Enter in a field, or of a scanner, judges nothing.
  const asked = el("form", { onsubmit: (event) => event.preventDefault() }, vouching());
  const say = (goesOn) => guarded(async () => {
    if (goesOn && !asked.reportValidity()) return;
    const { name, reason } = vouched(asked);
    know(await ask("POST", `/v1/sessions/${session.id}/staff`, { name, reason: goesOn ? reason : null }));
    drawVisit();
  });
  // They are looked at first and judged last: neither button is where the focus is.
  asked.querySelector(staffName ? "select" : "input").setAttribute("data-focus", "");
  const actions = el("div", { class: "actions pinned" },
    el("button", { type: "button", class: "primary", onclick: say(true), ...hotkey("F8") }, t("staffGo"), cap("F8")),
    el("button", { type: "button", class: "danger", onclick: say(false), ...hotkey("F9") }, t("staffStop"), cap("F9")));
  return [verdictView(session), holderView(session.holder, session.photo, session.differences), asked, actions].filter(Boolean);
}

function today(plus = 0) {
  const day = new Date(Date.now() + plus * 86400000);
  return new Intl.DateTimeFormat("vi-VN", { day: "2-digit", month: "2-digit", year: "numeric", timeZone: "Asia/Ho_Chi_Minh" }).format(day);
}

async function digest(event) {
  const [file] = event.target.files;
  const hash = await crypto.subtle.digest("SHA-256", await file.arrayBuffer());
  event.target.nextElementSibling.value = [...new Uint8Array(hash)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** What was given to the one before in the same party is what this one has, too. */
let lastAnswers = {};

function inputOf(field, known) {
  const name = `a.${field.id}`;
  const usual = known[field.id] ?? (about.profile.party ? lastAnswers[field.id] : undefined);
  const required = !field.optional;
  if (field.choice.length) {
    const options = field.choice.map((choice) =>
      el("option", { value: choice.value, selected: usual === choice.value }, lang ? choice.label_en : choice.label_vi));
    return el("select", { name, required }, el("option", { value: "" }, "—"), options);
  }
  if (field.keyboard === "digest") {
    return [el("input", { type: "file", onchange: digest }), el("input", { name, required, readonly: true, placeholder: "SHA-256", "aria-label": "SHA-256" }), el("span", { class: "muted" }, t("digest"))];
  }
  const date = field.keyboard === "date";
  const value = usual ?? (date && field.id === "arrival" ? today() : date && field.id === "departure" ? today(1) : "");
  return el("input", { name, value, required, autocomplete: "off", placeholder: date ? "dd/MM/yyyy" : null, inputmode: field.keyboard === "digits" || date ? "numeric" : null });
}

function formFields(known) {
  const parts = about.profile.form.map((field) =>
    el("label", {}, el("span", {}, `${lang ? field.label_en : field.label_vi} ${field.optional ? t("optional") : ""}`), inputOf(field, known)));
  if (about.profile.party) {
    parts.push(el("label", {}, el("span", {}, t("party")), el("input", { name: "party", value: lastAnswers.party ?? "", autocomplete: "off" })));
  }
  return parts;
}

function readForm(form) {
  const data = new FormData(form);
  const answers = {};
  for (const field of about.profile.form) {
    const value = (data.get(`a.${field.id}`) ?? "").trim();
    if (value) answers[field.id] = value;
  }
  const party = (data.get("party") ?? "").trim() || null;
  const { room, ward, arrival, departure, reason } = answers;
  lastAnswers = { room, ward, arrival, departure, reason, party };
  return { answers, party };
}

function form(known) {
  const save = guarded(async (event) => {
    know(await ask("POST", `/v1/sessions/${session.id}/form`, readForm(event.target)));
    drawVisit();
  });
  return el("form", { onsubmit: save }, formFields(known ?? {}),
    el("div", { class: "actions" }, el("button", { type: "submit", class: "primary" }, t("save")), stop()));
}

const SEEN = ["citizen_card", "vneid", "passport", "birth_certificate", "driving_licence", "residence_card", "other_paper"];

/** What the profile makes of somebody of whom only this is assured: `goes_on`, `mark`, `staff` or `refuse`. */
function below(rung) {
  const terms = about.profile.assurance;
  return LEVELS[rung] >= LEVELS[terms.at_least] ? "goes_on" : terms[rung];
}

/** What was seen of somebody without a chip, what that is worth here, and who of staff answers for it where they must. */
function seenFields() {
  const worth = el("div", { role: "status" });
  const staff = el("fieldset", { class: "plain", hidden: true, disabled: true }, vouching());
  const tell = (select) => {
    const rung = select.value && (select.value === "none" ? "claimed" : "shown");
    const how = rung && below(rung);
    const why = { mark: { kind: "mark", head: t("goesOnMarked"), text: because("assurance") }, staff: { kind: "mark", head: t("asksStaff"), text: because("assurance") }, refuse: { kind: "refuse", head: t("turnedAway"), text: t("needsChip") } }[how];
    select.setCustomValidity(how === "refuse" ? t("needsChip") : "");
    staff.hidden = staff.disabled = how !== "staff";
    worth.replaceChildren(...(rung ? [panel({ word: rung, rung }, { why, next: how === "refuse" ? null : undefined })] : []));
  };
  const select = el("select", { name: "seen", required: true, onchange: (event) => tell(event.target) },
    el("option", { value: "" }, t("choose")),
    SEEN.map((seen) => el("option", { value: seen }, t(`doc_${seen}`))),
    el("option", { value: "none" }, t("seen_none")));
  return [el("label", {}, el("span", {}, t("seen")), select), worth, staff];
}

function typedForm() {
  const order = ["full_name", "date_of_birth", "sex", "nationality", "id_number", "document_number", "residence"];
  const wanted = order.filter((name) => fields().includes(name));
  const close = () => { typing = false; drawVisit(); };
  const leave = el("button", { type: "button", class: "quiet", onclick: close }, t("cancel"));
  if (below("shown") === "refuse" && below("claimed") === "refuse") {
    return el("div", {}, el("p", { class: "banner warn" }, t("needsChip")), el("div", { class: "actions" }, leave));
  }
  const save = guarded(async (event) => {
    const data = new FormData(event.target);
    const items = {};
    for (const name of wanted) {
      const value = (data.get(`i.${name}`) ?? "").trim();
      if (value) items[name] = value;
    }
    const seen = data.get("seen") === "none" ? null : data.get("seen");
    const staff = below(seen ? "shown" : "claimed") === "staff" ? vouched(event.target) : null;
    await ask("POST", "/v1/typed", { items, ...readForm(event.target), seen, staff, agreed: lang ? "en" : "vi" });
    close();
    loadToday();
    loadPortal();
  });
  const usual = { nationality: "Việt Nam" };
  const input = (name) => {
    const must = ["full_name", "date_of_birth"].includes(name) || (about.profile.lodging && name === "id_number");
    if (name === "sex") {
      return el("select", { name: `i.${name}` }, el("option", {}, "Nam"), el("option", {}, "Nữ"));
    }
    const birth = name === "date_of_birth" && { placeholder: t("birthHint"), title: t("birthHint"), pattern: "\\s*(\\d{1,2}/\\d{1,2}/)?\\d{4}\\s*", inputmode: "text" };
    return el("input", { name: `i.${name}`, required: must, value: usual[name] ?? "", autocomplete: "off", ...birth });
  };
  return el("form", { onsubmit: save },
    el("p", { class: "purpose" }, two(about.profile.purpose)),
    seenFields(),
    about.profile.lodging ? el("p", { class: "muted" }, t("paperHint")) : "",
    wanted.map((name) => el("label", {}, el("span", {}, label(name)), input(name))),
    formFields({}),
    el("div", { class: "actions pinned" },
      el("button", { type: "submit", class: "primary" }, `${t("agree")} · ${t("save")}`),
      leave));
}

/** Words over a card with which another paper may help. */
const OTHER_PAPER = ["other_document", "expired", "not_yet_valid", "unproved", "signed"];

/**
 * What staff do now, where it is not what the words over the card say: those are for who meets the card first. An
 * expired one that goes on is not given back before the face is compared.
 */
function nextOf({ outcome, verdict, waits }) {
  if (waits === "staff") return verdict.word === "signed" ? undefined : t("staffNext");
  if (waits === "face") return ["proved", "pinned"].includes(verdict?.word) ? undefined : two(wordOf("proved").next ?? { vi: "", en: "" });
  const refused = outcome?.refused;
  if (!refused) return t("giveBack");
  if (verdict && refusalOf(verdict.word) === refused) return undefined;
  if (["no_list", "list_expired"].includes(refused)) return t("listNext");
  const paper = ["assurance_too_low", "algorithm_too_weak", "validity_unknown", "no_number"].includes(refused);
  return t(paper ? "otherPaperNext" : "turnedAwayNext");
}

function end() {
  const outcome = session.outcome;
  const good = outcome === "done";
  const next = nextOf(session);
  const printable = good && session.record && about.profile.print;
  const paper = outcome?.refused && !session.verdict?.refusal && OTHER_PAPER.includes(session.verdict?.word) && about.profile.accept.includes("typed") && below("shown") !== "refuse";
  const without = outcome?.refused
    ? [el("p", { class: "why refuse" }, icon("stop"), el("strong", {}, t(outcome.refused))), el("p", {}, next)]
    : [el("p", {}, `${t(outcome)}. ${next}`)];
  return [
    session.verdict ? verdictView(session) : without,
    good && session.number ? el("p", {}, t("ticket")) : null,
    good && session.number ? el("p", { class: "number" }, session.number) : null,
    good && session.place ? el("p", {}, session.place) : null,
    good ? holderView(session.holder, null, session.differences) : null,
    el("div", { class: "actions pinned" },
      el("button", { type: "button", class: "primary", "data-focus": true, onclick: () => { session = null; begin(); } }, t("start")),
      paper && el("button", { type: "button", onclick: () => { session = null; typing = true; drawVisit(); }, ...hotkey("F4") }, t("otherPaper"), cap("F4")),
      printable && el("button", { type: "button", onclick: guarded(() => print(session.record)) }, t("printDo")),
      printable && about.profile.print === "attestation" && el("button", downloads(`/v1/records/${session.record}/attestation`), t("statement")),
      el("button", { type: "button", class: "quiet", onclick: () => { session = null; drawVisit(); } }, t("close"))),
  ].flat().filter(Boolean);
}

async function print(record) {
  const answer = await ask("POST", `/v1/records/${record}/print`, {});
  if (answer.printed) return;
  const lines = answer.lines.length ? answer.lines : [about.site, t("ticket"), answer.number ?? "", answer.place ?? ""];
  $("paper").textContent = lines.join("\n");
  window.print();
  $("paper").textContent = "";
}

// The list of today.
/** Who, with which number, and what staff have asked or the list assigns; the rest is one touch away. */
const columns = () => {
  const own = fields().filter((name) => name.includes("."));
  const first = ["full_name", "id_number", "date_of_birth"].filter((name) => fields().includes(name));
  return [...first, ...own].slice(0, 5);
};

/** How many stand on each rung, from the top. */
function byRung(records) {
  const many = Object.keys(LEVELS).reverse().map((rung) => [rung, records.filter((one) => one.assurance?.rung === rung).length]);
  const said = many.filter(([, count]) => count > 0).map(([rung, count]) => `${rungName(rung)} ${count}`);
  return said.length ? ` (${said.join(" · ")})` : "";
}

async function loadToday() {
  const q = $("q").value.trim();
  // Guests of yesterday are guests until they leave; what is looked for is looked for in all that is kept.
  const which = q ? `?q=${encodeURIComponent(q)}` : about.profile.lodging ? "?in_house=true" : "";
  const { records } = await ask("GET", `/v1/records${which}`);
  $("count").textContent = records.length ? `${records.length} ${t("people")}${byRung(records)}` : t("none");
  const heads = [t("time"), about.profile.print === "ticket" ? t("ticket") : null, ...columns().map(label), t("state")].filter(Boolean);
  $("head").replaceChildren(el("tr", {}, heads.map((head) => el("th", { scope: "col" }, head))));
  $("rows").replaceChildren(...records.map((record) => {
    const state = [
      record.source === "typed" && !record.assurance && t("unverified"),
      record.gone_at && t("gone"),
      record.batch && `${t("reported")} ${record.batch}`,
      ...Object.entries(record.deliveries).map(([id, how]) => `${id}: ${{ due: "…", done: "✓", refused: "✗" }[how]}`),
    ].filter(Boolean).join(", ");
    // It stands with the person: under the name, as a rule.
    const assured = el("div", { class: "assured" }, chipView(record.assurance), markView(record.assurance));
    return el("tr", {},
      el("td", {}, clock(record.at), columns().length === 0 && assured),
      about.profile.print === "ticket" ? el("td", {}, record.number ?? "") : null,
      columns().map((name, at) => el("td", { "data-label": at > 0 && label(name) }, shown(name, valueOf(record.holder, name)) ?? "", at === 0 && assured)),
      el("td", {}, state, " ", el("button", { type: "button", class: "quiet", onclick: guarded(() => detail(record.id)) }, t("view"))));
  }));
}

async function detail(id) {
  const record = await ask("GET", `/v1/records/${id}`);
  const dialog = $("detail");
  const close = () => { dialog.close(); dialog.replaceChildren(); };
  const leave = guarded(async () => {
    await ask("POST", `/v1/records/${record.party ?? id}/check-out`, {});
    close();
    loadToday();
  });
  dialog.replaceChildren(
    el("h2", { id: "detail-title" }, record.number ?? clock(record.at)),
    record.source === "typed" && !record.assurance ? el("p", { class: "banner warn" }, t("unverified")) : "",
    assuranceView(record),
    holderView(record.holder, null, record.differences) ?? "",
    el("div", { class: "actions" },
      el("button", { type: "button", class: "primary", onclick: close }, t("close")),
      about.profile.print && el("button", { type: "button", onclick: guarded(() => print(id)) }, t("printDo")),
      about.profile.print === "attestation" && el("button", downloads(`/v1/records/${id}/attestation`), t("statement")),
      about.profile.lodging && !record.gone_at && may("POST /v1/records/{id}/check-out") && el("button", { type: "button", onclick: leave }, t("checkOut"))));
  dialog.showModal();
}

async function loadPortal() {
  if (!about.profile.lodging || !may("GET /v1/lodging")) return;
  $("portal").hidden = false;
  const owed = await ask("GET", "/v1/lodging");
  const make = (kind) => guarded(async () => {
    const batch = await ask("POST", "/v1/lodging/batches", { kind });
    await download(`/v1/lodging/batches/${batch.id}/file`);
    if (batch.left_out.length) fail({ code: "lodging_incomplete", detail: batch.left_out.map((one) => one.why).join("; ") });
    loadPortal();
    loadToday();
  });
  const batch = (one) => {
    const confirm = guarded(async (event) => {
      const taken = Number(new FormData(event.target).get("taken"));
      await ask("POST", `/v1/lodging/batches/${one.id}/reconcile`, { taken }).finally(loadPortal);
    });
    const name = `${t("file")} ${one.id} (${one.kind}, ${clock(one.at)}): ${one.made} ${t("made")}`;
    return el("li", {},
      el("button", { class: "quiet", ...downloads(`/v1/lodging/batches/${one.id}/file`) }, name),
      one.confirmed_at
        ? ` — ✓ ${t("confirmed")}`
        : el("form", { class: "row", onsubmit: confirm },
            el("label", {}, el("span", {}, t("shown")), el("input", { name: "taken", inputmode: "numeric", pattern: "[0-9]+", required: true })),
            el("button", { type: "submit" }, t("confirm")),
            one.taken == null ? null : el("p", { class: "banner bad" }, `${one.taken} ≠ ${one.made}`)));
  };
  $("portal-body").replaceChildren(
    el("p", {}, `${t("owed")} ${owed.unreported}`),
    owed.due ? el("p", { class: owed.late ? "banner bad" : "banner warn" }, `${t("due")} ${clock(owed.due)} ${owed.late ? t("late") : ""}`) : "",
    el("p", { class: "muted" }, t("portalHint")),
    el("div", { class: "actions" },
      el("button", { type: "button", onclick: make("xlsx") }, t("makeXlsx")),
      el("button", { type: "button", onclick: make("xml") }, t("makeXml"))),
    el("ul", { class: "plain" }, owed.batches.map(batch)));
}

async function loadList() {
  const { roster, ledger } = about.profile;
  if (!roster) return;
  $("list").hidden = false;
  let list = null;
  try {
    list = await ask("GET", "/v1/roster");
  } catch (problem) {
    if (problem.code !== "record_unknown") throw problem;
  }
  const take = guarded(async (event) => {
    const data = new FormData(event.target);
    await ask("POST", "/v1/roster", data.get("file"), { "x-pass-phrase": encodeURIComponent(data.get("phrase")) });
    loadList();
  });
  const merge = guarded(async (event) => {
    const answer = await ask("POST", "/v1/attendance", event.target.files[0]);
    const line = (one) => el("li", {}, `${Object.values(one.listed).join(" ")} (${one.subject}): ${one.seen.map(([device, at]) => `${device} ${clock(at)}`).join(", ")}`);
    $("merged").replaceChildren(
      el("p", { class: answer.duplicates.length ? "banner bad" : "banner warn" }, t(answer.duplicates.length ? "duplicates" : "noDuplicates")),
      el("ul", {}, answer.duplicates.map(line)));
  });
  $("list-body").replaceChildren(
    list
      ? el("p", { class: list.valid_today ? "" : "banner bad" }, `${list.title} — ${list.entries} ${t("people")}, ${t("validFrom")} ${list.valid_from} – ${list.valid_until}${list.valid_today ? "" : `: ${t("list_expired")}`}`)
      : el("p", { class: "banner warn" }, t("listNone")),
    may("POST /v1/roster") ? el("form", { onsubmit: take },
      el("label", {}, el("span", {}, t("listFile")), el("input", { type: "file", name: "file", required: true })),
      el("label", {}, el("span", {}, t("listPhrase")), el("input", { type: "password", name: "phrase", autocomplete: "off" })),
      el("button", { type: "submit" }, t("listTake"))) : "",
    el("div", { class: "actions" },
      ledger && may("GET /v1/attendance") && el("button", { class: "quiet", ...downloads("/v1/attendance") }, t("attendance")),
      roster.compare.length > 0 && may("GET /v1/corrections.csv") && el("button", { class: "quiet", ...downloads("/v1/corrections.csv") }, t("corrections"))),
    ledger && may("POST /v1/attendance") ? el("label", {}, el("span", {}, t("merge")), el("input", { type: "file", onchange: merge })) : "",
    el("div", { id: "merged" }));
}

async function loadCards() {
  if (!about.profile.practice) return;
  $("cards").hidden = false;
  const people = await ask("GET", "/v1/practice");
  const faults = [["none", "faultNone"], ["cloned", "faultCloned"], ["altered:13", "faultAltered"], ["lifted:3000", "faultLifted"]];
  const fault = el("select", { id: "fault" }, faults.map(([value, word]) => el("option", { value }, t(word))));
  const lay = (person) => guarded(async () => {
    await ask("POST", "/v1/practice", { persona: person.id, fault: $("fault").value });
    if (session?.waits === "key") {
      know(await ask("POST", `/v1/sessions/${session.id}/key`, { scan: person.qr }));
      drawVisit();
    }
  });
  $("cards-body").replaceChildren(
    el("label", {}, el("span", {}, t("fault")), fault),
    el("div", { class: "people" }, people.map((person) => el("button", { type: "button", class: "quiet", onclick: lay(person) }, `${t("layCard")}: ${person.name}`))),
    el("div", { class: "actions" }, el("button", { type: "button", onclick: guarded(() => ask("DELETE", "/v1/practice")) }, t("noCard"))));
}

/** Who was let in, and how it is ended. */
async function loadPairings() {
  $("pairings").hidden = !may("GET /v1/pairings");
  if (!may("GET /v1/pairings")) return;
  const pairings = await ask("GET", "/v1/pairings");
  const day = (seconds) =>
    new Intl.DateTimeFormat("vi-VN", { dateStyle: "short", timeStyle: "short", timeZone: "Asia/Ho_Chi_Minh" }).format(seconds * 1000);
  const leave = (one) => guarded(async () => {
    await ask("DELETE", `/v1/pairings/${one.id}`);
    await loadPairings();
  });
  $("pairings-body").replaceChildren(el("ul", { class: "plain" }, pairings.map((one) =>
    el("li", {}, `${one.name} · ${t(`role_${one.role}`)}${one.origin ? ` · ${one.origin}` : ""} · ${t("since")} ${day(one.since)}${one.until ? ` – ${day(one.until)}` : ""} `,
      el("button", { type: "button", class: "quiet", onclick: leave(one) }, t("unpair"))))));
}

function drawStatus() {
  const part = (kind, text) => el("li", { class: kind }, text);
  const items = [part(status.reader.works ? "works" : "away", t("reader") + (status.reader.works ? "" : `: ${status.reader.code}`))];
  if (status.printer) items.push(part(status.printer.works ? "works" : "away", t("printer") + (status.printer.works ? "" : `: ${status.printer.code}`)));
  const { configured, unsent } = status.central;
  if (!about.profile.practice) items.push(part(configured ? (unsent ? "waits" : "works") : "", configured ? `${t("central")}${unsent ? `: ${unsent} ${t("unsent")}` : ""}` : t("noCentral")));
  for (const recipient of status.recipients) items.push(part(recipient.refused ? "away" : "waits", `${t("recipient")} ${recipient.id}: ${recipient.waiting + recipient.refused}`));
  if (status.inside != null && about.profile.ledger?.rule === "in_out") items.push(part("", `${t("inside")}: ${status.inside}`));
  $("status").replaceChildren(...items);
  const stuck = status.recipients.filter((recipient) => recipient.error);
  if (!configured || !unsent) behindSince = 0;
  else behindSince ||= Date.now();
  const behind = behindSince > 0 && Date.now() - behindSince > 5000;
  const offline = $("offline");
  offline.hidden = !(lost || behind || stuck.length);
  offline.replaceChildren(lost ? t("lost") : behind ? `${t("away")} ${unsent}` : `${t("deliveries")} ${stuck.map((r) => `${r.id} [${r.error}]`).join(", ")} `);
  if (!lost && stuck.length) offline.append(el("button", { type: "button", onclick: guarded(() => ask("POST", "/v1/deliveries/retry", {})) }, t("retry")));
}

async function refresh() {
  status = await ask("GET", "/v1/status");
  drawStatus();
  drawVisit(false);
}

/** After every event of the session the page asks what it may see of it. */
async function follow(event) {
  if (!session || event.session !== session.id) return alone(refresh);
  if (event.type === "progress") {
    const bar = $("progress");
    if (bar) {
      bar.value = event.per_cent;
      $("reading").textContent = t(event.step);
    }
    return;
  }
  if (event.type === "lifted") {
    $("reading").textContent = t("lifted");
    return;
  }
  if (event.type === "not_read") fail({ code: event.code, title: "", remedy: event.remedy });
  know(await alone(() => ask("GET", `/v1/sessions/${event.session}`)));
  // Only what is another step is drawn anew: what somebody types stays.
  drawVisit();
  if (event.type === "ended") {
    alone(loadToday).catch(fail);
    alone(loadPortal).catch(fail);
    if (session.outcome === "done" && session.record && ["page"].includes(about.profile.print)) print(session.record);
  }
}

/** One server-sent event: its lines. */
function heard(lines) {
  const field = (name) => lines.filter((line) => line.startsWith(`${name}:`)).map((line) => line.slice(name.length + 1).trim()).join("\n");
  const kind = field("event");
  if (kind === "status") {
    alone(refresh).catch(fail);
    alone(loadToday).catch(fail);
  }
  if (kind === "session") follow(JSON.parse(field("data"))).catch(fail);
}

/** What changes at the desk, for as long as it can be heard; an event source of the browser could not sign. */
async function listen() {
  const covered = () => !$("pair").hidden || !$("lock").hidden;
  while (!covered()) {
    try {
      const response = await alone(() => answered("GET", "/v1/events"));
      lost = false;
      alone(refresh).catch(fail);
      const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
      let rest = "";
      for (let part = await reader.read(); !part.done; part = await reader.read()) {
        const blocks = (rest + part.value).split("\n\n");
        rest = blocks.pop();
        for (const block of blocks) heard(block.split("\n"));
      }
    } catch (problem) {
      // The device may be away for a moment: that is no fault of anybody's.
      if (problem.code) fail(problem);
    }
    if (covered()) return;
    lost = true;
    if (status) drawStatus();
    await new Promise((resolve) => setTimeout(resolve, 2000));
  }
}

function words() {
  document.documentElement.lang = lang ? "en" : "vi";
  for (const node of document.querySelectorAll("[data-t]")) node.textContent = t(node.dataset.t);
  for (const node of document.querySelectorAll("[data-label]")) node.setAttribute("aria-label", t(node.dataset.label));
  $("language").textContent = t("other");
  $("language").lang = lang ? "vi" : "en";
  $("practice").textContent = t("practice");
}

async function drawAll() {
  words();
  if (!about) return;
  $("site").textContent = `${about.site} · ${about.device}`;
  $("title").textContent = two(about.profile.title);
  document.title = two(about.profile.title);
  $("practice").hidden = !about.profile.practice;
  if (status) drawStatus();
  // Whose name stands where somebody goes on is who is on duty, unless they say another.
  staffName ||= about.on_duty?.name ?? "";
  drawDuty();
  $("export").hidden = !may("GET /v1/records.csv");
  drawVisit(false);
  await Promise.all([loadToday(), loadPortal(), loadList(), loadCards(), loadPairings(), loadStaff(), loadAccess()]);
}

$("language").addEventListener("click", () => {
  lang = 1 - lang;
  localStorage.setItem("lang", lang ? "en" : "vi");
  drawAll().catch(fail);
});
let searching = 0;
$("q").addEventListener("input", () => {
  clearTimeout(searching);
  searching = setTimeout(() => loadToday().catch(fail), 200);
});
document.addEventListener("keydown", (event) => {
  if (event.key === "F2" && about && (!session || session.waits === "end")) {
    session = null;
    begin(event);
  }
  // A key that is held down judges once: the next step may have the same key.
  const button = !event.repeat && !$("detail").open && $("step").querySelector(`[data-key="${CSS.escape(event.key)}"]`);
  if (button) {
    event.preventDefault();
    button.click();
  }
});

$("export").addEventListener("click", guarded(() => download("/v1/records.csv")));
setInterval(() => status && drawStatus(), 2000);
// A page that was left alone learns that it is locked, and shows nothing any more.
setInterval(() => status && !document.querySelector("main").hidden && alone(refresh).catch(() => {}), 30000);
words();
(async () => {
  try {
    about = await alone(() => ask("GET", "/v1"));
    document.querySelector("main").hidden = false;
    status = await alone(() => ask("GET", "/v1/status"));
    try {
      session = await ask("GET", "/v1/sessions/current");
    } catch (problem) {
      if (problem.code !== "session_unknown") throw problem;
    }
    await drawAll();
    listen();
  } catch (problem) {
    if (["not_paired", "desk_locked"].includes(problem.code)) return;
    fail(problem, $("pair-error"));
    showPairing();
  }
})();
