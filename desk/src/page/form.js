// What staff fill in: the fields of the profile, and people without a chip.
"use strict";

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

/** Departments by shape and digit: what is not known yet is asked at the first of them. */
const DEPARTMENTS = [["nhi", "child"], ["mắt", "eye"], ["tai", "ear"], ["răng", "tooth"], ["sản", "mother"], ["phụ sản", "mother"], ["tim", "heart"], ["xương", "bone"], ["cơ", "bone"], ["ngoại", "bandage"], ["", "stethoscope"]];
function tiles(field, name, usual, required) {
  const shape = (choice) => DEPARTMENTS.find(([start]) => choice.label_vi.toLowerCase().replace("khoa ", "").startsWith(start))[1];
  return el("div", { class: "tiles", role: "radiogroup", "aria-label": lang ? field.label_en : field.label_vi }, field.choice.map((choice, at) =>
    el("label", { class: "tile" },
      el("input", { type: "radio", name, value: choice.value, required, checked: usual === choice.value, ...(at < 9 ? { "data-digit": at + 1 } : {}) }),
      el("span", { class: "top" }, icon(shape(choice)), at < 9 && cap(String(at + 1))),
      el("span", { class: "word" }, lang ? choice.label_en : choice.label_vi))));
}

function inputOf(field, known) {
  const name = `a.${field.id}`;
  const usual = known[field.id] ?? (about.profile.party ? lastAnswers[field.id] : undefined);
  const required = !field.optional;
  if (field.id === "department" && field.choice.length && field.choice.length <= 12) return tiles(field, name, usual, required);
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

/** What is asked of somebody: the device says it of whose chip it read; of who is typed in it is seen when they are sent. */
function formFields(known, asks = null) {
  const parts = about.profile.form.filter((field) => !asks || !field.asked_of || asks.includes(field.id)).map((field) => {
    const only = !asks && field.asked_of ? `(${t(`group_${field.asked_of}`)})` : field.optional ? t("optional") : "";
    const word = `${lang ? field.label_en : field.label_vi} ${only}`;
    const input = inputOf(!asks && field.asked_of ? { ...field, optional: true } : field, known);
    return input.className === "tiles"
      ? el("div", { class: "wide" }, el("span", { class: "legend" }, word), input)
      : el("label", {}, el("span", {}, word), input, asks && session.proposals?.[field.id] ? el("span", { class: "muted" }, `${t("maybe")} ${session.proposals[field.id].join(", ")}`) : "");
  });
  if (about.profile.party) {
    parts.push(el("label", {}, el("span", {}, t("party")), el("input", { name: "party", value: lastAnswers.party ?? "", autocomplete: "off" })));
  }
  return el("div", { class: "fields" }, parts);
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
/** What the insurer says of the holder; an answer that comes late changes no field. */
function insuredText() {
  const { standing, from, until } = session?.insured ?? {};
  if (!standing) return "";
  return t(`insured_${standing}`).replace("{until}", until ?? "").replace("{from}", from ?? "");
}

function drawInsured() {
  const line = $("insured");
  if (!line) return;
  line.hidden = !session?.insured;
  line.className = session?.insured?.standing === "valid" ? "why" : "why mark";
  line.textContent = insuredText();
}

function form(known) {
  const save = guarded(async (event) => {
    know(await ask("POST", `/v1/sessions/${session.id}/form`, readForm(event.target)));
    drawVisit();
  });
  const filled = el("form", { id: "form", onsubmit: save }, formFields(known ?? {}, session.asks ?? []));
  return {
    body: [verdictView(session, true), el("p", { id: "insured", role: "status", hidden: true }), filled, holderView(session.holder, session.photo, session.differences)].filter(Boolean),
    acts: [stop(), el("button", { type: "submit", form: "form", class: "primary grow", ...hotkey("F10") }, icon("tick"), el("span", { class: "word" }, t(about.profile.print ? "savePrint" : "save")), cap("F10"))],
  };
}

const SEEN = ["citizen_card", "vneid", "passport", "birth_certificate", "driving_licence", "residence_card", "old_identity_card", "identity_certificate", "health_insurance_card", "number_notice", "other_paper"];
const papers = () => SEEN.filter((seen) => about.profile.without_chip?.papers?.includes(seen) ?? true);

/** Somebody else of staff, where the profile asks for two. */
function secondFields() {
  if (!about.profile.without_chip?.second) return [];
  const who = el("select", { name: "second", required: true }, el("option", { value: "" }, t("choose")));
  guarded(async () => {
    const { staff } = await ask("GET", "/v1/duty");
    who.append(...staff.filter((one) => one.id !== about.on_duty?.id).map((one) => el("option", { value: one.id }, one.name)));
  })();
  return [el("div", { class: "pair" },
    el("label", {}, el("span", {}, t("second")), who),
    el("label", {}, el("span", {}, t("secondPin")), el("input", { name: "second_pin", type: "password", inputmode: "numeric", autocomplete: "off", required: true })))];
}
const answeredBy = (form) => {
  const data = new FormData(form);
  const second = data.get("second");
  return { ...vouched(form), second: second ? { staff: second, pin: data.get("second_pin") } : null };
};

/** What the profile makes of somebody of whom only this is assured: `goes_on`, `mark`, `staff` or `refuse`. */
function below(rung) {
  const terms = about.profile.assurance;
  return LEVELS[rung] >= LEVELS[terms.at_least] ? "goes_on" : terms[rung];
}

/** What was seen of somebody without a chip, what that is worth here, and who of staff answers for it where they must. */
function seenFields() {
  const worth = el("div", { role: "status" });
  const staff = el("fieldset", { class: "plain", hidden: true, disabled: true }, vouching(), secondFields());
  const tell = (select) => {
    const rung = select.value && (select.value === "none" ? "claimed" : "shown");
    const how = rung && below(rung);
    const why = { mark: { kind: "mark", head: t("goesOnMarked"), text: because("assurance") }, staff: { kind: "mark", head: t("asksStaff"), text: because("assurance") }, refuse: { kind: "refuse", head: t("turnedAway"), text: t("needsChip") } }[how];
    select.setCustomValidity(how === "refuse" ? t("needsChip") : "");
    staff.hidden = staff.disabled = how !== "staff";
    fill(worth, ...(rung ? [panel({ word: rung, rung }, { why, next: how === "refuse" ? null : undefined })] : []));
  };
  const select = el("select", { name: "seen", required: true, onchange: (event) => tell(event.target) },
    el("option", { value: "" }, t("choose")),
    papers().map((seen) => el("option", { value: seen }, t(`doc_${seen}`))),
    el("option", { value: "none" }, t("seen_none")));
  return [el("label", {}, el("span", {}, t("seen")), select), worth, staff];
}

function typedForm() {
  const order = ["full_name", "date_of_birth", "sex", "nationality", "id_number", "document_number", "expiry_date", "residence"];
  const wanted = order.filter((name) => fields().includes(name));
  const close = () => { typing = false; drawVisit(); };
  const leave = judge("cross", t("cancel"), close, "S-Escape", { class: "plain way-out" });
  if (below("shown") === "refuse" && below("claimed") === "refuse") {
    return { body: [el("p", { class: "banner warn" }, t("needsChip"))], acts: [leave] };
  }
  const save = guarded(async (event) => {
    const data = new FormData(event.target);
    const items = {};
    for (const name of wanted) {
      const value = (data.get(`i.${name}`) ?? "").trim();
      if (value) items[name] = value;
    }
    const seen = data.get("seen") === "none" ? null : data.get("seen");
    const staff = below(seen ? "shown" : "claimed") === "staff" ? answeredBy(event.target) : null;
    const filled = readForm(event.target);
    await ask("POST", "/v1/typed", { items, ...filled, seen, staff, agreed: lang ? "en" : "vi" });
    const rung = seen ? "shown" : "claimed";
    if (kind() === "lodging") party.push({ name: items.full_name, line: items.date_of_birth ?? "", assurance: { word: rung, rung } });
    close();
    toast(t("keptToast"));
    loadToday();
    loadPortal();
  });
  const usual = { nationality: "Việt Nam" };
  const input = (name) => {
    const must = ["full_name", "date_of_birth"].includes(name);
    if (name === "sex") {
      return el("select", { name: `i.${name}` }, el("option", {}, "Nam"), el("option", {}, "Nữ"));
    }
    const birth = name === "date_of_birth" && { placeholder: t("birthHint"), title: t("birthHint"), pattern: "\\s*(\\d{1,2}/\\d{1,2}/)?\\d{4}\\s*", inputmode: "text" };
    if (name === "nationality" && about.profile.nationalities?.length) {
      const list = el("datalist", { id: "nationalities" }, about.profile.nationalities.map((one) => el("option", { value: one })));
      return [el("input", { name: `i.${name}`, list: "nationalities", value: usual[name], autocomplete: "off" }), list];
    }
    return el("input", { name: `i.${name}`, required: must, value: usual[name] ?? "", autocomplete: "off", ...birth });
  };
  const typedWord = (name) => (WORDS[`typed_${name}`] ? t(`typed_${name}`) : label(name));
  const filled = el("form", { id: "form", onsubmit: save },
    el("blockquote", { class: "purpose small" }, el("p", {}, two(about.profile.purpose))),
    seenFields(),
    about.profile.lodging ? el("p", { class: "muted" }, t("paperHint")) : "",
    el("div", { class: "fields" }, wanted.map((name) => el("label", { class: ["full_name", "residence"].includes(name) ? "wide" : "" }, el("span", {}, typedWord(name)), input(name)))),
    formFields({}));
  return {
    body: [filled],
    // It records that they agreed: so it is pressed, and not entered.
    acts: [leave, judge("tick", `${t1("agree")} · ${t("save")}`, () => filled.requestSubmit(), "F8", { class: "primary grow" })],
  };
}
