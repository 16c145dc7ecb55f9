"""The page of `ertheory explore` answers as the program does: in node, and in Chromium, where there is one."""

from __future__ import annotations

import contextlib
import csv
import json
import re
import shutil
import subprocess
import threading
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.resources import files
from pathlib import Path
from queue import Empty, Queue

import pytest

import ertheory
from ertheory.cli import main
from ertheory.plots import explorer
from tests.reference import make_explorer

TABLE = Path(make_explorer.__file__).with_name("explorer.csv")
ROWS = list(csv.DictReader(TABLE.read_text(encoding="utf-8").splitlines()))
NODE = shutil.which("node")
BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)

# What differs from the table, besides rows that the page gives to the command or marks as not sure.
COMPARE = """
function compare(rows) {
  const found = { different: [], heavy: [], unsure: [], slow: 0 };
  for (const row of rows) {
    const { question } = readQuestion(row);
    const start = Date.now();
    const said = answer(row.method, question);
    found.slow = Math.max(found.slow, Date.now() - start);
    const widths = (said.widths ?? []).map((width) => width ?? "-").join(" ");
    const near = (a, b, error) => b === "" || a === null || Math.abs(a - b) <= error * b;
    const same = widths === row.widths && said.applies === (row.applies === "True") && said.layer0 === row.layer0 &&
      near(said.failure ?? null, row.failure, 2e-6) && near(said.edges, row.edges, 1e-12);
    if (said.heavy) found.heavy.push(row);
    else if (said.unsure) found.unsure.push(row);
    else if (said.silent ? row.applies !== "False" : !same) found.different.push({ row, said });
  }
  return found;
}
"""


def check(found: dict[str, list[dict[str, str]]]) -> None:
    assert found["different"] == []
    deep = [row for row in ROWS if row["method"] == "drop" and row["target"].count("-") > 2]
    assert found["heavy"] == deep
    # Equality, or closer to it than 1e-16: doubles cannot know, and the page says so.
    assert 0 < len(found["unsure"]) <= 4
    assert len(ROWS) - len(deep) > 1000


def test_the_table_is_what_the_program_says():
    assert set(Counter(row["method"] for row in ROWS)) == set(make_explorer.STATEMENTS)
    for row in ROWS[::41]:
        assert make_explorer.answer(row["target"], row["sparsity"], row["delta"], row["method"]) == row


@pytest.mark.skipif(NODE is None, reason="node is not installed")
def test_the_laws_of_the_page_in_node():
    laws = "\n".join(files(explorer.__name__).joinpath(name).read_text(encoding="utf-8") for name in explorer.LAWS)
    asked = f"{laws}\n{COMPARE}\nconsole.log(JSON.stringify(compare({json.dumps(ROWS)})));"
    done = subprocess.run([NODE, "-"], input=asked, capture_output=True, text=True, check=True, timeout=120)
    check(json.loads(done.stdout))


@pytest.mark.skipif(NODE is None, reason="node is not installed")
@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("law.weights[layer] * above * log1mexp", "law.weights[layer] * log1mexp"),
        ("(1 + 2 ** -40) + 1e-300", "(1 + 1e-6) + 1e-300"),
        ("outputs * log1mexp(logLowerTail(neurons, hidden - 1", "outputs * log1mexp(logLowerTail(neurons, hidden"),
        ("0.5 * Math.log(n / (2 * Math.PI * x * (n - x)))", "0.5 * Math.log(n / (6.28 * x * (n - x)))"),
    ],
)
def test_a_wrong_law_would_be_seen(before, after):
    laws = "\n".join(files(explorer.__name__).joinpath(name).read_text(encoding="utf-8") for name in explorer.LAWS)
    assert laws.count(before) == 1
    rows = [row for row in ROWS if row["target"] in ("20-12-5", "100-30-7")]
    asked = f"{laws.replace(before, after)}\n{COMPARE}\nconsole.log(compare({json.dumps(rows)}).different.length);"
    done = subprocess.run([NODE, "-"], input=asked, capture_output=True, text=True, check=True, timeout=120)
    assert int(done.stdout) > 0


REPORT = """<script>
const look = setInterval(() => {
  if (document.body.dataset.ready !== "all") return;
  clearInterval(look);
  const shown = [...document.querySelectorAll("#widths tr[data-widths]")];
  const rows = shown.map((row) => [row.dataset.method, row.innerText]);
  const curves = [...document.querySelectorAll(".charts path")].filter((path) => path.getAttribute("d")).length;
  fetch("/said", { method: "POST", body: JSON.stringify({
    rows, curves, sentence: field("sentence").textContent, command: field("command").textContent,
    kept: document.querySelectorAll("#network .kept").length, worked: worker !== null,
    address: location.search, compared: compare(TABLE),
  }) });
}, 50);
</script></body>"""


