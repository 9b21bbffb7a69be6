// The page as a whole: its views, what stands in its header, what it hears from the device, and how it begins.
"use strict";

/** When central was first seen not to have everything: a moment of it is no news. */
let behindSince = 0;

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

/** What each view shows of the sections, and which places of the rail lead there. */
const VIEWS = {
  desk: ["visit", "today"], guests: ["visit", "today"], portal: ["portal"], list: ["list"], cards: ["cards", "visit"], figures: ["figures"],
  shift: ["shift"], people: ["staff", "pairings", "access"], looks: ["looks", "own"],
};
const PLACES = { lodging: "bed", exam: "seat", hospital: "plus", gate: "gate", beneficiary: "money", onestop: "file", plain: "scan" };

function show(view) {
  const main = document.querySelector("main");
  main.dataset.view = view;
  main.dataset.kind = kind();
  // Cards to learn with lie beside the visit; on a wide screen the police's files beside the list.
  const shownNow = [...VIEWS[view], ...(view === "desk" && about?.profile.practice ? ["cards"] : []), ...(view === "desk" && kind() === "lodging" && matchMedia("(min-width: 120rem)").matches ? ["portal"] : [])];
  for (const section of main.querySelectorAll(":scope > section")) section.classList.toggle("on", shownNow.includes(section.id));
  drawRail();
  drawPractice();
  if (view === "figures") loadFigures().catch(fail);
  if (view === "shift") loadShift().catch(fail);
}

function drawPractice() {
  if (about?.profile.practice) $("cards").hidden = false;
}

function drawRail() {
  if (!about) return;
  const view = document.querySelector("main").dataset.view ?? "desk";
  const owed = due ? due.unreported : 0;
  const places = [
    ["desk", PLACES[kind()] === "bed" ? "scan" : PLACES[kind()], "railDesk"],
    ["guests", "people", "railGuests", 0, "only-small"],
    about.profile.lodging && may("GET /v1/lodging") && ["portal", "send", "railPortal", owed],
    about.profile.roster && ["list", "list", "railList"],
    about.profile.practice && ["cards", "card", "railCards"],
    may("GET /v1/shift") && ["shift", "people", "railShift", 0, "not-small"],
    (may("GET /v1/days") || may("GET /v1/access")) && ["figures", "chart", "railFigures"],
    may("GET /v1/staff") && ["people", "person", "railPeople", 0, "not-small"],
    ["help", "help", "railHelp", 0, "low not-small"],
    ["looks", "cog", "railLooks", 0, "low2"],
  ].filter(Boolean);
  $("rail").hidden = document.querySelector("main").hidden;
  fill($("rail"), ...places.map(([name, shape, word, badge, where]) => el("button", { type: "button", class: where ?? "", "aria-current": view === name ? "page" : null, onclick: () => (name === "help" ? help() : show(name)) },
    icon(shape), el("span", {}, t1(word)), badge ? el("b", { class: "badge" }, `${badge}`) : null)));
}

/** Deadlines and counts: the one thing of the day that must not be missed, in the middle of the header. */
function drawCounts() {
  const place = $("counts"), here = kind();
  const minutes = due?.due ? Math.round((due.due - Date.now() / 1000) / 60) : null;
  const left = minutes == null ? "" : minutes < 0 ? t("late") : `${t("left")} ${minutes >= 60 ? `${Math.floor(minutes / 60)} ${t("hours")} ${minutes % 60} ${t("minutes")}` : `${minutes} ${t("minutes")}`}`;
  const parts = {
    lodging: due && (due.due
      ? [icon("clock"), el("span", {}, `${t("due")} ${clock(due.due)} · ${left}`), el("button", { type: "button", class: "count", onclick: () => show("portal") }, `${due.unreported} ${t("notSent")}`)]
      : [icon("tick"), el("span", {}, t("nothingOwed"))]),
    exam: expected && [icon("people"), el("span", {}, el("b", {}, `${records.length}`), ` / ${expected.entries} ${t("arrived")}`)],
    beneficiary: expected && [icon("people"), el("span", {}, el("b", {}, `${records.length}`), ` / ${expected.entries} ${t("paidPeople")}`)],
    gate: status?.inside != null && [icon("people"), el("span", {}, el("b", {}, `${status.inside}`), ` ${t("inside").toLowerCase()}`)],
    hospital: [icon("people"), el("span", {}, el("b", {}, `${records.length}`), ` ${t("servedToday")}`)],
    onestop: [icon("file"), el("span", {}, el("b", {}, `${records.length}`), ` ${t("servedToday")}`)],
  }[here];
  place.hidden = !parts;
  place.className = here === "lodging" ? (due?.due ? (due.late ? "late" : "soon") : "calm") : "plain";
  fill(place, ...(parts || []));
}

