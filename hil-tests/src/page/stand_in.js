// A device that is none: stands for the page's key and answers /v1 from what the address says, so that the page can be looked at
// in any state without a card. ?kind=lodging&rows=30&step=face&level=5&duty=manager
"use strict";

const Key = (() => {
const wantedOf = new URLSearchParams(location.search);
const given = (name, usual) => wantedOf.get(name) ?? usual;
/** What was asked of it: a test looks here for what was answered, ended or sent. */
window.asked = [];

const FAMILY = ["Nguyễn", "Trần", "Lê", "Phạm", "Hoàng", "Vũ", "Đặng", "Bùi", "Đỗ", "Ngô"];
const MIDDLE = ["Thị Hồng", "Quốc", "Minh", "Gia", "Đình", "Thùy", "Văn", "Khánh"];
const GIVEN = ["Ánh", "Bảo", "Khang", "Hân", "Khôi", "Linh", "Dũng", "Hòa", "Giang", "Yến"];
const nameOf = (at) => (at === 3 ? "Công Tằng Tôn Nữ Hoàng Bảo Châu" : at === 5 ? "JOHNATHAN MAXIMILIAN FEATHERSTONEHAUGH" : `${FAMILY[at % 10]} ${MIDDLE[(at * 3) % 8]} ${GIVEN[(at * 7) % 10]}`);
const now = Math.floor(Date.now() / 1000);
const dayText = (plus) => new Intl.DateTimeFormat("vi-VN", { day: "2-digit", month: "2-digit", year: "numeric", timeZone: "Asia/Ho_Chi_Minh" }).format(Date.now() + plus * 86400000);

/** A drawn face: nobody's. */
function drawnFace(hair, shirt) {
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 300 400"><rect width="300" height="400" fill="#cfe0f4"/><path d="M20 400c0-90 60-120 130-120s130 30 130 120z" fill="${shirt}"/><rect x="122" y="225" width="56" height="75" rx="26" fill="#d9a27c"/><ellipse cx="150" cy="170" rx="74" ry="92" fill="#f0c8a4"/><path d="M76 165c-8-90 40-112 74-112s84 20 74 112c-10-40-20-62-44-66-40 14-80-4-96 34z" fill="${hair}"/><circle cx="122" cy="172" r="8" fill="#222"/><circle cx="178" cy="172" r="8" fill="#222"/><path d="M128 222q22 14 44 0" stroke="#a4472f" stroke-width="6" fill="none" stroke-linecap="round"/></svg>`;
  return { media_type: "image/svg+xml", base64: btoa(svg) };
}

const both = (vi, en) => ({ vi, en: en ?? vi });
const WORD = {
  proved: ["Đã xác thực thẻ", "Đã xác thực", "Đúng nơi cấp ký, dữ liệu nguyên vẹn, chip không phải bản sao.", "So khuôn mặt với ảnh trong chip.", "green", "shield"],
  pinned: ["Đã xác thực, đã ghim", "Đã ghim", "Nơi ký này do đơn vị chấp nhận; chip không phải bản sao.", "So khuôn mặt với ảnh trong chip.", "teal", "pin"],
  signed: ["Ký đúng, chưa rõ nơi cấp", "Chưa rõ nơi cấp", "Chữ ký và chip đúng, nhưng máy này chưa có chứng thư gốc để biết ai cấp.", "Xem thẻ bằng mắt thường, chọn lý do.", "amber", "triangle"],
  shown: ["Đã xem giấy tờ", "Đã xem giấy tờ", "Nhân viên đã xem giấy tờ tận mắt.", "Ghi loại giấy và số.", "indigo", "eye"],
  claimed: ["Tự khai", "Tự khai", "Chỉ có lời khai hoặc mã QR.", "Mời đặt thẻ lên đầu đọc, hoặc cho xem giấy tờ.", "slate", "pencil"],
  expired: ["Thẻ hết hạn", "Hết hạn", "Thẻ thật, nhưng đã quá ngày hết hạn.", "Trả thẻ, hướng dẫn đổi thẻ.", "plum", "calendar-cross"],
  not_genuine: ["Thẻ không đạt xác thực", "Không đạt", "Chip không chứng minh được mình là bản gốc.", "Không giữ thẻ, không kết tội. Mời gặp người phụ trách.", "red", "shield-cross"],
};
const words = {
  word: Object.fromEntries(Object.entries(WORD).map(([code, [title, chip, staff, next, tone, icon]]) => [code, { title: both(title), chip: both(chip), staff: both(staff), next: both(next), tone, icon }])),
  because: { assurance: both("chưa đủ mức xác thực cho việc này"), expired: both("thẻ đã hết hạn") },
  rung: { claimed: both("tự khai"), shown: both("đã xem"), signed: both("ký đúng"), pinned: both("đã ghim"), proved: both("đã xác thực") },
};

const field = (id, vi, more = {}) => ({ id, label_vi: vi, label_en: vi, choice: [], keyboard: "text", optional: false, ...more });
const choose = (...all) => all.map((one, at) => ({ value: `${at + 1} - ${one}`, label_vi: one, label_en: one }));
const CORE = ["id_number", "full_name", "date_of_birth", "sex", "nationality", "residence", "issue_date", "portrait"];
const profileOf = (kind, desk, more) => ({
  id: kind, purpose: both("Nơi này đọc họ tên, ngày sinh, số định danh và ảnh trên chip để phục vụ Quý khách.", "We read your card to serve you."), legal_basis: "Luật Căn cước 26/2023/QH15, Điều 22; Luật Bảo vệ dữ liệu cá nhân 91/2025/QH15",
  keep: { days: 90 }, accept: ["typed"], form: [], labels: Object.fromEntries([["full_name", "Họ và tên"], ["id_number", "Số định danh cá nhân"], ["date_of_birth", "Ngày sinh"], ["sex", "Giới tính"], ["nationality", "Quốc tịch"], ["residence", "Nơi cư trú trên thẻ"], ["issue_date", "Ngày cấp"]].map(([name, vi]) => [name, both(vi)])),
  recipients: [{ id: "desk", fields: desk }], lodging: false, party: false, roster: null, ledger: null, print: null, practice: false, takes_mrz: false,
  assurance: { at_least: "pinned", signed: "mark", shown: "mark", claimed: "mark" }, ...more });
const PROFILES = {
  lodging: profileOf("lodging", [...CORE, "form.room", "form.arrival", "form.departure", "form.reason", "form.phone"], { title: both("Thông báo lưu trú", "Lodging"), lodging: true, party: true, takes_mrz: true,
    form: [field("room", "Số phòng"), field("arrival", "Ngày đến", { keyboard: "date" }), field("departure", "Ngày đi dự kiến", { keyboard: "date" }), field("reason", "Lý do lưu trú", { choice: choose("Du lịch", "Học tập", "Mục đích khác") }), field("phone", "Số điện thoại", { keyboard: "digits", optional: true })] }),
  exam: profileOf("exam", ["id_number", "full_name", "date_of_birth", "sex", "portrait", "roster.room", "roster.seat", "roster.subject"], { title: both("Kiểm tra thí sinh", "Exam"), accept: [], roster: { required: true, show: ["room", "seat", "subject"], compare: [] }, ledger: { rule: "once", scope: "roster" } }),
  hospital: profileOf("hospital", [...CORE, "form.department", "form.insurance", "form.phone"], { title: both("Tiếp nhận khám bệnh tại quầy", "Hospital"), print: "ticket", accept: ["typed", "health_insurance"],
    form: [field("department", "Khoa khám", { choice: choose("Khoa Khám bệnh", "Nội tổng hợp", "Ngoại tổng hợp", "Nhi khoa", "Sản phụ khoa", "Mắt", "Tai mũi họng", "Răng hàm mặt") }), field("insurance", "Mã thẻ BHYT", { optional: true }), field("phone", "Số điện thoại", { keyboard: "digits", optional: true })] }),
  gate: profileOf("gate", ["full_name", "roster.company"], { title: both("Kiểm soát ra vào", "Gate"), accept: [], roster: { required: true, show: ["company"], compare: [] }, ledger: { rule: "in_out", scope: "always" } }),
  beneficiary: profileOf("beneficiary", ["id_number", "full_name", "date_of_birth", "residence", "portrait", "roster.amount", "roster.period"], { title: both("Chi trả trợ cấp", "Benefits"), accept: [], print: "receipt", roster: { required: true, show: ["amount", "period"], compare: [] }, ledger: { rule: "once", scope: "roster" } }),
  onestop: profileOf("onestop", [...CORE, "form.procedure", "form.request", "form.phone"], { title: both("Một cửa: điền tờ khai", "One-stop"), print: "page", form: [field("procedure", "Thủ tục"), field("request", "Nội dung đề nghị"), field("phone", "Số điện thoại", { optional: true })] }),
  practice: profileOf("practice", [...CORE, "form.note"], { title: both("Luyện tập", "Practice"), practice: true, print: "ticket", form: [field("note", "Ghi chú", { optional: true })] }),
};
const profile = PROFILES[given("kind", "lodging")];
const level = Number(given("level", 5));
const OLD = ["GET /v1/records", "GET /v1/records/{id}", "POST /v1/records/{id}/print", "POST /v1/typed", "POST /v1/pin", "GET /v1/records.csv", "POST /v1/records/{id}/check-out", "GET /v1/lodging", "POST /v1/roster", "GET /v1/attendance", "POST /v1/attendance"];
const NEW = ["PATCH /v1/records/{id}", "POST /v1/records/{id}/withdraw", "DELETE /v1/records/{id}/withdraw", "POST /v1/records/{id}/corrected", "DELETE /v1/records/{id}/check-out", "GET /v1/lodging/rooms", "GET /v1/shift", "POST /v1/shift/close", "POST /v1/typed/scan"];
/** A desk that hears kiosks and calls numbers: where the address names calls, or how many wait. */
const counts = given("calls", null) !== null || given("waiting", null) !== null;
const COUNTER = ["GET /v1/calls", "POST /v1/calls/{id}/take", "GET /v1/queue", "POST /v1/queue/next"];
/** Calls at kiosks, and numbers that wait, as a test says. */
const calling = Array.from({ length: Number(given("calls", 0)) }, (_, at) => ({ id: String(at).padStart(32, "c"), kiosk: `kiosk-sanh-${at + 1}`, step: ["scan", "card", "problem"][at % 3], since: now - 40 * (at + 1), taken_by: null, taken_by_name: null, away: at === 2 }));
window.setCalls = (list) => { calling.splice(0, calling.length, ...list); };
const numbers = { waiting: Number(given("waiting", 12)), last: 45, times: 1 };
const queueNow = () => ({ waiting: numbers.waiting, places: {}, next: numbers.waiting ? `A${String(numbers.last + 1).padStart(3, "0")}` : null, called: [{ number: `A${String(numbers.last).padStart(3, "0")}`, place: "Phòng khám 12", counter: "Quầy 1", at: now, times: numbers.times }] });
const manager = given("duty", "reception") === "manager";
const about = { api_level: level, device: "quay-1", site: "KHÁCH SẠN BIỂN XANH", version: "1", profile, words, role: "desk", on_duty: { id: "nv-1", name: "Lê Hồng Nhung", duty: given("duty", "reception") }, plugin: false, jwk: {}, counter: counts ? "Quầy 1" : null,
  may: [...OLD, ...(level >= 5 ? NEW : []), ...(counts ? COUNTER : []), ...(manager ? ["GET /v1/access", "GET /v1/staff", "GET /v1/pairings", ...(level >= 5 ? ["GET /v1/days", "GET /v1/days.csv"] : [])] : [])] };

function holderOf(at, whole = true) {
  const all = { full_name: nameOf(at), id_number: `0010${String(99000000 + at).padStart(8, "0")}`, date_of_birth: `${String((at % 28) + 1).padStart(2, "0")}/0${(at % 9) + 1}/19${70 + (at % 30)}`, sex: at % 2 ? "Nam" : "Nữ", nationality: "Việt Nam", residence: "Số 12 phố Hàng Bài, phường Tràng Tiền, quận Hoàn Kiếm, thành phố Hà Nội", issue_date: "15/01/2024" };
  const desk = profile.recipients[0].fields;
  const holder = Object.fromEntries(Object.entries(all).filter(([name]) => desk.includes(name)));
  const form = { room: `${1 + Math.floor(at / 16)}${String(1 + Math.floor((at % 16) / 2)).padStart(2, "0")}`, arrival: dayText(-(at % 2)), departure: dayText(1 + (at % 4) - (at % 9 === 0 ? 1 : 0)), reason: "1 - Du lịch", department: "4 - Nhi khoa", procedure: "Đăng ký thường trú", request: "Xác nhận nơi cư trú" };
  const roster = { room: "P201", seat: `A${at + 1}`, subject: "Toán", company: "Công ty TNHH Ánh Dương", amount: `${500 + (at % 5) * 250}.000`, period: "11/2026" };
  for (const name of desk) {
    const [table, key] = name.split(".");
    if (table === "form" && form[key]) (holder.form ??= {})[key] = form[key];
    if (table === "roster") (holder.roster ??= {})[key] = roster[key];
  }
  if (whole && desk.includes("portrait")) holder.portrait = drawnFace(["#222831", "#5a3a22"][at % 2], ["#33475b", "#b34d5c"][at % 2]);
  return holder;
}
const RUNGS = ["proved", "proved", "pinned", "proved", "claimed", "proved", "signed", "shown", "proved"];
function recordOf(at) {
  const rung = ["exam", "gate", "beneficiary"].includes(profile.id) ? RUNGS[at % 4] : RUNGS[at % 9];
  const state = ["waiting", "sent", "in_file", "sent", "waiting"][at % 5];
  const marked = ["signed", "shown", "claimed"].includes(rung) ? "assurance" : null;
  const base = { id: String(at).padStart(32, "0"), at: now - at * 420, number: profile.print === "ticket" ? `A${String(300 - at).padStart(3, "0")}` : null, party: null, source: rung === "claimed" ? "typed" : "citizen_card", assurance: { rung, word: rung, level: 5, document: "citizen_card", marked, staff: null }, staff: null, holder: holderOf(at, false), mended: [], differences: [], batch: profile.lodging && state !== "waiting" ? 2 : null, gone_at: null, deliveries: profile.id === "hospital" ? { his: "done" } : {} };
  return level >= 5 ? { ...base, day: new Date().toISOString().slice(0, 10), by: "nv-1", by_name: "Lê Hồng Nhung", version: 1, portal: profile.lodging ? state : null, withdrawn_at: null, editable: profile.form.map((one) => one.id), editable_items: [], versions: [] } : base;
}
let many = Number(given("rows", 30));
let all = Array.from({ length: many }, (_, at) => recordOf(at));
/** As many have come as a test says; the page asks again. */
window.setRows = (rows) => {
  many = rows;
  all = Array.from({ length: many }, (_, at) => recordOf(at));
};

const verdictOf = (word) => ({ word, rung: LEVELS_OF[word] ? word : null, level: LEVELS_OF[word] ?? null, answers: {}, admission: LEVELS_OF[word] >= 4 ? "goes_on" : word === "not_genuine" ? { refused: "not_genuine" } : { [given("step") === "staff" ? "ask_staff" : "marked"]: word === "expired" ? "expired" : "assurance" }, document: "citizen_card", until: "2036-01-15", refusal: null, checks: { "chip.active": "passed", "pa.revocation": "not_performed" }, total_ms: 4200 });
const LEVELS_OF = { claimed: 1, shown: 2, signed: 3, pinned: 4, proved: 5 };
const ID = "f".repeat(32);
let current = null, events = 0;
function at(waits, outcome = null) {
  const knows = ["staff", "face", "form", "end"].includes(waits);
  const word = given("word", "proved");
  events += 1;
  current = { id: ID, correlation_id: null, profile: profile.id, practice: false, began: now, waits, outcome, verdict: knows ? verdictOf(word) : null, holder: knows && !outcome?.refused ? holderOf(11) : null, photo: knows && profile.id === "exam" ? drawnFace("#30333a", "#f2f5f9") : null, answers: {}, differences: [], number: outcome === "done" && ["ticket", "receipt"].includes(profile.print) ? "A045" : null, place: outcome === "done" && profile.print === "ticket" ? "Nhi khoa, tầng 2" : null, record: outcome === "done" ? all[0]?.id ?? null : null, last_event: events };
  return current;
}
if (given("step")) at(given("step"), given("step") === "end" ? (given("word") === "not_genuine" ? { refused: "not_genuine" } : "done") : null);

const dayOfFigures = (day, at) => ({ day, kept: 420 - at * 13, refused: 18, cancelled: 6, why: { card_expired: 6, face_differs: 4, card_communication: 3, not_genuine: 2, assurance_too_low: 2, other_document: 1 }, took: { visits: 420, mean_s: 112, longest_s: 402 }, hours: [0, 0, 0, 0, 0, 0, 0, 38, 62, 71, 58, 43, 12, 37, 49, 32, 18, 0, 0, 0, 0, 0, 0, 0], staff: [["nv-1", "Lê Thanh Mai", 148], ["nv-2", "Lê Hồng Nhung", 127], ["nv-3", "Đặng Quốc Dũng", 94], ["", "", 51]].map(([by, name, kept]) => ({ by, name, kept, refused: 4, cancelled: 1 })), corrected: 3, withdrawn: 1 });
function figures(query) {
  const from = query.get("from"), to = query.get("to"), days = [];
  for (let day = from, at = 0; day <= to && at < 400; at += 1) {
    days.push(dayOfFigures(day, many ? at : 0));
    day = new Date(Date.parse(`${day}T00:00:00Z`) + 86400000).toISOString().slice(0, 10);
  }
  if (!many) for (const day of days) Object.assign(day, { kept: 0, refused: 0, cancelled: 0, why: {}, staff: [], hours: Array(24).fill(0), took: { visits: 0, mean_s: null, longest_s: null } });
  return { from, to, days, total: {} };
}

function answerTo(method, path, query, body) {
  const wanted = `${method} ${path.replace(/[0-9a-f]{32}/, "ID")}`;
  if (wanted === "POST /v1/calls/ID/take") {
    const one = calling.find((call) => path.includes(call.id));
    Object.assign(one, { taken_by: "nv-1", taken_by_name: "Lê Hồng Nhung" });
    return { hears: true, calls: calling };
  }
  switch (wanted) {
    case "GET /v1": return about;
    case "GET /v1/status": return { reader: given("broken") ? { works: false, code: "no_reader", remedy: "" } : { works: true }, printer: profile.print ? { works: true } : null, central: { configured: true, unsent: 0 }, recipients: [], busy: null, session: null, inside: profile.id === "gate" ? Math.ceil(many / 2) : null };
    case "GET /v1/duty": return { staff: [{ id: "nv-1", name: "Lê Hồng Nhung", duty: "reception" }, { id: "nv-2", name: "Trần Quang Hùng", duty: "manager" }] };
    case "GET /v1/sessions/current": return current ?? 404;
    case "POST /v1/sessions": return at("consent");
    case "GET /v1/sessions/ID": return current ?? 404;
    case "DELETE /v1/sessions/ID": return at("end", "cancelled");
    case "POST /v1/sessions/ID/consent": return at("key");
    case "POST /v1/sessions/ID/key": return at("chip");
    case "POST /v1/sessions/ID/staff": case "POST /v1/sessions/ID/face": return at(profile.form.length ? "form" : "end", profile.form.length ? null : "done");
    case "POST /v1/sessions/ID/form": return at("end", "done");
    case "GET /v1/records": {
      const q = (query.get("q") ?? "").toLowerCase(), portal = query.get("portal");
      const found = all.filter((one) => (!q || JSON.stringify(one.holder).toLowerCase().includes(q)) && (!portal || one.portal === portal));
      const limit = Number(query.get("limit") ?? 100), from = Number(query.get("after") ?? 0);
      if (level < 5) return found;
      return { records: found.slice(from, from + limit), next: from + limit < found.length ? String(from + limit) : null, counts: { today: many, here: many, gone_today: 0, unsent: all.filter((one) => one.portal === "waiting").length, in_file: 2, stale: 0, correct: many > 29 ? 1 : 0, withdrawn: 0 } };
    }
    case "GET /v1/records/ID": { const one = all.find((record) => path.includes(record.id)); return { ...one, holder: holderOf(all.indexOf(one)), versions: level < 5 ? undefined : [{ version: 1, at: one.at, by_name: "Lê Hồng Nhung", act: "kept", changed: [] }, { version: 2, at: one.at + 60, by_name: "Lê Hồng Nhung", act: "corrected", why: "typing_error", changed: ["room"] }] }; }
    case "GET /v1/lodging": { const owed = all.filter((one) => one.batch == null).length; return { unreported: owed, in_no_file: owed, due: owed ? now + 38 * 60 : null, late: false, correct: 0, batches: many ? [{ id: 2, kind: "xlsx", at: now - 3600, made: 12, taken: 11, confirmed_at: null, replaced_by: null, stale: true }, { id: 1, kind: "xlsx", at: now - 90000, made: 20, taken: 20, confirmed_at: now - 80000, replaced_by: null, stale: false }] : [] }; }
    case "GET /v1/lodging/rooms": return { rooms: [], parties: [] };
    case "GET /v1/roster": return many === 0 ? 404 : { id: "l", version: 1, title: "Kỳ thi thử · P201", valid_from: "2026-11-28", valid_until: "2026-11-30", entries: profile.id === "exam" ? Math.max(24, many) : 214, valid_today: true };
    case "GET /v1/staff": return [{ id: "nv-1", name: "Lê Hồng Nhung", duty: "reception", since: now - 9000000, ended: null }, { id: "nv-2", name: "Trần Quang Hùng", duty: "manager", since: now - 9000000, ended: null }];
    case "GET /v1/pairings": return [{ id: "p", name: "Quầy lễ tân", role: "desk", origin: null, since: now - 90000, until: now + 9000000 }];
    case "GET /v1/access": return [];
    case "GET /v1/days": return figures(query);
    case "GET /v1/shift": return { since: now - 30000, until: now, on: about.on_duty, kept: 24, refused: 2, cancelled: 1, corrected: 1, withdrawn: 0, staff: [{ by: "nv-1", name: "Lê Hồng Nhung", kept: 24, refused: 2, cancelled: 1 }], open: { here: 24, unsent: 4, in_file: 7, stale: 0, correct: 1, due: now, late: false, deliveries: 0, events_unsent: 0, busy: null }, lines: ["BÀN GIAO CA"], closed: [] };
    case "GET /v1/calls": return { hears: true, calls: calling };
    case "GET /v1/queue": return queueNow();
    case "POST /v1/queue/next": {
      if (JSON.parse(body).again) numbers.times += 1;
      else Object.assign(numbers, { waiting: numbers.waiting - 1, last: numbers.last + 1, times: 1 });
      return queueNow();
    }
    case "GET /v1/practice": return [{ id: "an", name: "Nguyễn Văn An", qr: "001099000017|||" }, { id: "binh", name: "Trần Thị Bình", qr: "001180000010|||" }];
    case "POST /v1/lodging/batches": return { id: 3, made: 4, left_out: [] };
    default: return {};
  }
}

return {
  async fetch(method, path, options = {}) {
    const url = new URL(path, location.origin);
    if (method !== "GET") window.asked.push(`${method} ${url.pathname.replace(/[0-9a-f]{32}/, "ID")}${url.pathname.endsWith("/key") ? ` ${options.body}` : ""}`);
    if (url.pathname === "/v1/events") return new Response(new ReadableStream({ start(stream) { window.hear = (kind, data) => stream.enqueue(new TextEncoder().encode(`event: ${kind}\ndata: ${JSON.stringify(data)}\n\n`)); } }));
    const answer = answerTo(method, url.pathname, url.searchParams, options.body);
    if (answer === 404) return new Response(JSON.stringify({ code: url.pathname.includes("roster") ? "record_unknown" : "session_unknown", title: "", remedy: "" }), { status: 404 });
    return new Response(JSON.stringify(answer), { headers: { "content-type": "application/json" } });
  },
  async pair() {},
};
})();
const NOT_PAIRED = { code: "not_paired" };
