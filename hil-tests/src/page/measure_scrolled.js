// What of a page that is read by scrolling cannot be reached: an expression, whose value is a list of faults.
(() => {
  const faults = [];
  const wide = innerWidth, phone = wide <= 768;
  const root = document.documentElement;
  if (root.scrollWidth > wide + 1) faults.push(`the page scrolls sideways: ${root.scrollWidth} > ${wide}`);
  const said = (node) => `<${node.localName} ${node.className.baseVal ?? node.className}> ${(node.getAttribute("aria-label") ?? node.textContent ?? "").trim().slice(0, 40)}`;
  const shows = (node) => {
    const box = node.getBoundingClientRect();
    return node.checkVisibility({ visibilityProperty: true }) && box.width > 1 && box.height > 1 && !node.closest(".unseen, .skip");
  };
  // What may be reached by scrolling sideways: chips, and wide tables in their own frame.
  const beside = (node) => node.closest(".chips, .wide");
  for (const node of document.querySelectorAll("a[href], button, input:not([type=hidden]), select, .pill, h1, h2, p, td, .row > *")) {
    if (!shows(node) || beside(node)) continue;
    const box = node.getBoundingClientRect();
    if (box.left < -1 || box.right > wide + 1) faults.push(`out of sight: ${said(node)} ${Math.round(box.left)}–${Math.round(box.right)}`);
    const cut = getComputedStyle(node).textOverflow === "ellipsis";
    if (!cut && node.scrollWidth > node.clientWidth + 1 && node.clientWidth > 0 && !node.matches("input, select")) faults.push(`its text is cut: ${said(node)} ${node.scrollWidth} > ${node.clientWidth}`);
    if (phone && node.matches("button, select, input, .chip, .button, nav a") && box.height < 43.5) faults.push(`too low for a finger (${Math.round(box.height)}): ${said(node)}`);
  }
  // Neighbours in a row do not lie over each other.
  for (const row of document.querySelectorAll(".row")) {
    const boxes = [...row.children].filter(shows).map((node) => [node, node.getBoundingClientRect()]);
    for (const [at, [one, a]] of boxes.entries()) for (const [other, b] of boxes.slice(at + 1)) {
      if (a.left < b.right - 1 && b.left < a.right - 1 && a.top < b.bottom - 1 && b.top < a.bottom - 1) faults.push(`${said(one)} lies over ${said(other)}`);
    }
  }
  return faults;
})()
