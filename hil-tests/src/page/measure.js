// What of the page cannot be reached: an expression, whose value is a list of faults.
(() => {
  const faults = [];
  const [wide, high] = [innerWidth, innerHeight];
  for (const node of [document.documentElement, document.body, document.querySelector("main")]) {
    if (node.scrollWidth > Math.max(node.clientWidth, 1) + 1) faults.push(`${node.localName} scrolls sideways: ${node.scrollWidth} > ${node.clientWidth}`);
  }
  if (document.documentElement.scrollHeight > high + 1) faults.push(`the page scrolls: ${document.documentElement.scrollHeight} > ${high}`);
  const said = (node) => `${node.closest("section, header, nav, footer, dialog")?.id ?? ""} <${node.localName} ${node.className}> ${(node.getAttribute("aria-label") ?? node.textContent ?? "").trim().slice(0, 40)} ${node.name ?? ""}`;
  const shows = (node) => {
    const box = node.getBoundingClientRect();
    return node.checkVisibility({ visibilityProperty: true }) && box.width > 1 && box.height > 1 && !node.closest(".unseen, .skip, .tile");
  };
  /** The nearest thing around it that scrolls: there it is reached by scrolling, if that is in sight itself. */
  const known = new Map();
  const scroller = (node) => {
    const around = node.parentElement;
    if (!around || around === document.body) return null;
    if (!known.has(around)) {
      const style = getComputedStyle(around);
      const scrolls = /(auto|scroll)/.test(`${style.overflowX}${style.overflowY}`) && (around.scrollHeight > around.clientHeight + 1 || around.scrollWidth > around.clientWidth + 1);
      known.set(around, scrolls ? around : scroller(around));
    }
    return known.get(around);
  };
  const inside = (box) => box.left >= -1 && box.right <= wide + 1 && box.top >= -1 && box.bottom <= high + 1;
  for (const node of document.querySelectorAll("button, a[href], input, select, textarea")) {
    if (!shows(node)) continue;
    const box = node.getBoundingClientRect(), around = scroller(node);
    if (around) {
      const its = around.getBoundingClientRect();
      if (!inside(its) || its.height < 40) faults.push(`out of sight with what scrolls around it (${Math.round(its.height)} high): ${said(node)}`);
      // Rows go up and down; tabs alone go sideways.
      if (!around.matches("#tabs, .tabs") && (box.left < its.left - 1 || box.right > its.right + 1)) faults.push(`beside its list: ${said(node)}`);
      if (node.closest(".pinned")) faults.push(`what is pinned scrolls: ${said(node)}`);
      continue;
    }
    if (!inside(box)) {
      faults.push(`out of sight: ${said(node)} ${Math.round(box.left)},${Math.round(box.top)}–${Math.round(box.right)},${Math.round(box.bottom)}`);
      continue;
    }
    const hit = document.elementFromPoint((box.left + box.right) / 2, (box.top + box.bottom) / 2);
    if (hit && hit !== node && !node.contains(hit) && !hit.contains(node) && !node.closest("label")?.contains(hit)) faults.push(`covered by ${said(hit)}: ${said(node)}`);
  }
  return faults;
})()
