"use strict";
// Tables that can be sorted, filtered and paged. Only visible rows are elements; a printed table has more of them.
// `interactiveTable` turns a table's holder into one, and returns a function that shows rows, each a list of cells;
// with `open`, the first cell of a row is a button, which calls it.
const interactiveTable = (() => {
  const PAGE = 25;
  const PRINTED = 500;

  const cellText = (cell, column) => {
    if (cell === null) return "";
    if (typeof cell !== "number") return cell;
    if (column.digits === null) return String(Number(cell.toPrecision(6)));
    return cell.toLocaleString("en", { minimumFractionDigits: column.digits, maximumFractionDigits: column.digits, useGrouping: column.digits === 0 });
  };

  const compare = (a, b) => (typeof a === "number" && typeof b === "number" ? a - b : String(a).localeCompare(String(b), "en", { numeric: true }));

  const OPERATORS = {
    "=": (order) => order === 0, "!=": (order) => order !== 0, "<": (order) => order < 0,
    ">": (order) => order > 0, "<=": (order) => order <= 0, ">=": (order) => order >= 0,
  };

  const SPACED = /\s+(!=|<=|>=|=|<|>)\s+/g; // a comparison may have spaces around its operator

  const textOf = (row, columns) => (row.text ??= row.cells.map((cell, number) => cellText(cell, columns[number])).join("\n").toLowerCase());

  // Turns a word of the filter into a test of a row: `name<value` compares a column, other words may be anywhere.
  const condition = (word, columns) => {
    const parts = /^(.+?)(!=|<=|>=|=|<|>)(.+)$/.exec(word);
    const named = (column) => [column.name, column.title.replaceAll(" ", "_"), column.name.split(".").pop()].some((name) => name.toLowerCase() === parts[1]);
    const index = parts ? columns.findIndex(named) : -1;
    if (index < 0) return (row) => textOf(row, columns).includes(word);
    const number = Number(parts[3]);
    return (row) => {
      const cell = row.cells[index];
      if (cell === null) return false;
      const text = cellText(cell, columns[index]).toLowerCase();
      if (text === parts[3]) return OPERATORS[parts[2]](0); // as displayed, rounded
      return OPERATORS[parts[2]](typeof cell === "number" && !Number.isNaN(number) ? cell - number : compare(text, parts[3]));
    };
  };

  const element = (tag, properties, ...children) => {
    const made = Object.assign(document.createElement(tag), properties);
    made.append(...children);
    return made;
  };

  return (holder, columns, open) => {
    const body = holder.querySelector("tbody");
    const heads = [...holder.querySelectorAll("thead th")];
    let all = [];
    let shown = [];
    let page = 0;
    let drawn = "";
    let sorted = { index: -1, sign: 1 };

    const input = element("input", { type: "search", id: `filter-${holder.id}`, autocomplete: "off", spellcheck: false });
    input.setAttribute("aria-describedby", `hint-${holder.id}`);
    const status = element("span", {});
    status.setAttribute("role", "status");
    const previous = element("button", { type: "button", textContent: "Previous" });
    const next = element("button", { type: "button", textContent: "Next" });

    const headCell = (text) => {
      if (!open) return element("th", { textContent: text, scope: "row" });
      const button = element("button", { type: "button", textContent: text });
      button.addEventListener("click", () => open(text));
      return element("th", { scope: "row" }, button);
    };

    const draw = (first = page * PAGE, number = PAGE) => {
      const rows = shown.slice(first, first + number);
      const content = JSON.stringify(rows.map((row) => row.cells));
      const focused = body.contains(document.activeElement) && document.activeElement.textContent;
      if (content !== drawn) body.replaceChildren(...rows.map((row) => element("tr", {}, ...row.cells.map((cell, index) => {
        const text = cellText(cell, columns[index]);
        const made = index ? element("td", { textContent: text }) : headCell(text);
        if (columns[index].numeric) made.className = "number";
        return made;
      }))));
      drawn = content;
      if (focused) [...body.querySelectorAll("button")].find((one) => one.textContent === focused)?.focus();
      const range = rows.length ? `${(first + 1).toLocaleString("en")} to ${(first + rows.length).toLocaleString("en")} of ` : "";
      const of = shown.length === all.length ? "" : ` (${all.length.toLocaleString("en")} in total)`;
      const said = `Rows ${range}${shown.length.toLocaleString("en")}${of}`;
      if (status.textContent !== said) status.textContent = said; // or a screen reader would say it again
      previous.disabled = page === 0;
      next.disabled = first + number >= shown.length;
    };

    const update = (turned = 0) => {
      const tests = input.value.toLowerCase().replace(SPACED, "$1").split(/\s+/).filter(Boolean).map((word) => condition(word, columns));
      shown = all.filter((row) => tests.every((test) => test(row)));
      const { index, sign } = sorted;
      if (index >= 0) {
        shown.sort((a, b) => {
          const [x, y] = [a.cells[index], b.cells[index]];
          if (x === null || y === null) return (x === null) - (y === null) || a.index - b.index;
          return sign * compare(x, y) || a.index - b.index;
        });
      }
      page = Math.max(0, Math.min(turned, Math.ceil(shown.length / PAGE) - 1));
      draw();
    };

    heads.forEach((head, index) => {
      const button = element("button", { type: "button", textContent: head.textContent });
      button.addEventListener("click", () => {
        const again = sorted.index === index;
        sorted = { index, sign: again ? -sorted.sign : 1 };
        heads.forEach((other) => other.removeAttribute("aria-sort"));
        head.setAttribute("aria-sort", sorted.sign > 0 ? "ascending" : "descending");
        update();
      });
      head.replaceChildren(button);
    });
    const turn = (by) => { page += by; draw(); holder.querySelector("table").scrollIntoView({ block: "nearest" }); };
    previous.addEventListener("click", () => turn(-1));
    next.addEventListener("click", () => turn(1));
    let waiting = 0;
    input.addEventListener("input", () => { clearTimeout(waiting); waiting = setTimeout(update, 100, 0); });

    const example = columns.filter((column) => column.numeric).pop();
    const hint = element("p", { className: "hint", id: `hint-${holder.id}` }, "Shows the rows that contain all words. To compare a column, write for example ", element("code", { textContent: example ? `${example.name}>1` : "status=ok" }), ".");
    holder.prepend(
      element("div", { className: "controls" }, element("label", { htmlFor: input.id, textContent: "Filter" }), input, previous, next, status),
      hint,
    );
    addEventListener("beforeprint", () => draw(0, PRINTED));
    addEventListener("afterprint", () => draw());
    return (rows) => {
      all = rows.map((cells, index) => ({ cells, index }));
      update(page);
    };
  };
})();

document.querySelectorAll(".interactive").forEach((holder) => {
  const { columns, cells } = JSON.parse(document.getElementById(`rows-${holder.id}`).textContent);
  interactiveTable(holder, columns)(cells[0].map((_, index) => cells.map((column) => column[index])));
});
