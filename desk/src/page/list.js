// Those who came: lists that scroll inside themselves, what can be done with a row, and one record.
"use strict";

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

/** Which list is shown, what was loaded for it, and where it goes on. */
let tab = null, records = [], counts = null, goesOn = null, batches = [];

/** A day as routes have it, and as people here write it. */
const isoDay = (plus = 0) => new Intl.DateTimeFormat("sv-SE", { timeZone: "Asia/Ho_Chi_Minh" }).format(new Date(Date.now() + plus * 86400000));
const sortable = (day) => /^(\d{1,2})\/(\d{1,2})\/(\d{4})$/.exec(day ?? "")?.slice(1).reverse().map((part) => part.padStart(2, "0")).join("-") ?? "";
const short = (day) => (day ?? "").replace(/\/\d{4}$/, "");

/** How it stands with the police portal, as the device says, or as an older one lets us know. */
function portalOf(record) {
  if (record.portal !== undefined) return record.portal;
  if (record.batch == null) return "waiting";
  return batches.find((one) => one.id === record.batch)?.confirmed_at ? "sent" : "in_file";
}
const PORTAL = { waiting: ["clock", "amber"], in_file: ["file", "blue"], stale: ["again", "amber"], sent: ["tick", "green"], correct: ["triangle", "amber"], withdrawn: ["cross", "slate"] };
function portalView(record) {
  const state = portalOf(record);
  if (!PORTAL[state]) return null;
  const [shape, tone] = PORTAL[state];
  return el("span", { class: `police ${tone}` }, icon(shape), `${t(`portal_${state}`)}${state === "in_file" && record.batch ? ` ${record.batch}` : ""}`);
}

const answer = (record, name) => record.holder?.form?.[name];
const leaves = (record) => sortable(answer(record, "departure")) <= isoDay(1) && !record.gone_at;

/** The lists there are: a name, what is asked for, what of it is shown, and how many. */
function tabs() {
  const lodging = kind() === "lodging";
  const full = counts !== null;
  const marked = { id: "marked", word: "tabMarked", keep: (one) => Boolean(one.assurance?.marked) || !one.assurance };
  if (!lodging) return [{ id: "today", word: "tabToday" }, marked];
  if (!full) {
    return [{ id: "today", word: "tabToday", count: (all) => all.length }, { id: "unsent", word: "tabUnsent", keep: (one) => portalOf(one) === "waiting", tone: "amber", count: (all) => all.filter((one) => portalOf(one) === "waiting").length }, { id: "gone", word: "tabGone", keep: (one) => one.gone_at }];
  }
  return [
    { id: "here", word: "tabHere", query: "in_house=true", count: () => counts.here },
    { id: "today", word: "tabArrived", count: () => counts.today },
    { id: "leaving", word: "tabLeaving", query: "in_house=true", keep: leaves },
    { id: "unsent", word: "tabUnsent", query: "portal=waiting", tone: "amber", count: () => counts.unsent },
    ...(counts.correct + counts.stale ? [{ id: "correct", word: "tabCorrect", query: counts.correct ? "portal=correct" : "portal=stale", tone: "amber", count: () => counts.correct + counts.stale }] : []),
  ];
}

const isToday = () => !$("day").value || $("day").value === isoDay();

/** What to ask for: the list, the words, the day. */
function wanted(after = null) {
  const query = new URLSearchParams();
  const q = $("q").value.trim();
  if (q) query.set("q", q);
  if (!isToday()) query.set("day", $("day").value);
  else if (!q && tab?.query) for (const part of [tab.query]) query.set(...part.split("="));
  if (counts !== null && after) query.set("after", after);
  if (counts !== null) query.set("limit", "200");
  const text = query.toString();
  return text ? `?${text}` : "";
}

async function loadToday() {
  if (!may("GET /v1/records")) return;
  // From this level on a device has lists by house and portal, and counts them.
  if (counts === null && about.api_level >= 5) counts = { today: 0, here: 0, gone_today: 0, unsent: 0, in_file: 0, stale: 0, correct: 0, withdrawn: 0 };
  tab ??= tabs()[0];
  const got = await ask("GET", `/v1/records${wanted()}`);
  take(got);
  drawList();
}

