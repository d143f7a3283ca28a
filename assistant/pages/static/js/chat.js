// The chat page: the thread, and everything around it, brought together.
import { announce, byId, h, readIsland } from "./dom.js";
import { api } from "./api.js";
import { copyText } from "./clipboard.js";
import { Composer } from "./composer.js";
import { Conversations } from "./conversations.js";
import { ask, choices, field } from "./dialogs.js";
import { t, tn } from "./i18n.js";
import { hasRoom, isOpen, listenForPanes, setPane } from "./panes.js";
import { answerPieces, apply, asText, citedSources, isWaiting, isWorking, newModel } from "./run_model.js";
import { RunView } from "./run_view.js";
import { shortcut } from "./shortcuts.js";
import { SourcesPanel, sourceCount } from "./sources.js";
import { follow } from "./stream.js";
import { toast } from "./toast.js";

const MOST_STREAMS = 3; // browsers open six connections to a host; the older ones are seen at the next visit
const WAITING_SECONDS = 20;
const NEAR_END = 120; // pixels: who has scrolled further up is left alone
const { conversation, limit } = readIsland("conversation-data");
const thread = byId("thread");
const runs = byId("runs");
const views = [];
let conversationId = conversation?.id ?? null;

listenForPanes();
const panel = new SourcesPanel(() => setPane("sources-pane", true));
const lines = new Conversations({ current: () => conversationId, renamed: setTitle });
const composer = new Composer({
  limit,
  scope: conversation?.scope ? { ref: conversation.scope, label: conversation.scope_label ?? conversation.scope } : null,
  on: { send, stop },
});

const on = {
  openSource: (view, n, button) => panel.reveal(view.model, n, button),
  again: (view) => send(view.model.question, view.model.scope ? { ref: view.model.scope, label: view.model.scope } : composer.scope),
  edit: (view) => composer.setText(view.model.question),
  copy,
  rate,
  cancelHeld,
  answerOfficer,
  customerWaits,
};

for (const run of conversation?.runs ?? []) addView(newModel(run));
for (const view of views.filter((one) => !one.model.done).slice(-MOST_STREAMS)) followRun(view);
showLatestSources({ open: hasRoom() });
thread.scrollTop = thread.scrollHeight;
refreshWorking();
refreshWaiting();

for (const button of document.querySelectorAll(".example")) {
  button.addEventListener("click", () => composer.setText(button.dataset.question));
}
shortcut("/", () => byId("question").focus());
shortcut("n", () => location.assign("/"));
shortcut("f", () => { setPane("conversations-pane", true); byId("conversation-search").focus(); });
shortcut("s", () => setPane("sources-pane", !isOpen("sources-pane")));

function addView(model) {
  const view = new RunView(model, on);
  views.push(view);
  runs.append(view.element);
  return view;
}

async function send(question, scope) {
  byId("welcome")?.remove();
  const view = addView(newModel({ question, scope: scope?.ref ?? null }));
  thread.scrollTop = thread.scrollHeight;
  refreshWorking();
  try {
    const opened = await api("POST", "runs", { conversation: conversationId, question, scope: scope?.ref ?? null });
    view.model.id = opened.id;
    view.model.createdAt = new Date().toISOString();
    if (conversationId !== opened.conversation) adopt(opened.conversation, question);
    view.render();
    followRun(view);
    lines.refresh();
    if (view.model.stopping) await api("POST", `runs/${opened.id}/cancel`, {});
  } catch (error) {
    if (!view.model.id) withdraw(view, question);
    toast(error.message, { kind: "danger", seconds: 15 });
  }
}

/** The question never arrived: it goes back to where it can be sent again. */
function withdraw(view, question) {
  views.splice(views.indexOf(view), 1);
  view.element.remove();
  if (!byId("question").value) composer.setText(question);
  refreshWorking();
}

function adopt(id, question) {
  conversationId = id;
  history.replaceState(null, "", `/c/${id}`);
  setTitle(question.length > 80 ? `${question.slice(0, 79)}…` : question);
}

function setTitle(title) {
  byId("thread-title").textContent = title;
  document.title = `${title} – Cloister`;
}

function followRun(view) {
  const { model } = view;
  if (!model.id || model.done) return;
  view.followed = true;
  follow(model.id, model.seq, (event) => {
    const before = { waiting: isWaiting(model), working: isWorking(model), asked: model.held?.asked, sources: model.sources };
    apply(model, event);
    keepPlace(() => view.render());
    if (model.sources !== before.sources) { panel.show(model); if (hasRoom() && sourceCount(model)) setPane("sources-pane", true); }
    tell(view, before);
    refreshWorking();
    if (event.kind === "asked") refreshHeld(view);
    return model.done;
  }, (connection) => {
    if (connection === "ended") model.done = true;
    if (connection === "gone") { model.done = true; toast(t("This conversation is no longer there."), { kind: "danger" }); }
    model.connection = connection === "lost" ? "lost" : "open";
    view.render();
    refreshWorking();
  });
}

async function refreshWaiting() {
  for (const view of document.hidden ? [] : views.filter((one) => isWaiting(one.model))) {
    if (!(await refreshHeld(view))) break; // not reachable: the stream says so, and the next round tries again
  }
  setTimeout(refreshWaiting, WAITING_SECONDS * 1000);
}

