// What the place is for, beside its visits: the police's files, lists that were given, seats, practice, the end of a shift.
"use strict";

/** What the police are owed, and the list of those who are expected, as last asked. */
let due = null, expected = null;

/** What the police are owed: always in sight below the guests, in the header, and at length in a view of its own. */
async function loadPortal() {
  if (!about.profile.lodging || !may("GET /v1/lodging")) return;
  $("portal").hidden = false;
  const owed = await ask("GET", "/v1/lodging");
  batches = owed.batches;
  const make = (kind, body = {}) => guarded(async () => {
    const batch = await ask("POST", "/v1/lodging/batches", { kind, ...body });
    await download(`/v1/lodging/batches/${batch.id}/file`);
    toast(`${t("file")} ${batch.id}: ${batch.made} ${t("made")}`);
    await reload();
    if (batch.left_out.length) fail({ code: "lodging_incomplete", detail: batch.left_out.map((one) => one.why).join("; ") });
  });
  const batch = (one) => {
    const confirm = guarded(async (event) => {
      const taken = Number(new FormData(event.target).get("taken"));
      await ask("POST", `/v1/lodging/batches/${one.id}/reconcile`, { taken }).finally(loadPortal);
    });
    const name = `${t("file")} ${one.id} (${one.kind}, ${clock(one.at)}): ${one.made} ${t("made")}`;
    const again = one.stale && may("PATCH /v1/records/{id}") ? act("again", t("makeAgain"), { onclick: make(one.kind, { again: one.id }) }) : null;
    return el("li", { class: "batch" },
      el("button", { class: "quiet", ...downloads(`/v1/lodging/batches/${one.id}/file`) }, icon("file"), el("span", { class: "word" }, name)),
      one.replaced_by ? el("span", { class: "muted" }, `${t("replacedBy")} ${one.replaced_by}`)
      : one.confirmed_at
        ? el("span", { class: "police green" }, `✓ ${t("confirmed")}`)
        : el("form", { class: "row", onsubmit: confirm },
            el("label", {}, el("span", {}, t("shown")), el("input", { name: "taken", inputmode: "numeric", pattern: "[0-9]+", required: true })),
            el("button", { type: "submit" }, t("confirm")), again,
            one.taken == null ? null : el("p", { class: "banner bad" }, `${one.taken} ≠ ${one.made}`)));
  };
  const files = () => [act("file", t("makeXlsx"), { onclick: make("xlsx") }, "F6"), act("globe", t("makeXml"), { onclick: make("xml") }, "F7")];
  fill($("portal-body"),
    el("p", { class: "figure" }, `${t("owed")} ${owed.unreported}`),
    owed.due ? el("p", { class: owed.late ? "banner bad" : "banner warn" }, `${t("due")} ${clock(owed.due)} ${owed.late ? t("late") : ""}`) : "",
    el("p", { class: "muted" }, t("portalHint")),
    el("div", { class: "actions" }, files()),
    el("ul", { class: "plain batches" }, owed.batches.map(batch)));
  const open = owed.batches.filter((one) => !one.confirmed_at && !one.replaced_by);
  $("owed").hidden = false;
  fill($("owed"),
    el("div", {}, el("b", {}, t("portalShort")), el("button", { type: "button", class: "link", onclick: () => show("portal") }, open.length ? `${open.length} ${t("filesOpen")}` : `${t("owed")} ${owed.unreported}`)),
    el("div", { class: "files" }, files()));
  due = owed;
  drawCounts();
  drawRail();
}