function take(got, more = false) {
  const page = Array.isArray(got) ? { records: got, next: null, counts: null } : got;
  records = more ? [...records, ...page.records] : page.records;
  goesOn = page.next;
  counts = page.counts;
  tab = tabs().find((one) => one.id === tab?.id) ?? tabs()[0];
}

function drawTabs() {
  fill($("tabs"), ...tabs().map((one) => {
    const count = one.count?.(records);
    return el("button", { type: "button", class: `tab ${one.tone ?? ""}`, "aria-pressed": String(one.id === tab.id), onclick: guarded(() => { tab = one; if (!isToday()) $("day").value = isoDay(); return loadToday(); }) },
      el("span", {}, t(one.word)), count == null ? null : el("b", {}, `${count}`));
  }));
}

function drawList() {
  drawTabs();
  const lodging = kind() === "lodging";
  const shownNow = tab.keep && !$("q").value.trim() && isToday() ? records.filter(tab.keep) : records;
  $("count").textContent = shownNow.length ? `${shownNow.length}${goesOn ? "+" : ""} ${t("people")}${byRung(shownNow)}` : t("none");
  $("today").dataset.kind = kind();
  // The seat, number or room comes first, and by it they are looked for.
  const asked = (name) => !about.profile.form.some((field) => `form.${field.id}` === name && field.optional);
  const extra = columns().filter((name) => name.includes(".") && name !== firstColumn() && asked(name)).slice(0, 2);
  // Where visit and list share the width, what was asked stands under the name.
  const under = ["hospital", "onestop"].includes(kind()) ? extra.splice(0) : [];
  const heads = lodging ? ["room", "guest", "stay", "verified", "police"].map(t) : [firstHead(), t1("personHead"), ...extra.map(label), t("verified"), t("state")];
  fill($("head"), el("tr", {}, heads.map((head, at) => el("th", { scope: "col", class: `c${at}` }, head)), el("th", { scope: "col", class: "do" }, el("span", { class: "unseen" }, t("does")))));
  let room = null;
  fill($("rows"), ...(lodging ? byRoom(shownNow) : shownNow).map((record) => {
    const first = lodging ? answer(record, "room") ?? "" : firstValue(record);
    const again = lodging && first === room;
    room = first;
    const many = lodging && !again ? shownNow.filter((one) => answer(one, "room") === first).length : 0;
    return row(record, lodging ? lodgingCells(record, first, again, many) : plainCells(record, first, extra, under), again);
  }));
  if (goesOn) $("rows").append(el("tr", { class: "more" }, el("td", { colspan: heads.length + 1 }, el("button", { type: "button", class: "quiet", onclick: guarded(async () => { take(await ask("GET", `/v1/records${wanted(goesOn)}`), true); drawList(); }) }, t("more")))));
  $("empty").hidden = shownNow.length > 0;
  fill($("empty"), icon(PLACES[kind()] ?? "scan"), el("span", {}, $("q").value.trim() ? t("noneFound") : t("noneYet")));
  drawRoom();
}

/** One room's guests stand together; who came last is first. */
function byRoom(all) {
  const order = [];
  for (const one of all) if (!order.includes(answer(one, "room"))) order.push(answer(one, "room"));
  if (tab.id !== "today") order.sort((a, b) => String(a ?? "").localeCompare(String(b ?? ""), "vi", { numeric: true }));
  return order.flatMap((room) => all.filter((one) => answer(one, "room") === room));
}

const firstColumn = () => (kind() === "exam" ? "roster.seat" : null);
const firstHead = () => (kind() === "exam" ? t("list_seat") : about.profile.print === "ticket" ? t("ticket") : t("time"));
function firstValue(record) {
  if (kind() === "exam") return valueOf(record.holder, "roster.seat") ?? "";
  if (about.profile.print === "ticket") return record.number ?? "";
  return clock(record.at);
}

const secondLine = (record) => [record.holder.date_of_birth, record.holder.sex, masked(record.holder.id_number ?? record.holder.document_number)].filter(Boolean).join(" · ");

/** The name opens the record: it is the first thing in a row that can be pressed. */
const nameView = (record, more = "") => el("td", { class: "c1 person" }, el("div", {}, face2(record.holder.full_name),
  el("span", { class: "who" },
    el("button", { type: "button", class: "name", onclick: guarded(() => detail(record.id)) }, record.holder.full_name ?? record.number ?? t("view")),
    el("span", { class: "second" }, more || secondLine(record)))));