function drawStatus() {
  const part = (how, shape, word, more = "") => el("li", { class: how, title: more ? `${word}: ${more}` : word }, icon(shape), el("span", { class: "word" }, word), more ? el("span", { class: "more" }, `: ${more}`) : null, el("i", { "aria-hidden": "true" }));
  const away = (one) => (WORDS[one.code] ? t(`short_${one.code}`) === `short_${one.code}` ? t("awayShort") : t(`short_${one.code}`) : one.code);
  const items = [part(status.reader.works ? "works" : "away", "card", t("reader"), status.reader.works ? "" : away(status.reader))];
  if (status.printer) items.push(part(status.printer.works ? "works" : "away", "printer", t("printer"), status.printer.works ? "" : away(status.printer)));
  const { configured, unsent } = status.central;
  if (!about.profile.practice) items.push(part(configured ? (unsent ? "waits" : "works") : "", "cloud", configured ? t("central") : t("noCentral"), configured && unsent ? `${unsent} ${t("unsent")}` : ""));
  for (const recipient of status.recipients) items.push(part(recipient.refused ? "away" : "waits", "send", `${t("recipient")} ${recipient.id}`, `${recipient.waiting + recipient.refused}`));
  if (status.inside != null && about.profile.ledger?.rule === "in_out") items.push(part("", "people", t("inside"), `${status.inside}`));
  fill($("status"), ...items);
  const stuck = status.recipients.filter((recipient) => recipient.error);
  if (!configured || !unsent) behindSince = 0;
  else behindSince ||= Date.now();
  const behind = behindSince > 0 && Date.now() - behindSince > 5000;
  // What is wrong with a part is said at length, with what to do.
  const broken = [status.reader, status.printer].filter((one) => one && !one.works);
  const offline = $("offline");
  offline.hidden = !(lost || behind || stuck.length || broken.length);
  const said = lost ? t("lost") : [
    ...broken.map((one) => (WORDS[one.code] ? `${t(one.code)} [${one.code}]` : `${one.remedy ?? ""} [${one.code}]`)),
    behind ? `${t("away")} ${unsent}` : "",
    stuck.length ? `${t("deliveries")} ${stuck.map((r) => `${r.id} [${r.error}]`).join(", ")}` : "",
  ].filter(Boolean).join(" · ");
  offline.replaceChildren(said, " ");
  if (!lost && stuck.length) offline.append(el("button", { type: "button", onclick: guarded(() => ask("POST", "/v1/deliveries/retry", {})) }, t("retry")));
  drawCounts();
}

async function refresh() {
  status = await ask("GET", "/v1/status");
  drawStatus();
  drawVisit(false);
}

