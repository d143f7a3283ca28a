// Where the question is written: grows with its text, sends with Enter, limits itself to a customer with `@`.
import { announce, byId, h } from "./dom.js";
import { api } from "./api.js";
import { t, tn } from "./i18n.js";

const WARN_AT = 0.875;
const LOOK_UP_AFTER = 150;

export class Composer {
  /** `on.send(question, scope)` and `on.stop()`; `limit` in characters. */
  constructor({ limit, scope, on }) {
    this.limit = limit;
    this.on = on;
    this.text = byId("question");
    this.list = byId("scope-list");
    this.scope = scope;
    this.options = [];
    this.active = -1;
    byId("composer").addEventListener("submit", (event) => { event.preventDefault(); this.send(); });
    byId("stop").addEventListener("click", () => this.on.stop());
    byId("scope-clear").addEventListener("click", () => { this.setScope(null); this.text.focus(); });
    this.text.addEventListener("keydown", (event) => this.onKey(event));
    this.text.addEventListener("input", () => { this.measure(); this.lookUp(); });
    this.text.addEventListener("blur", () => setTimeout(() => this.closeList(), 150));
    this.setScope(scope);
    this.measure();
  }

  setWorking(working) {
    const hadFocus = document.activeElement === byId("send") || document.activeElement === byId("stop");
    byId("send").hidden = working;
    byId("stop").hidden = !working;
    if (hadFocus) this.text.focus();
  }

  setText(text) {
    this.text.value = text;
    this.measure();
    this.text.focus();
    this.text.setSelectionRange(text.length, text.length);
  }

  setScope(scope) {
    this.scope = scope;
    byId("scope").hidden = !scope;
    byId("scope-label").textContent = scope?.label ?? "";
  }

  send() {
    const question = this.text.value.trim();
    if (!question || byId("send").hidden) return;
    if (codePoints(question) > this.limit) {
      announce(t("The question is too long. Shorten it to {n} characters.", { n: this.limit }));
      return;
    }
    this.text.value = "";
    this.measure();
    this.on.send(question, this.scope);
  }

  measure() {
    if (!CSS.supports("field-sizing", "content")) {
      this.text.style.height = "auto";
      this.text.style.height = `${this.text.scrollHeight}px`;
    }
    const length = codePoints(this.text.value);
    const count = byId("question-count");
    const over = length - this.limit;
    count.classList.toggle("over", over > 0);
    this.text.toggleAttribute("aria-invalid", false);
    if (over > 0) {
      count.textContent = tn("{n} character too many", "{n} characters too many", over);
      this.text.setAttribute("aria-invalid", "true");
    } else count.textContent = length > this.limit * WARN_AT ? tn("{n} character left", "{n} characters left", -over) : "";
  }

  onKey(event) {
    if (event.isComposing) return;
    if (!this.list.hidden && this.options.length) {
      if (event.key === "ArrowDown" || event.key === "ArrowUp") {
        event.preventDefault();
        this.mark((this.active + (event.key === "ArrowDown" ? 1 : -1) + this.options.length) % this.options.length);
        return;
      }
      if ((event.key === "Enter" || event.key === "Tab") && this.active >= 0) {
        event.preventDefault();
        this.choose(this.options[this.active]);
        return;
      }
    }
    if (event.key === "Escape" && !this.list.hidden) { event.preventDefault(); event.stopPropagation(); this.closeList(); return; }
    if (event.key === "Enter" && !event.shiftKey) { event.preventDefault(); this.send(); }
  }

  mention() {
    const before = this.text.value.slice(0, this.text.selectionStart);
    const found = /(?:^|\s)@([^\s@][^@\n]{0,60})$/u.exec(before);
    return found ? { start: before.length - found[1].length - 1, query: found[1] } : null;
  }

  lookUp() {
    clearTimeout(this.timer);
    this.asking?.abort();
    const mention = this.mention();
    if (!mention) { this.closeList(); return; }
    this.timer = setTimeout(async () => {
      this.asking = new AbortController();
      try {
        const { entities } = await api("POST", "entities", { q: mention.query }, { signal: this.asking.signal });
        this.showOptions(entities);
      } catch (error) {
        if (error.name !== "AbortError") this.showMessage(error.message);
      }
    }, LOOK_UP_AFTER);
  }

  showOptions(entities) {
    if (!entities.length) { this.closeList(); return; }
    this.options = entities;
    this.list.replaceChildren(...entities.map((entity, place) => {
      const option = h("div.option", { role: "option", id: `scope-option-${place}`, "aria-selected": "false" }, h("span", {}, entity.label), h("span.muted.small", {}, entity.kind));
      option.addEventListener("pointerdown", (event) => { event.preventDefault(); this.choose(entity); });
      return option;
    }));
    this.list.hidden = false;
    this.mark(0);
    announce(tn("{n} suggestion, use the arrow keys", "{n} suggestions, use the arrow keys", entities.length));
  }

  showMessage(text) {
    this.options = [];
    this.list.replaceChildren(h("div.option", { role: "option", "aria-disabled": "true", "aria-selected": "false" }, text));
    this.list.hidden = false;
  }

  mark(place) {
    this.active = place;
    [...this.list.children].forEach((option, i) => option.setAttribute("aria-selected", String(i === place)));
    this.list.children[place]?.scrollIntoView({ block: "nearest" });
    this.text.setAttribute("aria-activedescendant", `scope-option-${place}`);
  }

  choose(entity) {
    const mention = this.mention();
    if (mention) {
      const end = this.text.selectionStart;
      this.text.setRangeText("", mention.start, end, "end");
    }
    this.setScope({ ref: entity.ref, label: entity.label });
    this.closeList();
    this.measure();
    announce(t("The question is limited to {name}.", { name: entity.label }));
  }

  closeList() {
    this.list.hidden = true;
    this.options = [];
    this.active = -1;
    this.text.removeAttribute("aria-activedescendant");
  }
}

const codePoints = (text) => [...text].length;