const assuredView = (record) => el("td", { class: "c-chip" }, el("div", { class: "assured" },
  record.source === "typed" && !record.assurance ? el("span", { class: "mark" }, icon("pencil"), t("unverified")) : chipView(record.assurance), markView(record.assurance)));

function lodgingCells(record, room, again, many) {
  const stay = [short(answer(record, "arrival")), short(answer(record, "departure"))];
  const left = record.gone_at ? t("gone") : leaves(record) ? t(sortable(answer(record, "departure")) < isoDay() ? "overdue" : sortable(answer(record, "departure")) === isoDay() ? "leavesToday" : "leavesTomorrow") : "";
  return [
    el("td", { class: "c0 room" }, again ? el("span", { class: "unseen" }, room) : [el("b", {}, room), el("span", { class: "second" }, `${many} ${t("person_lodging")}`)]),
    nameView(record),
    el("td", { class: "c2" }, el("span", { class: "days" }, `${stay[0]} → ${stay[1]}`), el("span", { class: "second" }, left)),
    assuredView(record),
    el("td", { class: "c4" }, portalView(record)),
  ];
}

function plainCells(record, first, extra, under) {
  const state = [
    record.gone_at && t("gone"),
    record.batch && `${t("reported")} ${record.batch}`,
    record.withdrawn_at && t("portal_withdrawn"),
    ...Object.entries(record.deliveries ?? {}).map(([id, how]) => `${id}: ${{ due: "…", done: "✓", refused: "✗" }[how]}`),
    kind() === "exam" || about.profile.print === "ticket" ? clock(record.at) : null,
  ].filter(Boolean).join(" · ");
  return [
    el("td", { class: "c0 room" }, el("b", {}, first)),
    nameView(record, under.map((name) => shown(name, valueOf(record.holder, name))).filter(Boolean).join(" · ")),
    ...extra.map((name) => el("td", { class: "c2", "data-label": label(name) }, shown(name, valueOf(record.holder, name)) ?? "")),
    assuredView(record),
    el("td", { class: "c4 muted" }, state),
  ];
}

/** What can be done with somebody: a word, a shape, and what it does. Three stand in the row, all in the menu. */
function doings(record) {
  const lodging = about.profile.lodging;
  return [
    may("PATCH /v1/records/{id}") && (record.editable?.length || record.editable_items?.length) && { shape: "pencil", word: "edit", does: () => edit(record.id), row: true },
    about.profile.print && may("POST /v1/records/{id}/print") && { shape: "printer", word: "printDo", does: () => printRecord(record.id), row: true },
    lodging && !record.gone_at && !record.withdrawn_at && may("POST /v1/records/{id}/check-out") && { shape: "leave", word: "checkOut", does: () => checkOut(record), row: true },
    lodging && record.gone_at && may("DELETE /v1/records/{id}/check-out") && { shape: "again", word: "checkOutUndo", does: () => undo("DELETE", record.id, "check-out"), row: true },
    portalOf(record) === "correct" && may("POST /v1/records/{id}/corrected") && { shape: "tick", word: "correctedThere", does: () => acted("POST", record.id, "corrected", "correctedToast"), row: false },
    lodging && !record.withdrawn_at && may("POST /v1/records/{id}/withdraw") && { shape: "cross", word: "withdraw", does: () => withdraw(record), row: false },
    record.withdrawn_at && may("DELETE /v1/records/{id}/withdraw") && { shape: "again", word: "withdrawUndo", does: () => undo("DELETE", record.id, "withdraw"), row: false },
    { shape: "eye", word: "view", does: () => detail(record.id), row: false },
  ].filter(Boolean);
}

function row(record, cells, again) {
  const all = doings(record);
  const buttons = all.filter((one) => one.row).map((one) => el("button", { type: "button", class: "icon-only", "aria-label": `${t(one.word)}: ${record.holder.full_name ?? ""}`, title: t(one.word), onclick: guarded(one.does) }, icon(one.shape)));
  const more = el("button", { type: "button", class: "icon-only dots3", "aria-haspopup": "menu", "aria-label": `${t("does")}: ${record.holder.full_name ?? ""}`, title: t("does"), onclick: (event) => menu(event.currentTarget, all) }, icon("dots"));
  return el("tr", { class: [again && "again", record.withdrawn_at && "off"].filter(Boolean).join(" ") }, cells, el("td", { class: "do" }, el("div", {}, buttons, more)));
}

