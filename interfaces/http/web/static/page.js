// Asks, follows the stream of the answer, and keeps the strip at the top true. Everything it shows of a
// model is put in as text; HTML comes only from this server, cleaned there.

const byId = (id) => document.getElementById(id);
const form = byId("ask");
const box = byId("text");
const talk = byId("talk");
const send = byId("send");
const stop = byId("stop");
const problem = byId("problem");

let running = null; // the id of the answer that is coming

class Refused extends Error {}

async function call(method, path, body, headers = {}) {
  let response;
  try {
    response = await fetch(path, {
      method,
      headers: body === undefined ? headers : { "Content-Type": "application/json", ...headers },
      body: body === undefined ? undefined : JSON.stringify(body),
    });
  } catch {
    throw new Refused("The server cannot be reached. What you typed is still in the box.");
  }
  if (response.status === 401) location.reload(); // the session has ended: the page says how to sign in
  const said = await response.json().catch(() => ({}));
  if (!response.ok) throw new Refused([said.detail || response.statusText, said.hint].filter(Boolean).join(" → "));
  return said;
}

function element(tag, className, text) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  if (text !== undefined) made.textContent = text;
  return made;
}

function complain(error) {
  problem.textContent = error.message;
  problem.hidden = false;
}

// --- asking

// One key for one thing typed: sent again after a lost connection, it is asked once.
let pending = { text: null, key: null };

async function ask(text) {
  if (pending.text !== text) pending = { text, key: crypto.randomUUID() };
  const think = byId("think").checked ? {} : { think: false };
  let conversation = form.dataset.conversation;
  if (!conversation) {
    const made = await call("POST", "/api/v1/conversations", {}, { "Idempotency-Key": `${pending.key}-c` });
    conversation = form.dataset.conversation = made.id;
  }
  const asked = await call("POST", `/api/v1/conversations/${conversation}/prompts`, { text, ...think }, { "Idempotency-Key": pending.key });
  pending = { text: null, key: null };
  history.replaceState(null, "", `/conversations/${conversation}`);
  document.querySelector(".lately")?.remove();
  box.placeholder = "Go on …";
  return asked;
}

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const text = box.value;
  if (!text.trim() || running) return;
  problem.hidden = true;
  send.disabled = true;
  try {
    const asked = await ask(text);
    box.value = "";
    const prompt = element("article", "prompt");
    prompt.append(element("div", "who", "You"), element("div", "said", text));
    talk.append(prompt);
    follow(asked.answer_id, answerOf(asked.model));
  } catch (error) {
    send.disabled = false;
    if (!(error instanceof Refused)) throw error;
    complain(error);
  }
});

box.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
    event.preventDefault();
    form.requestSubmit();
  }
});

document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && running) stop.click();
});

stop.addEventListener("click", async () => {
  if (!running) return;
  stop.disabled = true;
  try {
    await call("POST", `/api/v1/answers/${running}/cancel`);
  } catch (error) {
    complain(error);
  } finally {
    stop.disabled = false;
  }
});

// --- following an answer

function answerOf(model) {
  const article = element("article", "answer");
  article.append(element("div", "who", model));
  talk.append(article);
  return article;
}

function follow(id, article) {
  running = id;
  article.classList.add("live");
  const who = article.querySelector(".who");
  const model = who.textContent;
  article.replaceChildren(who);
  const thinking = element("details", "thinking");
  thinking.open = true;
  thinking.hidden = true;
  const thought = element("div");
  thinking.append(element("summary", "", "Thinking"), thought);
  const prose = element("div", "prose raw");
  article.append(thinking, prose);
  send.disabled = true;
  stop.hidden = false;
  article.scrollIntoView({ block: "nearest" });

  const stream = new EventSource(`/api/v1/answers/${id}/stream`);
  const on = (name, react) => stream.addEventListener(name, (event) => react(JSON.parse(event.data)));
  const atEnd = () => innerHeight + scrollY > document.body.scrollHeight - 120;

  on("delta", (piece) => {
    const stay = atEnd();
    if (piece.thinking) {
      thinking.hidden = false;
      thought.append(piece.thinking);
      thought.scrollTop = thought.scrollHeight;
    }
    if (piece.text) {
      thinking.open = false;
      prose.append(piece.text);
    }
    if (stay) scrollTo(0, document.body.scrollHeight);
  });
  on("status", (now) => {
    const place = now.position ? ` · waiting, number ${now.position} in the queue` : "";
    who.textContent = model + (now.waits_for ? ` · waiting for ${now.waits_for}` : place);
  });
  on("reset", () => {
    thought.textContent = "";
    prose.textContent = "";
  });
  const ended = async (how) => {
    stream.close();
    running = null;
    article.classList.remove("live");
    stop.hidden = true;
    send.disabled = false;
    who.textContent = [model, ...facts(how)].join(" · ");
    if (how.detail) article.append(element("p", "failed", how.detail));
    const shown = await fetch(`/answers/${id}/html`).catch(() => null);
    if (shown?.ok) {
      const stay = atEnd();
      prose.innerHTML = await shown.text();
      prose.classList.remove("raw");
      if (stay) scrollTo(0, document.body.scrollHeight);
    }
    box.focus();
    look();
  };
  on("done", ended);
  on("failed", ended);
  stream.addEventListener("error", () => {
    // The browser comes back by itself with the id of the last event, unless it was told not to.
    if (stream.readyState === EventSource.CLOSED && running === id) location.reload();
  });
}