async function loadList() {
  const { roster, ledger } = about.profile;
  if (!roster) return;
  $("list").hidden = false;
  let list = null;
  expected = null;
  try {
    list = await ask("GET", "/v1/roster");
  } catch (problem) {
    if (problem.code !== "record_unknown") throw problem;
  }
  expected = list;
  drawRoom();
  const takeIn = guarded(async (event) => {
    const data = new FormData(event.target);
    await ask("POST", "/v1/roster", data.get("file"), { "x-pass-phrase": encodeURIComponent(data.get("phrase")) });
    loadList();
  });
  const merge = guarded(async (event) => {
    const answer = await ask("POST", "/v1/attendance", event.target.files[0]);
    const line = (one) => el("li", {}, `${Object.values(one.listed).join(" ")} (${one.subject}): ${one.seen.map(([device, at]) => `${device} ${clock(at)}`).join(", ")}`);
    fill($("merged"),
      el("p", { class: answer.duplicates.length ? "banner bad" : "banner warn" }, t(answer.duplicates.length ? "duplicates" : "noDuplicates")),
      el("ul", {}, answer.duplicates.map(line)));
  });
  fill($("list-body"),
    list
      ? el("p", { class: list.valid_today ? "" : "banner bad" }, `${list.title} — ${list.entries} ${t("people")}, ${t("validFrom")} ${dayOf(list.valid_from)} – ${dayOf(list.valid_until)}${list.valid_today ? "" : `: ${t("list_expired")}`}`)
      : el("p", { class: "banner warn" }, t("listNone")),
    may("POST /v1/roster") ? el("form", { onsubmit: takeIn },
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
  fill($("cards-body"),
    el("label", {}, el("span", {}, t("fault")), fault),
    el("div", { class: "people" }, people.map((person) => el("button", { type: "button", class: "quiet", onclick: lay(person) }, `${t("layCard")}: ${person.name}`))),
    el("div", { class: "actions" }, el("button", { type: "button", onclick: guarded(() => ask("DELETE", "/v1/practice")) }, t("noCard"))));
}

/** Beside the list: seats and who is there, money that was paid, or how many are inside. */
function drawRoom() {
  const place = $("room"), here = kind();
  place.hidden = !["exam", "beneficiary", "gate"].includes(here);
  if (place.hidden) return place.replaceChildren();
  const bar = (value, of) => { const node = el("div", { class: "filled", role: "img", "aria-label": `${value}/${of}` }, el("i")); node.firstChild.style.setProperty("--done", of ? Math.min(100, (100 * value) / of) : 0); return node; };
  const all = expected?.entries ?? 0;
  if (!expected) return fill(place, el("p", { class: "muted" }, t("listNone")), act("list", t("railList"), { class: "small", onclick: () => show("list") }));
  if (here === "gate") {
    return fill(place, el("p", { class: "head-count" }, el("b", {}, `${status?.inside ?? 0}`), el("span", {}, t("inside"))), el("p", { class: "muted" }, `${records.length} ${t("passes")}`));
  }
  if (here === "beneficiary") {
    const paid = records.reduce((sum, one) => sum + Number(String(valueOf(one.holder, "roster.amount") ?? "").replace(/\D/g, "")), 0);
    return fill(place, el("p", { class: "head-count" }, el("b", {}, `${records.length}`), el("span", {}, ` / ${all} ${t("paidPeople")}`)), bar(records.length, all), el("p", {}, `${t("paidSum")} `, el("b", {}, `${paid.toLocaleString("vi-VN")} đ`)));
  }
  const seats = new Map(records.map((one) => [valueOf(one.holder, "roster.seat"), one]).filter(([seat]) => seat));
  const now = session && valueOf(session.holder ?? {}, "roster.seat");
  const names = seatNames([...seats.keys(), now].filter(Boolean), all);
  const marked = [...seats.values()].filter((one) => one.assurance?.marked).length;
  const tile = (seat) => {
    const one = seats.get(seat);
    const how = seat === now ? "now" : one ? (one.assurance?.marked ? "marked" : "there") : "";
    return el("li", { class: how }, how === "there" ? icon("tick") : how === "marked" ? icon("triangle") : null, seat, el("span", { class: "unseen" }, t(`seat_${how || "free"}`)));
  };
  const room = valueOf(records[0]?.holder ?? {}, "roster.room");
  fill(place,
    el("p", { class: "head-count" }, el("b", {}, `${seats.size}`), el("span", {}, ` / ${all} ${t("arrived")}`), room ? el("span", { class: "where" }, room) : null),
    bar(seats.size, all),
    names.length ? el("ul", { class: "seats" }, names.map(tile)) : null,
    el("ul", { class: "legend" }, [["there", seats.size - marked], ["now", now ? 1 : 0], ["marked", marked], ["free", Math.max(0, all - seats.size)]].filter(([, many]) => many).map(([how, many]) => el("li", { class: how }, el("i"), `${t(`seat_${how}`)} ${many}`))));
}

/** The seats of a room that are numbered in one row of a letter: what was seen of them says how they are written. */
function seatNames(seen, all) {
  const written = seen.map((seat) => /^([^\d]*)(\d+)$/.exec(seat));
  if (!all || all > 60 || written.some((one) => !one)) return [...new Set(seen)].sort((a, b) => a.localeCompare(b, "vi", { numeric: true })).slice(0, 60);
  const [start, wide] = written.length ? [written[0][1], written[0][2].length > 1 && written[0][2].startsWith("0") ? written[0][2].length : 0] : ["", 0];
  if (written.some((one) => one[1] !== start || Number(one[2]) > all)) return [...new Set(seen)].sort((a, b) => a.localeCompare(b, "vi", { numeric: true })).slice(0, 60);
  return Array.from({ length: all }, (_, at) => `${start}${String(at + 1).padStart(wide, "0")}`);
}

/** What was done since the last shift, what is open, and to whom it is given. */
async function loadShift() {
  $("shift").hidden = !may("GET /v1/shift");
  if ($("shift").hidden || document.querySelector("main").dataset.view !== "shift") return;
  const [now, { staff }] = await Promise.all([ask("GET", "/v1/shift"), ask("GET", "/v1/duty")]);
  const figure = (word, value, tone = "") => el("div", { class: `tile-figure ${tone}` }, el("span", {}, t(word)), el("b", {}, `${value}`));
  const close = guarded(async (event) => {
    const data = new FormData(event.target);
    const done = await ask("POST", "/v1/shift/close", { to: data.get("to") || null, note: data.get("note").trim() || null });
    toast(t("shiftClosed"));
    printLines(done.lines);
    await loadShift();
  });
  const { open } = now;
  fill($("shift-body"),
    el("p", { class: "muted" }, `${moment(now.since)} – ${clock(now.until)} · ${now.on?.name ?? ""}`),
    el("div", { class: "figures" }, figure("kept_", now.kept), figure("refused_", now.refused), figure("cancelled_", now.cancelled), figure("corrected_", now.corrected), figure("unsent_", open.unsent, open.unsent ? "amber" : ""), figure("events_", open.events_unsent, open.events_unsent ? "amber" : "")),
    el("div", { class: "scroll", tabindex: "0", role: "region", "aria-labelledby": "shift-title" }, el("table", { class: "plain-table" }, el("thead", {}, el("tr", {}, ["lookWho", "kept_", "refused_", "cancelled_"].map((word) => el("th", { scope: "col" }, t(word))))),
      el("tbody", {}, now.staff.map((one) => el("tr", {}, el("td", {}, one.name || t("nobody")), el("td", {}, `${one.kept}`), el("td", {}, `${one.refused}`), el("td", {}, `${one.cancelled}`)))))),
    el("form", { class: "fields", onsubmit: close },
      el("label", {}, el("span", {}, t("shiftTo")), el("select", { name: "to" }, el("option", { value: "" }, t("shiftNobody")), staff.filter((one) => one.id !== now.on?.id).map((one) => el("option", { value: one.id }, one.name)))),
      el("label", { class: "wide" }, el("span", {}, t("shiftNote")), el("textarea", { name: "note", maxlength: 500 })),
      el("div", { class: "actions wide" }, act("printer", t("printDo"), { onclick: () => printLines(now.lines) }), el("button", { type: "submit", class: "primary" }, icon("people"), el("span", { class: "word" }, t("shiftClose"))))),
    el("ul", { class: "plain" }, now.closed.map((one) => el("li", {}, `${one.number}. ${moment(one.at)} · ${one.by_name}${one.to_name ? ` → ${one.to_name}` : ""} `, el("button", { type: "button", class: "quiet small", onclick: () => printLines(one.lines) }, t("printDo"))))));
}

function printLines(lines) {
  $("paper").className = "";
  $("paper").textContent = lines.join("\n");
  window.print();
  $("paper").textContent = "";
}