/** A menu beside what opened it; arrows go through it, Escape closes it. */
function menu(opener, all) {
  document.querySelector(".menu")?.remove();
  const close = () => { box.remove(); opener.focus(); };
  const box = el("div", { class: "menu", role: "menu", onkeydown: (event) => {
    const items = [...box.children], at = items.indexOf(document.activeElement);
    if (event.key === "Escape" || event.key === "Tab") { event.preventDefault(); event.stopPropagation(); close(); }
    if (event.key === "ArrowDown") { event.preventDefault(); items[(at + 1) % items.length].focus(); }
    if (event.key === "ArrowUp") { event.preventDefault(); items[(at + items.length - 1) % items.length].focus(); }
  }, onfocusout: (event) => { if (!box.contains(event.relatedTarget)) box.remove(); } },
    all.map((one) => el("button", { type: "button", role: "menuitem", onclick: guarded(() => { close(); return one.does(); }) }, icon(one.shape), t(one.word))));
  document.body.append(box);
  const at = opener.getBoundingClientRect(), size = box.getBoundingClientRect();
  box.style.left = `${Math.max(8, at.right - size.width)}px`;
  box.style.top = `${at.bottom + size.height + 8 > innerHeight ? Math.max(8, at.top - size.height - 4) : at.bottom + 4}px`;
  box.firstChild.focus();
}

async function undo(method, id, what) {
  await ask(method, `/v1/records/${id}/${what}`);
  toast(t("undone"));
  await reload();
}
const reload = () => Promise.all([loadToday(), loadPortal()]);

async function acted(method, id, what, word) {
  await ask(method, `/v1/records/${id}/${what}`, {});
  toast(t(word));
  await reload();
}

async function checkOut(record) {
  const id = record.party ?? record.id;
  await ask("POST", `/v1/records/${encodeURIComponent(id)}/check-out`, {});
  const back = may("DELETE /v1/records/{id}/check-out") ? () => undo("DELETE", encodeURIComponent(id), "check-out") : null;
  toast(`${t("checkedOut")} ${answer(record, "room") ?? ""} · ${record.party ?? record.holder.full_name ?? ""}`, { undo: back });
  await reload();
}

/** A question in the window of a record: why, and what more there is to say. */
function asking(word, whys, parts, does) {
  const dialog = $("detail");
  const close = () => { dialog.close(); dialog.replaceChildren(); };
  const note = el("input", { name: "note", maxlength: 200, autocomplete: "off" });
  const why = el("select", { name: "why", required: true, onchange: (event) => { note.required = event.target.value === "other"; } }, el("option", { value: "" }, t("choose")), whys.map((one) => el("option", { value: one }, t(`why_${one}`))));
  const told = el("p", { class: "banner bad", role: "alert", hidden: true });
  const send = async (event) => {
    event.preventDefault();
    told.hidden = true;
    try {
      await does(new FormData(event.target));
      close();
      await reload();
    } catch (problem) {
      fail(problem, told);
      // What is wrong is said at its field, too.
      const field = problem.field && event.target.querySelector(`[name="a.${CSS.escape(problem.field)}"], [name="i.${CSS.escape(problem.field)}"], [name="${CSS.escape(problem.field)}"]`);
      field?.setAttribute("aria-invalid", "true");
      field?.focus();
    }
  };
  fill(dialog,
    el("h2", { id: "detail-title" }, t(word)),
    el("form", { id: "asking", onsubmit: send }, parts, el("div", { class: "fields" }, el("label", {}, el("span", {}, t("why")), why), el("label", {}, el("span", {}, t("note")), note)), told),
    el("div", { class: "actions" }, act("cross", t("close"), { class: "quiet", onclick: close }), el("button", { type: "submit", form: "asking", class: "primary" }, icon("tick"), t(word))));
  if (!dialog.open) dialog.showModal();
}