/** After every event of the session the page asks what it may see of it. */
async function follow(event) {
  if (!session || event.session !== session.id) return alone(refresh);
  if (event.type === "progress") return drawProgress(event.step, event.per_cent);
  if (event.type === "lifted") {
    const reading = $("reading");
    if (reading) reading.textContent = t("lifted");
    return;
  }
  if (event.type === "not_read") fail({ code: event.code, title: "", remedy: event.remedy });
  know(await alone(() => ask("GET", `/v1/sessions/${event.session}`)));
  // Only what is another step is drawn anew: what somebody types stays.
  drawVisit();
  drawInsured();
  drawRoom();
  if (event.type === "ended") {
    if (session.outcome === "done" && kind() === "lodging") {
      const { holder, verdict } = session;
      party.push({ name: holder?.full_name ?? "", line: [holder?.date_of_birth, holder?.sex].filter(Boolean).join(" · "), assurance: verdict ? { word: verdict.word, rung: verdict.rung } : null });
      drawn = "";
      drawVisit();
    }
    alone(loadToday).catch(fail);
    alone(loadPortal).catch(fail);
    if (session.outcome === "done" && session.record && ["page"].includes(about.profile.print)) printRecord(session.record);
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
  if (kind === "calls") {
    alone(loadCalls).catch(fail);
    alone(loadQueue).catch(fail);
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
      // Somebody may have called while nobody listened.
      alone(loadCalls).catch(fail);
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
  for (const node of document.querySelectorAll("[data-hint]")) node.placeholder = t(node.dataset.hint);
  $("language").textContent = lang ? "VI" : "EN";
  $("language").setAttribute("aria-label", t("other"));
  $("language").title = t("other");
  $("theme").title = t("theme");
  $("practice").textContent = t("practice");
}

/** How the page looks here, to choose: light or dark, and how close rows stand. */
function drawLooks() {
  $("looks").hidden = false;
  const choice = (name) => el("div", { class: "choice" }, el("h3", {}, t(name)), el("div", { class: "segments", role: "group", "aria-label": t(name) }, LOOKS[name].map((value) =>
    el("button", { type: "button", "aria-pressed": String(look(name) === value), onclick: () => { setLook(name, value); drawLooks(); } }, t(`${name}_${value}`)))));
  const tongue = el("div", { class: "choice" }, el("h3", {}, "Ngôn ngữ · Language"), el("div", { class: "segments", role: "group", "aria-label": "Ngôn ngữ · Language" }, ["Tiếng Việt", "English"].map((name, at) =>
    el("button", { type: "button", lang: at ? "en" : "vi", "aria-pressed": String(lang === at), onclick: () => lang !== at && $("language").click() }, name))));
  fill($("looks-body"), choice("theme"), choice("density"), tongue);
}

async function drawAll() {
  words();
  drawLooks();
  if (!about) return;
  $("site").textContent = `${about.site} · ${about.device}`;
  $("title").textContent = two(about.profile.title);
  fill($("logo"), icon(PLACES[kind()]));
  document.title = two(about.profile.title);
  $("practice").hidden = !about.profile.practice;
  document.body.dataset.practice = about.profile.practice;
  $("day").value ||= isoDay();
  $("day").max = isoDay();
  if (status) drawStatus();
  // Whose name stands where somebody goes on is who is on duty, unless they say another.
  drawDuty();
  $("export").hidden = !may("GET /v1/records.csv");
  fill($("export"), icon("export"), el("span", { class: "word" }, "CSV"));
  $("export").setAttribute("aria-label", t("export"));
  show(document.querySelector("main").dataset.view ?? "desk");
  drawVisit(false);
  await Promise.all([loadToday(), loadPortal(), loadList(), loadCards(), loadPairings(), loadStaff(), loadAccess(), loadFigures(), loadShift(), loadCalls(), loadQueue()]);
  drawCounts();
  drawShortcuts();
}

$("language").addEventListener("click", () => {
  lang = 1 - lang;
  localStorage.setItem("lang", lang ? "en" : "vi");
  drawAll().catch(fail);
});
$("theme").addEventListener("click", () => { setLook("theme", document.documentElement.dataset.dark === "true" ? "light" : "dark"); drawLooks(); });
let searching = 0;
$("q").addEventListener("input", () => {
  clearTimeout(searching);
  searching = setTimeout(() => loadToday().catch(fail), 200);
});
$("day").addEventListener("change", () => loadToday().catch(fail));
$("export").addEventListener("click", guarded(() => download(`/v1/records.csv${isToday() ? "" : `?day=${$("day").value}`}`)));
setInterval(() => status && drawStatus(), 2000);
// A page that was left alone learns that it is locked, and shows nothing any more.
setInterval(() => status && !document.querySelector("main").hidden && alone(refresh).catch(() => {}), 30000);
wear();
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
