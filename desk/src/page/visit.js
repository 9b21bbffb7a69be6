// The visit: what is asked, scanned, read, judged and filled in, one step after the other. What is done stands below, pinned.
"use strict";

/** Takes what the device says of the session; an answer that was overtaken by a newer one says nothing any more. */
function know(view) {
  if (!session || session.id !== view.id || view.last_event >= session.last_event) session = view;
}

/** Which step shows: rebuilt only when it is another, so that nobody loses what they are typing. */
let drawn = "";
/** Those who came together and are kept already: names for as long as the party is at the desk. */
let party = [];

/** Forgets whom the page knows of, and what was scanned. */
function forget() {
  party = [];
  lastAnswers = {};
  early = null;
}

function drawVisit(focused = true) {
  const key = JSON.stringify([lang, session?.id, session?.waits, session?.outcome, wantsMrz, typing, session ? 0 : status?.busy, session?.answers, Boolean(session?.proposed), party.length]);
  if (key === drawn) return;
  drawn = key;
  const step = $("step");
  const waits = typing ? "typed" : session?.waits ?? "";
  step.dataset.step = waits;
  const { body, acts } = steps();
  const flow = el("div", { class: "flow" }, body);
  // What scrolls and holds nothing that takes the focus is scrolled by keys, too.
  if (!flow.querySelector("input, select, textarea, summary")) flow.tabIndex = 0;
  step.replaceChildren(flow, el("div", { class: "actions pinned" }, acts));
  $("visit-title").textContent = title();
  drawInsured();
  drawParty();
  drawNote(waits);
  drawShortcuts();
  // Something harmless: a field, or else the title. A button that judges or leaves never has the focus.
  const focus = step.querySelector("[data-focus]") ?? step.querySelector("input:not([type=file]), select, textarea") ?? $("visit-title");
  if (!focused || document.querySelector("dialog[open]")) return;
  // No further than it must: a field in the middle of the screen would push the verdict over its edge.
  focus.focus({ preventScroll: true });
  focus.scrollIntoView?.({ block: "nearest" });
  useEarly();
}

const STEPS = ["consent", "key", "chip", "face", "form"];

/** Where in the visit we are. */
function drawNote(waits) {
  const all = STEPS.filter((one) => one !== "form" || about.profile.form.length > 0);
  const at = all.indexOf(waits === "staff" ? "face" : waits);
  fill($("visit-note"), ...(at < 0 ? [] : [
    el("span", { class: "dots", "aria-hidden": "true" }, all.map((_, index) => el("i", { class: index < at ? "done" : index === at ? "now" : "" }))),
    el("span", {}, `${at + 1}/${all.length}`)]));
}

/** Who is kept already of those who came together. */
function drawParty() {
  const place = $("party");
  place.hidden = kind() !== "lodging" || party.length === 0 || Boolean(session && session.waits !== "end" && session.waits !== "form");
  if (place.hidden) return place.replaceChildren();
  const finish = () => { forget(); session = null; typing = false; drawVisit(); };
  const room = lastAnswers.room ? ` · ${t("room")} ${lastAnswers.room}` : "";
  fill(place,
    el("div", { class: "bar" }, el("h3", {}, `${t("partyOf")} ${party.length} ${t("person_lodging")}${room}`),
      act("tick", t("partyDone"), { class: "quiet small", onclick: finish })),
    el("ul", { class: "guests" }, party.map((one) => el("li", { class: "guest" }, face2(one.name), el("span", { class: "who" }, el("b", {}, one.name), el("span", {}, one.line)), chipView(one.assurance)))));
}

function title() {
  if (typing) return t("typedStart");
  if (!session) return t("ready");
  const end = { done: "done", cancelled: "cancelled" }[session.outcome] ?? "turnedAway";
  return t1({ consent: "consentTitle", key: "keyTitle", chip: "chipTitle", staff: "staffTitle", face: "faceTitle", form: "formTitle", kept: "kept", end }[session.waits]);
}

