// Signs in, and shows the OpenAPI document with Swagger UI. The token of the session stays in this
// page: a reload ends it for the page, and Sign out ends it for the service.
"use strict";

const form = document.getElementById("sign-in");
const signedIn = document.getElementById("signed-in");
const api = document.getElementById("api");
const problem = document.getElementById("problem");

// The browser must not ask for a user name by itself when an answer is 401.
const WITHOUT_PROMPT = { credentials: "omit" };

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const fields = new FormData(form);
  problem.textContent = "";
  try {
    const session = await call("POST", "/sessions", {
      authorization: basic(fields.get("client_id"), fields.get("client_secret")),
      body: { user_id: fields.get("user_id") },
    });
    const description = await call("GET", "/openapi.json", { authorization: `Bearer ${session.token}` });
    form.elements.client_secret.value = "";
    show(description, session, fields);
  } catch (error) {
    problem.textContent = error.message;
  }
});

document.getElementById("sign-out").addEventListener("click", (event) => {
  const authorization = `Bearer ${event.target.dataset.token}`;
  leave("");
  call("DELETE", "/sessions/current", { authorization }).catch((error) => {
    problem.textContent = `The session may still be open: ${error.message}`;
  });
});

function show(description, session, fields) {
  const until = new Date(session.expires_at).toLocaleTimeString();
  document.getElementById("who").textContent =
    `Signed in as ${fields.get("user_id")} (client ${fields.get("client_id")}) until ${until}`;
  document.getElementById("sign-out").dataset.token = session.token;
  form.hidden = true;
  signedIn.hidden = false;
  giveNewIds(description);
  const ui = SwaggerUIBundle({
    spec: description,
    domNode: api,
    deepLinking: true,
    displayRequestDuration: true,
    tryItOutEnabled: true,
    validatorUrl: null,
    requestInterceptor: (request) => Object.assign(request, WITHOUT_PROMPT),
    responseInterceptor: (response) => {
      if (response.status === 401 && response.url.endsWith("/sessions") === false) {
        leave("The session has ended. Sign in again.");
      }
      return response;
    },
    onComplete: () => ui.preauthorizeApiKey("session", session.token),
  });
}

function leave(message) {
  delete document.getElementById("sign-out").dataset.token;
  api.replaceChildren();
  signedIn.hidden = true;
  form.hidden = false;
  problem.textContent = message;
}

// An id is used once: with the id of the document a second reader's transaction would be a conflict.
function giveNewIds(part) {
  if (part === null || typeof part !== "object") return;
  for (const [name, value] of Object.entries(part)) {
    if (name === "transaction_id" && typeof value === "string") part[name] = crypto.randomUUID();
    else giveNewIds(value);
  }
}

async function call(method, path, { authorization, body }) {
  const headers = { Authorization: authorization };
  if (body !== undefined) headers["Content-Type"] = "application/json";
  const answer = await fetch(path, { ...WITHOUT_PROMPT, method, headers, body: JSON.stringify(body) });
  const text = await answer.text();
  if (!answer.ok) throw new Error(explained(answer.status, text));
  return text === "" ? null : JSON.parse(text);
}

function explained(status, text) {
  try {
    return JSON.parse(text).detail;
  } catch {
    return `The service answered ${status}`;
  }
}

function basic(id, secret) {
  const bytes = new TextEncoder().encode(`${id}:${secret}`);
  return `Basic ${btoa(String.fromCharCode(...bytes))}`;
}
