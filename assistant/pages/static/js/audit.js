// The auditor's pages: a verification that says how far it is, and forms that take a while.
import { byId } from "./dom.js";
import { locale, t } from "./i18n.js";
import { goToSignIn } from "./api.js";
import { toast } from "./toast.js";

const form = byId("verify");
form?.addEventListener("submit", (event) => {
  event.preventDefault();
  verify(form.querySelector("button"));
});

for (const slow of document.querySelectorAll("form[data-busy]")) {
  slow.addEventListener("submit", (event) => {
    const button = slow.querySelector("button");
    if (button.getAttribute("aria-busy")) { event.preventDefault(); return; }
    button.setAttribute("aria-busy", "true");
    byId("announcer").textContent = slow.dataset.busy;
  });
}
addEventListener("pageshow", () => {
  for (const button of document.querySelectorAll("form[data-busy] button[aria-busy]")) button.removeAttribute("aria-busy");
});

async function verify(button) {
  if (button.getAttribute("aria-busy")) return;
  button.setAttribute("aria-busy", "true");
  byId("verifying").hidden = false;
  tell({ checked: 0, of: 0 });
  byId("announcer").textContent = t("The record is being verified.");
  try {
    const ended = await follow();
    if (ended.problem) throw new Error(ended.problem);
    show(ended.html);
  } catch (error) {
    toast(error instanceof TypeError ? t("The appliance cannot be reached. Check the network and try again.") : error.message, { kind: "danger", seconds: 15 });
  }
  byId("verifying").hidden = true;
  button.removeAttribute("aria-busy");
}

/** The last line of the answer; the lines before it say how far the verification is. */
async function follow() {
  const response = await fetch("/audit/verify", { method: "POST", headers: { Accept: "application/x-ndjson" } });
  if (response.status === 401) goToSignIn();
  if (!response.ok) throw new Error(t("The server answered with an error."));
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { value, done } = await reader.read();
    const lines = (rest + (value ?? "")).split("\n");
    rest = lines.pop();
    for (const line of lines) {
      const told = JSON.parse(line);
      if (told.html || told.problem) return told;
      tell(told);
    }
    if (done) throw new Error(t("The verification broke off. Try again."));
  }
}

function tell({ checked, of }) {
  const bar = byId("verify-bar");
  if (of) { bar.max = of; bar.value = checked; } else bar.removeAttribute("value");
  byId("verify-told").textContent = of
    ? t("{checked} of {of} events checked", { checked: checked.toLocaleString(locale), of: of.toLocaleString(locale) })
    : t("Waiting for its turn…");
}

function show(html) {
  const part = new DOMParser().parseFromString(html, "text/html").getElementById("verified");
  byId("verified").replaceWith(document.adoptNode(part));
  part.focus();
}