function steps() {
  if (typing) return typedForm();
  if (!session) return idle();
  switch (session.waits) {
    case "consent": return consent();
    case "key": return keyStep();
    case "chip": return chip();
    case "staff": return staffStep();
    case "face": return face();
    case "form": return form(session.answers);
    case "kept": return { body: [el("progress", { "aria-label": t("kept") })], acts: [] };
    default: return end();
  }
}

const stop = () => judge("cross", t("cancel"), guarded(cancel), "S-Escape", { class: "plain way-out" });

async function cancel() {
  session = await ask("DELETE", `/v1/sessions/${session.id}`);
  session = null;
  early = null;
  refresh();
  drawVisit();
}

const begins = (wanted) => guarded(async () => {
  wantsMrz = false;
  typing = false;
  show("desk");
  const random = [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  session = await ask("POST", "/v1/sessions", wanted, { "idempotency-key": random });
  drawVisit();
});
const begin = begins({});
const typed = () => { session = null; typing = true; show("desk"); drawVisit(); };
const over = () => { session = null; drawVisit(); };

function idle() {
  if (status?.busy) {
    return { body: [el("p", { class: "lead" }, `${t("busyBy")} ${status.busy}`)], acts: [act("eye", t("takeOver"), { onclick: guarded(adopt) })] };
  }
  const acts = [act("scan", t("start"), { class: "primary big", onclick: begin }, "F2")];
  if (about.plugin) acts.push(act("plug", t("startPlugin"), { onclick: begins({ for_plugin: true }) }));
  if (about.profile.accept.includes("typed")) acts.push(act("pencil", t("typedShort"), { class: "grow", title: t("typedStart"), onclick: typed }, "F4"));
  const how = ["howConsent", "howScan", "howLay", about.profile.form.length ? "howForm" : "howDone"];
  const body = [
    el("div", { class: "welcome" }, el("span", { class: "disc big" }, icon(PLACES[kind()] ?? "scan")), el("p", { class: "lead" }, t1("idleLead"))),
    el("ol", { class: "how" }, how.map((word) => el("li", {}, el("span", {}, t1(word))))),
    el("p", { class: "kept-scan" }, icon("lock"), el("span", {}, t1("sealedEarly"))),
  ];
  return { body: party.length ? body.slice(2) : body, acts };
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
  const fact = (shape, text) => el("li", {}, icon(shape), el("span", {}, text));
  return {
    body: [
      el("p", { class: "muted" }, t1("consentHint")),
      el("blockquote", { class: "purpose" }, el("p", {}, two(purpose)), el("p", { class: "muted", lang: lang ? "vi" : "en" }, lang ? purpose.vi : purpose.en)),
      el("ul", { class: "terms" },
        fact("lock", keep ? t("keeps").replace("{days}", keep.days) : t("keepsNothing")),
        fact("file", `${t("law")}: ${law}`)),
    ],
    acts: [
      judge("tick", t1("agree"), agree, "F8", { class: "primary grow" }),
      judge("cross", t("refuse"), guarded(cancel), "F9", { class: "danger" }),
    ],
  };
}

/** What a scanner or somebody's fingers gave, to the step that waits for it. */
async function giveKey(text) {
  // A keyboard loses letters with marks: of a citizen card only the number is sent, which opens the chip.
  const first = text.split("|")[0];
  const lines = text.includes("<");
  const body = wantsMrz && lines ? { mrz: text } : /^\d{12}$/.test(first) ? { scan: first } : wantsMrz ? { mrz: text } : { scan: text };
  know(await ask("POST", `/v1/sessions/${session.id}/key`, body));
  if (session.waits === "key") $("step").querySelector("p").textContent = t("insurance");
  drawVisit();
}

function keyStep() {
  const send = guarded(async (event) => {
    const text = new FormData(event.target).get("key").trim();
    event.target.reset();
    await giveKey(text);
  });
  const field = wantsMrz
    ? el("textarea", { name: "key", required: true, autocomplete: "off", spellcheck: "false" })
    : el("input", { name: "key", required: true, autocomplete: "off", spellcheck: "false" });
  const mrz = about.profile.takes_mrz && !wantsMrz;
  return {
    body: [
      el("div", { class: "gesture", "aria-hidden": "true" }, icon("qr")),
      el("p", { class: "muted", role: "status" }, wantsMrz ? t("mrzField") : t("keyHint")),
      el("form", { id: "key-form", onsubmit: send }, el("label", {}, el("span", {}, wantsMrz ? t("mrzShort") : t("keyField")), field)),
    ],
    acts: [
      stop(),
      mrz && act("passport", t("mrz"), { onclick: () => { wantsMrz = true; drawVisit(); } }),
      el("button", { type: "submit", form: "key-form", class: "primary grow" }, icon("next"), el("span", { class: "word" }, t("next"))),
    ],
  };
}

const READING = ["connect", "unlock", "text", "portrait", "verify"];

/** The read as it goes: named steps, a ring, and the portrait that comes line by line. */
function chip() {
  const ring = icon("ring");
  ring.id = "ring";
  return {
    body: [
      el("div", { class: "reading" },
        el("div", { class: "arriving", "aria-hidden": "true" }, icon("person")),
        el("div", {},
          el("div", { class: "ring" }, ring, el("b", { id: "percent" }, "0%")),
          el("ol", { class: "named", id: "named" }, READING.map((one) => el("li", { "data-named": one }, el("span", { class: "dot" }, icon("tick")), t(one))))),
        el("progress", { id: "progress", max: 100, value: 0, "aria-label": t("chipTitle") }),
        el("p", { class: "hold-still" }, icon("card"), el("span", { id: "reading" }, t("chipHint")))),
    ],
    acts: [stop()],
  };
}

function drawProgress(step, percent) {
  const bar = $("progress");
  if (!bar) return;
  bar.value = percent;
  $("percent").textContent = `${percent}%`;
  $("ring").style.setProperty("--done", percent);
  $("reading").textContent = `${t("holdStill")} · ${t(step)}`;
  const at = READING.indexOf(step);
  for (const [index, node] of [...$("named").children].entries()) node.className = index < at ? "done" : index === at ? "now" : "";
  // The portrait is the fourth of five: it arrives with its own share of the way.
  document.querySelector(".arriving").style.setProperty("--done", at > 3 ? 100 : at < 3 ? 0 : Math.min(100, Math.max(8, (percent - 40) * 2)));
}

function face() {
  const say = (same) => guarded(async () => {
    know(await ask("POST", `/v1/sessions/${session.id}/face`, { same }));
    drawVisit();
  });
  const green = ["proved", "pinned"].includes(session.verdict?.word);
  return {
    body: seatOf(session)
      ? [seatHead(session), whyOf(session) || !green ? verdictView(session, true) : null, holderView(session.holder, session.photo, session.differences, true)].filter(Boolean)
      : [verdictView(session), holderView(session.holder, session.photo, session.differences)],
    acts: [
      judge("tick", t("same"), say(true), "F8", { class: `primary ok grow`, held: "Y" }),
      judge("cross", t("differs"), say(false), "F9", { class: "danger grow", held: "N" }),
      stop(),
    ],
  };
}

const seatOf = (view) => (kind() === "exam" ? valueOf(view.holder ?? {}, "roster.seat") : null);

/** The seat in letters that are read across a room. */
function seatHead(view) {
  const room = valueOf(view.holder, "roster.room");
  const word = view.verdict?.word;
  return el("div", { class: "seat-head" },
    el("p", { class: "seat" }, el("span", {}, t("seat")), " ", el("b", {}, seatOf(view))),
    el("div", { class: "who" }, el("b", {}, view.holder.full_name ?? ""), el("span", {}, [room && `${t("list_room")} ${room}`, valueOf(view.holder, "roster.subject")].filter(Boolean).join(" · "))),
    word ? chipView({ word, rung: view.verdict.rung }) : null);
}

const REASONS = ["card_examined", "person_known", "other_paper_seen", "emergency", "chip_unreadable", "no_card_yet", "card_lost"];

/** Who of staff goes on is whoever is on duty; everybody is asked for the reason. */
function vouching() {
  const reasons = REASONS.map((reason) => el("option", { value: reason }, t(`reason_${reason}`)));
  return [
    el("div", { class: "pair" },
      el("p", {}, el("span", { class: "muted" }, t("staffName")), " ", el("b", {}, about.on_duty?.name ?? "")),
      el("label", {}, el("span", {}, t("staffReason")), el("select", { name: "reason", required: true }, el("option", { value: "" }, t("choose")), reasons))),
  ];
}

const vouched = (form) => ({ reason: new FormData(form).get("reason") });

/** Whom of the list somebody may be, beside what the chip says: two numbers of one person, or two persons. */
function proposedView({ number, items }) {
  const rows = [["id_number", number], ...Object.entries(items)].filter(([, value]) => value);
  return el("section", { class: "proposed" },
    el("p", { class: "why mark" }, icon("triangle"), el("strong", {}, t("proposedHead"))),
    el("dl", { "aria-label": t("proposedListed") }, rows.map(([name, value]) => el("div", {}, el("dt", {}, label(name)), el("dd", {}, value)))));
}

function staffStep() {
  // No button submits it: Enter in a field, or of a scanner, judges nothing.
  const asked = el("form", { onsubmit: (event) => event.preventDefault() }, vouching());
  const say = (goesOn) => guarded(async () => {
    if (goesOn && !asked.reportValidity()) return;
    know(await ask("POST", `/v1/sessions/${session.id}/staff`, { reason: goesOn ? vouched(asked).reason : null }));
    drawVisit();
  });
  // They are looked at first and judged last: neither button is where the focus is.
  asked.querySelector("select").setAttribute("data-focus", "");
  return {
    // Name and reason stand on the first screen with what they are about.
    body: [session.proposed ? proposedView(session.proposed) : verdictView(session), asked, holderView(session.holder, session.photo, session.differences)].filter(Boolean),
    acts: [
      judge("tick", t(session.proposed ? "proposedYes" : "staffGo"), say(true), "F8", { class: "primary amber grow" }),
      judge("cross", t(session.proposed ? "proposedNo" : "staffStop"), say(false), "F9", { class: "danger" }),
    ],
  };
}

function end() {
  const outcome = session.outcome;
  const good = outcome === "done";
  const next = nextOf(session);
  const printable = good && session.record && about.profile.print;
  const paper = outcome?.refused && !session.verdict?.refusal && OTHER_PAPER.includes(session.verdict?.word) && about.profile.accept.includes("typed") && below("shown") !== "refuse";
  const without = outcome?.refused
    ? [el("p", { class: "why refuse" }, icon("stop"), el("strong", {}, t(outcome.refused))), el("p", {}, next)]
    : [el("p", { class: "lead" }, `${t(outcome)}. ${next}`)];
  return {
    body: [
      good && seatOf(session) ? seatHead(session) : null,
      session.verdict ? verdictView(session) : without,
      good && session.number ? el("div", { class: "called" }, el("span", {}, t(about.profile.print === "ticket" ? "ticket" : "receipt")), el("p", { class: "number" }, session.number), session.place && el("p", { class: "where" }, session.place)) : null,
      good ? holderView(session.holder, null, session.differences) : null,
    ].flat().filter(Boolean),
    acts: [
      judge("cross", t("close"), over, "S-Escape", { class: "plain" }),
      paper && act("passport", t("otherPaper"), { onclick: typed }, "F4"),
      printable && act("printer", t("printDo"), { onclick: guarded(() => printRecord(session.record)) }),
      printable && about.profile.print === "attestation" && act("file", t("statement"), downloads(`/v1/records/${session.record}/attestation`)),
      judge("scan", t(kind() === "lodging" && good ? "addGuest" : "start"), () => { session = null; begin(); }, "F2", { class: "primary grow" }),
    ],
  };
}

/** Not `print`: that is the window’s own. */
async function printRecord(record) {
  const answer = await ask("POST", `/v1/records/${record}/print`, {});
  if (answer.printed) return toast(t("printed"));
  const lines = answer.lines.length ? answer.lines : [about.site, t("ticket"), answer.number ?? "", answer.place ?? ""];
  $("paper").className = "";
  $("paper").textContent = lines.join("\n");
  window.print();
  $("paper").textContent = "";
}
