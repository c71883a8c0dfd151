"use strict";
for (const box of document.querySelectorAll("[data-table]")) {
  const table = box.querySelector("table"), body = table.tBodies[0], rows = [...body.rows];
  const key = (row, at) => row.cells[at].dataset.k ?? row.cells[at].textContent.trim();
  const order = (a, b) => isNaN(a) || isNaN(b) ? a.localeCompare(b, "en", { numeric: true }) : a - b;

  for (const head of table.tHead.rows[0].cells) {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener("click", () => {
      const up = head.getAttribute("aria-sort") !== "ascending";
      const keyed = rows.map(row => [key(row, head.cellIndex), row]);
      keyed.sort((a, b) => (a[0] === "") - (b[0] === "") || (up ? order(a[0], b[0]) : order(b[0], a[0])));
      for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
      head.setAttribute("aria-sort", up ? "ascending" : "descending");
      body.append(...keyed.map(pair => pair[1]));
    });
  }

  const form = box.querySelector("form");
  if (!form) continue;
  const { words, verdict, column, outcome } = form.elements, names = rows.map(row => row.cells[0].textContent.toLowerCase());
  const show = () => {
    const wanted = words.value.trim().toLowerCase();
    let shown = 0;
    rows.forEach((row, index) => {
      const cells = column && outcome.value ? (column.value ? [row.cells[column.value]] : [...row.cells]) : null;
      const fits = names[index].includes(wanted) && (!verdict?.value || row.dataset.v === verdict.value)
        && (!cells || cells.some(cell => cell.className === outcome.value));
      if (row.hidden === fits) row.hidden = !fits;
      shown += fits;
    });
    form.querySelector(".count").textContent = `${shown.toLocaleString("en")} of ${rows.length.toLocaleString("en")} shown`;
  };
  form.addEventListener("input", show);
  form.addEventListener("submit", event => event.preventDefault());
  form.hidden = false;
  show();
}
