// What somebody who cannot see well, or at all, would stumble over on a page.
() => {
  const faults = [];
  const shown = (node) => node.checkVisibility({ checkVisibilityCSS: true, checkOpacity: true });
  const nameOf = (node) => {
    const by = node.getAttribute("aria-labelledby");
    if (by)
      return by
        .split(" ")
        .map((id) => document.getElementById(id)?.textContent)
        .join(" ");
    if (node.getAttribute("aria-label")) return node.getAttribute("aria-label");
    if (node.labels?.length) return node.labels[0].textContent;
    return node.textContent;
  };
  for (const node of document.querySelectorAll(
    "a, button, input, dialog, nav, [role=slider], svg[role=img]",
  )) {
    if (shown(node) && !nameOf(node).trim())
      faults.push(`no name: ${node.outerHTML.slice(0, 90)}`);
  }
  const ids = [...document.querySelectorAll("[id]")].map((node) => node.id);
  for (const id of ids) if (ids.indexOf(id) !== ids.lastIndexOf(id)) faults.push(`twice: #${id}`);
  const levels = [...document.querySelectorAll("h1, h2, h3")]
    .filter(shown)
    .map((node) => +node.tagName[1]);
  if (levels.filter((level) => level === 1).length !== 1) faults.push(`headings: ${levels}`);
  levels.forEach((level, at) => {
    if (at > 0 && level > levels[at - 1] + 1) faults.push(`a level is left out: ${levels}`);
  });
  for (const table of document.querySelectorAll("table")) {
    if (!shown(table)) continue;
    if (!table.caption?.textContent) faults.push("a table without a caption");
    for (const head of table.querySelectorAll("thead th")) {
      if (head.scope !== "col" || !head.textContent.trim())
        faults.push(`a column without a title: ${head.outerHTML}`);
    }
  }
  for (const part of [
    "header",
    "main",
    "footer",
    "nav[aria-label]",
    "[role=status]",
    "[role=alert]",
  ]) {
    if (!document.querySelector(part)) faults.push(`there is no ${part}`);
  }
  const rgb = (text) => text.match(/[\d.]+/g).map(Number);
  const light = ([r, g, b]) => {
    const [x, y, z] = [r, g, b].map((c) =>
      (c /= 255) <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4,
    );
    return 0.2126 * x + 0.7152 * y + 0.0722 * z;
  };
  const behind = (node) => {
    for (; node; node = node.parentElement) {
      const found = rgb(getComputedStyle(node).backgroundColor);
      if (found.length === 3 || found[3] === 1) return found;
    }
    return [255, 255, 255];
  };
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  let seen = 0;
  while (walker.nextNode()) {
    const parent = walker.currentNode.parentElement;
    if (
      !walker.currentNode.data.trim() ||
      !shown(parent) ||
      parent.closest(".unseen, .skip, :disabled, noscript")
    )
      continue;
    seen += 1;
    const style = getComputedStyle(parent);
    const ink = light(rgb(parent.namespaceURI.endsWith("svg") ? style.fill : style.color));
    const ground = light(behind(parent));
    const ratio = (Math.max(ink, ground) + 0.05) / (Math.min(ink, ground) + 0.05);
    const size = parseFloat(style.fontSize);
    const least = size >= 24 || (size >= 18.66 && +style.fontWeight >= 700) ? 3 : 4.5;
    if (ratio < least)
      faults.push(`contrast ${ratio.toFixed(2)}: ${walker.currentNode.data.slice(0, 40)}`);
  }
  if (seen < 10) faults.push(`only ${seen} texts were seen`);
  return faults;
};
