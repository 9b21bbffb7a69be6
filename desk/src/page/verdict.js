// The verdict: one shape, one colour, one sentence, one next step.
"use strict";
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
