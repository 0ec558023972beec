// Try it: fills in the command line as the form is filled in, and sends the request. The page can be read without it.
// An answer is shown as the text that came: it is set in lines, and never parsed, so no digit of a number is lost.
"use strict";

const SHOWN = 200000;
const key = document.getElementById("key");

function target(form) {
  let path = form.dataset.path;
  const query = [];
  for (const field of form.querySelectorAll("[data-place]")) {
    const value = encodeURIComponent(field.value);
    if (field.dataset.place === "path") path = path.replace(`{${field.name}}`, value);
    else if (field.value !== "") query.push(`${field.name}=${value}`);
  }
  return path + (query.length ? `?${query.join("&")}` : "");
}

function quoted(text) {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

// The key itself stays out of the line: it would end up in the shell's history.
function command(form) {
  const body = form.querySelector("textarea");
  const words = ["curl", quoted(location.origin + target(form))];
  if (form.dataset.method !== (body ? "POST" : "GET")) words.splice(1, 0, "-X", form.dataset.method);
  if (key.value) words.push('-H "X-API-Key: $TRUEEDGE_KEY"');
  if (body) words.push("-H", quoted(`Content-Type: ${body.dataset.type}`), "--data-binary", quoted(`\n${body.value}`));
  return words.join(" ");
}

function lines(text) {
  let out = "";
  let depth = 0;
  let inside = false;
  const line = () => `\n${"  ".repeat(depth)}`;
  for (let i = 0; i < text.length; i += 1) {
    const c = text[i];
    if (inside) {
      out += c;
      if (c === "\\") out += text[(i += 1)];
      else if (c === '"') inside = false;
    } else if (c === '"') {
      out += c;
      inside = true;
    } else if (c === "{" || c === "[") {
      const next = text.slice(i + 1).match(/\S/);
      if (next && (next[0] === "}" || next[0] === "]")) {
        out += c + next[0];
        i += next.index + 1;
      } else {
        depth += 1;
        out += c + line();
      }
    } else if (c === "}" || c === "]") {
      depth -= 1;
      out += line() + c;
    } else if (c === ",") out += c + line();
    else if (c === ":") out += ": ";
    else if (!/\s/.test(c)) out += c;
  }
  return out;
}

async function shown(answer) {
  const type = answer.headers.get("content-type") || "";
  if (!/^(text\/|application\/(json|x-ndjson))/.test(type)) {
    const bytes = (await answer.arrayBuffer()).byteLength;
    return bytes ? `${bytes} bytes of ${type}` : "";
  }
  const text = await answer.text();
  const whole = text.length <= SHOWN ? text : text.slice(0, SHOWN);
  const cut = whole.length < text.length ? `\n... and ${text.length - SHOWN} more characters` : "";
  return (type.startsWith("application/json") && !cut ? lines(whole) : whole) + cut;
}

function said(form, status, isGood, rest) {
  const line = form.querySelector(".said");
  const word = document.createElement("strong");
  word.textContent = status;
  word.className = isGood ? "good" : "bad";
  line.replaceChildren(word, rest);
}

async function send(form) {
  const result = form.querySelector(".result");
  const text = result.querySelector("pre");
  const button = form.querySelector("[type=submit]");
  const body = form.querySelector("textarea");
  const headers = {};
  if (key.value) headers["X-API-Key"] = key.value;
  if (body) headers["Content-Type"] = body.dataset.type;
  const asked = target(form);
  button.disabled = true;
  try {
    const answer = await fetch(asked, { method: form.dataset.method, headers, body: body ? body.value : undefined });
    text.textContent = await shown(answer);
    const cursor = answer.headers.get("x-next-cursor");
    said(form, String(answer.status), answer.ok, ` ${form.dataset.method} ${asked}${cursor ? ` · X-Next-Cursor: ${cursor}` : ""}`);
  } catch (error) {
    text.textContent = "";
    said(form, "No answer", false, ` ${form.dataset.method} ${asked}: ${error.message}`);
  } finally {
    button.disabled = false;
    result.hidden = false;
  }
}

function prepare(form) {
  const body = form.querySelector("textarea");
  const choice = form.querySelector(".bodies");
  const line = form.querySelector(".shell code");
  const copy = form.querySelector(".copy");
  const update = () => { line.textContent = command(form); };
  for (const field of form.querySelectorAll("[data-place]")) field.disabled = false;
  form.querySelector(".send").hidden = false;
  if (body) {
    body.readOnly = false;
    choice.hidden = choice.length < 2;
    choice.addEventListener("change", () => {
      const example = form.querySelectorAll("template")[Number(choice.value)];
      body.value = example.content.textContent;
      body.dataset.type = example.dataset.type;
      update();
    });
  }
  if (navigator.clipboard) {
    copy.hidden = false;
    copy.addEventListener("click", async () => {
      await navigator.clipboard.writeText(line.textContent);
      copy.textContent = "Copied";
      setTimeout(() => { copy.textContent = "Copy"; }, 1500);
    });
  }
  form.addEventListener("input", update);
  key.addEventListener("input", update);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    send(form);
  });
  update();
}

key.form.hidden = false;
key.form.addEventListener("submit", (event) => event.preventDefault());
document.querySelectorAll("form.try").forEach(prepare);
