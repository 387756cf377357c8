"use strict";
// What the scripts of the live page share: the state as it was sent last, how values are written, and elements.
// All text is set as text, so that no name or error becomes markup.
// Rows by trial id: when they ended, and their cells in the table, whether these have changed since it was drawn.
const live = { state: null, rows: new Map(), changed: false, fields: [], ahead: 0 }; // ahead: by how many ms the server's clock is
const dark = matchMedia("(prefers-color-scheme: dark)");
const COLORS = ["#2b83ba", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#808080"];
const BEST = "#d55e00";

const get = (id) => document.getElementById(id);
const element = (tag, properties, ...children) => {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children.filter((child) => child !== null));
  return made;
};
const percent = (share) => (share === null ? "–" : `${(100 * share).toFixed(2)}%`);
const objective = () => live.state.rows.status.objective;
const measured = (value) => (value === null ? "–" : objective().unit === "share" ? percent(value) : `${Number(value.toPrecision(4))} ${objective().unit}`.trim());
const difference = (value) => (objective().unit === "share" ? `${(100 * value).toFixed(2)} points` : measured(value));
const now = () => (Date.now() + live.ahead) / 1000; // in Unix seconds, as the server has them
const count = (number, noun) => `${number.toLocaleString("en")} ${noun}${number === 1 ? "" : "s"}`;
const valIndex = () => live.fields.length + 2; // of the cells of a row, after id, status and fields
const sign = () => (objective().direction === "maximize" ? 1 : -1);
const duration = (seconds) => {
  if (seconds < 60) return `${Math.round(seconds)} s`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 60) return `${minutes} min`;
  return minutes < 2880 ? `${Math.floor(minutes / 60)} h ${minutes % 60} min` : `${Math.round(minutes / 1440)} days`;
};
const short = (text) => (text.length > 90 ? `${text.slice(0, 89)}…` : text);
const setText = (id, text) => { if (get(id).textContent !== text) get(id).textContent = text; };
const fill = (holder, key, make) => { // makes children again only where what they show has changed
  const content = JSON.stringify(key);
  if (holder.dataset.content !== content) { holder.dataset.content = content; holder.replaceChildren(...make()); }
};
