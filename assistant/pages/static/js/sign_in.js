// The sign-in page: a demo's accounts fill the form.
import { byId } from "./dom.js";
import { offerThemes } from "./theme_choice.js";

offerThemes();
for (const button of document.querySelectorAll(".demo-account")) {
  button.setAttribute("aria-pressed", "false");
  button.addEventListener("click", () => {
    for (const other of document.querySelectorAll(".demo-account")) other.setAttribute("aria-pressed", String(other === button));
    byId("login").value = button.dataset.login;
    byId("password").value = button.dataset.password;
    document.querySelector(".sign-in-card button[type=submit]").focus();
  });
}
