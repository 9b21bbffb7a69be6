// The board: who was called, as the counter says it, large and aloud.
"use strict";

const $ = (id) => document.getElementById(id);
/** Calls that were said, by number and how often they were called. */
const said = new Set();
let first = true, audio = null;

function el(name, text, children = []) {
  const node = document.createElement(name);
  if (text != null) node.textContent = text;
  node.append(...children);
  return node;
}

/** Letters and digits one by one: "A012" is no word. */
const spelt = (number) => [...number].join(" ");

function chime() {
  audio ??= new AudioContext();
  if (audio.state === "suspended") return false;
  for (const [at, tone] of [[0, 880], [0.28, 660]]) {
    const sound = audio.createOscillator(), volume = audio.createGain();
    sound.frequency.value = tone;
    volume.gain.setValueAtTime(0.25, audio.currentTime + at);
    volume.gain.exponentialRampToValueAtTime(0.001, audio.currentTime + at + 0.5);
    sound.connect(volume).connect(audio.destination);
    sound.start(audio.currentTime + at);
    sound.stop(audio.currentTime + at + 0.5);
  }
  return true;
}

/** What is said of a call; a test reads it. */
window.spoken = [];
function speak(call) {
  const words = `Mời số ${spelt(call.number)}${call.place ? `, đến ${call.place}` : `, đến ${call.counter}`}`;
  window.spoken.push(words);
  $("sound").hidden = chime();
  if (!("speechSynthesis" in window)) return;
  const line = new SpeechSynthesisUtterance(words);
  line.lang = "vi-VN";
  line.rate = 0.9;
  speechSynthesis.speak(line);
}

function draw(board) {
  $("site").textContent = board.site;
  const [now, ...last] = [...board.called].sort((a, b) => b.at - a.at);
  $("number").textContent = now ? now.number : "—";
  $("number").classList.toggle("long", Boolean(now && now.number.length > 6));
  $("place").textContent = now ? now.place || now.counter : "";
  const before = (one) => {
    const number = el("b", one.number);
    number.classList.toggle("long", one.number.length > 6);
    return el("li", null, [number, el("span", one.place || one.counter)]);
  };
  $("called").replaceChildren(...last.slice(0, 5).map(before));
  $("waiting").textContent = `Đang chờ: ${board.waiting} người`;
  // What was called before this screen was there is old; a number that is called once more is said once more.
  for (const call of [...board.called].reverse()) {
    const key = `${call.number} ${call.times} ${call.counter}`;
    if (!said.has(key) && !first) speak(call);
    said.add(key);
  }
  first = false;
}

async function look() {
  try {
    const response = await fetch("/board.json", { cache: "no-store" });
    if (!response.ok) throw new Error(String(response.status));
    draw(await response.json());
    $("lost").hidden = true;
  } catch {
    $("lost").hidden = false;
  }
  $("time").textContent = new Intl.DateTimeFormat("vi-VN", { hour: "2-digit", minute: "2-digit", timeZone: "Asia/Ho_Chi_Minh" }).format(new Date());
  setTimeout(look, 2000);
}

$("sound").addEventListener("click", async () => {
  await audio?.resume();
  $("sound").hidden = true;
});
look();
