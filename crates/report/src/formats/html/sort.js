(function () {
  var table = document.getElementById("cells"), body = table.tBodies[0];
  function key(row, column) {
    var cell = row.cells[column], text = cell.dataset.s || cell.textContent, number = Number(text);
    return text === "–" || text === "" ? null : isNaN(number) ? text : number;
  }
  function sort(heading, column) {
    var down = heading.getAttribute("aria-sort") === "ascending", rows = Array.prototype.slice.call(body.rows);
    rows.sort(function (left, right) {
      var a = key(left, column), b = key(right, column);
      if (a === null || b === null) return (a === null) - (b === null);
      var order = typeof a === "number" && typeof b === "number" ? a - b : String(a).localeCompare(String(b));
      return down ? -order : order;
    });
    table.querySelectorAll("th").forEach(function (other) { other.removeAttribute("aria-sort"); });
    heading.setAttribute("aria-sort", down ? "descending" : "ascending");
    rows.forEach(function (row) { body.appendChild(row); });
  }
  table.querySelectorAll("th").forEach(function (heading, column) {
    heading.tabIndex = 0;
    heading.addEventListener("click", function () { sort(heading, column); });
    heading.addEventListener("keydown", function (event) { if (event.key === "Enter") sort(heading, column); });
  });
})();
