// For whoever manages the place: days in numbers, which name nobody who was served, and who is let in.
"use strict";

/** Which day is looked at. */
let figuresDay = null;

const SVG = "http://www.w3.org/2000/svg";
const drawing = (name, attributes, ...children) => {
  const node = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  node.append(...children);
  return node;
};
const plusDays = (day, plus) => new Date(Date.parse(`${day}T00:00:00Z`) + plus * 86400000).toISOString().slice(0, 10);
const EMPTY = { kept: 0, refused: 0, cancelled: 0, why: {}, took: { visits: 0, mean_s: null, longest_s: null }, hours: Array(24).fill(0), staff: [], corrected: 0, withdrawn: 0 };

/** Days as the device counts them; of an older one, what the list of the day lets us count. */
async function daysTo(day) {
  if (may("GET /v1/days")) return (await ask("GET", `/v1/days?from=${plusDays(day, -7)}&to=${day}`)).days;
  const got = await ask("GET", `/v1/records?day=${day}`);
  const all = Array.isArray(got) ? got : got.records;
  const hours = Array(24).fill(0);
  for (const one of all) hours[Number(clock(one.at).slice(0, 2))] += 1;
  return [{ ...EMPTY, day, kept: all.length, hours, older: true }];
}

/** Bars by the hour, with lines to read them by; the hours in which anything was done, and those between. */
function barsView(labels, values, name, { wide = 760, high = 210 } = {}) {
  const top = Math.max(4, ...values), step = [1, 2, 5, 10, 20, 25, 50, 100, 200, 500, 1000].find((one) => top / one <= 4.5) ?? 2000;
  const ceiling = Math.ceil(top / step) * step, left = 34, floor = high - 26, scale = (value) => floor - (value / ceiling) * (floor - 16);
  const lines = Array.from({ length: ceiling / step + 1 }, (_, at) => at * step).flatMap((value) => [
    drawing("line", { x1: left, x2: wide, y1: scale(value), y2: scale(value), class: "grid" }),
    drawing("text", { x: left - 8, y: scale(value) + 4, class: "axis", "text-anchor": "end" }, `${value}`)]);
  const each = (wide - left) / values.length, thick = Math.min(44, each * 0.56);
  const bars = values.flatMap((value, at) => {
    const middle = left + each * (at + 0.5);
    return [
      drawing("rect", { x: middle - thick / 2, y: scale(value), width: thick, height: Math.max(0, floor - scale(value)), rx: 3, class: "bar" }),
      value ? drawing("text", { x: middle, y: scale(value) - 6, class: "value", "text-anchor": "middle" }, `${value}`) : "",
      drawing("text", { x: middle, y: high - 6, class: "axis", "text-anchor": "middle" }, labels[at])].filter(Boolean);
  });
  return drawing("svg", { viewBox: `0 0 ${wide} ${high}`, role: "img", class: "chart", "aria-label": `${name}: ${labels.map((one, at) => `${one} ${values[at]}`).join(", ")}` }, ...lines, ...bars);
}

function hoursView(day, name, options) {
  const worked = day.hours.map((many, hour) => (many ? hour : -1)).filter((hour) => hour >= 0);
  const from = Math.min(8, ...worked), to = Math.max(17, ...worked);
  const hours = Array.from({ length: to - from + 1 }, (_, at) => from + at);
  return barsView(hours.map((hour) => `${String(hour).padStart(2, "0")}`), hours.map((hour) => day.hours[hour]), name, options);
}

const lasting = (seconds) => (seconds == null ? "–" : `${Math.floor(seconds / 60)}:${String(Math.round(seconds % 60)).padStart(2, "0")}`);
const share = (part, of) => (of ? `${((100 * part) / of).toLocaleString("vi-VN", { maximumFractionDigits: 1 })}%` : "–");
const whyName = (code) => (WORDS[code] ? t(code).split(/[.,;:]/)[0] : code);

function listOf(pairs, most) {
  return el("ul", { class: "shares", tabindex: "0" }, pairs.map(([name, many]) => {
    const line = el("li", {}, el("span", {}, name), el("i"), el("b", {}, `${many}`));
    line.children[1].style.setProperty("--done", most ? (100 * many) / most : 0);
    return line;
  }));
}

