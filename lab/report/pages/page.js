"use strict";
// The table of runs can be sorted and filtered; without this script it is a plain table.

function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

// Numbers as numbers, texts as people count ("run 2" before "run 10"); what is not known comes last.
function compare(a, b, sign) {
  if (a === "" || b === "") return (a === "") - (b === "");
  const difference = Number(a) - Number(b);
  return sign * (Number.isNaN(difference) ? a.localeCompare(b, "en", { numeric: true }) : difference);
}

function makeSortable(table) {
  const headers = [...table.tHead.rows[0].cells];
  const key = (row, place) => row.cells[place].dataset.key ?? row.cells[place].textContent;
  headers.forEach((header, place) => {
    const button = element("button", { type: "button" }, ...header.childNodes);
    header.append(button);
    button.addEventListener("click", () => {
      const sign = header.getAttribute("aria-sort") === "ascending" ? -1 : 1;
      for (const other of headers) other.removeAttribute("aria-sort");
      header.setAttribute("aria-sort", sign > 0 ? "ascending" : "descending");
      const rows = [...table.tBodies[0].rows];
      rows.sort((a, b) => compare(key(a, place), key(b, place), sign));
      table.tBodies[0].append(...rows);
    });
  });
}

function makeFilterable(table) {
  const rows = [...table.tBodies[0].rows].map((row) => ({ row, text: row.textContent.toLowerCase() }));
  const headers = [...table.tHead.rows[0].cells].map((cell) => cell.textContent);
  const search = element("input", { type: "search", placeholder: "Filter runs", "aria-label": "Filter runs" });
  const count = element("output", { role: "status" });
  const selects = ["Phase", "Status"].map((name) => {
    const place = headers.indexOf(name);
    const values = [...new Set(rows.map(({ row }) => row.cells[place].textContent))];
    const every = element("option", { value: "" }, `Every ${name.toLowerCase()}`);
    const select = element("select", { "aria-label": name }, every);
    select.append(...values.map((value) => element("option", { value }, value)));
    return { place, select };
  });
  const update = () => {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    for (const { row, text } of rows) {
      const fits =
        words.every((word) => text.includes(word)) &&
        selects.every(({ place, select }) => !select.value || row.cells[place].textContent === select.value);
      row.hidden = !fits;
      shown += fits;
    }
    count.textContent = `${shown.toLocaleString("en")} of ${rows.length.toLocaleString("en")} runs`;
  };
  const bar = element("div", { class: "filters" }, search, ...selects.map(({ select }) => select), count);
  for (const control of bar.querySelectorAll("input, select")) control.addEventListener("input", update);
  table.parentElement.before(bar);
  update();
}

for (const table of document.querySelectorAll("table.runs")) {
  makeFilterable(table);
  makeSortable(table);
}

// On paper nothing is folded away.
addEventListener("beforeprint", () => {
  for (const folded of document.querySelectorAll("details:not([open])")) {
    folded.open = true;
    folded.dataset.opened = "";
  }
});
addEventListener("afterprint", () => {
  for (const folded of document.querySelectorAll("details[data-opened]")) {
    folded.open = false;
    delete folded.dataset.opened;
  }
});