function facts(how) {
  const found = [];
  if (how.status && how.status !== "complete") found.push(how.status);
  const tokens = how.usage?.completion_tokens;
  const seconds = (how.timings?.total_ms ?? 0) / 1000;
  if (tokens) found.push(`${tokens} tokens`);
  if (seconds) found.push(`${seconds.toFixed(1)} s`);
  return found;
}

// --- the state of things

const size = (bytes) => (bytes >= 1e9 ? `${(bytes / 1e9).toFixed(1)} GB` : `${Math.round(bytes / 1e6)} MB`);

function part(id, name, now, busy = false) {
  const line = byId(`state-${id}`);
  line.className = busy ? "busy" : now.ok ? "well" : "ill";
  line.querySelector(".name").textContent = name;
  const text = line.querySelector(".text");
  text.textContent = now.text;
  text.title = now.text;
}

function show(state) {
  part("server", "server", state.server);
  part("database", "book", state.database);
  const pull = state.pull;
  const pulling = Boolean(pull?.running);
  const share = pull?.total_bytes ? pull.completed_bytes / pull.total_bytes : 0;
  part("model", state.model_name, pulling ? { ok: true, text: `pulling ${Math.floor(100 * share)} %` } : state.model, pulling);
  const ill = [state.database, state.model].find((one) => !one.ok);
  byId("notice").hidden = !ill && !pulling;
  byId("notice-text").textContent = pull?.problem || (pulling ? `Pulling ${pull.model}` : (ill?.text ?? ""));
  byId("notice-hint").textContent = pulling ? "" : (ill?.hint ?? "");
  byId("notice-hint").parentElement.hidden = pulling || !ill?.hint;
  byId("pull").hidden = pulling || !state.can_pull;
  byId("pulling").hidden = !pulling;
  if (pulling) {
    if (pull.total_bytes) byId("pull-bar").value = share;
    else byId("pull-bar").removeAttribute("value");
    byId("pull-text").textContent = pull.total_bytes ? `${size(pull.completed_bytes)} of ${size(pull.total_bytes)} · ${pull.status}` : pull.status;
  }
}

let timer = 0;

async function look() {
  clearTimeout(timer);
  let next = 5000;
  try {
    const state = await call("GET", "/state");
    show(state);
    if (state.pull?.running) next = 700;
  } catch (error) {
    part("server", "server", { ok: false, text: "cannot be reached" });
  }
  if (!document.hidden) timer = setTimeout(look, next);
}

document.addEventListener("visibilitychange", () => document.hidden || look());

byId("pull").addEventListener("click", async () => {
  try {
    await call("POST", "/pull");
  } catch (error) {
    complain(error);
  }
  look();
});

// --- the session

byId("sign-out")?.addEventListener("click", async (event) => {
  event.target.disabled = true;
  try {
    await call("POST", "/sign-out");
    location.assign("/"); // which says how to sign in again
  } catch (error) {
    event.target.disabled = false;
    complain(error);
  }
});

for (const time of document.querySelectorAll("time")) {
  const at = new Date(time.dateTime);
  const day = { year: "numeric", month: "short", day: "numeric" };
  time.textContent = at.toDateString() === new Date().toDateString() ? at.toLocaleTimeString([], { timeStyle: "short" }) : at.toLocaleDateString([], day);
  time.title = at.toLocaleString();
}

const unfinished = document.querySelector("[data-follow]");
if (unfinished) follow(unfinished.dataset.follow, unfinished);
else if (form.dataset.conversation) scrollTo(0, document.body.scrollHeight);
look();
