// The page to try the API on: a form's answer is shown below it.

const MOST = 100_000; // characters shown

function request(form) {
  const method = form.dataset.method;
  let path = form.getAttribute("action");
  const sent = new FormData();
  for (const field of form.querySelectorAll("[name]")) {
    const values = field.type === "file"
      ? [...field.files]
      : field.value.split("list" in field.dataset ? "\n" : "\0").filter((value) => value.trim());
    for (const value of values) {
      if (path.includes(`{${field.name}}`)) path = path.replace(`{${field.name}}`, encodeURIComponent(value));
      else sent.append(field.name, value);
    }
  }
  if (method === "POST") return [path, { method, body: sent }];
  const query = new URLSearchParams(sent).toString();
  return [query ? `${path}?${query}` : path, { method }];
}

async function show(form) {
  const [address, how] = request(form);
  const answer = form.parentElement.querySelector(".answer");
  const said = document.createElement("p");
  const code = document.createElement("code");
  code.textContent = `${how.method} ${address}`;
  answer.replaceChildren(said);
  try {
    const response = await fetch(address, how);
    said.append(code, ` ${response.status} ${response.statusText}`);
    const kind = response.headers.get("content-type") ?? "";
    if (!/json|text/.test(kind)) {
      const size = (await response.blob()).size;
      said.append(` ${kind}, ${size.toLocaleString("en")} bytes`);
      return;
    }
    const text = await response.text();
    const shown = document.createElement("pre");
    shown.tabIndex = 0; // it scrolls
    shown.textContent = (kind.includes("json") ? JSON.stringify(JSON.parse(text), null, 1) : text).slice(0, MOST);
    answer.append(shown);
  } catch {
    said.append(code, " was not answered: the server cannot be reached");
  }
}

for (const form of document.querySelectorAll(".api form")) {
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    show(form);
  });
}
