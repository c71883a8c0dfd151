"""The page: a question, the answer as it comes, and its sources."""

PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="initial-scale=1, width=device-width">
<title>Assistant</title>
<style>
  body { font: 1rem/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 40rem; padding: 0 1rem; }
  input { font: inherit; width: 100%; }
</style>
<h1>Ask the library</h1>
<form>
  <label for="question">Question</label>
  <input id="question" name="question" required maxlength="500" autocomplete="off">
  <button>Ask</button>
</form>
<p id="answer" aria-live="polite"></p>
<ol id="sources" aria-label="Sources"></ol>
<script>
  const [form, answer, sources] = ["form", "#answer", "#sources"].map(name => document.querySelector(name));
  const said = {
    sources: list => sources.replaceChildren(...list.map(one => {
      const item = document.createElement("li");
      item.textContent = one.id;
      return item;
    })),
    token: data => { answer.textContent += data.text; },
    done: data => { answer.textContent = data.answer ? `${data.answer} (${data.citations.join(", ")})` : "The library does not say."; },
    error: data => { answer.textContent = data.message; },
  };
  form.addEventListener("submit", async event => {
    event.preventDefault();
    answer.textContent = "";
    const question = form.question.value;
    const headers = {"Content-Type": "application/json"};
    const response = await fetch("/ask", {method: "POST", headers, body: JSON.stringify({question})});
    if (!response.ok) {
      answer.textContent = `Please try again later (${response.status}).`;
      return;
    }
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    for (let rest = "";;) {
      const {value, done} = await reader.read();
      if (done) break;
      const events = (rest + value).split("\\n\\n");
      rest = events.pop();
      for (const one of events) {
        const [, name, data] = one.match(/^event: (.*)\\ndata: (.*)$/);
        said[name](JSON.parse(data));
      }
    }
  });
</script>
</html>
"""
