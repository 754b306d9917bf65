"use strict";
// Everything a peer sent comes from attributes and goes into text, never into markup.
const all = (within, what) => Array.from(within.querySelectorAll(what));
const root = document.documentElement;

for (const hidden of all(document, ".tools, #choose, #theme")) hidden.hidden = false;
document.getElementById("only").addEventListener("change", (event) => {
  document.getElementById("matrix").classList.toggle("only", event.target.checked);
});
document.getElementById("theme").addEventListener("click", () => {
  const dark = root.dataset.theme
    ? root.dataset.theme === "dark"
    : matchMedia("(prefers-color-scheme: dark)").matches;
  root.dataset.theme = dark ? "light" : "dark";
});

// Whatever an address names is unfolded.
const show = () => {
  const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (!target) return;
  for (let part = target; part; part = part.parentElement) {
    if (part.tagName === "DETAILS") part.open = true;
  }
  target.scrollIntoView({ block: "start" });
  if (target.tabIndex === -1 && target.tagName === "DETAILS") target.focus({ preventScroll: true });
};
addEventListener("hashchange", show);
document.addEventListener("click", (event) => {
  const link = event.target.closest("a[href^='#']");
  if (link && link.getAttribute("href") === location.hash) show();
});
show();

const dump = (hex) => {
  const bytes = hex ? hex.split(" ") : [];
  const lines = [];
  for (let at = 0; at < bytes.length; at += 16) {
    const row = bytes.slice(at, at + 16);
    const text = row.map((byte) => {
      const code = parseInt(byte, 16);
      return code > 31 && code < 127 ? String.fromCharCode(code) : ".";
    });
    lines.push(`${at.toString(16).padStart(4, "0")}  ${row.join(" ").padEnd(47)}  ${text.join("")}`);
  }
  return lines.join("\n");
};

const tell = (thing) => {
  const panel = thing.closest(".figure").querySelector(".panel");
  const { told, records, hex, length } = thing.dataset;
  panel.replaceChildren();
  panel.append(told, "\nrecords ");
  for (const seq of records.split(" ")) {
    const link = document.createElement("a");
    link.href = `#c${thing.dataset.case}r${seq}`;
    link.textContent = `#${seq}`;
    panel.append(link, " ");
  }
  if (hex) {
    const bytes = document.createElement("pre");
    bytes.textContent = dump(hex);
    panel.append(bytes);
    const here = hex.split(" ").length;
    if (here < Number(length)) panel.append(`and ${Number(length) - here} bytes more`);
  }
  for (const other of all(thing.ownerSVGElement, "[aria-pressed]")) other.removeAttribute("aria-pressed");
  thing.setAttribute("aria-pressed", "true");
  panel.hidden = false;
};

const sized = new WeakMap();
const zoom = (figure, how) => {
  const svg = figure.querySelector("svg.sequence");
  if (!svg) return;
  const { width, height } = svg.viewBox.baseVal;
  const now = sized.get(svg) || 1;
  const drawing = figure.querySelector(".drawing");
  const scales = { in: now * 1.25, out: now / 1.25, whole: 1, fit: drawing.clientWidth / width };
  const scale = Math.min(8, Math.max(0.1, scales[how]));
  sized.set(svg, scale);
  svg.setAttribute("width", Math.round(width * scale));
  svg.setAttribute("height", Math.round(height * scale));
};

for (const figure of all(document, ".figure")) {
  figure.addEventListener("click", (event) => {
    const button = event.target.closest("[data-zoom]");
    const thing = event.target.closest("g[role='button']");
    if (button) zoom(figure, button.dataset.zoom);
    if (thing) tell(thing);
  });
  figure.addEventListener("keydown", (event) => {
    const thing = event.target.closest("g[role='button']");
    const how = { "+": "in", "=": "in", "-": "out", 0: "whole" }[event.key];
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (thing && (event.key === "Enter" || event.key === " ")) tell(thing);
    else if (how) zoom(figure, how);
    else return;
    event.preventDefault();
  });
  figure.addEventListener("wheel", (event) => {
    if (!event.ctrlKey && !event.metaKey) return;
    event.preventDefault();
    zoom(figure, event.deltaY < 0 ? "in" : "out");
  }, { passive: false });
}
