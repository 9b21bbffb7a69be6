// What is known of a person, as the profile lets the desk see it.
"use strict";

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

/** `wide`: the seat and the name stand above already, and the portraits are looked at side by side. */
function holderView(holder, photo, differences, wide = false) {
  if (!holder) return null;
  const list = el("dl");
  for (const name of fields()) {
    const value = valueOf(holder, name);
    if (name === "portrait" || value == null || (name === "document_number" && holder.id_number)) continue;
    if (wide && ["full_name", "roster.seat", "roster.room", "roster.subject"].includes(name)) continue;
    list.append(el("div", {}, el("dt", {}, label(name)), el("dd", {}, shown(name, value))));
  }
  for (const difference of differences ?? []) {
    list.append(el("div", {}, el("dt", {}, label(difference.item)), el("dd", { class: "differs" }, `${difference.listed} → ${difference.chip}`)));
  }
  const tip = wide ? el("p", { class: "tip" }, el("b", {}, t("lookTitle")), el("span", {}, t("lookHint"))) : null;
  return el("div", { class: wide ? "holder wide" : "holder" }, picture(holder.portrait, t("chipPhoto"), holder.portrait_reason), picture(photo, t("listPhoto")), el("div", { class: "facts-of" }, list, tip));
}

/** Two letters in a circle where a list has no portrait: of the first and the given name. */
function face2(name) {
  const words = (name ?? "").trim().split(/\s+/).filter(Boolean);
  const letters = words.length ? `${words[0][0]}${words.length > 1 ? words.at(-1)[0] : ""}`.toUpperCase() : "";
  const shade = [...(name ?? "")].reduce((sum, letter) => (sum + letter.codePointAt(0)) % 5, 0);
  return el("span", { class: `face face-${shade}`, "aria-hidden": "true" }, letters || icon("person"));
}

/** The number of a paper in a list: enough to tell two apart, no more. */
const masked = (number) => (number ? `•••${String(number).slice(-3)}` : "");