/** How the waiting of one held answer goes. Answers whether the server was reached. */
async function refreshHeld(view) {
  const { held } = view.model;
  try {
    const status = await api("GET", `reviews/${held.item}/status`);
    if (status.state !== "pending") {
      if (!view.followed) followRun(view); // decided while too many others were followed
      return true;
    }
    const { position, deadline, reviewers, asked, customer_waits } = status;
    const dialogue = asked || held.asked || held.dialogue ? await api("GET", `reviews/${held.item}/questions`) : null;
    Object.assign(view.model.held ?? {}, { position, deadline, reviewers, asked, customer_waits, dialogue, on_duty: status.officers_on_duty > 0 });
    keepPlace(() => view.render());
  } catch (error) {
    return Boolean(error.status);
  }
  return true;
}

async function answerOfficer(view, text) {
  try {
    await api("POST", `reviews/${view.model.held.item}/answer`, { text });
  } catch (error) {
    toast(error.message, { kind: "danger", seconds: 15 });
    return false;
  }
  announce(t("Your answer went to the officer."));
  await refreshHeld(view);
  return true;
}

async function customerWaits(view, waits) {
  try {
    await api("PUT", `reviews/${view.model.held.item}/customer-waits`, { waits });
  } catch (error) {
    toast(error.message, { kind: "danger", seconds: 15 });
    return;
  }
  announce(waits ? t("The officers see now that the customer is waiting.") : t("Taken back: the customer is not waiting."));
  await refreshHeld(view);
}

function tell(view, before) {
  const { model } = view;
  if (!before.waiting && isWaiting(model)) {
    refreshHeld(view);
    announce(t("The answer is held for a compliance officer."));
    lines.refresh();
  }
  if (!before.asked && model.held?.asked) {
    announce(t("A compliance officer has a question about your request."));
    lines.refresh();
  }
  if (before.waiting && model.resolution) {
    announce(model.resolution.kind === "released" ? t("The held answer has been released.") : t("The held answer has been decided."));
    lines.refresh();
  }
  if (before.working && model.done) {
    const sentences = answerPieces(model).length;
    announce(model.outcome?.sentence ?? tn("The answer is complete, {n} sentence.", "The answer is complete, {n} sentences.", sentences));
    lines.refresh();
  }
}

function keepPlace(change) {
  const atEnd = thread.scrollHeight - thread.scrollTop - thread.clientHeight < NEAR_END;
  change();
  if (atEnd) thread.scrollTop = thread.scrollHeight;
}

function refreshWorking() {
  composer.setWorking(views.some((view) => isWorking(view.model)));
}

function showLatestSources({ open }) {
  const latest = views.findLast((view) => view.model.sources)?.model ?? null;
  panel.show(latest);
  setPane("sources-pane", open && sourceCount(latest) > 0);
}

async function stop() {
  const working = views.filter((view) => isWorking(view.model));
  for (const view of working) {
    view.model.stopping = true;
    view.render();
    if (!view.model.id) continue;
    try {
      await api("POST", `runs/${view.model.id}/cancel`, {});
    } catch (error) {
      view.model.stopping = false;
      view.render();
      if (error.status !== 409) toast(error.message, { kind: "danger" }); // it ended by itself: nothing is wrong
    }
  }
}

async function cancelHeld(view) {
  const body = [h("p", {}, t("The officer will not see it any more, and the answer will not be released."))];
  if (!(await ask({ title: t("Cancel the request?"), body, confirm: t("Cancel the request"), cancel: t("Keep waiting"), danger: true }))) return;
  try {
    await api("POST", `reviews/${view.model.held.item}/cancel`, {});
  } catch (error) {
    toast(error.message, { kind: "danger" });
  }
}

async function copy({ model }) {
  const internal = citedSources(model).filter((source) => source.internal);
  if (internal.length) {
    const body = [h("p", {}, tn("This answer uses {n} source that is internal only.", "This answer uses {n} sources that are internal only.", internal.length)),
      h("ul", {}, internal.map((source) => h("li", {}, `[${source.n}] ${source.title}`))),
      h("p", {}, t("Do not paste it into a reply to a customer as it is."))];
    if (!(await ask({ title: t("Internal-only sources"), body, confirm: t("Copy for myself") }))) return;
  }
  try {
    await copyText(asText(model, { sources: t("Sources:"), asOf: t("as of"), internal: t("internal only"), liveFacts: t("live facts") }));
    toast(t("Copied with its sources."), { kind: "good", seconds: 4 });
  } catch {
    toast(t("This browser did not allow copying. Select the text and copy it yourself."), { kind: "danger" });
  }
}

async function rate(view, thumb) {
  const { model } = view;
  let feedback = { thumb, reason: null, text: "" };
  if (thumb === "down") {
    const answer = await ask({
      title: t("What was wrong?"),
      body: [
        choices(t("Reason"), "reason", { wrong_fact: t("A fact is wrong"), out_of_date: t("It is out of date"), not_mine: t("This is not mine to see"), refused_wrongly: t("It was refused wrongly"), other: t("Something else") }),
        field(t("In a word (optional)"), h("textarea", { name: "text", rows: "2", maxlength: "1000" })),
      ],
      confirm: t("Send"),
    });
    if (!answer) return;
    feedback = { thumb, reason: answer.get("reason"), text: answer.get("text").trim() };
  }
  try {
    await api("POST", `runs/${model.id}/feedback`, feedback);
    model.feedback = feedback;
    view.render();
    toast(t("Thank you. Your rating is recorded."), { kind: "good", seconds: 4 });
  } catch (error) {
    toast(error.message, { kind: "danger" });
  }
}
