// Three questions above the table of "Choose a statement"; without this script the table answers alone.
document.addEventListener("DOMContentLoaded", () => {
  const form = document.getElementById("choose");
  const table = form && document.querySelector("article table");
  if (!table) return;
  const heads = [...table.querySelectorAll("th")].map((cell) => cell.textContent.trim());
  const rows = [...table.querySelectorAll("tbody tr")].map((row) => ({
    row,
    answers: [...row.cells].slice(0, 3).map((cell) => cell.textContent.trim()),
    command: row.cells[3].textContent.trim(),
  }));
  const selects = heads.slice(0, 3).map((head) => {
    const label = form.appendChild(document.createElement("label"));
    label.textContent = head[0].toUpperCase() + head.slice(1) + "? ";
    return label.appendChild(document.createElement("select"));
  });
  const shown = form.appendChild(document.createElement("output"));
  shown.setAttribute("aria-live", "polite");

  const fits = (row, upTo) => selects.slice(0, upTo).every((select, column) => row.answers[column] === select.value);
  const fill = (column) => {
    const before = selects[column].value;
    const options = [...new Set(rows.filter((row) => fits(row, column)).map((row) => row.answers[column]))];
    selects[column].replaceChildren(...options.map((text) => new Option(text, text)));
    if (options.includes(before)) selects[column].value = before;
  };
  const update = () => {
    for (let column = 0; column < 3; column++) fill(column);
    const found = rows.find((row) => fits(row, 3));
    shown.textContent = found.command;
    for (const { row } of rows) row.classList.toggle("chosen", row === found.row);
  };
  form.addEventListener("change", update);
  form.addEventListener("submit", (event) => event.preventDefault());
  form.hidden = false;
  update();
});