/** The numbers of a day in five tiles: each a word, a figure, and what it is beside a week before. */
function tileOf(shape, word, figure, unit, line) {
  return el("div", { class: "tile-figure" }, el("span", {}, icon(shape), t(word)), el("b", {}, figure, unit ? el("small", {}, ` ${unit}`) : null), el("span", { class: "muted" }, line ?? ""));
}

async function loadFigures() {
  $("figures").hidden = !(may("GET /v1/days") || may("GET /v1/access"));
  if ($("figures").hidden || document.querySelector("main").dataset.view !== "figures") return;
  figuresDay ??= isoDay();
  const days = await daysTo(figuresDay);
  const day = days.find((one) => one.day === figuresDay) ?? { ...EMPTY, day: figuresDay };
  const before = days.find((one) => one.day === plusDays(figuresDay, -7));
  const all = day.kept + day.refused + day.cancelled;
  const written = new Intl.DateTimeFormat(lang ? "en-GB" : "vi-VN", { weekday: "long", day: "2-digit", month: "2-digit", year: "numeric", timeZone: "UTC" }).format(Date.parse(`${figuresDay}T00:00:00Z`));
  const go = (plus) => guarded(() => { figuresDay = plusDays(figuresDay, plus); return loadFigures(); });
  $("figures-title").textContent = written.replace(/^./, (first) => first.toUpperCase());
  fill($("figures-bar"),
    el("button", { type: "button", class: "icon-only boxed", "aria-label": t("dayBefore"), onclick: go(-1) }, icon("back")),
    el("button", { type: "button", class: "icon-only boxed", "aria-label": t("dayAfter"), disabled: figuresDay >= isoDay(), onclick: go(1) }, icon("next")),
    el("span", { class: "muted grow" }, t("onlyNumbers")),
    may("GET /v1/days.csv") ? act("file", "CSV", downloads(`/v1/days.csv?from=${plusDays(figuresDay, -30)}&to=${figuresDay}`), "F6") : null,
    act("printer", t("printDay"), { onclick: () => sheet(day, written) }, "F7"),
    may("GET /v1/shift") ? act("people", t("shift"), { class: "primary", onclick: () => show("shift") }, "F12") : null);
  const than = before ? `${day.kept >= before.kept ? "▲" : "▼"} ${share(Math.abs(day.kept - before.kept), before.kept)} ${t("thanWeek")}` : t("noWeek");
  const whys = Object.entries(day.why).sort((a, b) => b[1] - a[1]);
  const most = Math.max(1, ...day.staff.map((one) => one.kept));
  const card = (word, aside, ...body) => el("div", { class: "panel" }, el("div", { class: "bar" }, el("h3", {}, t(word)), aside ? el("span", { class: "muted" }, aside) : null), ...body);
  const week = days.filter((one) => one.day > plusDays(figuresDay, -7));
  const staffRow = (one) => {
    const bar = el("i");
    bar.style.setProperty("--done", (100 * one.kept) / most);
    return el("tr", {}, el("td", {}, face2(one.name), el("span", {}, one.name || t("nobody"))), el("td", { class: "bar-cell" }, bar), el("td", {}, `${one.kept}`), el("td", {}, `${one.refused}`), el("td", {}, `${one.cancelled}`));
  };
  fill($("figures-body"),
    el("div", { class: "figures" },
      tileOf("people", "kept_", `${day.kept}`, null, than),
      tileOf("shield", "through", share(day.kept, all), null, `${all} ${t("visits")}`),
      tileOf("clock", "took", lasting(day.took.mean_s), day.took.mean_s == null ? null : t("minutes"), day.took.longest_s == null ? t("notMeasured") : `${t("longest")} ${lasting(day.took.longest_s)}`),
      tileOf("shield-cross", "refused_", `${day.refused}`, null, share(day.refused, all)),
      tileOf("pencil", "mended_", `${day.corrected + day.withdrawn}`, null, `${day.cancelled} ${t("cancelledShort")}`)),
    card("byHour", `${day.kept} ${t("visits")}`, hoursView(day, t("byHour"), { wide: 980, high: 210 })),
    card("byWhy", `${day.refused}`, whys.length ? listOf(whys.map(([code, many]) => [whyName(code), many]), whys[0][1]) : el("p", { class: "empty" }, icon("shield"), el("span", {}, t(day.older ? "notCounted" : "noRefusals")))),
    card("byStaff", "", day.staff.length
      ? el("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": t("byStaff") }, el("table", { class: "plain-table" },
          el("thead", {}, el("tr", {}, el("th", { scope: "col" }, t("staffWho")), el("th", { scope: "col" }, el("span", { class: "unseen" }, t("byStaff"))), ["n_kept", "refused_", "n_cancelled"].map((word) => el("th", { scope: "col" }, t(word))))), el("tbody", {}, day.staff.map(staffRow))))
      : el("p", { class: "empty" }, icon("people"), el("span", {}, t(day.older ? "notCounted" : "noneYet")))),
    card("byDay", "", barsView(week.map((one) => short(dayOf(one.day))), week.map((one) => one.kept), t("byDay"), { wide: 420, high: 210 })));
}