def heard(said: Queue[dict], browser: subprocess.Popen) -> dict:
    """What the page says, within two minutes, or less where the browser cannot run."""
    for _ in range(120):
        with contextlib.suppress(Empty):
            return said.get(timeout=1)
        assert browser.poll() in (None, 0), "the browser has ended"
    raise TimeoutError


@pytest.mark.skipif(BROWSER is None, reason="no Chromium is installed")
def test_the_page_in_a_browser(tmp_path):
    """Asked by its address, the page shows the program's numbers, and its laws agree with the whole table."""
    script = f"<script>{COMPARE}\nconst TABLE = {json.dumps(ROWS)};</script>{REPORT}"
    page = explorer.explorer_page().replace("</body>", script).encode()
    said: Queue[dict] = Queue()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.end_headers()
            self.wfile.write(page)

        def do_POST(self):
            said.put(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *args):
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    address = f"http://127.0.0.1:{server.server_port}/explorer.html?target=20-12-5&sparsity=4/5&delta=0.05"
    options = ["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", f"--user-data-dir={tmp_path}"]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    with subprocess.Popen([BROWSER, *options, "--remote-debugging-port=0", address], **quiet) as browser:
        try:
            found = heard(said, browser)
        finally:
            browser.terminate()
            server.shutdown()
            server.server_close()
    check(found["compared"])
    shown = {name: re.sub(r"[,\s]", "", text) for name, text in found["rows"]}
    for row in ertheory.width("20-12-5", sparsity="4/5", delta=0.05):
        known = [width for width in row.widths[:-1] if width is not None]
        if row.method in explorer.STATEMENTS and row.applies | (row.method == "printed"):
            assert all(str(width) in shown[row.method] for width in known), row.method
    assert found["worked"]
    assert found["command"] == "ertheory width --target 20-12-5 --sparsity 4/5 --delta 0.05"
    assert found["address"] == "?target=20-12-5&sparsity=4%2F5&delta=0.05"
    assert "20-12-5 network" in found["sentence"]
    assert found["kept"] > 0
    assert found["curves"] >= 12


def test_the_page_is_complete_by_itself():
    page = explorer.explorer_page(target="</script><b>")
    assert set(re.findall(r"https?://[^\s\"'<)]*", page)) == {"http://www.w3.org/2000/svg"}  # the name of SVG elements
    assert not re.findall(r"<(?:link|img|iframe)\b|\bsrc=|@import|\burl\(", page)
    assert page.count("<script") == page.count("</script>") == 2
    labelled = set(re.findall(r'<label for="([^"]+)"', page))
    fields = re.findall(r"<(?:input|select)\b[^>]*>", page)
    assert len(fields) == 6
    assert all("aria-label=" in one or re.search(r'id="([^"]+)"', one)[1] in labelled for one in fields)


def test_the_command_writes_the_page(tmp_path, capsys):
    place = tmp_path / "page.html"
    words = ["explore", "--target", "4-8-3", "--sparsity", "1/2", "--delta", "5e-2", "--out", str(place)]
    assert main(words) == 0
    assert capsys.readouterr().out == f"{place}\n"
    assert '{"target": "4-8-3", "sparsity": "0.5", "delta": "0.05"}' in place.read_text(encoding="utf-8")
    assert main(words) == 2
    assert "--out: expected a file that does not exist yet, or --force" in capsys.readouterr().err
    assert main([*words, "--force", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["file"] == str(place)
    assert document["inputs"]["delta"] == "0.05"


def test_the_page_is_opened(monkeypatch):
    opened = []
    monkeypatch.setattr("webbrowser.open", lambda address: opened.append(address) or True)
    place = ertheory.explore("4-8-3", sparsity=0.5)
    assert opened == [place.as_uri()]
    shutil.rmtree(place.parent)


@pytest.mark.parametrize("target", ["4", "784-0-10", "4-1000000-2", "-".join("2" * 13), "net.npz", "relu"])
def test_other_targets_are_refused(target, tmp_path):
    with pytest.raises(ertheory.InvalidInput, match=r"target|widths"):
        ertheory.explore(target, out=tmp_path / "page.html")
