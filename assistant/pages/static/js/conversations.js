// The list at the left: search, pin, rename, delete, and news of other conversations.
import { byId, h } from "./dom.js";
import { api } from "./api.js";
import { ask, field } from "./dialogs.js";
import { t } from "./i18n.js";
import { swapFrom } from "./refresh.js";
import { toast } from "./toast.js";

const REFRESH_SECONDS = 15;

export class Conversations {
  /** `current()` is the open conversation's id; `renamed(title)` is told when its title changes. */
  constructor({ current, renamed }) {
    this.current = current;
    this.renamed = renamed;
    byId("conversation-search").addEventListener("input", () => this.filter());
    byId("conversations-pane").addEventListener("click", (event) => {
      const button = event.target.closest("[data-action]");
      if (button) this.act(button.dataset.action, button.closest("[data-id]"));
    });
    document.addEventListener("swapped", (event) => { if (event.detail.id === "conversation-list") this.filter(); });
    const tick = async () => {
      if (!document.hidden && !document.querySelector(".conversation details[open]")) await this.refresh();
      setTimeout(tick, REFRESH_SECONDS * 1000);
    };
    setTimeout(tick, REFRESH_SECONDS * 1000);
  }

  async refresh() {
    const waiting = new Set([...document.querySelectorAll(".conversation[data-held=true]")].map((line) => line.dataset.id));
    await swapFrom(`/parts/conversations?current=${encodeURIComponent(this.current() ?? "")}`, ["conversation-list"]);
    for (const line of document.querySelectorAll(".conversation[data-held=false]")) {
      if (!waiting.has(line.dataset.id) || line.dataset.id === this.current()) continue;
      toast(t("“{title}” has been decided.", { title: line.dataset.title }), { kind: "good", seconds: 20, action: { label: t("Open"), run: () => location.assign(`/c/${line.dataset.id}`) } });
    }
  }

  filter() {
    const words = byId("conversation-search").value.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    for (const line of document.querySelectorAll(".conversation")) {
      const title = line.dataset.title.toLowerCase();
      line.hidden = !words.every((word) => title.includes(word));
      if (!line.hidden) shown += 1;
    }
    for (const heading of document.querySelectorAll(".list-heading")) heading.hidden = !heading.nextElementSibling.querySelector("li:not([hidden])");
    byId("no-match").hidden = shown > 0 || words.length === 0;
  }

  async act(action, line) {
    const { id, title } = line.dataset;
    line.querySelector("details").open = false;
    try {
      if (action === "pin") await api("PATCH", `conversations/${id}`, { pinned: line.dataset.pinned !== "true" });
      else if (action === "rename" && !(await this.rename(id, title))) return;
      else if (action === "delete" && !(await this.remove(id, title))) return;
      await this.refresh();
    } catch (error) {
      toast(error.message, { kind: "danger" });
    }
  }

  async rename(id, title) {
    const input = h("input", { name: "title", value: title, maxlength: "80", required: true, "data-first": true });
    const answer = await ask({ title: t("Rename the conversation"), body: [field(t("Title"), input)], confirm: t("Rename") });
    const wanted = answer?.get("title").trim();
    if (!wanted) return false;
    await api("PATCH", `conversations/${id}`, { title: wanted });
    if (id === this.current()) this.renamed(wanted);
    return true;
  }

  async remove(id, title) {
    const body = [h("p", {}, t("“{title}” disappears from your list. The record for the auditor stays.", { title }))];
    if (!(await ask({ title: t("Delete the conversation?"), body, confirm: t("Delete"), danger: true }))) return false;
    await api("DELETE", `conversations/${id}`);
    if (id === this.current()) { location.assign("/"); return false; }
    return true;
  }
}
