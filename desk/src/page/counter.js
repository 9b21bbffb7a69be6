// The counter: who calls at a kiosk, and who comes; who waits with a number, and who is called next.
"use strict";

/** Calls, as last heard; the bell that rings as long as nobody comes. */
let calls = [], bell = 0, tones = null;

/** Two tones, so that it is no machine's noise; nothing where the browser lets no page be heard yet. */
function ring() {
  window.rang = (window.rang ?? 0) + 1;
  tones ??= new AudioContext();
  tones.resume().catch(() => {});
  for (const [at, tone] of [[0, 784], [0.22, 988]]) {
    const sound = tones.createOscillator(), volume = tones.createGain();
    sound.frequency.value = tone;
    volume.gain.setValueAtTime(0.2, tones.currentTime + at);
    volume.gain.exponentialRampToValueAtTime(0.001, tones.currentTime + at + 0.4);
    sound.connect(volume).connect(tones.destination);
    sound.start(tones.currentTime + at);
    sound.stop(tones.currentTime + at + 0.4);
  }
}

/** A page that is locked rings no more: whoever opens it hears what there is. */
function silence() {
  clearInterval(bell);
  calls = [];
  $("calls").hidden = true;
}

async function loadCalls() {
  if (!may("GET /v1/calls")) return;
  drawCalls((await ask("GET", "/v1/calls")).calls);
}

/** What stands above everything: which kiosk, which step, since when, and who comes. */
function drawCalls(now) {
  const known = new Set(calls.map((one) => one.id));
  const open = now.filter((one) => !one.taken_by);
  // It rings at once for whoever is new, and again until somebody comes.
  if (open.some((one) => !known.has(one.id))) ring();
  clearInterval(bell);
  if (open.length) bell = setInterval(ring, 5000);
  calls = now;
  $("calls").hidden = !now.length;
  const take = (one) => guarded(async () => {
    try {
      drawCalls((await ask("POST", `/v1/calls/${one.id}/take`, {})).calls);
    } finally {
      // Whoever was too late sees who was not.
      await loadCalls();
    }
  });
  const row = (one) => el("li", { class: one.taken_by ? "taken" : "open" },
    icon("help"),
    el("span", { class: "said" }, el("b", {}, one.kiosk), ` · ${t(`call_${one.step}`)} · ${t("callSince")} ${clock(one.since)}`, one.away ? ` · ${t("callAway")}` : "", one.taken_by ? ` · ${one.taken_by_name} ${t("callComes")}` : ""),
    one.taken_by ? null : el("button", { type: "button", class: "primary small", onclick: take(one) }, t("callTake")));
  fill($("calls"), ...now.map(row));
}

async function loadQueue() {
  if (!about?.counter || !may("GET /v1/queue")) return;
  drawQueue(await ask("GET", "/v1/queue"));
}

/** How many wait, who was called last, and the next one. */
function drawQueue(queue) {
  const place = $("queue"), last = queue.called[0];
  place.hidden = about.profile.print !== "ticket" && !queue.waiting && !last;
  if (place.hidden) return place.replaceChildren();
  const call = (body) => guarded(async () => drawQueue(await ask("POST", "/v1/queue/next", body)));
  fill(place,
    el("p", { class: "head-count" }, el("b", {}, `${queue.waiting}`), el("span", {}, t("queueWaiting")), last ? el("span", { class: "where" }, `${t("queueLast")} `, el("b", {}, last.number)) : null),
    el("div", { class: "actions" },
      act("next", queue.next ? `${t("queueNext")} ${queue.next}` : t("queueNext"), { class: "primary", disabled: !queue.waiting, onclick: call({}) }),
      act("again", t("queueAgain"), { disabled: !last, onclick: call({ again: true }) })));
}
