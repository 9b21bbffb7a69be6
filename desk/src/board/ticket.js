// A ticket in somebody's telephone: their number, and how many are before it.
"use strict";

const $ = (id) => document.getElementById(id);

function draw({ site, ticket }) {
  $("site").textContent = site;
  $("own").textContent = ticket.number;
  $("where").textContent = ticket.place;
  const about = ticket.minutes ? [`, khoảng ${ticket.minutes} phút`, `, about ${ticket.minutes} min`] : ["", ""];
  const [vi, en] = ticket.called
    ? ["Đã gọi số này, mời vào.", "Your number was called."]
    : ticket.ahead === 0
      ? ["Sắp đến lượt.", "You are next."]
      : [`Còn ${ticket.ahead} người${about[0]}.`, `${ticket.ahead} before you${about[1]}.`];
  $("how").textContent = vi;
  $("how-en").textContent = en;
  $("how").classList.toggle("called", ticket.called);
}

async function look() {
  try {
    const response = await fetch(`${location.pathname.replace(/\/$/, "")}/state`);
    if (response.status === 404) {
      $("own").textContent = "—";
      $("how").textContent = "Phiếu này không còn hiệu lực.";
      $("how-en").textContent = "This ticket is over.";
      return;
    }
    if (response.ok) draw(await response.json());
  } catch {
    // The network may be away for a moment; what was said stands.
  }
  setTimeout(look, 5000);
}
look();
