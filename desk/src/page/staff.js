// Who works at this page: the PIN pad, who is on duty, the register of staff, who looked. What is not for whoever is on duty is not
// shown; the device refuses it anyway.
"use strict";

/** Whether whoever is on duty may ask this: `GET /v1/records`. */
const may = (route) => about?.may?.includes(route) ?? false;
const DUTIES = ["reception", "proctor", "nurse", "manager"];

/** Nobody is on duty here: who works here, to choose from, and a pad for fingers and keys alike. */
async function askWho() {
  const { staff } = await alone(() => ask("GET", "/v1/duty"));
  const last = localStorage.getItem("staff");
  $("lock-none").hidden = staff.length > 0;
  $("lock-pad").hidden = staff.length === 0;
  $("lock-who").replaceChildren(...staff.map((one, at) =>
    el("label", { class: "person" },
      el("input", { type: "radio", name: "staff", value: one.id, required: true, checked: one.id === last || (at === 0 && !staff.some((other) => other.id === last)) }),
      el("span", {}, one.name, el("span", { class: "muted" }, t(`duty_${one.duty}`))))));
  $("pin").value = "";
  $("pin").focus();
}

function drawPad() {
  const press = (digit) => () => { $("pin").value += digit; $("pin").focus(); };
  const digits = [1, 2, 3, 4, 5, 6, 7, 8, 9].map((digit) => el("button", { type: "button", onclick: press(digit) }, `${digit}`));
  const back = el("button", { type: "button", "aria-label": t("padBack"), onclick: () => { $("pin").value = $("pin").value.slice(0, -1); $("pin").focus(); } }, "⌫");
  $("pad").replaceChildren(...digits, back, el("button", { type: "button", onclick: press(0) }, "0"), el("button", { type: "submit", class: "primary", "aria-label": t("lockDo") }, "✓"));
}

$("lock").addEventListener("submit", async (event) => {
  event.preventDefault();
  $("lock-error").hidden = true;
  const staff = new FormData(event.target).get("staff");
  const pin = $("pin").value.trim();
  if (!staff || !pin) return;
  try {
    await ask("POST", "/v1/unlock", { staff, pin });
    localStorage.setItem("staff", staff);
    location.reload();
  } catch (problem) {
    $("pin").value = "";
    fail(problem, $("lock-error"));
    $("pin").focus();
  }
});

/** Who is on duty stands in the header, with the way to leave. */
function drawDuty() {
  const on = about?.on_duty;
  $("duty").hidden = !on;
  if (!on) return;
  const leave = guarded(async () => {
    await ask("POST", "/v1/lock", {});
    location.reload();
  });
  fill($("duty"),
    face2(on.name),
    el("span", { class: "who" }, el("strong", {}, on.name), el("span", { class: "muted" }, t(`duty_${on.duty}`))),
    el("button", { type: "button", class: "quiet square", onclick: leave, "aria-label": t("leave"), title: t("leaveHint") }, icon("lock")));
}

const moment = (seconds) =>
  new Intl.DateTimeFormat("vi-VN", { dateStyle: "short", timeStyle: "short", timeZone: "Asia/Ho_Chi_Minh" }).format(seconds * 1000);

/** A PIN that was made is read out once, to whom it is for. */
const given = ({ person, pin }) => {
  $("staff-said").hidden = false;
  $("staff-said").replaceChildren(`${t("pinIs")} ${person.name} (${person.id}): `, el("strong", { class: "pin" }, pin), ` ${t("pinOnce")}`);
};

async function loadStaff() {
  $("staff").hidden = !may("GET /v1/staff");
  $("own").hidden = !may("POST /v1/pin");
  drawOwnPin();
  if (!may("GET /v1/staff")) return;
  const staff = await ask("GET", "/v1/staff");
  const end = (one) => guarded(async () => {
    await ask("DELETE", `/v1/staff/${one.id}`);
    await loadStaff();
  });
  const reset = (one) => guarded(async () => given(await ask("POST", `/v1/staff/${one.id}/pin`, {})));
  const add = guarded(async (event) => {
    const data = new FormData(event.target);
    const made = await ask("POST", "/v1/staff", { name: data.get("name").trim(), duty: data.get("duty") });
    await loadStaff();
    given(made);
  });
  const row = (one) => el("li", {}, el("strong", {}, one.name), ` · ${one.id} · ${t(`duty_${one.duty}`)} · ${t("since")} ${moment(one.since)}`,
    one.ended ? ` · ${t("leftAt")} ${moment(one.ended)}` : [
      " ", el("button", { type: "button", class: "quiet", onclick: reset(one) }, t("newPin")),
      " ", el("button", { type: "button", class: "quiet", onclick: end(one) }, t("staffEnd"))]);
  fill($("staff-body"),
    el("ul", { class: "plain" }, staff.map(row)),
    el("form", { class: "row", onsubmit: add },
      el("label", {}, el("span", {}, t("staffWho")), el("input", { name: "name", required: true, maxlength: 80, autocomplete: "off" })),
      el("label", {}, el("span", {}, t("staffDuty")), el("select", { name: "duty", required: true }, DUTIES.map((duty) => el("option", { value: duty }, t(`duty_${duty}`))))),
      el("button", { type: "submit" }, t("staffAdd"))));
}

function drawOwnPin() {
  const change = guarded(async (event) => {
    const data = new FormData(event.target);
    await ask("POST", "/v1/pin", { pin: data.get("pin").trim(), new: data.get("new").trim() });
    event.target.reset();
    $("own-said").textContent = t("pinChanged");
  });
  const field = (name, word, complete) =>
    el("label", {}, el("span", {}, t(word)), el("input", { name, type: "password", inputmode: "numeric", pattern: "[0-9]{6,12}", required: true, autocomplete: complete }));
  fill($("own-body"),
    el("form", { class: "row", onsubmit: change }, field("pin", "pinOld", "current-password"), field("new", "pinNew", "new-password"), el("button", { type: "submit" }, t("pinChange"))),
    el("p", { id: "own-said", role: "status" }));
}

/** Who looked at what is kept of people: who, as what, at what, at how many. */
async function loadAccess() {
  $("access").hidden = !may("GET /v1/access");
  if (!may("GET /v1/access")) return;
  const show = guarded(async () => {
    const looks = await ask("GET", "/v1/access");
    const row = (look) => el("tr", {}, el("td", {}, moment(look.at)), el("td", {}, look.name ? `${look.name} (${look.by})` : look.by),
      el("td", {}, t(`duty_${look.role}`)), el("td", {}, t(`look_${look.what}`)), el("td", {}, `${look.count}`));
    $("access-body").replaceChildren(el("div", { class: "scroll", tabindex: "0", role: "region", "aria-labelledby": "access-title" },
      el("table", {}, el("thead", {}, el("tr", {}, ["lookAt", "lookWho", "staffDuty", "lookWhat", "lookCount"].map((head) => el("th", { scope: "col" }, t(head))))),
        el("tbody", {}, looks.map(row)))));
  });
  $("access-body").replaceChildren(el("button", { type: "button", onclick: show }, t("accessShow")));
}