function withdraw(record) {
  const back = may("DELETE /v1/records/{id}/withdraw") ? () => undo("DELETE", record.id, "withdraw") : null;
  asking("withdraw", ["wrong_person", "duplicate", "not_staying", "other"], el("p", { class: "lead" }, `${record.holder.full_name ?? ""} · ${answer(record, "room") ?? ""}`), async (data) => {
    await ask("POST", `/v1/records/${record.id}/withdraw`, { why: data.get("why"), note: data.get("note").trim() || null });
    toast(`${t("withdrawn")} ${record.holder.full_name ?? ""}`, { undo: back });
  });
}

async function edit(id) {
  const record = await ask("GET", `/v1/records/${id}`);
  const form = about.profile.form.filter((field) => record.editable.includes(field.id));
  const before = Object.fromEntries(form.map((field) => [field.id, answer(record, field.id) ?? ""]));
  const known = { ...lastAnswers };
  lastAnswers = {};
  const parts = el("div", { class: "fields" },
    record.editable_items.map((name) => el("label", {}, el("span", {}, label(name)), el("input", { name: `i.${name}`, value: record.holder[name] ?? "", autocomplete: "off" }))),
    form.map((field) => el("label", {}, el("span", {}, lang ? field.label_en : field.label_vi), inputOf({ ...field, id: field.id }, before))));
  lastAnswers = known;
  asking("edit", ["typing_error", "stay_changed", "guest_asked", "wrong_person", "portal_refused", "other"], [el("p", { class: "lead" }, record.holder.full_name ?? ""), parts], async (data) => {
    const changed = (names, prefix, was) => Object.fromEntries(names.map((name) => [name, (data.get(`${prefix}.${name}`) ?? "").trim()]).filter(([name, value]) => value !== (was(name) ?? "")));
    const answers = changed(form.map((field) => field.id), "a", (name) => before[name]);
    const items = changed(record.editable_items, "i", (name) => record.holder[name]);
    await ask("PATCH", `/v1/records/${id}`, { answers, items, why: data.get("why"), note: data.get("note").trim() || null, version: record.version });
    const was = { answers: Object.fromEntries(Object.keys(answers).map((name) => [name, before[name]])), items: Object.fromEntries(Object.keys(items).map((name) => [name, record.holder[name] ?? ""])) };
    toast(t("corrected"), { undo: async () => { await ask("PATCH", `/v1/records/${id}`, { ...was, why: "typing_error" }); await reload(); } });
  });
}

const changeView = (one) => el("li", {},
  el("span", { class: "when" }, moment(one.at)), " ", el("b", {}, t(`act_${one.act}`)), one.by_name ? ` · ${one.by_name}` : "",
  one.why ? ` · ${t(`why_${one.why}`)}` : "", one.note ? ` · ${one.note}` : "", one.changed?.length && one.version > 1 ? ` · ${one.changed.map((name) => label(about.profile.form.some((field) => field.id === name) ? `form.${name}` : name)).join(", ")}` : "");

async function detail(id) {
  const record = await ask("GET", `/v1/records/${id}`);
  const dialog = $("detail");
  const close = () => { dialog.close(); dialog.replaceChildren(); };
  const doing = doings(record).filter((one) => one.word !== "view");
  fill(dialog,
    el("h2", { id: "detail-title" }, record.number ?? `${dayOf(record.day ?? "")} ${clock(record.at)}`),
    el("div", { class: "flow" },
      record.source === "typed" && !record.assurance ? el("p", { class: "banner warn" }, t("unverified")) : "",
      assuranceView(record),
      holderView(record.holder, null, record.differences) ?? "",
      record.versions?.length > 1 ? el("div", { class: "versions" }, el("h3", {}, t("versions")), el("ol", {}, record.versions.map(changeView))) : ""),
    el("div", { class: "actions" },
      el("button", { type: "button", class: "primary", onclick: close }, t("close")),
      doing.map((one) => act(one.shape, t(one.word), { onclick: guarded(async () => { if (!["edit", "withdraw"].includes(one.word)) close(); await one.does(); }) })),
      about.profile.print === "attestation" && act("file", t("statement"), downloads(`/v1/records/${id}/attestation`))));
  if (!dialog.open) dialog.showModal();
}