/** The day on one sheet of A4, which reads in black and white. */
function sheet(day, written) {
  const all = day.kept + day.refused + day.cancelled;
  const cell = (value, word) => el("div", {}, el("b", {}, value), el("span", {}, t(word)));
  const table = (word, heads, rows) => el("section", {}, el("h2", {}, t(word)), el("table", {}, el("thead", {}, el("tr", {}, heads.map((head) => el("th", { scope: "col" }, head)))), el("tbody", {}, rows.map((row) => el("tr", {}, row.map((value) => el("td", {}, value)))))));
  const whys = Object.entries(day.why).sort((a, b) => b[1] - a[1]).map(([code, many]) => [whyName(code), `${many}`, share(many, day.refused)]);
  $("paper").className = "sheet";
  fill($("paper"),
    el("div", { class: "top" }, el("div", {}, el("b", {}, about.site), el("span", {}, two(about.profile.title))), el("div", {}, el("span", {}, `${t("printedAt")} ${clock(Date.now() / 1000)} · ${about.on_duty?.name ?? ""}`), el("span", {}, about.device))),
    el("h1", {}, t("sheetTitle")), el("p", { class: "date" }, written),
    el("div", { class: "boxes" }, cell(`${day.kept}`, "kept_"), cell(share(day.kept, all), "through"), cell(lasting(day.took.mean_s), "took"), cell(`${day.refused}`, "refused_"), cell(`${day.cancelled}`, "cancelled_")),
    el("section", {}, el("h2", {}, t("byHour")), hoursView(day, t("byHour"))),
    el("div", { class: "two" },
      table("byWhy", [t("why"), t("n_kept"), "%"], whys.length ? whys : [[t("noRefusals"), "0", "–"]]),
      table("mended_", [t("what"), t("n_kept")], [[t("corrected_"), `${day.corrected}`], [t("withdrawn_"), `${day.withdrawn}`], [t("longest"), lasting(day.took.longest_s)]])),
    table("byStaff", [t("staffWho"), t("n_kept"), t("refused_"), t("n_cancelled")], day.staff.map((one) => [one.name || t("nobody"), `${one.kept}`, `${one.refused}`, `${one.cancelled}`])),
    el("div", { class: "signs" }, ["signGives", "signTakes", "duty_manager"].map((word) => el("div", {}, el("b", {}, t(word).replace(/^./, (first) => first.toUpperCase())), el("span", {}, t("signHere"))))),
    el("p", { class: "bottom" }, t("onlyNumbers")));
  window.print();
  $("paper").replaceChildren();
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
  fill($("pairings-body"), el("ul", { class: "plain" }, pairings.map((one) =>
    el("li", {}, `${one.name} · ${t(`role_${one.role}`)}${one.origin ? ` · ${one.origin}` : ""} · ${t("since")} ${day(one.since)}${one.until ? ` – ${day(one.until)}` : ""} `,
      el("button", { type: "button", class: "quiet", onclick: leave(one) }, t("unpair"))))));
}

